"""Recipes of densities, energies and autoregressive models: short runs on data of each fitting kind."""

import math

import pytest
import torch

from genus.core import Bits, Pixels, Reals
from genus.data import load
from genus.measure import scores
from genus.recipes.autoregressive.made import made
from genus.recipes.autoregressive.made_mnist import made_mnist
from genus.recipes.density.gaussian import gaussian
from genus.recipes.density.gmm import gmm
from genus.recipes.density.table import table
from genus.recipes.energy.rbm import rbm
from genus.train.run import Run

FEW = Run(rounds=20, batch=32, lr=0.01, device="cpu")


def nats(model, data) -> float:
    torch.manual_seed(0)
    return scores(data.test)(model)["nats"]


def test_gaussian_and_mixture_on_pixels():
    data = load("digits")
    bit = math.log(2) * 64
    one, many = nats(gaussian(), data) / bit, nats(gmm(), data) / bit
    assert one == pytest.approx(2.93, abs=0.02)
    assert many == pytest.approx(2.6, abs=0.05)
    assert nats(gaussian(covariance="diagonal"), data) / bit > one


def test_gaussian_and_mixture_on_the_plane():
    moons = load("moons")
    one, many = gaussian("moons"), gmm("moons", components=30, covariance="full")
    assert many.space == Reals((2,))
    (x,) = moons.test.everything()
    truth = moons.log_prob(x).mean()
    assert 0 < truth - many.log_prob(x).mean() < 0.04 < truth - one.log_prob(x).mean()


def test_table_on_what_can_be_counted():
    bars = load("bars")
    assert nats(table(), bars) == pytest.approx(bars.entropy, abs=0.03)


def test_rbm_takes_pixels_as_bits_and_bits_as_they_are():
    model = rbm(hidden=5, run=FEW)
    assert model.space == Bits((1, 8, 8))
    assert nats(model, load("digits").binarised()) < 40
    assert rbm("bars", hidden=5, chains=0, run=FEW).space == Bits((1, 4, 4))


def test_made_takes_pixels_and_bits():
    pixels = made(hidden=(32,), masks=2, run=FEW)
    assert pixels.space == Pixels((1, 8, 8), 17)
    start = math.log(17) * 64
    assert nats(pixels, load("digits")) < start - 20
    assert nats(made("bars", hidden=(32,), masks=1, run=FEW), load("bars")) < 16 * math.log(2)


def test_made_for_mnist_takes_any_bits():
    assert nats(made_mnist("bars", hidden=(32,), run=FEW), load("bars")) < 16 * math.log(2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gaussian("bars"), "Gaussian: space is Bits.*Reals are wanted"),
        (lambda: gmm("bars"), "GaussianMixture: space is Bits.*Reals are wanted"),
        (lambda: table("digits"), "at most 4194304 are wanted"),
        (lambda: rbm("moons"), "only Pixels can be binarised"),
        (lambda: made("moons"), "MADE: space is Reals.*Bits, Pixels or Tokens are wanted"),
    ],
)
def test_data_of_another_kind_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
