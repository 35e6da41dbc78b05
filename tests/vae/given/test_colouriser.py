"""Colouriser: its mixture against torch's, its weights against quadrature, and colours taken apart."""

import math

import pytest
import torch
from laws import elbo_is_a_bound, several_weights_are_weights, weights_sum_to_one
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from genus.core import Bits, Pixels, Reals
from genus.data import load
from genus.errors import Refused
from genus.recipes.vae.colouriser import colouriser
from genus.train import Run
from genus.vae import Colouriser
from genus.vae.given.colouriser import ColourDecoder, Colours, Mixtures
from genus.vae.likelihoods import NoiseDecoding


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def tiny(kind=Colouriser, latent=1):
    """Colours of one pixel, away from where the model starts, with wide guesses."""
    torch.manual_seed(0)
    model = kind(Reals((2, 1, 1)), latent, 3, 2, 4)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
        model.encoder[-1][-1].bias[latent:] += 0.4
        model.decoder.chosen.weight.mul_(2)
    return model.eval()


def batch(model, n=6):
    grey = torch.randn(n, 1, 1, 1)
    return model.sample(context=grey), grey


def truth(model, grey):
    """p(z | c) as torch has it."""
    shares, means, log_stds = model.prior.split(model.seen(grey)[1])
    parts = Independent(Normal(means, log_stds.exp()), 1)
    return MixtureSameFamily(Categorical(logits=shares), parts)


def test_the_mixture_is_torchs_mixture():
    model = tiny(latent=2)
    grey, z = torch.randn(5, 1, 1, 1), torch.randn(5, 2)
    known, numbers = truth(model, grey), model.seen(grey)[1]
    assert torch.allclose(model.prior.log_prob(z, numbers), known.log_prob(z))
    draws = torch.stack([model.prior.draw(numbers) for _ in range(20_000)])
    error = known.stddev / 20_000**0.5
    assert ((draws.mean(0) - known.mean).abs() < 5 * error).all()
    assert torch.allclose(draws.std(0), known.stddev, rtol=0.05)


def by_quadrature(model, x, grey, step=0.01):
    """log p(x | c) by a sum over z of one unit."""
    z = torch.arange(-12, 12, step)[:, None]
    found = []
    for row, c in zip(x, grey, strict=True):
        many = c.expand(len(z), -1, -1, -1)
        features, numbers = model.seen(many)
        log_p = model.likelihood.log_prob(
            row.expand(len(z), -1, -1, -1), model.decoder(z, features)
        )
        found.append((log_p + model.prior.log_prob(z, numbers)).logsumexp(0) + math.log(step))
    return torch.stack(found)


def weighed(model, x, grey, k=40_000):
    """log p(x | c) by importance weights, and its standard error."""
    with torch.no_grad():
        w = model.log_weights(x, grey, k=k)
    top = w.amax(0)
    p = (w - top).exp()
    return top + p.mean(0).log(), p.std(0) / p.mean(0) / k**0.5


def test_weights_give_what_quadrature_gives():
    model = tiny()
    x, grey = batch(model)
    value, error = weighed(model, x, grey)
    assert error.max() < 0.05
    with torch.no_grad():
        assert ((value - by_quadrature(model, x, grey)).abs() < 5 * error + 1e-6).all()


def test_samples_are_of_the_density_that_weights_score():
    model = tiny()
    grey = torch.full((1, 1, 1, 1), 0.7)
    x = model.sample(context=grey.expand(20_000, -1, -1, -1))
    line = torch.linspace(x.min() - 1, x.max() + 1, 60)
    grid = torch.cartesian_prod(line, line)[:, :, None, None]
    with torch.no_grad():
        log_p = by_quadrature(model, grid, grey.expand(len(grid), -1, -1, -1), step=0.1)
    mass = log_p.exp() * (line[1] - line[0]) ** 2
    assert abs(mass.sum() - 1) < 0.01
    mean = (mass[:, None] * grid.flatten(1)).sum(0)
    spread = (mass[:, None] * (grid.flatten(1) - mean).square()).sum(0).sqrt()
    assert ((x.flatten(1).mean(0) - mean).abs() < 5 * spread / len(x) ** 0.5).all()
    assert torch.allclose(x.flatten(1).std(0), spread, rtol=0.05)


class GuessesForFree(Colouriser):
    """Weights lack the density of the guess."""

    def log_weights(self, x, context=None, *, k):
        mean, log_std = self.guess(x, context)
        log_q = Normal(mean, log_std.exp()).log_prob(mean).sum(1)
        return super().log_weights(x, context, k=k) + log_q


class SumsWhereItShouldMix(Mixtures):
    """A mixture whose shares are forgotten."""

    def log_prob(self, z, numbers):
        k = self.components
        return super().log_prob(z, torch.cat([0 * numbers[:, :k], numbers[:, k:]], 1))


def test_laws_see_a_liar():
    honest = tiny()
    elbo_is_a_bound(honest, *batch(honest))
    weights_sum_to_one(honest, *batch(honest))
    several_weights_are_weights(honest, *batch(honest))
    liar = tiny(GuessesForFree)
    with pytest.raises(AssertionError):
        weights_sum_to_one(liar, *batch(liar))


def test_a_prior_that_is_not_the_one_of_samples_is_seen_by_its_own_draws():
    model = tiny(latent=2)
    grey, z = torch.randn(5, 1, 1, 1), torch.randn(5, 2)
    numbers = model.seen(grey)[1]
    wrong = SumsWhereItShouldMix(2, 3)
    wrong.load_state_dict(model.prior.state_dict())
    assert not torch.allclose(wrong.log_prob(z, numbers), truth(model, grey).log_prob(z))


def test_pictures_are_taken_apart_and_come_back():
    colours = Colours(Pixels((3, 4, 5)))
    x = 2 * torch.rand(6, 3, 4, 5) - 1
    found, grey = colours.apart(x)
    assert found.shape == (6, 2, 4, 5)
    assert grey.shape == (6, 1, 4, 5)
    assert torch.allclose(colours.together(found, grey), x, atol=1e-6)
    plain = colours.together(torch.zeros_like(found), grey)
    assert (plain.amax(1) - plain.amin(1)).max() < 1e-3


def test_colours_are_those_of_the_code_and_edges_those_of_the_picture():
    model = tiny()
    z = torch.randn(4, 1)
    grey = torch.randn(4, 1, 1, 1)
    assert torch.allclose(model.decode(z, grey), model.decoder(z, model.features(grey)))
    assert not torch.allclose(model.decode(z, grey), model.decode(z, grey.flip(0)))
    blind = ColourDecoder(0, (1, 1), 2)
    assert blind(z, model.features(grey)).shape == (4, 2, 1, 1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Colours(Pixels((1, 4, 4))), "Pixels of three channels are wanted"),
        (lambda: Colouriser(Reals((3, 4, 4))), r"Reals of \(2, height, width\) are wanted"),
        (lambda: Colouriser(Reals((2,))), r"Reals of \(2, height, width\) are wanted"),
        (lambda: Colouriser(Bits((2, 4, 4))), "space is Bits"),
        (lambda: Colouriser(Reals((2, 4, 4)), components=0), "components is 0; at least 1"),
        (lambda: tiny().sample(3), "no context was given"),
        (lambda: colouriser("digits", run=Run(rounds=1)), "Pixels of three channels are wanted"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(Refused, match=words):
        call()


def test_a_recipe_colours():
    torch.set_default_dtype(torch.float32)
    data = "portraits?size=16&rows=200"
    model = colouriser(data, 2, 2, 2, 8, run=Run(rounds=2, batch=8))
    colours = Colours(load(data).space)
    x, grey = load(data).parted(colours).validation.first(3)
    found = model.sample(context=grey, decoding=NoiseDecoding(mean=True))
    assert colours.together(found, grey).shape == (3, 3, 16, 16)
    assert torch.allclose(lightness(colours.together(x, grey)), grey, atol=1e-3)


def lightness(x):
    return Colours(Pixels(tuple(x.shape[1:]))).apart(x)[1]
