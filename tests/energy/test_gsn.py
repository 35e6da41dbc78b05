"""GSN: the chain of one layer against enumeration, of more layers against its equations by hand."""

from itertools import islice, product

import pytest
import torch
from torch import Tensor

from genus.core import Bits, Reals, Refused
from genus.energy.gsn import GSN
from genus.functional.densities.densities import log_bernoulli
from genus.measure.likelihood.samplebound import sample_bound
from genus.train.game import play

D = 3


def every(d: int) -> Tensor:
    return torch.tensor(list(product([0.0, 1.0], repeat=d)), dtype=torch.float64)


def numbers(x: Tensor) -> Tensor:
    """Where each row of x, (n, d), stands in `every(d)`."""
    return (x @ 2.0 ** torch.arange(x.shape[1] - 1, -1, -1, dtype=x.dtype)).long()


def small(hidden: tuple[int, ...] = (2,), **options) -> GSN:
    """One with some structure, on 3 bits."""
    model = GSN(Bits((D,)), hidden, **options).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(1.5 * torch.randn_like(p))
    return model


def corrupting(model: GSN) -> Tensor:
    """P(x~ | x), from counting the bits that differ, (states, states)."""
    x, half = every(model.space.dims), model.corruption / 2
    apart = (x[:, None] != x).sum(2).double()
    return half**apart * (1 - half) ** (x.shape[1] - apart)


def answers(model: GSN, which: Tensor | None = None) -> Tensor:
    """log P(x | x~) of the bits `which`, of one layer without noise of its own, (states x~, states x)."""
    x = every(model.space.dims)
    logits = (x @ model.W[0] + model.b[1]).tanh() @ model.W[0].T + model.b[0]
    which = torch.arange(x.shape[1]) if which is None else which
    each = [log_bernoulli(x[:, which], one[which].expand(len(x), -1)) for one in logits]
    return torch.stack(each)


def transition(model: GSN) -> Tensor:
    return corrupting(model) @ answers(model).exp()


def settled(matrix: Tensor) -> Tensor:
    """The distribution that a transition leaves alone."""
    return torch.linalg.matrix_power(matrix, 2000)[0].detach()


def agree(x: Tensor, truth: Tensor) -> None:
    """How often each state comes among rows, by five standard errors."""
    shares = numbers(x).bincount(minlength=len(truth)).double() / len(x)
    assert ((shares - truth).abs() <= 5 * (truth * (1 - truth) / len(x)).sqrt() + 1e-9).all()


def test_a_step_of_one_layer_is_corruption_and_an_answer():
    model = small()
    begun = every(D)[5].expand(50_000, -1)
    (step,) = model.chain(begun, 1)
    agree(step.x, transition(model)[5].detach())


def test_samples_come_from_where_the_chain_settles():
    model = small(burn_in=60)
    truth = settled(transition(model))
    agree(model.sample(20_000), truth)
    p = torch.stack(
        [log_bernoulli(every(D), one.expand(8, -1)) for one in model.conditionals(9000)]
    )
    p = p.exp()
    assert ((p.mean(0) - truth).abs() <= 5 * p.std(0) / len(p) ** 0.5).all()


@pytest.mark.parametrize("walkbacks", [1, 3])
def test_loss_and_gradient_are_those_of_all_steps_of_the_chain(walkbacks):
    """Of every corruption and every draw on the way, by their probabilities; draws pass no gradient."""
    model = small(walkbacks=walkbacks)
    data = torch.rand(8, dtype=torch.float64).softmax(0)
    move = transition(model).detach()
    reached = [torch.linalg.matrix_power(move, t) @ corrupting(model) for t in range(walkbacks)]
    truth = -(data[:, None] * sum(reached) * answers(model).T).sum()
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(truth, list(model.parameters()))])
    losses, draws = [], []
    for _ in range(40):
        loss = model.loss(every(D)[data.multinomial(2000, replacement=True)])["walkback"]
        grads = torch.autograd.grad(loss, list(model.parameters()))
        losses.append(loss.detach())
        draws.append(torch.cat([g.flatten() for g in grads]))
    found, values = torch.stack(draws), torch.stack(losses)
    assert abs(values.mean() - truth) <= 5 * values.std() / 40**0.5
    assert ((found.mean(0) - exact).abs() <= 5 * found.std(0) / 40**0.5).all()


def test_three_layers_move_in_turn_and_remember():
    model = small((4, 5, 2), corruption=1e-12, deep_noise=0.0)
    (w1, w2, w3), (b0, b1, b2, b3) = model.W, model.b
    x = every(D)
    one, two = islice(model.chain(x, 4), 2)
    h1, h3 = (x @ w1 + b1).tanh(), b3.tanh().expand(8, -1)
    h2 = (h1 @ w2 + h3 @ w3.T + b2).tanh()
    torch.testing.assert_close(one.logits, h1 @ w1.T + b0)
    h1 = (one.x @ w1 + h2 @ w2.T + b1).tanh()
    torch.testing.assert_close(two.logits, h1 @ w1.T + b0)


def test_noise_comes_before_and_after_the_tanh_above_the_first_layer():
    """Without weights, a unit is tanh(e') + e: its variance against a sum over a fine grid."""
    model = GSN(Bits((D,)), (3, 4), deep_noise=2.0).double()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    layers = [torch.zeros(50_000, size, dtype=torch.float64) for size in (3, 3, 4)]
    assert (model.unit(1, layers) == 0).all()
    units = model.unit(2, layers).detach().flatten()
    e = torch.linspace(-16, 16, 10_001, dtype=torch.float64)
    truth = 4 + ((-(e**2) / 8).softmax(0) * e.tanh() ** 2).sum()
    square = units**2
    assert units.mean().abs() <= 5 * units.std() / len(units) ** 0.5
    assert (square.mean() - truth).abs() <= 5 * square.std() / len(units) ** 0.5
    noisy = GSN(Bits((D,)), (3,), first_noise=0.5).double()
    assert noisy.unit(1, layers[:2]).std() > 0.5


@pytest.mark.parametrize("corruption", [0.0, 0.4])
def test_half_of_what_is_replaced_changes(corruption):
    model = GSN(Bits((D,)), (2,), corruption, first_noise=1.0)
    for bit in (0.0, 1.0):
        changed = (model.corrupted(torch.full((100_000, D), bit)) != bit).double()
        error = (corruption / 2 * (1 - corruption / 2) / changed.numel()) ** 0.5
        assert abs(changed.mean() - corruption / 2) <= 5 * error


def test_a_part_that_is_known_stays_and_the_rest_settles():
    """The chain of the other bits alone, by enumeration."""
    model = small(burn_in=60)
    known = torch.tensor([False, True, False])
    x = torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64).expand(20_000, -1)
    drawn = model.inpaint(x, known)
    there = every(D)[:, 1] == 1
    answer = answers(model, torch.tensor([0, 2])).exp()
    clamped = (corrupting(model) @ answer)[there][:, there]
    truth = torch.zeros(8, dtype=torch.float64)
    truth[there] = settled(clamped)
    agree(drawn, truth)


def planted() -> Tensor:
    """Three prototypes of 4 bits, each bit of which flips with chance 0.1."""
    x = every(4)
    heads = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]], dtype=torch.float64)
    apart = (x[:, None] != heads).sum(2).double()
    return (0.1**apart * 0.9 ** (4 - apart)) @ torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)


def divergence(p: Tensor, log_q: Tensor) -> float:
    """KL(p || q), nats."""
    return (p * (p.log() - log_q)).sum().item()


def learnt(hidden: tuple[int, ...], **options) -> GSN:
    torch.manual_seed(1)
    x = every(4)[planted().multinomial(20_000, replacement=True)].float()
    model = GSN(Bits((4,)), hidden, **options)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    batches = ((x[torch.randint(len(x), (100,))],) for _ in range(600))
    for number, _ in enumerate(play(model, batches, {"model": optimizer})):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - number / 600)
    return model.double()


def test_one_layer_learns_what_the_best_denoiser_draws():
    """The best answers there are to each x~, bit by bit, by Bayes' rule; and those are near the truth."""
    model = learnt((20,), corruption=0.2, walkbacks=1, burn_in=100)
    truth, x, noise = planted(), every(4), corrupting(model)
    rates = (truth[:, None] * noise / (truth @ noise)).T @ x
    best = torch.stack([log_bernoulli(x, one.logit().expand(16, -1)) for one in rates])
    ideal, own = settled(noise @ best.exp()), settled(transition(model))
    assert divergence(ideal, own.log()) < 0.01
    assert divergence(truth, own.log()) < 0.05
    assert (
        abs(divergence(truth, sample_bound(model, x, 3000)) - divergence(truth, own.log())) < 0.01
    )


def test_two_layers_learn_a_planted_distribution():
    truth = planted()
    model = learnt((20, 20), corruption=0.1, walkbacks=2, burn_in=100)
    rates = (truth @ every(4)).logit().expand(16, -1)
    alone = divergence(truth, log_bernoulli(every(4), rates))
    assert alone > 0.5
    assert divergence(truth, sample_bound(model, every(4), 1000)) < 0.1


def test_it_begins_at_the_base_rates():
    x = (torch.rand(5000, D) < torch.tensor([0.1, 0.5, 0.9])).double()
    model = GSN(Bits((D,)), (4,), chains=5000).double()
    model.prepare(x)
    rates = x.mean(0)
    torch.testing.assert_close(model.b[0].sigmoid(), rates, atol=1e-3, rtol=0)
    assert ((model.dreams.mean(0) - rates).abs() <= 5 * (rates * (1 - rates) / 5000).sqrt()).all()


def test_samples_begin_where_chains_of_training_end():
    """A chain that leaves neither of two modes shows the one that it was trained in."""
    model = GSN(Bits((8,)), (1,), corruption=0.1, walkbacks=1, chains=20, burn_in=5).double()
    with torch.no_grad():
        model.W[0].fill_(10.0)
        model.b[1].fill_(-40.0)
    x = torch.ones(12, 8, dtype=torch.float64)
    assert {0.0, 1.0} <= set(model.sample(200).mean(1).tolist())
    before = model.dreams.clone()
    model.eval().loss(x)
    assert torch.equal(model.dreams, before)
    model.train().loss(x)
    assert torch.equal(model.dreams, torch.cat([x, before[12:]]))
    model.loss(x.repeat(2, 1))
    assert (model.eval().sample(200) == 1).all()
    assert (model.inpaint(x, torch.zeros(8, dtype=torch.bool)) == 1).all()


def test_images_keep_their_shape():
    model = GSN(Bits((1, 2, 3)), (4, 3), burn_in=2)
    looks = []
    x = model.sample_watched(looks.append, 5)
    assert {x.shape, looks[0].shape, model.conditionals(5).shape} == {(5, 1, 2, 3)}
    assert model.loss(x)["walkback"].isfinite()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": Reals((3,))}, "Bits are wanted"),
        ({"hidden": ()}, "layers is 0; at least 1"),
        ({"hidden": (3, 0)}, "units is 0; at least 1"),
        ({"corruption": 1.0}, r"corruption is 1.0; it must be in \[0, 1\)"),
        ({"first_noise": -1.0}, "first_noise is -1.0; at least 0"),
        ({"deep_noise": -0.1}, "deep_noise is -0.1; at least 0"),
        ({"walkbacks": 0}, "walkbacks is 0; at least 1"),
        ({"chains": 0}, "chains is 0; at least 1"),
        ({"burn_in": 0}, "burn_in is 0; at least 1"),
        ({"hidden": (2, 2, 2), "walkbacks": 2}, "walkbacks is 2 with 3 hidden layers"),
        ({"hidden": (2,), "corruption": 0.0}, "some is wanted"),
        ({"hidden": (2, 2), "corruption": 0.0, "deep_noise": 0.0}, "some is wanted"),
    ],
)
def test_it_refuses(arguments, message):
    with pytest.raises(Refused, match=message):
        GSN(**{"space": Bits((3,)), **arguments})
