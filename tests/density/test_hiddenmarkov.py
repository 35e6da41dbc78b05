"""HiddenMarkov: against all paths counted one by one, autograd, hmmlearn and planted truth; liars."""

import math
from itertools import islice, pairwise, permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from genus.core import Bits, Classes, Pixels, Reals, Refused, Tokens
from genus.density.sequences import hiddenmarkov, statepaths
from genus.density.sequences.hiddenmarkov import HiddenMarkov
from genus.density.sequences.statepaths import LOGS, SUMS, Likelihood, chances, forward

KINDS = {
    "tokens": (Tokens(4, 6), None),
    "ending": (Tokens(4, 6, end=2), None),
    "bits": (Bits((6, 2)), Classes(7)),
    "reals": (Reals((6, 2)), Classes(7)),
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)  # which conftest.py sets back


def made(kind: str, n: int = 7, **arguments) -> tuple[HiddenMarkov, tuple[Tensor, ...]]:
    """A model of a kind, and rows of unequal lengths, from 0 steps on, that it makes."""
    space, context_space = KINDS[kind]
    model = HiddenMarkov(
        space, 3, context_space, **{"smoothing": 0.0, "tolerance": -1.0} | arguments
    )
    if context_space is None:
        return model, (model.sample(n),)
    context = torch.arange(n) % context_space.count
    return model, (model.sample(context=context), context)


def every_path(model: HiddenMarkov, row: Tensor) -> tuple[Tensor, Tensor]:
    """All paths of states along a row, (k^t, t), and log p(x, z) of each."""
    log_pi, log_a = model.starts.log_softmax(0), model.moves.log_softmax(1)
    paths = torch.tensor([*product(range(model.states), repeat=len(row))])
    paths = paths.reshape(model.states ** len(row), len(row)).long()
    log_p = torch.zeros(len(paths))
    for t, log_b in enumerate(model.emissions.log_prob(row) if len(row) else ()):
        log_p = log_p + (log_a[paths[:, t - 1], paths[:, t]] if t else log_pi[paths[:, 0]])
        log_p = log_p + log_b[paths[:, t]]
    return paths, log_p


@torch.no_grad()
def check_against_every_path(model: HiddenMarkov, x: Tensor, context: Tensor | None = None) -> None:
    lengths = model.lengths(x, context).tolist()
    scores = model.log_prob(x, context), model.posterior(x, context), model.viterbi(x, context)
    for row, length, log_p, posterior, path in zip(x, lengths, *scores, strict=True):
        paths, joint = every_path(model, row[:length])
        torch.testing.assert_close(log_p, joint.logsumexp(0))
        share = joint.softmax(0)[:, None, None] * one_hot(paths, model.states)
        torch.testing.assert_close(posterior[:length], share.sum(0))
        assert path[:length].tolist() == paths[joint.argmax()].tolist()
        assert not posterior[length:].any()
        assert (path[length:] == -1).all()


# scores


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rare", [-100.0, 0.0], ids=["chances", "logarithms"])
@pytest.mark.parametrize("long", [99, 1], ids=["loop", "pieces"])
def test_all_paths_counted_one_by_one(kind, rare, long, monkeypatch):
    monkeypatch.setattr(statepaths, "RARE", rare)
    monkeypatch.setattr(statepaths, "LONG", long)
    monkeypatch.setattr(hiddenmarkov, "HELD", 40)  # rows come in blocks
    model, batch = made(kind)
    check_against_every_path(model, *batch)


def test_a_pass_backwards_that_is_late_by_a_step_is_caught(monkeypatch):
    def late(passed, there, weight=None):
        r, _ = statepaths._carried(SUMS, passed.moves.T.contiguous(), passed.b, back=True)
        e = r / passed.b
        g = passed.a * torch.cat([e[1:], e[-1:]])
        return g / g.sum(-1, keepdim=True), passed.moves

    model, batch = made("tokens")
    check_against_every_path(model, *batch)
    monkeypatch.setattr(hiddenmarkov, "chances", late)
    with pytest.raises(AssertionError, match="not close"):
        check_against_every_path(model, *batch)


def traced(log_pi: Tensor, log_a: Tensor, log_b: Tensor) -> Tensor:
    """log p(x), (n,), by a pass forwards that autograd follows."""
    a = log_pi + log_b[0]
    for each in log_b[1:]:
        a = (a[..., None] + log_a).logsumexp(-2) + each
    return a.logsumexp(-1)


@pytest.mark.parametrize("rare", [-100.0, 0.0], ids=["chances", "logarithms"])
@pytest.mark.parametrize("few", [0, 10_000], ids=["loop", "pieces"])
def test_chances_of_states_are_gradients(rare, few, monkeypatch):
    """Of log p with respect to log b; and expected transitions with respect to log A; also weighted."""
    monkeypatch.setattr(statepaths, "RARE", rare)
    monkeypatch.setattr(statepaths, "FEW", few)
    logits = torch.randn(3), 3 * torch.randn(3, 3), 5 * torch.randn(70, 2, 3)
    chain = [logits[0].log_softmax(0), logits[1].log_softmax(1), logits[2]]
    for part in chain:
        part.requires_grad_()
    weight, there = torch.tensor([1.0, -0.7]), torch.ones(70, 2, dtype=torch.bool)
    truth = traced(*chain)
    torch.testing.assert_close(Likelihood.apply(*chain, there), truth)
    once = torch.autograd.grad(truth.sum(), chain, retain_graph=True)
    g, moves = chances(forward(*chain), there)
    torch.testing.assert_close((g[0].sum(0), moves, g), once)
    weighted = torch.autograd.grad((weight * truth).sum(), chain)
    ours = torch.autograd.grad((weight * Likelihood.apply(*chain, there)).sum(), chain)
    torch.testing.assert_close(ours, weighted)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_all_parameters(kind):
    """By finite differences, through lengths and blocks."""
    model, batch = made(kind, n=4)
    parameters = dict(model.named_parameters())

    def log_p(*values):
        return torch.func.functional_call(model, dict(zip(parameters, values, strict=True)), batch)

    model.forward = model.log_prob
    assert torch.autograd.gradcheck(log_p, tuple(parameters.values()))


def test_a_second_derivative_is_refused_and_not_wrong():
    model, batch = made("tokens")
    with pytest.raises(Refused, match="only first ones are known"):
        torch.autograd.grad(model.log_prob(*batch).sum(), model.moves, create_graph=True)


def test_probabilities_of_all_sequences_of_a_number_of_steps_sum_to_one():
    model = HiddenMarkov(Bits((3, 2)), 3, Classes(4))
    for steps in range(4):
        bits = torch.tensor([*product([0.0, 1.0], repeat=2 * steps)]).reshape(4**steps, steps, 2)
        x = torch.nn.functional.pad(bits, (0, 0, 0, 3 - steps))
        log_p = model.log_prob(x, torch.full((len(x),), steps))
        torch.testing.assert_close(log_p.logsumexp(0), torch.tensor(0.0))


def test_what_is_after_the_end_is_not_read():
    model, (x, context) = made("reals")
    late = torch.arange(6) >= context[:, None]
    torch.testing.assert_close(
        model.log_prob(x + late[..., None], context), model.log_prob(x, context)
    )


def test_the_best_path_does_not_look_beyond_the_end():
    """A state that leads nowhere for sure is the better last one: later transitions do not count."""
    model = HiddenMarkov(Bits((5, 1)), 2, Classes(6))
    with torch.no_grad():
        model.moves.copy_(torch.tensor([[0.0, 0.0], [-9.0, 9.0]]))
        model.emissions.logits.copy_(torch.tensor([[0.1], [0.0]]))
    path = model.viterbi(torch.eye(5)[[0, 0], :, None], torch.tensor([1, 5]))
    assert path.tolist() == [[0, -1, -1, -1, -1], [1, 1, 1, 1, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_samples_have_as_many_steps_as_they_say(kind):
    model, (x, *context) = made(kind, 200)
    model.space.check(x, "sample")
    for lengths in context:
        late = torch.arange(6) >= lengths[:, None]
        assert not x[late].any()
        if kind == "reals":
            assert x[~late].all()


# long sequences, and numbers at the edge


def test_a_long_sequence_in_single_precision_against_a_loop_in_double():
    model = HiddenMarkov(Tokens(5, 20_000), 4).float()
    x = model.sample(2)
    truth = np.zeros(2)
    pi, a = (part.exp().numpy() for part in (p.detach() for p in model.chain()))
    b = model.emissions.log_prob(torch.arange(5)).detach().exp().numpy()
    now = np.broadcast_to(pi, (2, 4))
    for symbols in x.numpy().T:
        now = now * b[symbols]
        size = now.sum(1, keepdims=True)
        truth, now = truth + np.log(size[:, 0]), now / size @ a
    log_p = model.log_prob(x)
    assert log_p.dtype == torch.float32
    np.testing.assert_allclose(log_p.detach().numpy(), truth, rtol=1e-7)


@pytest.mark.parametrize("ring", [SUMS, LOGS], ids=["chances", "logarithms"])
@pytest.mark.parametrize("steps", [65, 1000])
def test_pieces_and_loop_agree(ring, steps, monkeypatch):
    chain = torch.randn(3).log_softmax(0), torch.randn(3, 3).log_softmax(1)
    log_b, there = 20 * torch.randn(steps, 2, 3), torch.ones(steps, 2, dtype=torch.bool)
    found = []
    for few in (0, 10_000):
        monkeypatch.setattr(statepaths, "FEW", few)
        passed = forward(*chain, log_b, ring)
        path = statepaths.likeliest(*chain, log_b, there)
        found.append((passed.log_p, *chances(passed, there), path))
    torch.testing.assert_close(*found)


def test_the_shape_decides_between_pieces_and_loop(monkeypatch):
    taken = []
    loop = statepaths._looped
    monkeypatch.setattr(
        statepaths, "_looped", lambda *args: taken.append(args[3].dim()) or loop(*args)
    )
    for n, steps in ((1, 500), (300, 500), (1, 20)):
        forward(torch.zeros(4), torch.zeros(4, 4), torch.zeros(steps, n, 4))
    assert taken == [4, 3, 3]  # with an axis of pieces, or without


def test_nothing_is_lost_where_chances_are_far_apart():
    """States whose log b differ by 1,000, and rare transitions between them."""
    log_a = torch.tensor([[0.0, -99.0], [-99.0, 0.0]]).log_softmax(1)
    for scale in (10.0, 1000.0):
        log_b, there = scale * torch.randn(8, 5, 2), torch.ones(8, 5, dtype=torch.bool)
        log_pi = torch.tensor([0.0, -500.0])
        quick, exact = (forward(log_pi, log_a, log_b, ring) for ring in (SUMS, LOGS))
        torch.testing.assert_close(quick.log_p, traced(log_pi, log_a, log_b))
        torch.testing.assert_close(chances(quick, there), chances(exact, there))


def test_a_transition_that_cannot_be_is_never_taken():
    """Left to right, with a step that is 60 deviations from where its state would have it."""
    model = HiddenMarkov(Reals((6, 1)), 3)
    with torch.no_grad():
        model.moves.copy_(torch.zeros(3, 3).masked_fill(torch.ones(3, 3).tril(-1) > 0, -math.inf))
        model.starts.copy_(torch.tensor([0.0, -math.inf, -math.inf]))
        model.emissions.means.copy_(torch.tensor([[0.0], [60.0], [120.0]]))
    x = torch.tensor([[0.0, 60.0, 120.0, 0.0, 60.0, 120.0]])[..., None]
    check_against_every_path(model, x)
    assert model.viterbi(x).tolist() == [[0, 1, 1, 1, 1, 2]]
    model.log_prob(x).sum().backward()
    assert model.emissions.means.grad.isfinite().all()


# learning: the same numbers as hmmlearn


def numbers(*shape: int) -> np.ndarray:
    return np.modf(np.sin(np.arange(1, 1 + np.prod(shape))) * 1e4)[0].reshape(shape) ** 2 + 0.05


PI, A = np.array([0.5, 0.3, 0.2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
B = numbers(3, 5) / numbers(3, 5).sum(1, keepdims=True)
SYMBOLS = (numbers(20, 30) * 1e3).astype(int) % 5
VECTORS = 3 * numbers(20, 30, 2) + np.arange(30)[:, None] % 3


def placed(kind: str) -> tuple[HiddenMarkov, Tensor]:
    """A model at given parameters, and its data."""
    space = Tokens(5, 30) if kind == "tokens" else Reals((30, 2))
    model = HiddenMarkov(space, 3, smoothing=0.0, tolerance=-1.0, floor=1e-12)
    with torch.no_grad():
        model.starts.copy_(torch.tensor(PI).log())
        model.moves.copy_(torch.tensor(A).log())
        if kind == "tokens":
            model.emissions.logits.copy_(torch.tensor(B).log())
        else:
            model.emissions.means.copy_(torch.arange(6).reshape(3, 2) / 2)
    model.started.fill_(True)
    return model, torch.tensor(SYMBOLS if kind == "tokens" else VECTORS)


@pytest.mark.parametrize(
    ("kind", "log_p", "row", "best", "visits"),
    [
        (
            "tokens",
            -960.8643589435893,
            [0.643516010160787, 0.1988104587429588, 0.1576735310962543],
            -1171.7440169395084,
            [200, 363, 37],
        ),
        (
            "reals",
            -1783.1257074705468,
            [0.04214702596130801, 0.19889737514802333, 0.7589555988906687],
            -1938.5645019779547,
            [97, 169, 334],
        ),
    ],
)
def test_three_steps_end_where_hmmlearn_0_3_3_was_seen_to_end(kind, log_p, row, best, visits):
    """Its `score`, first row of `transmat_`, and `decode` after `fit` with n_iter=3, init_params="".

    CategoricalHMM; GaussianHMM("diag", covars_prior=0, covars_weight=0, min_covar=0). The next test does
    this anew where hmmlearn is installed.
    """
    model, x = placed(kind)
    losses = [loss["nll"] for loss in islice(model.fit(x), 3)]
    np.testing.assert_allclose(-20 * losses[-1], log_p, rtol=1e-10)
    np.testing.assert_allclose(model.chain()[1][0].detach().exp(), row, rtol=1e-8)
    path = model.viterbi(x)
    assert path.flatten().bincount().tolist() == visits
    log_pi, log_a = model.chain()
    joint = log_pi[path[:, 0]].sum() + log_a[path[:, :-1], path[:, 1:]].sum()
    log_b = model.emissions.log_prob(x.flatten(0, 1)).gather(1, path.flatten()[:, None])
    np.testing.assert_allclose((joint + log_b.sum()).item(), best, rtol=1e-10)


@pytest.mark.parametrize("kind", ["tokens", "reals"])
@pytest.mark.parametrize("steps", [1, 7])
def test_each_step_is_hmmlearns(kind, steps):
    hmm = pytest.importorskip("hmmlearn.hmm")
    common = {"init_params": "", "n_iter": steps, "tol": -np.inf}
    if kind == "tokens":
        theirs = hmm.CategoricalHMM(3, n_features=5, **common)
        theirs.emissionprob_, rows = B.copy(), SYMBOLS.reshape(-1, 1)
    else:
        none = {"covars_prior": 0, "covars_weight": 0, "min_covar": 0}
        theirs = hmm.GaussianHMM(3, "diag", **none, **common)
        theirs.means_, theirs.covars_ = np.arange(6).reshape(3, 2) / 2, np.ones((3, 2))
        rows = VECTORS.reshape(-1, 2)
    theirs.startprob_, theirs.transmat_ = PI.copy(), A.copy()
    theirs.fit(rows, [30] * 20)
    model, x = placed(kind)
    list(islice(model.fit(x), steps))
    log_pi, log_a = (part.detach().exp() for part in model.chain())
    np.testing.assert_allclose(log_pi, theirs.startprob_, rtol=1e-8)
    np.testing.assert_allclose(log_a, theirs.transmat_, rtol=1e-8)
    np.testing.assert_allclose(model.log_prob(x).sum().item(), theirs.score(rows, [30] * 20))
    posterior = theirs.predict_proba(rows, [30] * 20)
    np.testing.assert_allclose(model.posterior(x).flatten(0, 1), posterior, atol=1e-10)
    assert model.viterbi(x).flatten().tolist() == theirs.predict(rows, [30] * 20).tolist()
    if kind == "tokens":
        found = model.emissions.logits.detach().softmax(1)
        np.testing.assert_allclose(found, theirs.emissionprob_, rtol=1e-8)
    else:
        np.testing.assert_allclose(model.emissions.means.detach(), theirs.means_, rtol=1e-8)
        variances = np.diagonal(theirs.covars_, axis1=1, axis2=2)
        np.testing.assert_allclose(model.emissions.scales.detach() ** 2, variances, rtol=1e-8)


# learning


def check_that_it_never_falls(model: HiddenMarkov, *batch: Tensor, steps: int = 40) -> None:
    """log p(x) + log_prior(), after each step."""
    found = []
    for loss in islice(model.fit(*batch), steps):
        now = model.log_prob(*batch).detach().sum()
        torch.testing.assert_close(-loss["nll"] * len(batch[0]), now)
        found.append((now + model.log_prior()).item())
    assert min(b - a for a, b in pairwise(found)) > -1e-9, "fell"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_likelihood_with_its_prior_never_falls(kind, smoothing):
    model, batch = made(kind, 50, smoothing=smoothing, floor=0.1)  # some variances end on the floor
    check_that_it_never_falls(model, *batch)


class Stumbling(HiddenMarkov):
    """Its fifth step is no step of EM."""

    count = 0

    def maximise(self, counts):
        self.count += 1
        super().maximise(counts)
        if self.count == 5:
            with torch.no_grad():
                self.moves.add_(torch.randn_like(self.moves))


def test_a_step_that_lowers_the_likelihood_once_is_caught():
    model = Stumbling(Tokens(4, 6), 3, smoothing=0.0, tolerance=-1.0)
    with pytest.raises(AssertionError, match="fell"):
        check_that_it_never_falls(model, model.sample(50))


@pytest.mark.parametrize("kind", ["tokens", "bits"])
def test_it_ends_where_likelihood_and_prior_are_flat(kind):
    """So the smoothed step is the exact one under the prior: autograd finds no slope left."""
    model, batch = made(kind, 20, smoothing=0.5, tolerance=1e-14)
    steps = list(islice(model.fit(*batch), 3000))
    assert len(steps) < 3000
    (model.log_prob(*batch).sum() + model.log_prior()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() < 1e-4, name


def nearest(found: Tensor, truth: Tensor) -> tuple[list[int], float]:
    """The order of states that brings found rows nearest to the true ones, and how near."""
    orders = [list(order) for order in permutations(range(len(truth)))]
    gaps = [(found[order] - truth).abs().max().item() for order in orders]
    return orders[int(np.argmin(gaps))], min(gaps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_planted_parameters_are_found(dtype):
    truth = HiddenMarkov(Tokens(4, 50), 3).to(dtype)
    with torch.no_grad():
        truth.moves.copy_(2.5 * torch.eye(3))
        truth.emissions.logits.copy_(3 * torch.eye(3, 4))
    x = truth.sample(1000)
    found = []
    for _ in range(4):
        model = HiddenMarkov(Tokens(4, 50), 3, tolerance=1e-3).to(dtype)
        steps = list(model.fit(x))
        assert 1 < len(steps) < 200
        found.append((steps[-1]["nll"], model))
    nll, model = min(found, key=lambda each: each[0])
    assert nll < -truth.log_prob(x).mean() + 0.01
    order, gap = nearest(
        model.emissions.logits.detach().softmax(1), truth.emissions.logits.softmax(1)
    )
    assert gap < 0.03  # of 17,000 visits: a standard error is 0.004
    moves = model.chain()[1].detach().exp()[order][:, order]
    assert (moves - truth.chain()[1].exp()).abs().max() < 0.03
    right = (torch.tensor(order).argsort()[model.viterbi(x)] == truth.viterbi(x)).double().mean()
    assert right > 0.97


def test_planted_normals_are_found_far_from_zero():
    truth = HiddenMarkov(Reals((40, 2)), 3)
    with torch.no_grad():
        truth.moves.copy_(2 * torch.eye(3))
        truth.emissions.means.copy_(1e4 + torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]))
        truth.emissions.scales.copy_(torch.tensor([[1.0, 0.1], [0.5, 0.5], [0.01, 1.0]]))
    x = truth.sample(300)
    model = HiddenMarkov(Reals((40, 2)), 3)
    list(model.fit(x))
    order, gap = nearest(model.emissions.means.detach(), truth.emissions.means)
    assert gap < 0.1
    torch.testing.assert_close(
        model.emissions.scales.detach()[order], truth.emissions.scales.data, rtol=0.1, atol=0
    )


def test_it_learns_by_gradient_too():
    model, batch = made("bits", 50)
    before = model.loss(*batch)["nll"].item()
    other = HiddenMarkov(model.space, 3, model.context_space)
    optimizer = torch.optim.Adam(other.parameters(), 0.1)
    for _ in range(100):
        optimizer.zero_grad()
        other.loss(*batch)["nll"].backward()
        optimizer.step()
    assert other.loss(*batch)["nll"] < before  # of the model that made them


def test_stopping_and_going_on_is_the_same_as_going_on():
    straight, batch = made("reals", 50)
    halved, _ = made("reals", 50)
    halved.load_state_dict(straight.state_dict())
    for model, parts in ((straight, [10]), (halved, [5, 5])):
        for steps in parts:
            torch.manual_seed(4)
            list(islice(model.fit(*batch), steps))
    for a, b in zip(straight.parameters(), halved.parameters(), strict=True):
        assert torch.equal(a, b)


def test_blocks_change_nothing(monkeypatch):
    model, batch = made("reals", 30)
    whole = model.expected(*batch)
    monkeypatch.setattr(hiddenmarkov, "HELD", 40)
    torch.testing.assert_close(model.expected(*batch), whole)


# what may come


def test_sequences_of_no_step_and_of_one():
    model = HiddenMarkov(Bits((3, 2)), 3, Classes(4))
    x = torch.zeros(2, 3, 2)
    assert model.log_prob(x, torch.tensor([0, 0])).tolist() == [0.0, 0.0]
    assert model.posterior(x, torch.tensor([0, 0])).sum() == 0
    with pytest.raises(Refused, match="the data have no steps; fit wants at least one"):
        next(model.fit(x, torch.tensor([0, 0])))
    with pytest.raises(Refused, match="the data have no steps"):
        next(HiddenMarkov(Tokens(3, 4)).fit(torch.zeros(0, 4, dtype=torch.int64)))
    assert len(list(model.fit(x[:1], torch.tensor([1])))) > 0  # one row, one step, three states
    assert model.log_prob(x, torch.tensor([1, 0])).isfinite().all()
    single = HiddenMarkov(Tokens(3, 1), 2, smoothing=0.0)
    list(single.fit(torch.tensor([[0], [0], [1], [2]])))
    log_p = single.log_prob(torch.arange(3)[:, None])
    torch.testing.assert_close(log_p.exp(), torch.tensor([0.5, 0.25, 0.25]))


def test_smoothing_answers_for_symbols_that_were_not_seen():
    x = torch.tensor([[0, 1, 0, 1, 1, 0]]).repeat(5, 1)
    new = torch.tensor([[0, 1, 0, 2, 1, 0]])
    smoothed, bare = (HiddenMarkov(Tokens(4, 6), 2, smoothing=s) for s in (0.1, 0.0))
    for model in (smoothed, bare):
        list(islice(model.fit(x), 20))
    assert -20 < smoothed.log_prob(new).item() < smoothed.log_prob(x[:1]).item() - 1
    assert -1000 < bare.log_prob(new).item() < -600  # a share of 1e-300
    assert not (bare.sample(1000) > 1).any()


def test_what_logits_exclude_has_probability_0():
    model = HiddenMarkov(Tokens(3, 4), 2)
    with torch.no_grad():
        model.emissions.logits[:, 2] = -math.inf
    assert model.log_prob(torch.tensor([[0, 1, 2, 0]])).item() == -math.inf


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_state_that_nothing_reaches_keeps_its_parameters(smoothing):
    model = HiddenMarkov(Reals((6, 2)), 3, smoothing=smoothing, tolerance=-1.0)
    model.started.fill_(True)
    with torch.no_grad():
        model.emissions.means[2] = 1e4
    kept = [part[2].clone() for part in (model.moves, *model.emissions.parameters())]
    x = torch.randn(20, 6, 2)
    list(islice(model.fit(x), 5))
    for before, after in zip(kept, (model.moves, *model.emissions.parameters()), strict=True):
        assert torch.equal(before, after[2])
    assert model.log_prob(x).isfinite().all()


def test_more_states_than_symbols_do_no_harm():
    model = HiddenMarkov(Tokens(2, 8), 6, tolerance=-1.0)
    check_that_it_never_falls(model, torch.randint(2, (30, 8)))


@pytest.mark.parametrize(
    ("space", "arguments", "message"),
    [
        (Pixels((1, 4, 4)), {}, "Tokens, Bits or Reals are wanted"),
        (Reals((4,)), {}, r"Bits or Reals of \(steps, d\) are wanted"),
        (Tokens(4, 0), {}, "steps is 0; at least 1 is wanted"),
        (Tokens(4, 3), {"states": 0}, "states is 0; at least 1 is wanted"),
        (Tokens(4, 3), {"smoothing": -0.1}, "smoothing is -0.1; at least 0 is wanted"),
        (Reals((3, 1)), {"floor": 0.0}, "floor is 0.0; it must be above 0"),
        (Bits((3, 1)), {"context_space": Classes(3)}, r"must be Classes\(count=4\) or None"),
        (Tokens(4, 3, end=0), {"context_space": Classes(4)}, "must be None, for .* has an end"),
    ],
)
def test_it_refuses(space, arguments, message):
    with pytest.raises(Refused, match=message):
        HiddenMarkov(space, **arguments)


def test_it_refuses_a_context_that_is_missing_or_not_wanted():
    with pytest.raises(Refused, match="no context was given"):
        HiddenMarkov(Bits((3, 2)), 2, Classes(4)).log_prob(torch.zeros(2, 3, 2))
    with pytest.raises(Refused, match="it takes none"):
        HiddenMarkov(Bits((3, 2)), 2).log_prob(torch.zeros(2, 3, 2), torch.tensor([1, 2]))
