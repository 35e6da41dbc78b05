"""Mixtures: shares of their components, and components that learn as if they were alone."""

import copy
from itertools import islice

import pytest
import torch

from genus.adversarial import GAN, GeneratorMixture
from genus.core import Reals
from genus.density import Gaussian
from genus.functional.adversarial.penalties import Penalty, r1
from genus.nn import MLP
from genus.train.game import play

PLANE = Reals((2,))


def normal(mean):
    torch.manual_seed(0)
    model = Gaussian(PLANE)
    list(model.fit(0.01 * torch.randn(100, 2) + mean))
    return model


def game(seed):
    torch.manual_seed(seed)
    return GAN(PLANE, MLP(2, 2, (8,)), MLP(2, 1, (8,)), 2, penalties=(Penalty(r1, 1.0, 2),))


def test_rows_come_by_weight_and_in_no_order():
    model = GeneratorMixture([normal(-1), normal(0), normal(1)], (1, 0, 3))
    torch.manual_seed(1)
    x = model.sample(20_000)[:, 0].round()
    assert set(x.tolist()) == {-1, 1}
    high = (x == 1).double()
    assert (high.mean() - 0.75).abs() < 5 * (0.75 * 0.25 / 20_000) ** 0.5
    changes = (high[1:] != high[:-1]).double().mean()  # of neighbours that were drawn apart
    assert (changes - 2 * 0.75 * 0.25).abs() < 5 * (0.375 * 0.625 / 20_000) ** 0.5


def test_components_learn_as_if_alone():
    """The same losses, moves and lazy penalties as a GAN that plays by itself with the same noise."""
    rows = torch.randn(6, 16, 2)
    mixture, alone = GeneratorMixture([game(1), game(2)]), game(1)

    def train(model):
        optimizers = {
            name: torch.optim.SGD(player.parameters(), 0.1)
            for name, player in model.players().items()
            if player.optimizer is None
        }
        for number, _ in enumerate(play(model, ((x,) for x in seeded(rows)), optimizers)):
            assert number < 6

    def seeded(batches):
        for number, x in enumerate(batches):
            torch.manual_seed(number)  # the first component draws first
            yield x

    train(alone)
    train(mixture)
    for ours, theirs in zip(mixture.generators[0].parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    fresh = game(2)
    assert not torch.equal(
        next(mixture.generators[1].generator.parameters()), next(fresh.generator.parameters())
    )


def test_components_can_be_of_any_kind():
    mixture = GeneratorMixture([game(1), normal(0)], (0.5, 0.5))
    assert mixture.sample(10).shape == (10, 2)
    assert list(mixture.players()) == ["critic_0", "critic_every_2_0", "generator_0", "model_1"]


def test_a_copy_is_whole():
    mixture = GeneratorMixture([game(1), game(2)])
    twin = copy.deepcopy(mixture)
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(1)
    torch.manual_seed(0)
    x = mixture.sample(5)
    torch.manual_seed(0)
    assert not torch.equal(x, twin.sample(5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "no generators"),
        (([normal(0), Gaussian(Reals((3,)))],), "one space"),
        (([normal(0)], (1.0, 2.0)), "as many are wanted"),
        (([normal(0), normal(0)], (1.0, -1.0)), "none negative"),
        (([normal(0), normal(0)], (0.0, 0.0)), "not all 0"),
    ],
)
def test_mixtures_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GeneratorMixture(*arguments)


def test_training_is_lazy_about_nothing():
    """Every player of every component moves."""
    mixture = GeneratorMixture([game(1), game(2)])
    before = {k: v.clone() for k, v in mixture.named_parameters()}
    optimizers = {
        name: torch.optim.SGD(player.parameters(), 0.1)
        for name, player in mixture.players().items()
        if player.optimizer is None
    }
    for _ in islice(play(mixture, [(torch.randn(8, 2),)] * 2, optimizers), None):
        pass
    assert all(not torch.equal(v, before[k]) for k, v in mixture.named_parameters())
