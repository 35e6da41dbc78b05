"""Likelihoods against a latent variable model whose marginal is known."""

import math

import pytest
import torch
from torch import nn

from genus.core import Bits, GenerativeModel, Graphs, Reals, Space, Strokes
from genus.functional.densities.densities import log_normal
from genus.measure.likelihood.likelihood import (
    Effort,
    LikelihoodEstimate,
    bound,
    exact,
    importance_weighted,
    likelihood_figures,
    likelihoods,
)


class Line(GenerativeModel):
    """z ~ N(0, 1), x | z ~ N(w z, s^2 I), so x ~ N(0, w w^T + s^2 I); q(z | x) is a wrong guess."""

    def __init__(self, off=0.5, wide=1.3):
        super().__init__()
        self.space, self.off, self.wide = Reals((2,)), off, wide
        self.register_buffer("w", torch.tensor([1.0, -0.5], dtype=torch.float64))
        self.std = 0.7

    def sample(self, n):
        return self.noise(n, 1) * self.w + self.std * self.noise(n, 2)

    def truth(self, x):
        cov = torch.outer(self.w, self.w) + self.std**2 * torch.eye(2)
        return torch.distributions.MultivariateNormal(torch.zeros(2), cov).log_prob(x)

    def log_weight(self, x):
        precision = 1 + (self.w**2).sum() / self.std**2
        mean = x @ self.w / self.std**2 / precision + self.off
        log_std = torch.log(self.wide * precision**-0.5).expand(len(x), 1)
        z = mean[:, None] + log_std.exp() * self.noise(len(x), 1)
        joint = log_normal(z) + log_normal(x, z * self.w, math.log(self.std))
        return joint - log_normal(z, mean[:, None], log_std)

    def elbo(self, x):
        return self.log_weight(x)


class Coin(GenerativeModel):
    """Four fair coins, which know their probability and offer a bound besides."""

    def __init__(self):
        super().__init__()
        self.space = Bits((4,))

    def sample(self, n):
        return torch.rand(n, 4).round()

    def log_prob(self, x):
        return -math.log(2) * x.new_full((len(x),), 4.0)

    def elbo(self, x):
        return self.log_prob(x) - 1


@pytest.fixture
def model():
    torch.set_default_dtype(torch.float64)
    return Line()


def test_importance_weighting_rises_with_k_to_the_truth(model):
    x = model.sample(1500)
    truth = model.truth(x)
    gaps = [
        importance_weighted(model, (x,), k).log_p.sub(truth).mean().item() for k in (1, 4, 16, 64)
    ]
    assert gaps == sorted(gaps)
    assert gaps[0] < -0.1
    many = importance_weighted(model, (x[:300],), 2000).log_p - truth[:300]
    assert many.mean().abs() < 0.005
    assert many.mean().abs() < 5 * many.std() / 300**0.5 + 1e-3


def test_with_the_true_posterior_one_draw_is_enough():
    torch.set_default_dtype(torch.float64)
    model = Line(off=0.0, wide=1.0)
    x = model.sample(20)
    torch.testing.assert_close(importance_weighted(model, (x,), 1).log_p, model.truth(x))
    torch.testing.assert_close(bound(model, (x,), 3).log_p, model.truth(x))


def test_the_bound_is_below_by_the_divergence_of_the_posteriors(model):
    """E log w = log p - KL(q || posterior), and KL of two normals is known."""
    x = model.sample(2000)
    gap = model.truth(x) - bound(model, (x,), 20).log_p
    precision = 1 + (model.w**2).sum() / model.std**2
    kl = 0.5 * (model.off**2 * precision + model.wide**2 - 1) - math.log(model.wide)
    assert (gap.mean() - kl).abs() < 5 * gap.std() / 2000**0.5


def test_rows_are_scored_in_parts_and_in_order():
    x = torch.cat([torch.zeros(700, 1), torch.ones(700, 1)])

    class Echo(nn.Module):
        def log_prob(self, x):
            assert len(x) <= 500
            return x[:, 0]

    assert torch.equal(exact(Echo(), (x,)).log_p, x[:, 0].double())


def test_the_exact_likelihood_is_preferred():
    coin = Coin()
    found = likelihoods(coin, (coin.sample(8),), coin.sample(8), Effort())
    assert [one.estimator["name"] for one in found] == ["exact"]
    nll, bits = likelihood_figures(found, coin.space, {"data": "coins"})
    assert (nll.name, nll.sign, nll.unit) == ("nll", "=", "nats")
    assert nll.value == pytest.approx(4 * math.log(2))
    assert (bits.name, bits.unit) == ("bits_per_dim", "bits/dim")
    assert bits.value == pytest.approx(1)


def test_the_weighted_bound_comes_before_the_plain_one(model):
    x = model.sample(50)
    found = likelihoods(model, (x,), x, Effort(draws=2, importance=30))
    nll, plain = likelihood_figures(found, model.space, {})
    assert (nll.name, nll.sign, nll.estimator) == (
        "nll",
        "<=",
        {"name": "iwae", "settings": {"k": 30}},
    )
    assert (plain.name, plain.sign) == ("nll_elbo", "<=")
    assert nll.value < plain.value  # and no bits per dimension on the reals
    assert nll.error == pytest.approx(found[0].log_p.std().item() / 50**0.5)


def test_a_model_without_scores_has_no_likelihood():
    class Mute(GenerativeModel):
        space = Reals((2,))

        def sample(self, n):
            return torch.zeros(n, 2)

    assert likelihoods(Mute(), (torch.zeros(3, 2),), torch.zeros(3, 2), Effort()) == []


def test_k_is_at_least_one(model):
    with pytest.raises(ValueError, match="k is 0"):
        importance_weighted(model, (model.sample(2),), 0)


@pytest.mark.parametrize(
    ("space", "names"),
    [
        (Bits((4,)), ["nll", "bits_per_dim"]),
        (Reals((4,)), ["nll"]),
        (Strokes(4), ["nll"]),
        (Graphs(4), ["nll"]),
    ],
    ids=str,
)
def test_bits_per_dimension_are_those_of_counted_dimensions(space: Space, names: list[str]):
    found = LikelihoodEstimate(torch.tensor([-4.0, -8.0]).double(), "=", {"name": "exact"})
    figures = likelihood_figures([found], space, {})
    assert [figure.name for figure in figures] == names
    if len(figures) > 1:
        assert figures[1].value == pytest.approx(1.5 / math.log(2))
