"""Penalties: against closed forms, explicit loops, and a VAE's own loss."""

import math

import pytest
import torch
from torch.distributions import Normal

from genus.core import Bits, Reals
from genus.errors import Refused
from genus.vae import IAF, MMD, VAE, TotalCorrelation

pytestmark = pytest.mark.usefixtures("precise")


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def guesses(n=6, latent=3):
    mean, log_std = torch.randn(n, latent), 0.3 * torch.randn(n, latent)
    return mean + log_std.exp() * torch.randn(n, latent), mean, log_std


def test_total_correlation_is_that_of_the_batchs_mixture():
    z, mean, log_std = guesses()
    total = 0.0
    for point in z:
        each = Normal(mean, log_std.exp()).log_prob(point).exp()  # (guesses, units)
        total += each.prod(1).mean().log() - each.mean(0).log().sum()
    cost = TotalCorrelation().of(z, mean, log_std, z)
    torch.testing.assert_close(cost, total / len(z))


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_is_what_normal_units_tell_of_each_other(correlation):
    """Guesses around normal means make a normal mixture, whose total correlation is known."""
    n, std = 3000, 0.6
    scale = torch.tensor([[1.0, correlation], [correlation, 1.0]])
    mean = torch.randn(n, 2) @ torch.linalg.cholesky(scale).T
    log_std = torch.full((n, 2), math.log(std))
    z = mean + std * torch.randn(n, 2)
    rho = correlation / (1 + std**2)
    told = -0.5 * math.log(1 - rho**2)
    cost = TotalCorrelation().of(z, mean, log_std, z)
    assert cost.item() == pytest.approx(told, abs=0.02)


def test_units_of_their_own_guess_alone_are_caught():
    """A liar that takes log q(z_i | x) in the place of log q(z_i) is far from what normal units tell."""

    class Own(TotalCorrelation):
        def of(self, z, mean, log_std, prior):
            each = Normal(mean, log_std.exp()).log_prob(z[:, None])
            together = each.sum(2).logsumexp(1) - math.log(len(z))
            return (together - Normal(mean, log_std.exp()).log_prob(z).sum(1)).mean()

    mean, log_std = torch.randn(2000, 2), torch.full((2000, 2), math.log(0.6))  # nothing to tell
    z = mean + 0.6 * torch.randn(2000, 2)
    assert TotalCorrelation().of(z, mean, log_std, z).abs() < 0.02
    assert Own().of(z, mean, log_std, z).abs() > 0.5


def test_mmd_is_the_estimate_without_bias():
    (z, mean, log_std), y = guesses(), torch.randn(6, 3)

    def k(a, b, scale):
        c = 2 * 3 * scale**2
        return c / (c + (a - b).square().sum())

    for scale in (1.0, 0.5):
        same = [k(a[i], a[j], scale) for a in (z, y) for i in range(6) for j in range(6) if i != j]
        cross = [k(a, b, scale) for a in z for b in y]
        truth = sum(same) / 30 - 2 * sum(cross) / 36
        torch.testing.assert_close(MMD(1.0, scale).of(z, mean, log_std, y), truth)


def test_mmd_is_zero_in_the_mean_where_guesses_are_the_prior():
    zeros = torch.zeros(8, 2)
    found = torch.stack(
        [MMD().of(torch.randn(8, 2), zeros, zeros, torch.randn(8, 2)) for _ in range(4000)]
    )
    assert found.mean().abs() < 4 * found.std() / 4000**0.5
    biased = found + (2 / 8) * (1 - found)  # of draws that are compared with themselves
    assert biased.mean() > 4 * found.std() / 4000**0.5


@pytest.mark.parametrize("penalty", [TotalCorrelation(2.5), MMD(7.0)])
def test_a_vae_pays_its_weight_beside_the_bound(penalty):
    x = torch.rand(16, 3).round()
    torch.manual_seed(1)
    plain = VAE(Bits((3,)), 2)
    torch.manual_seed(1)
    paying = VAE(Bits((3,)), 2, penalty=penalty)
    torch.manual_seed(2)
    bound = plain.loss(x)
    torch.manual_seed(2)
    parts = paying.loss(x)
    assert [*parts] == [*bound, penalty.name]
    for name, value in bound.items():
        torch.testing.assert_close(parts[name], value)
    torch.manual_seed(2)
    guess = paying.guess(x)
    z = guess.noisy()
    cost = penalty.of(z, guess.mean, guess.log_std, paying.draw_prior(16))
    torch.testing.assert_close(parts[penalty.name], penalty.weight * cost)


def test_what_does_not_fit_is_refused():
    with pytest.raises(Refused, match="TotalCorrelation, which wants normal guesses"):
        VAE(Reals((2,)), 2, flow=IAF(2), penalty=TotalCorrelation())
    with pytest.raises(Refused, match="weight"):
        TotalCorrelation(-1.0)
    with pytest.raises(Refused, match="scale is 0"):
        MMD(scale=0)
    with pytest.raises(Refused, match="1 row came"):
        VAE(Bits((3,)), 2, penalty=MMD()).loss(torch.ones(1, 3))
