"""Annealed importance sampling against counting all states."""

from itertools import pairwise, product

import pytest
import torch

from genus.core import Bits
from genus.energy import RBM
from genus.measure.likelihood.annealing import log_z, log_z_from_above, path
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
