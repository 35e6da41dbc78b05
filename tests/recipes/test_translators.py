"""Recipes of translation: what they make of their data, and which they refuse."""

import pytest

from genus.core import Pixels, Reals
from genus.recipes.translation.bicyclegan import bicyclegan
from genus.recipes.translation.frankengan import frankengan
from genus.train import Run

FEW = Run(rounds=2, batch=4, device="cpu", ema=0.9)


@pytest.mark.parametrize("data", ["digits_pairs", "digits"])
def test_pictures_alone_are_paired(data):
    model = bicyclegan(data, latent=2, width=2, inject="input", conditional=True, run=FEW)
    assert model.space == Pixels((1, 8, 8), 17)
    assert model.context_space == Reals((1, 8, 8))
    assert model.latent == 2
    assert (model.inject, model.conditional) == ("input", True)
    assert (model.l1, model.kl, model.latent_l1) == (10.0, 0.01, 0.5)


@pytest.mark.parametrize("data", ["digits_stages", "digits"])
def test_pictures_alone_are_stacked(data):
    model = frankengan(data, latent=2, width=2, run=FEW)
    assert model.space == Pixels((2, 8, 8), 17)
    assert [stage.space for stage in model.stages] == [Pixels((1, 8, 8), 17)] * 2
    assert model.stages[0].context_space == Reals((1, 8, 8))


def test_stages_may_have_any_channels():
    (stage,) = frankengan("digits_stages", channels=(2,), latent=2, width=2, run=FEW).stages
    assert stage.space == Pixels((2, 8, 8), 17)
    with pytest.raises(ValueError, match=r"channels are \(1, 2\); 2 together are wanted"):
        frankengan("digits_stages", channels=(1, 2), width=2, run=FEW)


def test_what_has_no_pictures_is_refused():
    with pytest.raises(ValueError, match=r"moons train: is .*; only Pixels can be made coarse"):
        bicyclegan("moons", run=FEW)
    with pytest.raises(
        ValueError, match=r"bars train: is .*; only Pixels can be stacked as stages"
    ):
        frankengan("bars", run=FEW)
