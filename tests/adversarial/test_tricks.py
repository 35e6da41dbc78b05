"""Views, packing and layers in which rows meet, in a game; and their recipes."""

import laws
import pytest
import torch
from torch import nn

from genus.adversarial import (
    GAN,
    AdaptiveAugment,
    DiffAugment,
    InstanceNoise,
    MinibatchDiscrimination,
    MinibatchStddev,
    UnrolledGAN,
    Views,
)
from genus.core import Pixels, Reals
from genus.functional.adversarial.objectives import wasserstein
from genus.functional.adversarial.penalties import Penalty, r1
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.recipes.adversarial.pacgan import pacgan
from genus.recipes.adversarial.unrolledgan import unrolledgan
from genus.train.fit import fit
from genus.train.run import Run

torch.set_num_threads(1)
SHORT = Run(rounds=2, batch=8, device="cpu")
SPACE = Pixels((1, 4, 6), 5)


def game(view):
    torch.manual_seed(0)
    nets = ConvDecoder(3, (1, 4, 6), 4), ConvEncoder((1, 4, 6), 1, 4)
    return GAN(SPACE, *nets, 3, penalties=(Penalty(r1, 0.1),), view=view)


def test_what_a_view_remembers_goes_on_with_the_run():
    """The law of resuming, on a game whose view has a state that changes what is seen."""
    torch.set_default_dtype(torch.float64)
    view = Views((AdaptiveAugment(images=40, start=0.5), InstanceNoise(0.3, 3)))
    laws.resuming_changes_nothing(game(view).eval())
    torch.set_default_dtype(torch.float32)


def test_a_critic_that_knows_its_rows_raises_p_and_one_that_does_not_lowers_it():
    for bias, wanted in ((30.0, 0.5 + 4 * 0.1), (-30.0, 0.5 - 4 * 0.1)):
        view = AdaptiveAugment(images=80, start=0.5)
        model = game(view)
        with torch.no_grad():
            [*model.critic.modules()][-1].bias.add_(bias)
        fit(model, laws.rows_for(model), Run(rounds=4, batch=8, lr=1e-4, device="cpu"))
        assert view.p.item() == pytest.approx(wanted)


def test_noise_fades_round_by_round():
    view = InstanceNoise(0.5, 10)
    model = game(view)
    fit(model, laws.rows_for(model), Run(rounds=4, batch=8, device="cpu"))
    assert int(view.moves) == 4


def test_both_sides_and_both_players_see_the_view():
    """Where the data and G(z) are the same rows, so are their laws under the view: the game is even."""

    class Same(nn.Module):
        def forward(self, z):
            return torch.full((len(z), 24), 0.5).atanh() + 0 * z.sum()

    torch.manual_seed(0)
    model = GAN(SPACE, Same(), ConvEncoder((1, 4, 6), 1, 4), 3, wasserstein, view=DiffAugment())
    x, fake = model.deal(torch.full((4000, *SPACE.shape), 0.5))
    assert len(x.flatten(1).unique(dim=0)) > 3900
    with torch.no_grad():
        laws.within((model.critic(x) - model.critic(fake)).double().flatten(), 0.0)


@pytest.mark.parametrize(
    ("layer", "more"), [(MinibatchDiscrimination(8, 3, 2), 3), (MinibatchStddev(4), 1)]
)
def test_a_critic_in_which_rows_meet_learns(layer, more):
    critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), layer, nn.Linear(8 + more, 1))
    model = GAN(Reals((2,)), MLP(3, 2), critic, 3)
    laws.everything_owned_learns(model, torch.randn(8, 2))


# --- recipes -----------------------------------------------------------------------------------


def test_pacgan_packs():
    model = pacgan("ring", packing=4, width=8, run=SHORT)
    assert (model.packing, len(model.penalties)) == (4, 1)
    assert model.critic.d_in == 8
    assert model.sample(3).shape == (3, 2)
    images = pacgan("stacked_digits", packing=2, width=4, run=SHORT)
    assert images.critic.shape == (6, 8, 8)


def test_unrolledgan_looks_ahead():
    model = unrolledgan("ring", steps=2, rate=0.2, objective="minimax", width=8, run=SHORT)
    assert isinstance(model, UnrolledGAN)
    assert (model.steps, model.rate, model.objective.name) == (2, 0.2, "minimax")
    assert model.sample(3).shape == (3, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: unrolledgan("digits", run=SHORT),
            "unrolledgan on digits: space is .* of \\(d\\) are wanted",
        ),
        (lambda: unrolledgan(objective="lsgan", run=SHORT), "objective is 'lsgan'; one of minimax"),
        (lambda: pacgan("ring", packing=3, run=SHORT), "packing is 3, and must divide it"),
    ],
)
def test_recipes_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
