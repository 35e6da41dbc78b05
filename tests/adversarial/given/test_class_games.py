"""AC-GAN, AM-GAN and ArtGAN: their losses by hand, whom they move, and what is refused."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn.functional import softplus

from genus.adversarial import ACGAN, AMGAN, ArtGAN, GivenGenerator, RedrawingCritic
from genus.core import Bits, Pixels, Reals
from genus.errors import Refused
from genus.functional.adversarial.objectives import hinge
from genus.functional.adversarial.penalties import Penalty, r1
from genus.nn import MLP, Labels
from genus.recipes.adversarial.acgan import acgan
from genus.recipes.adversarial.amgan import amgan
from genus.recipes.adversarial.artgan import artgan
from genus.train import Run
from genus.train.game import play

K = 3


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def generator():
    return GivenGenerator(MLP(2 + K, 2, (8,)), Labels(K))


def redrawing():
    return RedrawingCritic(MLP(2, 6, (8,)), nn.Linear(6, K), nn.Linear(6, 2))


def acgan_of(kind=ACGAN, **how):
    return kind(Reals((2,)), K, generator(), MLP(2, 1 + K, (8,)), 2, **how)


def amgan_of(kind=AMGAN, **how):
    return kind(Reals((2,)), K, generator(), MLP(2, K + 1, (8,)), 2, **how)


def artgan_of(kind=ArtGAN, **how):
    return kind(Reals((2,)), K, generator(), redrawing(), 2, **how)


MAKERS = {"acgan": acgan_of, "amgan": amgan_of, "artgan": artgan_of}
ALL = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def dealt(n=7):
    """Rows of both sides, and their classes."""
    return torch.randn(n, 2), torch.randn(n, 2, requires_grad=True), torch.arange(n) % K


def surprise(logits, classes):
    """-E log of the probability of the class, as torch's own distribution has it."""
    return -Categorical(logits=logits).log_prob(classes).mean()


def test_acgan_is_its_equations():
    model, (x, fake, c) = acgan_of(weight=0.7), dealt()
    real, made = model.critic(x), model.critic(fake)
    classes = 0.7 * (surprise(real[:, 1:], c) + surprise(made[:, 1:], c))
    sides = softplus(-real[:, 0]).mean() + softplus(made[:, 0]).mean()
    torch.testing.assert_close(sum(model.critic_loss(x, fake, c).values()), sides + classes)
    want = softplus(-made[:, 0]).mean() + 0.7 * surprise(made[:, 1:], c)
    torch.testing.assert_close(sum(model.generator_loss(x, fake, c).values()), want)


def test_acgan_takes_another_objective():
    model, (x, fake, c) = acgan_of(weight=0.0, objective=hinge), dealt()
    real, made = model.critic(x)[:, 0], model.critic(fake)[:, 0]
    want = (1 - real).relu().mean() + (1 + made).relu().mean()
    torch.testing.assert_close(sum(model.critic_loss(x, fake, c).values()), want)


@pytest.mark.parametrize("dynamic", [False, True])
def test_amgan_is_its_equations(dynamic):
    model, (x, fake, c) = amgan_of(dynamic=dynamic), dealt()
    real, made = model.critic(x), model.critic(fake)
    want = surprise(real, c) + surprise(made, torch.full((7,), K))
    torch.testing.assert_close(sum(model.critic_loss(x, fake, c).values()), want)
    target = made[:, :K].max(1).indices if dynamic else c
    loss = sum(model.generator_loss(x, fake, c).values())
    torch.testing.assert_close(loss, surprise(made, target))


def test_amgans_odds_are_those_of_its_probabilities():
    model, (x, *_) = amgan_of(), dealt()
    p = model.critic(x).softmax(1)
    torch.testing.assert_close(model.real(x), (p[:, :K].sum(1) / p[:, K]).log())
    torch.testing.assert_close(model.classify(x), p[:, :K] / p[:, :K].sum(1, keepdim=True))


def test_artgan_is_its_equations():
    model, (x, fake, c) = artgan_of(redrawn=0.4), dealt()
    (real, again), (made, remade) = model.critic.both(x), model.critic.both(fake)
    odds, of_fake = real.exp().sum(1).log(), made.exp().sum(1).log()
    want = softplus(-odds).mean() + softplus(of_fake).mean() + surprise(real, c)
    want = want + 0.2 * (again - x).square().mean()
    torch.testing.assert_close(sum(model.critic_loss(x, fake, c).values()), want)
    want = softplus(-of_fake).mean() + surprise(made, c) + 0.2 * (remade - fake).square().mean()
    torch.testing.assert_close(sum(model.generator_loss(x, fake, c).values()), want)


def test_redrawing_stays_in_range_on_pixels():
    far = nn.Sequential(nn.Linear(6, 4), nn.Hardtanh(50, 60))  # where a tanh is 1
    critic = RedrawingCritic(nn.Sequential(nn.Flatten(), nn.Linear(4, 6)), nn.Linear(6, K), far)
    model = ArtGAN(
        Pixels((1, 2, 2)), K, GivenGenerator(MLP(2 + K, 4), Labels(K)), critic, 2, redrawn=2.0
    )
    _, _, missed = model.seen(torch.ones(3, 1, 2, 2))
    assert missed.item() == pytest.approx(0.0)
    _, _, missed = model.seen(-torch.ones(3, 1, 2, 2))
    assert missed.item() == pytest.approx(4.0)


@ALL
def test_each_player_moves_what_it_owns(make):
    model = make(penalties=[Penalty(r1, 0.5)])
    x, _, c = dealt()
    players = model.players()
    assert list(players) == ["critic", "generator"]
    made = model.deal(x, c)
    assert torch.equal(made.context, c)
    assert "r1" in players["critic"].loss(*made)
    before = {
        name: [p.clone() for p in net.parameters()]
        for name, net in model.named_children()
        if name != "odds"
    }
    moves = {name: torch.optim.SGD(player.parameters(), 0.1) for name, player in players.items()}
    for _ in play(model, [(x, c)], moves):
        pass
    for name, old in before.items():
        new = list(model.get_submodule(name).parameters())
        assert any(not torch.equal(a, b) for a, b in zip(old, new, strict=True)), name


@ALL
def test_the_generators_loss_is_about_the_class_asked_for(make):
    model = make()
    x, fake, c = dealt(30)
    losses = []
    for shift in range(K):
        wanted = (c + shift) % K
        losses.append(sum(model.generator_loss(x, fake, wanted).values()))
    assert len({round(loss.item(), 9) for loss in losses}) == K


@ALL
def test_samples_are_of_the_class_that_they_are_asked_for(make):
    """Three normals, one for each class: a short game puts each class on its own."""
    torch.manual_seed(1)
    model = make(penalties=[Penalty(r1, 0.1)])
    places = torch.tensor([[2.0, 0.0], [-2.0, 1.0], [0.0, -2.0]])
    moves = {
        name: torch.optim.Adam(player.parameters(), 0.01, (0.0, 0.99))
        for name, player in model.players().items()
    }
    c = torch.arange(96) % K
    batches = ((places[c] + 0.3 * torch.randn(96, 2), c) for _ in range(250))
    for _ in play(model, batches, moves):
        pass
    asked = torch.arange(300) % K
    away = (model.sample(context=asked) - places[asked]).norm(dim=1)
    assert (away < 1).double().mean() > 0.9
    seen = model.classify(places).argmax(1)
    assert torch.equal(seen, torch.arange(K))


# --- liars: each breaks one promise, and a check above sees it --------------------------------


class PaysForTheWrongClass(ACGAN):
    """The generator is paid for the class after the one that was asked for."""

    def generator_loss(self, x, fake, context):
        return super().generator_loss(x, fake, (context + 1) % self.classes)


class CallsFakesReal(AMGAN):
    """The critic is told that fake rows are of their class."""

    def critic_loss(self, x, fake, context):
        terms = self.generator_loss(x, fake, context)
        return super().critic_loss(x, x, context) | {"fakes": sum(terms.values())}


class RedrawsWithoutLooking(ArtGAN):
    """What redrawing misses has no gradient for the generator."""

    def generator_loss(self, x, fake, context):
        terms = super().generator_loss(x, fake, context)
        return terms | {"redrawn": terms["redrawn"].detach()}


@pytest.mark.parametrize(
    ("check", "make"),
    [
        (
            test_samples_are_of_the_class_that_they_are_asked_for,
            lambda **k: acgan_of(PaysForTheWrongClass, **k),
        ),
        (
            test_samples_are_of_the_class_that_they_are_asked_for,
            lambda **k: amgan_of(CallsFakesReal, **k),
        ),
    ],
    ids=["wrong class", "fakes are real"],
)
def test_a_liar_is_seen(check, make):
    with pytest.raises(AssertionError):
        check(make)


def test_redrawing_moves_the_generator():
    x, fake, c = dealt()
    slopes = []
    for kind in (ArtGAN, RedrawsWithoutLooking):
        torch.manual_seed(2)
        model = artgan_of(kind, redrawn=5.0)
        (slope,) = torch.autograd.grad(sum(model.generator_loss(x, fake, c).values()), fake)
        slopes.append(slope)
    assert not torch.allclose(*slopes)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: acgan_of(weight=-1.0), "ACGAN: weight is -1.0; at least 0"),
        (
            lambda: ACGAN(Reals((2,)), K, generator(), MLP(2, K, (4,)), 2),
            r"the critic gives \(3,\) numbers a row; 4 are wanted, with 3 classes",
        ),
        (
            lambda: AMGAN(Reals((2,)), K, generator(), MLP(2, K, (4,)), 2),
            r"AMGAN: the critic gives \(3,\) numbers a row; 4 are wanted",
        ),
        (
            lambda: ACGAN(Bits((2,)), K, generator(), MLP(2, 4, (4,)), 2),
            "ACGAN: space is Bits.*Reals or Pixels",
        ),
        (lambda: ACGAN(Reals((2,)), 1, generator(), MLP(2, 2), 2), "classes is 1; at least 2"),
        (
            lambda: ArtGAN(
                Reals((2,)),
                K,
                generator(),
                RedrawingCritic(MLP(2, 6), nn.Linear(6, K), nn.Linear(6, 3)),
                2,
            ),
            "ArtGAN: the critic draws 3 numbers a row; 2 are wanted",
        ),
        (
            lambda: acgan_of(penalties=[Penalty(r1, 1.0, every=4)]),
            "penalty r1 is of the critic, every 4 rounds; one of the critic, in every round",
        ),
        (lambda: acgan_of().sample(3), "no context was given"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(Refused, match=words):
        call()


@pytest.mark.parametrize("recipe", [acgan, amgan, artgan])
def test_recipes_train(recipe):
    torch.set_default_dtype(torch.float32)
    model = recipe(latent=4, width=2, run=Run(rounds=3, batch=8))
    assert model.sample(context=torch.arange(10)).shape == (10, 1, 8, 8)
