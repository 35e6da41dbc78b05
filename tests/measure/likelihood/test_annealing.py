"""Annealed importance sampling against counting all states."""

from itertools import pairwise, product

import pytest
import torch

from genus.core import Bits
from genus.energy import RBM
from genus.measure.likelihood.annealing import log_prob_annealed, log_z, log_z_from_above, path
from genus.measure.likelihood.likelihood import annealed


@pytest.fixture
def model():
    """Strong links: the distribution has several separate modes."""
    torch.set_default_dtype(torch.float64)
    rbm = RBM(Bits((8,)), hidden=6)
    with torch.no_grad():
        rbm.W.normal_(0, 1.5)
        rbm.a.normal_(0, 1)
        rbm.b.normal_(0, 1)
    return rbm.eval()


@pytest.fixture
def states():
    torch.set_default_dtype(torch.float64)
    return torch.tensor(list(product([0.0, 1.0], repeat=8)))


def drawn(model, states, n):
    chances = (-model.energy(states)).softmax(0)
    return states[chances.multinomial(n, replacement=True)].detach()


def test_the_path_rises_from_0_to_1_and_is_dense_at_its_end():
    betas = path(14_500)
    assert len(betas) == 14_501
    assert betas[0] == 0
    assert betas[-1] == 1
    assert all(a < b for a, b in pairwise(betas))
    assert [sum(b <= top for b in betas) for top in (0.5, 0.9)] == [501, 4501]
    with pytest.raises(ValueError, match="at least 3"):
        path(2)


def test_log_z_agrees_with_counting(model, states):
    truth = (-model.energy(states)).logsumexp(0).item()
    found = log_z(model.annealing_path(drawn(model, states, 50)), betas=1500, chains=300)
    assert abs(found.value - truth) < 0.1
    assert abs(found.value - truth) < 5 * found.error
    assert found.error < 0.05


def test_from_below_and_from_above(model, states):
    """With few rungs both are far off, on the sides that they should be."""
    truth = (-model.energy(states)).logsumexp(0).item()
    ladder = model.annealing_path(drawn(model, states, 50))
    below = torch.tensor([log_z(ladder, 10, 10).value for _ in range(60)])
    above = torch.tensor(
        [log_z_from_above(ladder, drawn(model, states, 10), 10).value for _ in range(60)]
    )
    assert below.mean() + 5 * below.std() / 60**0.5 < truth + 0.2
    assert below.mean() < truth < above.mean()
    close = log_z_from_above(ladder, drawn(model, states, 300), 1500)
    assert abs(close.value - truth) < max(0.1, 5 * close.error)


def test_the_likelihood_of_rows(model, states):
    rows = drawn(model, states, 40)
    truth = -model.energy(rows) - (-model.energy(states)).logsumexp(0)
    found = annealed(model, (rows,), rows, betas=1500, chains=300)
    assert found.sign == "~"
    assert (found.log_p - truth).abs().max() < min(0.1, 5 * found.common_error)
    above = found.estimator["log_z_from_above"]
    assert abs(above["value"] - found.estimator["log_z"]["value"]) < 0.2


# --- the annealed model, by chains that go down -----------------------------------------------


def ends(annealing, betas, chains):
    """Where chains that go up stop."""
    x = annealing.start(chains)
    for beta, to in pairwise(path(betas)):
        x = annealing.climb(x, beta, to)[0]
    return x


def test_chains_that_go_down_weigh_the_annealed_model(model, states):
    """With few rungs it is not the model: its chances are where chains that go up end."""
    model.W.data.mul_(2)
    annealing = model.annealing_path(drawn(model, states, 50))
    n = 30_000
    end = ends(annealing, 3, n)
    shares = (end[:, None] == states).all(2).double().mean(0)
    p = (-model.energy(states)).softmax(0).detach()
    log_p = log_prob_annealed(annealing, states, -model.energy(states), 3, 3000)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=0.05)
    gap = (log_p.exp() - shares).abs()
    assert (gap <= 5 * (shares / n).sqrt() + 0.1 * shares + 1e-4).all()
    assert (p - shares).abs().sum() > 2 * gap.sum()


def test_the_bound_rises_to_the_likelihood_with_rungs(model, states):
    model.W.data.mul_(2)
    annealing, x = model.annealing_path(drawn(model, states, 50)), drawn(model, states, 500)
    truth = (-model.energy(x) - (-model.energy(states)).logsumexp(0)).mean().item()
    few, many, most = (
        log_prob_annealed(annealing, x, -model.energy(x), betas, 1).mean().item()
        for betas in (5, 50, 500)
    )
    assert few < many < most
    assert truth - 0.2 < most < truth + 0.02


def test_a_path_that_forgets_its_last_move_is_caught(model, states):
    """A liar: it weighs the way down without the move at beta = 1, and is too sure of its rows."""
    annealing = model.annealing_path(drawn(model, states, 50))
    end = ends(annealing, 3, 30_000)
    shares = (end[:, None] == states).all(2).double().mean(0)
    jumped = annealing._replace(
        climb=lambda x, beta, to: (
            annealing.climb(x, beta, to) if beta != to else (x, torch.zeros(len(x)))
        )
    )
    log_p = log_prob_annealed(jumped, states, -model.energy(states), 3, 3000)
    gap = (log_p.exp() - shares).abs()
    assert not (gap <= 5 * (shares / 30_000).sqrt() + 0.1 * shares + 1e-4).all()
