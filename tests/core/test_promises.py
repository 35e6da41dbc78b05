"""Promises: a model decides what it keeps, and not its class."""

import torch

from genus.core import (
    Bits,
    HasAnnealingPath,
    HasElbo,
    HasFit,
    HasLogProb,
    HasLogWeight,
    Pixels,
    Reals,
    promise,
)
from genus.density import Dequantised, Gaussian
from genus.energy import RBM
from genus.nn import MLP
from genus.vae import VAE


def test_the_model_itself_is_given_back():
    model = Gaussian(Reals((2,)))
    assert promise(model, HasLogProb) is model
    assert promise(model, HasFit) is model
    assert promise(model, HasElbo) is None


def test_a_wrapper_keeps_what_it_wraps():
    """Its class has every method; whether it keeps the promise depends on what is inside."""
    pixels = Pixels((2,), 5)
    closed = Dequantised(Gaussian(Reals((2,))), pixels)
    learned = Dequantised(VAE(Reals((2,)), 1, MLP(2, 2), MLP(1, 2)), pixels)
    assert isinstance(learned, HasFit)
    assert promise(closed, HasFit) is closed
    assert promise(learned, HasFit) is None
    assert promise(closed, HasLogWeight) is closed


def test_a_promise_of_several_methods():
    assert promise(RBM(Bits((3,)), 2), HasAnnealingPath)
    assert promise(Gaussian(Reals((2,))), HasAnnealingPath) is None


def test_what_is_no_model_is_asked_for_its_methods():
    normal = torch.distributions.Normal(0.0, 1.0)
    assert promise(normal, HasLogProb) is normal
    assert promise(normal, HasElbo) is None
