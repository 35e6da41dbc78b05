"""The recipe ddpm: short runs on data of each fitting kind."""

import pytest
import torch

from genus.core import Pixels, Reals
from genus.data import load
from genus.diffusion import Ancestral, TimeMLP, UNet
from genus.measure import evaluate, scores
from genus.recipes.diffusion._denoisers import denoising_net
from genus.recipes.diffusion.ddpm import ddpm
from genus.recipes.diffusion.dit import dit
from genus.train.run import Run

FEW = Run(rounds=5, batch=8, device="cpu")


def test_ddpm_on_pixels():
    model = ddpm(steps=50, width=4, evaluations=3, run=FEW)
    assert model.space == Pixels((1, 8, 8), 17)
    assert scores(load("digits").validation)(model)["nats"] > 100


@pytest.mark.parametrize("objective", ["hybrid", "bound"])
@pytest.mark.parametrize("data", ["digits", "ring"])
def test_ddpm_with_a_learned_variance(data, objective):
    model = ddpm(data, 50, width=4, evaluations=3, objective=objective, run=FEW)
    assert model.variance is None
    assert isinstance(model.sampler, Ancestral)
    model.space.check(model.sample(2), "ddpm")


def test_ddpm_finds_all_modes_of_the_ring_in_seconds():
    ring = load("ring")
    model = ddpm("ring", steps=100, run=Run(rounds=600, batch=256, lr=3e-3, ema=0.99, device="cpu"))
    assert model.space == Reals((2,))
    figures = {figure.name: figure.value for figure in evaluate(model, ring)}
    assert figures["modes"] == 8
    assert figures["mode_kl"] < 0.1


@pytest.mark.parametrize(
    ("shape", "levels"), [((1, 8, 8), 2), ((1, 28, 28), 3), ((3, 32, 32), 4), ((2, 5, 3), 1)]
)
def test_images_are_halved_down_to_seven_pixels(shape, levels):
    net = denoising_net(Pixels(shape))
    assert isinstance(net, UNet)
    assert len(net.multipliers) == levels
    assert net(torch.zeros(1, *shape), torch.zeros(1)).shape == (1, *shape)


def test_vectors_get_a_perceptron():
    assert isinstance(denoising_net(Reals((5,)), 8), TimeMLP)


def test_dit_on_pixels():
    model = dit(width=8, depth=1, heads=2, evaluations=3, run=FEW)
    assert model.sample(2).shape == (2, 1, 8, 8)
    with pytest.raises(ValueError, match="dit on moons: space is Reals"):
        dit("moons", run=FEW)
