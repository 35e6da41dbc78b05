"""CatGAN: its entropies against torch.distributions, and clusters that it finds."""

import math

import pytest
import torch
from torch.distributions import Categorical
from torch.nn.functional import cross_entropy

from genus.adversarial import CatGAN, NoisyMLP
from genus.adversarial.codes.catgan import Sureness
from genus.core import Bits, Classes, Reals
from genus.nn import MLP
from genus.recipes import find
from genus.recipes.adversarial._classes import matched
from genus.train.game import adam, play
from genus.train.run import Run


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def game(kind=CatGAN, alpha=0.0):
    return kind(Reals((2,)), MLP(3, 2, (8,)), MLP(2, 4, (8,)), 3, 4, alpha)


def losses_are_entropies(model):
    x, fake, y = model.deal(3 * torch.randn(16, 2), torch.arange(16) % 5 - 1)
    real, other = (Categorical(logits=model.critic(rows)) for rows in (x, fake))
    of_all = {p: Categorical(p.probs.mean(0)).entropy() for p in (real, other)}
    wanted = {
        "real": real.entropy().mean(),
        "fake": -other.entropy().mean(),
        "balance": -of_all[real],
    }
    if model.alpha:
        known = y >= 0
        wanted["classification"] = model.alpha * cross_entropy(model.critic(x)[known], y[known])
    torch.testing.assert_close(model.critic_loss(x, fake, y), wanted)
    wanted = {"fool": other.entropy().mean(), "balance": -of_all[other]}
    torch.testing.assert_close(model.generator_loss(x, fake, y), wanted)


class WantsToBeUnsure(CatGAN):
    """The entropy with the wrong sign."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.score = torch.nn.Sequential(Sureness(), Negative())


class Negative(torch.nn.Module):
    def forward(self, x):
        return -x


class BalancesEachRow(CatGAN):
    """The mean of entropies in the place of the entropy of the mean."""

    def balance(self, logits):
        return self.score(logits).mean()


class ForgetsAlpha(CatGAN):
    def mistakes(self, logits, y):
        return super().mistakes(logits, y) / self.alpha


@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_losses_are_the_entropies(alpha):
    losses_are_entropies(game(alpha=alpha))


@pytest.mark.parametrize("liar", [WantsToBeUnsure, BalancesEachRow, ForgetsAlpha])
def test_other_entropies_are_noticed(liar):
    with pytest.raises(AssertionError):
        losses_are_entropies(game(liar, 0.7))


def test_sureness_is_between_minus_log_k_and_0_and_has_a_slope_there():
    logits = torch.tensor([[0.0, 0.0, 0.0], [900.0, 0.0, -900.0]], requires_grad=True)
    found = Sureness()(logits)
    torch.testing.assert_close(found, torch.tensor([-math.log(3), 0.0]))
    (slope,) = torch.autograd.grad(found.sum(), logits)
    assert slope.isfinite().all()


def test_the_critics_loss_is_least_where_it_is_right_about_everything():
    """Two classes, one for each half of the data, and none for fake rows: -2 log 2."""
    model = CatGAN(Reals((2,)), MLP(1, 2), MLP(2, 2, ()), 1, 2)
    with torch.no_grad():
        model.critic[0].weight.copy_(torch.tensor([[1e3, 0.0], [-1e3, 0.0]]))
        model.critic[0].bias.zero_()
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).repeat(4, 1)
    fake = torch.tensor([[0.0, 1.0]]).repeat(8, 1)
    total = sum(model.critic_loss(x, fake, torch.full((8,), -1)).values())
    torch.testing.assert_close(total, torch.tensor(-2 * math.log(2)))


def test_without_labels_rows_come_alone_and_with_them_a_class_with_each():
    alone, labelled = game(), game(alpha=1.0)
    assert alone.context_space is None
    assert labelled.context_space == Classes(4)
    with pytest.raises(ValueError, match="a context was given; it takes none"):
        alone.sample(context=torch.tensor([1]))
    assert "classification" not in alone.critic_loss(*alone.deal(torch.randn(4, 2)))


def test_clusters_become_classes_without_a_label():
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    corners = 2 * torch.tensor([[0.0, 1.0], [0.87, -0.5], [-0.87, -0.5]])

    def rows(n):
        y = torch.randint(3, (n,))
        return corners[y] + 0.3 * torch.randn(n, 2), y

    critic = NoisyMLP(2, 3, (32, 32), 0.1, 0.1)
    model = CatGAN(Reals((2,)), MLP(2, 2, (32,), activation="relu"), critic, 2, 3)
    make = adam(2e-3, (0.5, 0.99))
    moves = {name: make(name, p.parameters()) for name, p in model.players().items()}
    for _ in play(model, ((rows(128)[0],) for _ in range(400)), moves):
        pass
    x, y = rows(1000)
    assert matched(model.eval().classify(x).argmax(1), y) > 0.95


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"space": Bits((2,))}, r"CatGAN: space is Bits.*Reals or Pixels are wanted"),
        ({"latent": 0}, "CatGAN: latent is 0; at least 1"),
        ({"classes": 1}, "CatGAN: classes is 1; at least 2"),
        ({"alpha": -1.0}, "CatGAN: alpha is -1.0; at least 0"),
    ],
)
def test_what_is_no_game_is_refused(given, sentence):
    whole = {"space": Reals((2,)), "generator": MLP(3, 2), "critic": MLP(2, 4), "latent": 3}
    with pytest.raises(ValueError, match=sentence):
        CatGAN(**{**whole, "classes": 4, **given})


def test_the_recipe_shows_as_many_labels_as_it_is_told(tmp_path):
    torch.set_default_dtype(torch.float32)
    run = Run(rounds=2, batch=8, device="cpu", out=tmp_path / "run", evaluate_every=2)
    model = find("catgan")("digits", alpha=0.5, hidden=(8,), latent=3, width=8, run=run)
    assert (model.classes, model.alpha, model.latent) == (10, 0.5, 3)
    assert '"error": ' in (tmp_path / "run" / "metrics.jsonl").read_text()
    model.space.check(model.sample(context=torch.arange(3)), "sample")
    alone = find("catgan")("digits", labels=0, hidden=(8,), run=Run(rounds=1, batch=8))
    assert alone.context_space is None
    with pytest.raises(ValueError, match="catgan: alpha is 0 and labels is 100; above 0, or no"):
        find("catgan")(alpha=0)
    with pytest.raises(
        ValueError, match=r"housing train: has no labels, and a conditional model wants"
    ):
        find("catgan")("housing")
