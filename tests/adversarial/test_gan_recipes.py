"""What the recipes build by name, and what they refuse."""

import pytest

from genus.functional.adversarial import OBJECTIVES
from genus.functional.penalties import PENALTIES
from genus.nn import MLP, ConvEncoder
from genus.recipes.dcgan import dcgan
from genus.recipes.gan import gan
from genus.run import Run

SHORT = Run(rounds=2, batch=8, device="cpu")


@pytest.mark.parametrize(
    ("objective", "penalty"),
    [*((o, "r1") for o in OBJECTIVES), ("wasserstein", "gradient_penalty")],
)
def test_each_name_is_a_game(objective, penalty):
    model = gan("ring", objective, penalty, 0.5, critic_rounds=2, width=8, run=SHORT)
    assert model.objective is OBJECTIVES[objective]
    assert model.penalties[0].function is PENALTIES[penalty]
    assert model.penalties[0].weight == 0.5
    assert model.critic_rounds == 2
    assert isinstance(model.critic, MLP)
    assert model.sample(3).shape == (3, 2)


def test_images_get_convolutions():
    model = gan("digits", weight=0, width=4, run=SHORT)
    assert isinstance(model.critic, ConvEncoder)
    assert (model.penalties, model.latent) == ((), 32)
    model.space.check(model.sample(3), "sample")


def test_dcgan_takes_what_it_is_told():
    model = dcgan("digits", latent=5, width=4, coarsest=4, run=SHORT)
    assert (model.latent, model.width, model.coarsest) == (5, 4, 4)
    model.space.check(model.sample(3), "sample")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"objective": "lsgan"}, "gan: objective is 'lsgan'; one of minimax, non_saturating"),
        ({"penalty": "gp"}, "gan: penalty is 'gp'; one of r1, r2, gradient_penalty"),
        ({"weight": -1}, "Penalty: weight is -1"),
    ],
)
def test_wrong_names_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        gan(**arguments, run=SHORT)
