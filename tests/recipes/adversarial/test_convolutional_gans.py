"""The recipes of SNGAN and R3GAN: they build what they are told."""

import pytest
from torch import nn
from torch.nn.utils import parametrize

from genus.functional.adversarial.objectives import hinge
from genus.functional.adversarial.relativistic import relativistic
from genus.recipes.adversarial.r3gan import r3gan
from genus.recipes.adversarial.sngan import sngan
from genus.train.run import Run

SHORT = Run(rounds=2, batch=8, device="cpu")


def test_sngan():
    model = sngan(
        "digits", latent=5, width=4, critic_width=6, coarsest=2, critic_rounds=2, run=SHORT
    )
    assert (model.objective, model.critic_rounds, model.latent) == (hinge, 2, 5)
    assert (model.generator.width, model.critic.width, model.generator.grid) == (4, 6, (2, 2))
    for layer in model.critic.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert parametrize.is_parametrized(layer, "weight")
    model.space.check(model.sample(3), "sample")


def test_r3gan():
    model = r3gan("digits", latent=5, width=8, blocks=2, coarsest=2, gamma=0.5, run=SHORT)
    assert model.objective is relativistic
    assert [(p.name, p.weight, p.every) for p in model.penalties] == [
        ("r1", 0.5, 1),
        ("r2", 0.5, 1),
    ]
    assert (model.critic.width, model.critic.blocks, len(model.critic.stages)) == (8, 2, 3)
    model.space.check(model.sample(3), "sample")


@pytest.mark.parametrize("recipe", [sngan, r3gan])
def test_sizes_that_do_not_halve_are_refused(recipe):
    with pytest.raises(ValueError, match="SNGAN: shape is"):
        recipe("digits", coarsest=8, run=SHORT)
