"""GraphRNN, GraphRNN-S and DGMG: every graph is counted, and steps are the whole."""

import copy
from itertools import combinations, permutations, product
from math import factorial

import pytest
import torch

from genus.autoregressive import DGMG, Decoding, GraphRNN, GraphRNNS, Unordered
from genus.core import Graphs, Reals
from genus.density import Gaussian
from genus.functional.sequences.graph_orders import reach

SIZES = {"width": 6, "embedding": 4, "layers": 2}
MODELS = {
    "graphrnn": lambda: GraphRNN(Graphs(4), **SIZES, edge_width=5, edge_embedding=3, edge_layers=2),
    "graphrnn-near": lambda: GraphRNN(
        Graphs(4), 2, **SIZES, edge_width=5, edge_embedding=3, edge_layers=1
    ),
    "graphrnn-s": lambda: GraphRNNS(Graphs(4), 2, **SIZES),
    "dgmg": lambda: DGMG(Graphs(4), 4, 2),
}


def every_graph(nodes):
    """All graphs of up to so many nodes, in all orders."""
    found = []
    for size in range(nodes + 1):
        pairs = [*combinations(range(size), 2)]
        for bits in product((0.0, 1.0), repeat=len(pairs)):
            x = torch.zeros(nodes, nodes)
            x[:size, :size] = torch.eye(size)
            for (i, j), bit in zip(pairs, bits, strict=True):
                x[i, j] = x[j, i] = bit
            found.append(x)
    return torch.stack(found)


def build(make, spread=0.3):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(spread * torch.randn_like(p))
    return model.eval()


@pytest.fixture(params=MODELS)
def model(request):
    return build(MODELS[request.param])


def noise_for(model, n):
    """What `grown` decides by."""
    nodes = model.space.nodes
    last = 2 * nodes if isinstance(model, DGMG) else model.places
    return torch.rand(n, nodes, last)


def sums_to_one(model):
    with torch.no_grad():
        total = model.log_prob(every_graph(model.space.nodes)).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total))


def come_as_often_as_scored(model, n=20_000):
    states = every_graph(model.space.nodes)
    with torch.no_grad():
        p = model.log_prob(states).exp()
    x = model.sample(n)
    hits = (x[:, None] == states).flatten(2).all(2).double().mean(0)
    assert hits.sum().item() == pytest.approx(1)
    assert ((hits - p).abs() <= 5 * (p * (1 - p)).clamp(min=1 / n).sqrt() / n**0.5).all()


def goes_on_bit_for_bit(model):
    """Re-run with its first nodes given, and the same noise, a graph comes back."""
    u, none = noise_for(model, 60), torch.zeros(60, *model.space.shape)
    x = model.grown(u, Decoding(), none, 0)
    assert len(x.unique(dim=0)) > 8
    for known in range(model.space.nodes + 1):
        assert torch.equal(model.grown(u, Decoding(), x, known), x)


def test_all_graphs_sum_to_one(model):
    sums_to_one(model)


def test_graphs_come_as_often_as_scored(model):
    come_as_often_as_scored(model)


def test_a_graph_goes_on_from_its_first_nodes(model):
    goes_on_bit_for_bit(model)
    x = model.sample(200)
    for known in range(5):
        there = x[:, :known, :known]
        made = model.complete(x, known)
        assert torch.equal(made[:, :known, :known], there)
        assert model.space.fault(made) is None
    ended = x.diagonal(dim1=1, dim2=2).sum(1) < 3
    assert ended.any()
    assert torch.equal(model.complete(x, 3)[ended], x[ended])


def test_what_goes_on_has_the_conditional_probability(model):
    """p(x | first two nodes), by counting."""
    states = every_graph(4)
    first = states[(states[:, 0, 1] == 1) & (states[:, 2, 2] == 0)]
    alike = (states[:, :2, :2] == first[0, :2, :2]).flatten(1).all(1)
    with torch.no_grad():
        p = model.log_prob(states).exp() * alike
    p = p / p.sum()
    n = 8000
    x = model.complete(first.expand(n, 4, 4).clone(), 2)
    if not isinstance(model, DGMG):  # two nodes are given; a third is decided
        assert (x[:, :2, :2] == 1).all()
    hits = (x[:, None] == states).flatten(2).all(2).double().mean(0)
    assert ((hits - p).abs() <= 5 * (p * (1 - p)).clamp(min=1 / n).sqrt() / n**0.5).all()


def test_steps_have_the_probability_of_the_whole(model):
    """log p from one pass is the sum of what the steps decide: a graph drawn by each bit's own noise."""
    n = 4000
    u = noise_for(model, n)
    x = model.grown(u, Decoding(), torch.zeros(n, 4, 4), 0)
    again = model.grown(u, Decoding(temperature=1.0), torch.zeros(n, 4, 4), 0)
    assert torch.equal(x, again)
    cold = model.grown(u[:50], Decoding(temperature=0), torch.zeros(50, 4, 4), 0)
    assert len(cold.unique(dim=0)) == 1


def test_at_temperature_0_each_decision_is_the_likeliest():
    """Of a graph's first nodes, the next row is that with the highest chance where rows are independent."""
    model = build(lambda: GraphRNNS(Graphs(3), **SIZES))
    (x,) = model.sample(1, decoding=Decoding(temperature=0))
    rows = torch.tensor([[0.0], [1.0]])
    states = every_graph(3)
    with torch.no_grad():
        p = model.log_prob(states).exp()
    second = torch.stack([p[states[:, 1, 1] == row].sum() for row in rows[:, 0]])
    assert x[1, 1] == rows[second.argmax(), 0]


def test_what_a_row_cannot_say_has_no_probability():
    model = build(MODELS["graphrnn-near"])
    states = every_graph(4)
    with torch.no_grad():
        log_p = model.log_prob(states)
    sizes = states.diagonal(dim1=1, dim2=2).sum(1)
    lower = states.tril(-1).sum(2)
    place = torch.arange(4)
    linked = ((lower > 0) | (place == 0) | (place >= sizes[:, None])).all(1)
    far = torch.stack([(x.tril(-3)).sum() for x in states]) > 0
    assert torch.equal(log_p.isfinite(), linked & ~far & (sizes > 0))
    assert (reach(states[log_p.isfinite()]) <= 2).all()
    assert far.any()


def test_graphs_that_it_cannot_say_are_not_learnt_from():
    model = build(MODELS["graphrnn-near"])
    ring = torch.ones(4, 4) - torch.eye(4).flip(1)  # of four: 0 and 3 are not joined, nor 1 and 2
    assert model.loss(ring[None])["nll"].isfinite()
    with pytest.raises(ValueError, match="an edge of 3 places where the reach is 2"):
        model.loss(torch.ones(1, 4, 4))


def test_padding_changes_nothing(model):
    x = every_graph(4)
    x = x[x[:, 3, 3] == 0]
    with torch.no_grad():
        small = model.log_prob(x)
        together = model.log_prob(torch.cat([x, torch.ones(1, 4, 4)]))[:-1]
    torch.testing.assert_close(small, together)


# liars


class ForgetsTheRowsBefore(GraphRNN):
    def _row(self, h, u, decoding, count):
        return super()._row(torch.zeros_like(h), u, decoding, count)


class ForgetsTheEdgeBefore(GraphRNN):
    def _row(self, h, u, decoding, count):
        row, memory = torch.zeros_like(u), self.edges.begin(h)
        for k in range(count):
            step = self.edges.step(torch.ones_like(u[:, :1]), memory)
            row[:, k] = decoding(step, u[:, k]).to(u)
        return row


class IsNotToldTheEnd(GraphRNNS):
    def log_prob(self, x):
        full = x.diagonal(dim1=1, dim2=2).sum(1) == 4
        return torch.where(full, super().log_prob(x), super().log_prob(x) + 0.1)


class SendsNoMessages(DGMG):
    def grown(self, u, decoding, x, known):
        before = copy.deepcopy(self.state_dict())
        for p in self.message.parameters():
            p.zero_()
        made = super().grown(u, decoding, x, known)
        self.load_state_dict(before)
        return made


class CountsAnEdgeTwice(DGMG):
    def log_prob(self, x):
        return super().log_prob(x) - 0.2 * (x.sum((1, 2)) > 4)


@pytest.mark.parametrize(
    ("liar", "law"),
    [
        (lambda: ForgetsTheRowsBefore(Graphs(4), **SIZES), come_as_often_as_scored),
        (lambda: ForgetsTheEdgeBefore(Graphs(4), **SIZES), come_as_often_as_scored),
        (lambda: IsNotToldTheEnd(Graphs(4), **SIZES), sums_to_one),
        (lambda: SendsNoMessages(Graphs(4), 4, 2), come_as_often_as_scored),
        (lambda: CountsAnEdgeTwice(Graphs(4), 4), sums_to_one),
    ],
)
def test_laws_bite(liar, law):
    model = build(liar, 1.0)
    with pytest.raises(AssertionError):
        law(model)


# graphs without order


@pytest.mark.parametrize("name", MODELS)
def test_the_weights_of_graphs_without_order_sum_to_one(name):
    model = build(lambda: Unordered(MODELS[name](), 0.3))
    states = every_graph(4)
    with torch.no_grad():
        weights = model.log_weight(states.repeat(400, 1, 1)).exp()
    draws = weights.reshape(400, -1).sum(1)
    error = draws.std() / 20
    assert (draws.mean() - 1).abs() <= 5 * error
    assert error < 0.02


def test_a_graph_has_the_probability_of_all_its_orders():
    """By summing over them: and the bound is below, and weights of any share of even orders agree."""
    model = build(MODELS["dgmg"])
    x = every_graph(4)[[5, 20, 40, 70]]
    orders = torch.tensor([*permutations(range(4))])
    sizes = x.diagonal(dim1=1, dim2=2).sum(1).long().tolist()
    with torch.no_grad():
        truth = []
        for row, size in zip(x, sizes, strict=True):
            each = {
                tuple(o[:size].tolist()): o
                for o in orders
                if set(o[:size].tolist()) == set(range(size))
            }
            p = model.log_prob(torch.stack([row[o][:, o] for o in each.values()])).exp()
            truth.append(p.sum() / factorial(size))
        truth = torch.stack(truth)
        often = x.repeat(1000, 1, 1)
        for even in (0.2, 1.0):
            weights = Unordered(model, even).log_weight(often).exp().reshape(1000, -1)
            error = weights.std(0) / 1000**0.5
            assert ((weights.mean(0) - truth).abs() <= 5 * error + 1e-12).all()
        bounds = Unordered(model).elbo(often).reshape(1000, -1)
    error = bounds.std(0) / 1000**0.5
    assert (bounds.mean(0) <= truth.log() + 5 * error + 1e-9).all()
    assert (bounds.mean(0) > truth.log() - 3).all()


def test_graphs_without_order_come_in_every_order():
    model = Unordered(build(MODELS["graphrnn"]))
    x = model.sample(2000)
    sizes = x.diagonal(dim1=1, dim2=2).sum(1)
    paths = x[(sizes == 3) & (x.sum((1, 2)) == 7)]  # of three nodes
    middle = (paths.sum(2) == 3).double().mean(0)[:3]
    assert ((middle - 1 / 3).abs() < 5 * (2 / 9 / len(paths)) ** 0.5).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GraphRNN(Graphs(4), 4), "a reach of 4"),
        (lambda: GraphRNNS(Graphs(1)), "1 nodes"),
        (lambda: DGMG(Graphs(4), 0), "width is 0"),
        (lambda: DGMG(Graphs(4), rounds=0), "rounds is 0"),
        (lambda: Unordered(DGMG(Graphs(3)), 0.0), "even is 0.0"),
        (lambda: Unordered(Gaussian(Reals((2,)))), "one of Graphs"),
    ],
)
def test_faults_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
