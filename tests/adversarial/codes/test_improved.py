"""Improved GAN: a softmax of K + 1 classes in disguise, and what few labels and a generator are worth."""

import pytest
import torch
from torch.nn.functional import cross_entropy, log_softmax, softplus

from genus.adversarial import ImprovedGAN, NoisyMLP
from genus.core import Bits, Classes, Reals
from genus.functional.adversarial.objectives import minimax, non_saturating
from genus.functional.adversarial.relativistic import relativistic
from genus.nn import MLP
from genus.recipes import find
from genus.train.game import adam, play
from genus.train.run import Run


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def game(kind=ImprovedGAN, **given):
    return kind(Reals((2,)), MLP(3, 2, (8,)), MLP(2, 4, (8, 6)), 3, 4, **given)


def is_a_softmax_of_one_class_more(model):
    """Against cross-entropies of K + 1 classes, of which the last has the logit 0."""
    x, fake, y = model.deal(2 * torch.randn(16, 2), torch.arange(16) % 5 - 1)
    log_p, log_f = (
        log_softmax(torch.cat([model.critic(rows), torch.zeros(16, 1)], 1), 1) for rows in (x, fake)
    )
    known = y >= 0
    of_real = log_p[known, :4] - log_p[known, :4].logsumexp(1, keepdim=True)
    wanted = {
        "classification": -of_real.gather(1, y[known][:, None]).mean(),
        "real": -0.5 * model.weight * log_p[:, :4].logsumexp(1).mean(),
        "fake": -0.5 * model.weight * log_f[:, 4].mean(),
    }
    torch.testing.assert_close(model.critic_loss(x, fake, y), wanted)
    dealt = model.judged((x, fake, y))
    assert dealt.logits
    torch.testing.assert_close(dealt.real, log_p[:, :4].logsumexp(1) - log_p[:, 4])
    torch.testing.assert_close(dealt.fake, log_f[:, :4].logsumexp(1) - log_f[:, 4])


class CallsFakeRowsReal(ImprovedGAN):
    def critic_loss(self, x, fake, y):
        terms = super().critic_loss(x, fake, y)
        return terms | {"fake": self.weight / 2 * softplus(-self.score(self.critic(fake))).mean()}


class ClassifiesUnknownRows(ImprovedGAN):
    """Rows without a label count as rows of the class 0."""

    def mistakes(self, logits, y):
        return cross_entropy(logits, y.clamp(min=0))


class HasNoFakeClass(ImprovedGAN):
    """Z / (Z + 1) with Z in the place of Z + 1: nothing is ever fake."""

    def __init__(self, *arguments, **given):
        super().__init__(*arguments, **given)
        self.score = Largest()


class Largest(torch.nn.Module):
    def forward(self, logits):
        return logits.amax(1)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_the_critic_is_a_softmax_of_one_class_more(weight):
    is_a_softmax_of_one_class_more(game(weight=weight))


@pytest.mark.parametrize("liar", [CallsFakeRowsReal, ClassifiesUnknownRows, HasNoFakeClass])
def test_another_critic_is_noticed(liar):
    with pytest.raises(AssertionError):
        is_a_softmax_of_one_class_more(game(liar))


def test_the_generator_matches_the_means_of_features():
    model = game()
    x, fake, y = model.deal(torch.randn(16, 2), torch.full((16,), -1))
    gap = model.critic.features(x).mean(0) - model.critic.features(fake).mean(0)
    assert gap.shape == (6,)  # the last hidden layer
    terms = model.generator_loss(x, fake, y)
    torch.testing.assert_close(terms, {"features": gap.square().sum()})
    same = model.generator_loss(x, x.flip(0), y)["features"]
    torch.testing.assert_close(same, torch.zeros(()))


@pytest.mark.parametrize("objective", [non_saturating, minimax])
def test_or_it_plays_for_high_log_odds(objective):
    model = game(game=objective)
    x, fake, y = model.deal(torch.randn(16, 2), torch.full((16,), -1))
    odds = model.critic(fake).exp().sum(1)
    real = odds / (odds + 1)
    wanted = -real.log() if objective is non_saturating else (1 - real).log()
    torch.testing.assert_close(model.generator_loss(x, fake, y), {"fool": wanted.mean()})


def test_labels_and_the_sides_leave_each_other_alone_where_the_paper_says():
    """Adding a number to all logits of a row changes how real it is, and not its class."""
    model = game()
    logits = torch.randn(5, 4)
    moved = logits + torch.randn(5, 1)
    y = torch.arange(5) % 4
    torch.testing.assert_close(model.mistakes(logits, y), model.mistakes(moved, y))
    torch.testing.assert_close(model.score(moved) - model.score(logits), (moved - logits)[:, 0])


def test_rows_without_a_label_say_where_classes_end():
    """Two strips, and one label of each at opposite ends: labels alone divide them along a diagonal."""
    torch.set_default_dtype(torch.float32)

    def strips(n):
        y = torch.randint(2, (n,))
        return torch.stack([torch.randn(n), 2 * y - 1 + 0.2 * torch.randn(n)], 1), y

    known = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), torch.tensor([1, 0])
    x, y = strips(1000)
    found = {}
    for weight in (0.0, 1.0):
        torch.manual_seed(0)
        critic = NoisyMLP(2, 2, (64, 64), 0.1, 0.1)
        model = ImprovedGAN(Reals((2,)), MLP(3, 2, (32,)), critic, 3, 2, weight)
        make = adam(5e-3, (0.5, 0.99))
        moves = {name: make(name, p.parameters()) for name, p in model.players().items()}
        batches = (
            (torch.cat([known[0], strips(60)[0]]), torch.cat([known[1], torch.full((60,), -1)]))
            for _ in range(200)
        )
        for _ in play(model, batches, moves):
            pass
        found[weight] = (model.eval().classify(x).argmax(1) == y).double().mean().item()
    assert found[0.0] < 0.9
    assert found[1.0] > found[0.0] + 0.06


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"space": Bits((2,))}, r"ImprovedGAN: space is Bits.*Reals or Pixels are wanted"),
        ({"latent": 0}, "ImprovedGAN: latent is 0; at least 1"),
        ({"classes": 1}, "ImprovedGAN: classes is 1; at least 2"),
        ({"weight": -1.0}, "ImprovedGAN: weight is -1.0; at least 0"),
        ({"game": relativistic}, "ImprovedGAN: game is relativistic.*such as non_saturating"),
        (
            {"critic": torch.nn.Linear(2, 4)},
            "ImprovedGAN: critic is Linear, which has no features.*or give a game",
        ),
    ],
)
def test_what_is_no_game_is_refused(given, sentence):
    whole = {"space": Reals((2,)), "generator": MLP(3, 2), "critic": MLP(2, 4), "latent": 3}
    with pytest.raises(ValueError, match=sentence):
        ImprovedGAN(**{**whole, "classes": 4, **given})


def test_the_recipe_matches_features_or_compares_rows(tmp_path):
    torch.set_default_dtype(torch.float32)
    run = Run(rounds=2, batch=8, device="cpu", out=tmp_path / "run", evaluate_every=2, ema=0.9)
    size = {"hidden": (8, 6), "latent": 3, "width": 8}
    model = find("improvedgan")("digits", weight=0.5, run=run, **size)
    assert (model.context_space, model.weight, model.game) == (Classes(10), 0.5, None)
    assert '"error": ' in (tmp_path / "run" / "metrics.jsonl").read_text()
    model.space.check(model.sample(context=torch.arange(3)), "sample")
    other = find("improvedgan")("digits", kernels=4, run=Run(rounds=1, batch=8), **size)
    assert other.game is non_saturating
    assert other.critic.kernels == 4
    with pytest.raises(
        ValueError, match=r"housing train: has no labels, and a conditional model wants"
    ):
        find("improvedgan")("housing")
