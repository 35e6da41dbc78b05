"""Scores of rows: what they are, and that each depends on its own row alone."""

import math

import numpy as np
import pytest
import torch

import genus
from genus.core import Bits, GenerativeModel, Pixels, Reals, Tokens, score_draws
from genus.density import Gaussian, Table
from genus.energy import RBM
from genus.errors import Refused, RefusedType
from genus.vae import VAE


class Drawn(GenerativeModel):
    """x = z + noise with z ~ N(0, 1), noise ~ N(0, 1): p(x) = N(0, 2), q(z | x) = N(x / 2, 1)."""

    def __init__(self, weighted=True):
        super().__init__()
        self.weighted, self.space = weighted, Reals((1,))
        self.scale = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def promises(self):
        return {"sample", "elbo"} | ({"log_weight"} if self.weighted else set())

    def sample(self, n=None, context=None):
        return math.sqrt(2) * self.noise(n, 1)

    def log_weight(self, x):
        z = x / 2 + torch.randn_like(x)
        log = torch.distributions.Normal
        one = torch.ones_like(x)
        return (
            log(0 * one, one).log_prob(z) + log(z, one).log_prob(x) - log(x / 2, one).log_prob(z)
        )[:, 0]

    elbo = log_weight


def test_an_exact_score_is_log_prob_whatever_the_number_of_rows():
    x = torch.randn(3000, 2, dtype=torch.float64)
    model = Gaussian(Reals((2,))).double()
    found = model.score_samples(x)
    assert found.dtype == np.float64
    assert found.shape == (3000,)
    assert np.allclose(found, model.log_prob(x).detach(), rtol=1e-12)
    assert np.array_equal(model.score_samples(x[:7].numpy()), found[:7])
    assert model.score_samples(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize("weighted", [True, False])
def test_a_random_score_is_right_within_its_error_and_belongs_to_its_row(weighted):
    model, x = Drawn(weighted), torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    found = score_draws(model, x, draws=4000)
    truth = torch.distributions.Normal(0.0, math.sqrt(2)).log_prob(x)[:, 0]
    if not weighted:  # E log w = log p - KL(q || p(z | x)), and p(z | x) = N(x / 2, 1 / 2)
        truth = truth - (0.5 - 0.5 * math.log(2))
    spread = (
        found.draws.exp().std(1) / found.draws.exp().mean(1) if weighted else found.draws.std(1)
    )
    assert ((found.value - truth).abs() < 5 * spread / math.sqrt(4000)).all()
    assert found.name == "elbo"
    alone = score_draws(model, x[[4, 2, 4]], draws=4000).value
    assert torch.equal(alone, found.value[[4, 2, 4]])
    assert not torch.equal(score_draws(model, x, draws=4000, seed=1).value, found.value)


def test_scoring_leaves_mode_and_random_streams():
    model = VAE(Bits((6,)), latent=2).train()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    model.score_samples(torch.zeros(2, 6, dtype=torch.int32))
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_energy_is_a_score_up_to_a_constant():
    model = RBM(Bits((4,)), hidden=3)
    with torch.no_grad():
        model.W.normal_()
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
    log_p = (-model.energy(x)).double().detach()
    assert np.allclose(model.score_samples(x), log_p)
    assert score_draws(model, x).name == "energy"


def test_levels_and_tokens_come_as_arrays():
    levels = np.array([[0, 16], [3, 5]], dtype=np.uint8)
    model = Gaussian(Reals((2,)))
    pixels = genus.density.Dequantised(model, Pixels((2,), 17))
    seen = pixels.score_samples(torch.from_numpy(levels).float() / 8 - 1)
    assert np.array_equal(pixels.score_samples(levels), seen)
    table = Table(Tokens(3, 2))
    assert np.isfinite(table.score_samples(np.array([[0, 2]], dtype=np.int32))).all()


def test_what_cannot_be_scored_is_refused():
    class Silent(GenerativeModel):
        space = Reals((2,))

        def sample(self, n=None, context=None):
            raise NotImplementedError

    with pytest.raises(RefusedType, match="Silent cannot say how likely a row is; a model with"):
        Silent().score_samples(np.zeros((1, 2)))
    model = Gaussian(Reals((2,)))
    with pytest.raises(Refused, match=r"x has shape \(2, 3\); \(n, \*\(2,\)\) is wanted"):
        model.score_samples(np.zeros((2, 3)))
    with pytest.raises(Refused, match="not finite"):
        model.score_samples([[0.0, math.nan]])
    with pytest.raises(Refused, match="context is list; no context is wanted"):
        model.score_samples(np.zeros((2, 2)), [0, 1])
    with pytest.raises(Refused, match="draws is 0"):
        model.score_samples(np.zeros((2, 2)), draws=0)
