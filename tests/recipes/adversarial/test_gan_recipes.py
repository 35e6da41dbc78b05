"""What the recipes build by name, and what they refuse."""

import importlib

import pytest

from genus.adversarial.nets.augment import DiffAugment
from genus.functional.adversarial.objectives import OBJECTIVES, TopK
from genus.functional.adversarial.penalties import PENALTIES
from genus.nn import MLP, ConvEncoder
from genus.recipes.adversarial.bgan import bgan
from genus.recipes.adversarial.dcgan import dcgan
from genus.recipes.adversarial.fgan import fgan
from genus.recipes.adversarial.gan import gan
from genus.recipes.adversarial.geometricgan import geometricgan
from genus.recipes.adversarial.lsgan import lsgan
from genus.recipes.adversarial.ragan import ragan
from genus.recipes.adversarial.wgan import wgan
from genus.recipes.adversarial.wgan_gp import wgan_gp
from genus.train.fit import adam
from genus.train.run import Run

recipe_of_gan = importlib.import_module("genus.recipes.adversarial.gan")

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
    ("recipe", "arguments", "objective"),
    [
        (lsgan, {}, "least_squares"),
        (lsgan, {"centred": True}, "least_squares_centred"),
        (geometricgan, {}, "hinge"),
        (wgan, {}, "wasserstein"),
        (wgan_gp, {}, "wasserstein"),
        (fgan, {"divergence": "kl"}, "kl"),
        (ragan, {"link": "hinge"}, "relativistic_average_hinge"),
        (bgan, {}, "ratio_matching_follow"),
    ],
)
def test_named_systems_are_their_games(recipe, arguments, objective):
    model = recipe(**arguments, run=SHORT)
    assert model.objective is OBJECTIVES[objective]
    bounded = {wgan: [], wgan_gp: ["gradient_penalty"]}.get(recipe, ["r1"])
    assert [penalty.name for penalty in model.penalties] == bounded
    assert model.bound == (0.3 if recipe is wgan else None)
    assert model.critic_rounds == (2 if recipe in (wgan, wgan_gp) else 1)


def test_switches_are_wired():
    model = gan(
        "digits",
        penalty="r1+r2",
        every=4,
        critic_lr=5e-3,
        packing=2,
        noise=0.5,
        augment="diff",
        history=0.1,
        top=0.5,
        fade=7,
        width=4,
        run=SHORT,
    )
    assert [(p.name, p.every) for p in model.penalties] == [("r1", 4), ("r2", 4)]
    assert (model.packing, model.history, model.top) == (2, 0.1, TopK(0.5, 7))
    augment, noise = model.view.views
    assert isinstance(augment, DiffAugment)
    assert (noise.std, noise.rounds) == (0.5, 7)
    assert model.rounds == 2


def test_terms_go_to_the_player_they_are_for():
    model = gan(penalty="r1+feature_matching", every=3, width=8, run=SHORT)
    owners = [(p.name, p.player, p.every) for p in model.penalties]
    assert owners == [("r1", "critic", 3), ("feature_matching", "generator", 3)]
    assert "generator_every_3" in model.players()


def test_the_critic_has_its_own_rate(monkeypatch):
    seen = {}
    monkeypatch.setattr(recipe_of_gan, "adam", lambda *a: seen.update(a=a) or adam(*a))
    gan(critic_lr=5e-3, every=4, width=8, run=SHORT)
    assert seen["a"] == ({"critic": 5e-3, "generator": 1e-3}, (0.0, 0.99), {"critic": 4})


@pytest.mark.parametrize(
    ("recipe", "arguments", "sentence"),
    [
        (fgan, {"divergence": "tv"}, "fgan: divergence is 'tv'; one of kl, reverse_kl"),
        (ragan, {"link": "tv"}, "ragan: link is 'tv'; one of logistic, least_squares, hinge"),
    ],
)
def test_wrong_names_of_systems_are_refused(recipe, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipe(**arguments, run=SHORT)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"augment": "more"}, "gan: augment is 'more'; one of diff, adaptive is wanted"),
        ({"objective": "lsgan"}, "gan: objective is 'lsgan'; one of minimax, non_saturating"),
        ({"penalty": "gp"}, "gan: penalty is 'gp'; one of r1, r2, gradient_penalty"),
        ({"weight": -1}, "Penalty: weight is -1"),
    ],
)
def test_wrong_names_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        gan(**arguments, run=SHORT)
