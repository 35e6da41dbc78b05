"""Annealing of the latent: against the linear normal model, and against enumeration of what it may draw."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from genus.core import Bits, Reals
from genus.errors import Refused
from genus.nn import MLP
from genus.vae import VAE, MixturePrior, Normal
from genus.vae.annealing import annealed_log_prob, moved


def test_it_finds_the_likelihood_of_a_linear_normal_model():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = VAE(Reals((3,)), 2, MLP(3, 4, ()), MLP(2, 3, ()), Normal(0.3, learned=False))
    w, b = model.decoder[0].weight.detach(), model.decoder[0].bias.detach()
    truth = MultivariateNormal(b, w @ w.T + 0.09 * torch.eye(3))
    x = truth.sample((3,))
    found = annealed_log_prob(model, x, betas=60, chains=500)
    torch.testing.assert_close(found, truth.log_prob(x), atol=0.1, rtol=0)


def test_its_weights_have_the_mean_p_of_x_under_any_prior():
    """All x of two bits: the chances, by a few temperatures and no adaptation, sum to 1."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    for prior in (None, MixturePrior(1, 2)):
        model = VAE(Bits((2,)), 1, MLP(2, 2), MLP(1, 2, (4,)), prior=prior)
        model.decoder[-1].weight.data.mul_(6)
        states = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        found = annealed_log_prob(model, states, betas=3, chains=10_000, adapt=False).exp()
        assert found.sum().item() == pytest.approx(1, abs=0.03)


def test_a_move_leaves_the_distribution_alone():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    z = torch.randn(40_000, 1) * 2
    for _ in range(3):
        z, accepted = moved(z, lambda z: -z.square().sum(1) / 8, 1.0)
    assert 0.3 < accepted < 1
    assert z.std().item() == pytest.approx(2, rel=0.02)
    assert z.square().square().mean().item() / 16 == pytest.approx(3, rel=0.05)


def test_more_temperatures_come_nearer_from_below():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = VAE(Reals((3,)), 2, MLP(3, 4, ()), MLP(2, 3, ()), Normal(0.05, learned=False))
    w, b = model.decoder[0].weight.detach(), model.decoder[0].bias.detach()
    truth = MultivariateNormal(b, w @ w.T + 0.0025 * torch.eye(3))
    x = truth.sample((20,))
    few, many = (annealed_log_prob(model, x, betas=betas, chains=4).mean() for betas in (3, 60))
    exact = truth.log_prob(x).mean()
    assert few < many - 1
    assert math.isclose(many.item(), exact.item(), abs_tol=0.5)


def test_refusals():
    model = VAE(Bits((2,)), 1)
    with pytest.raises(Refused, match="annealed_log_prob: betas is 0; at least 1"):
        annealed_log_prob(model, torch.zeros(1, 2), betas=0)
