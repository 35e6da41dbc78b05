"""RBM: everything against enumeration of all its states."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from genus.core import Bits, Graphs, Tokens
from genus.data import load
from genus.energy import RBM
from genus.energy.units import log_odds
from genus.functional.densities.densities import log_bernoulli
from genus.measure.likelihood.annealing import log_z
from genus.train.game import play


def every(d: int) -> Tensor:
    return torch.tensor(list(product([0.0, 1.0], repeat=d)), dtype=torch.float64)


def small(**options) -> RBM:
    """One with some structure, on 4 bits."""
    model = RBM(Bits((4,)), **{"hidden": 3, "chains": 0, **options}).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(1.5 * torch.randn_like(p))
    return model


def probabilities(model: RBM) -> Tensor:
    return (-model.energy(every(4))).softmax(0)


def joint(model: RBM) -> Tensor:
    """-E(v, h), (16, 8)."""
    v, h = every(4), every(3)
    return (v @ model.a)[:, None] + h @ model.b + v @ model.W @ h.T


def transition(model: RBM) -> Tensor:
    """P(v' | v) of one Gibbs step, from the joint alone, (16, 16)."""
    log_joint = joint(model)
    return log_joint.softmax(1) @ log_joint.softmax(0).T


def gradient(model: RBM, weight: Tensor) -> Tensor:
    """The gradient of sum_v weight(v) F(v), as one vector."""
    grads = torch.autograd.grad(weight @ model.energy(every(4)), list(model.parameters()))
    return torch.cat([g.flatten() for g in grads])


def test_the_free_energy_sums_the_hidden_units_out():
    model = small()
    torch.testing.assert_close(-model.energy(every(4)), joint(model).logsumexp(1))


def test_one_gibbs_step_is_the_transition_of_the_joint():
    model = small()
    start = every(4)[5]
    end = model.gibbs(start.expand(50_000, -1), 1)
    number = (end @ torch.tensor([8.0, 4.0, 2.0, 1.0], dtype=torch.float64)).long()
    shares = torch.bincount(number, minlength=16).double() / 50_000
    truth = transition(model)[5]
    assert ((shares - truth).abs() <= 5 * (truth * (1 - truth) / 50_000).sqrt() + 1e-9).all()


@pytest.mark.parametrize("steps", [1, 3])
def test_the_contrastive_gradient_is_that_of_k_steps(steps):
    """Averaged over many rows, against the exact distribution after k steps."""
    model = small(steps=steps)
    data = torch.rand(16, dtype=torch.float64).softmax(0)
    after = data @ torch.linalg.matrix_power(transition(model), steps).detach()
    truth = gradient(model, data - after)
    draws = []
    for _ in range(40):
        x = every(4)[data.multinomial(2000, replacement=True)]
        total = torch.stack([*model.loss(x).values()]).sum()
        grads = torch.autograd.grad(total, list(model.parameters()))
        draws.append(torch.cat([g.flatten() for g in grads]))
    found = torch.stack(draws)
    assert ((found.mean(0) - truth).abs() <= 5 * found.std(0) / 40**0.5).all()


def test_with_more_steps_it_tends_to_the_likelihoods_gradient():
    model = small()
    data = torch.rand(16, dtype=torch.float64).softmax(0)
    exact = gradient(model, data - probabilities(model).detach())
    log_likelihood = data @ (-model.energy(every(4))).log_softmax(0)
    grads = torch.autograd.grad(-log_likelihood, list(model.parameters()))
    torch.testing.assert_close(exact, torch.cat([g.flatten() for g in grads]))
    gaps = []
    for steps in (1, 2, 4, 8, 256):
        after = data @ torch.linalg.matrix_power(transition(model), steps).detach()
        gaps.append((gradient(model, data - after) - exact).norm().item())
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-6 < gaps[0]


@pytest.mark.parametrize("chains", [0, 100])
def test_it_learns_a_planted_distribution(chains):
    torch.manual_seed(1)
    planted = small(burn_in=50)
    truth = probabilities(planted).detach()
    x = every(4)[truth.multinomial(20_000, replacement=True)]
    model = RBM(Bits((4,)), hidden=3, steps=5, chains=chains).double()
    model.prepare(x)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    batches = ((x[torch.randint(len(x), (200,))],) for _ in range(800))
    for number, _ in enumerate(play(model, batches, {"model": optimizer})):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - number / 800)
    divergence = (truth * (truth / probabilities(model)).log()).sum().item()
    assert divergence < 0.01
    if chains:
        drawn = (model.sample(20_000) @ torch.tensor([8.0, 4, 2, 1], dtype=torch.float64)).long()
        shares = torch.bincount(drawn, minlength=16) / 20_000
        torch.testing.assert_close(shares.double(), probabilities(model).data, atol=0.02, rtol=0)


def test_persistent_chains_move_in_training_and_rest_in_evaluation():
    model = small(chains=6)
    x = every(4)[:8]
    before = model.dreams.clone()
    model.eval().loss(x)
    assert torch.equal(model.dreams, before)
    model.train().loss(x)
    assert not torch.equal(model.dreams, before)
    assert "dreams" in model.state_dict()


def test_prepared_it_is_the_base_rates():
    x = (torch.rand(1000, 4, dtype=torch.float64) < torch.tensor([0.1, 0.5, 0.9, 0.0])).double()
    model = RBM(Bits((4,)), hidden=2, chains=500).double()
    model.prepare(x)
    with torch.no_grad():
        model.W.zero_()
    smoothed = (x.sum(0) + 1) / 1002
    p = probabilities(model).detach()
    torch.testing.assert_close(p @ every(4), smoothed)
    torch.testing.assert_close(model.dreams.mean(0), smoothed, atol=0.12, rtol=0)


# --- the annealing path -----------------------------------------------------------------------


def test_the_ladder_begins_at_a_known_sum_and_ends_at_the_energy():
    model, x = small(), every(4)[[1, 5, 5, 7, 12]]
    annealing = model.annealing_path(x)
    _, up = annealing.climb(every(4), 0.0, 1.0)
    log_f0 = -model.energy(every(4)).detach() - up
    torch.testing.assert_close(log_f0.logsumexp(0), annealing.log_z)
    rates = (x.sum(0) + 1) / 7
    log_p = (every(4) * rates.log() + (1 - every(4)) * (-rates).log1p()).sum(1)
    torch.testing.assert_close(log_f0 - annealing.log_z, log_p)
    torch.testing.assert_close(log_odds(x), (rates / (1 - rates)).log())


def test_the_rungs_weights_add_up_and_come_back():
    model = small()
    annealing = model.annealing_path(every(4)[3:9])
    first, second, both, back = (
        annealing.climb(every(4), *way)[1] for way in ((0, 0.4), (0.4, 1), (0, 1), (1, 0))
    )
    torch.testing.assert_close(first + second, both)
    torch.testing.assert_close(back, -both)


@pytest.mark.parametrize("to", [0.0, 0.6, 1.0])
def test_a_rung_leaves_its_own_distribution_alone(to):
    model = small()
    annealing = model.annealing_path(every(4)[3:9])
    log_f = -model.energy(every(4)).detach() - annealing.climb(every(4), to, 1.0)[1]
    p = log_f.softmax(0)
    n = 50_000
    start = every(4)[p.multinomial(n, replacement=True)] if to else annealing.start(n)
    end = annealing.climb(start, to, to)[0] if to else start
    number = (end @ torch.tensor([8.0, 4.0, 2.0, 1.0], dtype=torch.float64)).long()
    shares = torch.bincount(number, minlength=16).double() / n
    assert ((shares - p).abs() <= 5 * (p * (1 - p) / n).sqrt()).all()


def test_annealing_on_a_trained_one_is_within_a_tenth_of_a_nat_of_enumeration():
    """Digits as bits: 2^64 images, but only 2^10 states of the hidden layer to sum over."""
    data = load("digits").binarised()
    x = data.train.everything()[0]
    model = RBM(data.space, hidden=10, chains=64)
    model.prepare(x)
    optimizers = {"model": torch.optim.SGD(model.parameters(), 0.2)}
    for _ in play(model, (data.train.batch(n, 64, 0) for n in range(1500)), optimizers):
        pass
    model = model.double()
    h = torch.tensor(list(product([0.0, 1.0], repeat=10)), dtype=torch.float64)
    exact = (h @ model.b + softplus(h @ model.W.T + model.a).sum(1)).logsumexp(0).item()
    found = log_z(model.annealing_path(x.double()), betas=1000, chains=100)
    assert abs(found.value - exact) < 0.1
    assert abs(found.value - exact) < 5 * found.error
    rates = log_odds(x.flatten(1))
    alone = -log_bernoulli(x, rates.reshape(1, 8, 8).expand_as(x)).mean().item()
    nats = model.energy(x.double()).mean().item() + exact
    assert nats < alone - 2  # it has learnt what the base rates do not say


def test_images_keep_their_shape():
    model = RBM(Bits((1, 2, 3)), hidden=4, burn_in=2)
    x = model.sample(5)
    assert x.shape == (5, 1, 2, 3)
    annealing = model.annealing_path(x)
    assert annealing.start(7).shape == (7, 1, 2, 3)
    assert annealing.climb(x, 0.1, 0.2)[0].shape == (5, 1, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": Tokens(3, 4, end=2)}, "Tokens without an end are wanted"),
        ({"space": Graphs(3)}, "Bits, Tokens, Pixels, Classes or Reals are wanted"),
        ({"space": Bits((3,)), "chains": 0, "temperatures": 3}, "temperatures is 3 without chains"),
        ({"space": Bits((3,)), "hidden": 0}, "hidden is 0; at least 1"),
        ({"space": Bits((3,)), "steps": 0}, "steps is 0; at least 1"),
        ({"space": Bits((3,)), "chains": -1}, "chains is -1; at least 0"),
    ],
)
def test_it_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        RBM(**arguments)


def test_a_part_is_filled_by_its_conditional_distribution():
    """Every row keeps its first two bits; the others come as often as the energy says."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = RBM(Bits((4,)), hidden=3, chains=0, burn_in=30)
    torch.nn.init.normal_(model.W)
    known = torch.tensor([True, True, False, False])
    x = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(20_000, -1)
    drawn = model.inpaint(x, known)
    assert torch.equal(drawn[:, :2], x[:, :2])
    rest = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    states = torch.cat([x[:4, :2], rest], 1)
    p = (-model.energy(states)).softmax(0)
    hits = (drawn[:, None, 2:] == rest).all(2).double().mean(0)
    assert ((hits - p).abs() <= 5 * (p * (1 - p) / len(x)).sqrt()).all()
