"""What classifying games share: mistakes of few labels, and rows that are asked for by class."""

import pytest
import torch
from laws import within
from torch import nn
from torch.distributions import Normal
from torch.nn.functional import cross_entropy

from genus.adversarial import CatGAN, ImprovedGAN
from genus.adversarial.codes import classifying
from genus.core import Pixels, Reals
from genus.nn import MLP

GAMES = [
    lambda space, *networks: CatGAN(space, *networks, alpha=1.0),
    lambda space, *networks: ImprovedGAN(space, *networks),
]


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


@pytest.fixture(params=GAMES, ids=["catgan", "improved"])
def game(request):
    return request.param(Reals((2,)), MLP(3, 2, (8,)), MLP(2, 4, (8,)), 3, 4)


class Slope(MLP):
    """Logits of two classes whose log odds are 2 x."""

    def __init__(self):
        super().__init__(1, 2, ())

    def forward(self, x):
        return torch.cat([-x, x], 1)


def line(kind=CatGAN):
    """x ~ N(0, 1), and p(1 | x) = sigmoid(2 x)."""
    return kind(Reals((1,)), nn.Identity(), Slope(), 1, 2, 1.0)


# --- labels -----------------------------------------------------------------------------------


def counts_only_what_is_known(model):
    logits, y = torch.randn(6, 4), torch.tensor([2, -1, 0, -1, -1, 3])
    wanted = cross_entropy(logits[[0, 2, 5]], y[[0, 2, 5]])
    torch.testing.assert_close(model.mistakes(logits, y), wanted)
    assert model.mistakes(logits, torch.full((6,), -1)) == 0
    torch.testing.assert_close(model.mistakes(logits, y.abs()), cross_entropy(logits, y.abs()))


class CountsUnknownAsTheFirst(CatGAN):
    def mistakes(self, logits, y):
        return super().mistakes(logits, y.clamp(min=0))


class DividesByTheWholeBatch(CatGAN):
    def mistakes(self, logits, y):
        return super().mistakes(logits, y) * (y >= 0).double().mean()


def test_mistakes_are_those_of_rows_whose_class_is_known(game):
    counts_only_what_is_known(game)


@pytest.mark.parametrize("liar", [CountsUnknownAsTheFirst, DividesByTheWholeBatch])
def test_counting_other_rows_is_noticed(liar):
    with pytest.raises(AssertionError):
        counts_only_what_is_known(line(liar))


def test_unknown_rows_do_not_move_what_labels_say(game):
    """The slope of the classification by the critic's numbers is 0 for rows without a label."""
    logits = torch.randn(6, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(
        game.mistakes(logits, torch.tensor([2, -1, 0, -1, -1, 3])), logits
    )
    assert (slope[[1, 3, 4]] == 0).all()
    assert (slope[[0, 2, 5]] != 0).all()


def test_classes_are_the_softmax_of_the_critic(game):
    x = torch.randn(5, 2)
    torch.testing.assert_close(game.classify(x), game.critic(x).softmax(1))


def test_labels_are_dealt_and_are_unknown_if_there_are_none(game):
    x, y = torch.randn(5, 2), torch.tensor([0, -1, 3, 2, -1])
    dealt = game.deal(x, y)
    assert torch.equal(dealt.y, y)
    assert dealt.fake.shape == x.shape
    assert dealt.fake.requires_grad
    assert (game.deal(x).y == -1).all()


def test_the_generators_loss_moves_no_critic_and_the_critics_no_generator(game):
    dealt = game.deal(torch.randn(16, 2), torch.arange(16) % 5 - 1)
    for name, player in game.players().items():
        before = {k: v.clone() for k, v in game.state_dict().items()}
        optimizer = torch.optim.SGD(player.parameters(), 0.1)
        total = sum(player.loss(*dealt).values())
        total.backward(inputs=player.parameters(), retain_graph=True)
        optimizer.step()
        moved = {k for k, v in game.state_dict().items() if not torch.equal(v, before[k])}
        assert moved
        assert all(k.startswith(name) for k in moved)


# --- samples ----------------------------------------------------------------------------------


def rows_of_a_class_are_of_it(model):
    """Against p(x | y) = p(x) p(y | x) / p(y) by a fine sum: its mean, and its mean square."""
    grid = torch.linspace(-9, 9, 10_001)[:, None]
    p = Normal(0.0, 1.0).log_prob(grid).exp() * model.classify(grid)
    p = p / p.sum(0)
    for y in range(2):
        x = model.sample(context=torch.full((5000,), y))
        within(x[:, 0], (p[:, y] @ grid).item())
        within(x[:, 0].square(), (p[:, y] @ grid.square()).item())


class TakesTheLikeliest(CatGAN):
    """The best of ten, which is too far out."""

    @torch.no_grad()
    def sample(self, n=None, context=None):
        several = torch.stack([self.generated(len(context)) for _ in range(10)], 1)
        chances = self.classify(several.flatten(0, 1)).unflatten(0, several.shape[:2])
        best = chances[torch.arange(len(context)), :, context].argmax(1)
        return several[torch.arange(len(context)), best]


class ForgetsTheClass(CatGAN):
    def sample(self, n=None, context=None):
        return self.generated(len(context)).detach()


def test_rows_of_a_class_come_from_the_posterior():
    rows_of_a_class_are_of_it(line())
    rows_of_a_class_are_of_it(line(ImprovedGAN))


@pytest.mark.parametrize("liar", [TakesTheLikeliest, ForgetsTheClass])
def test_rows_of_another_law_are_noticed(liar):
    with pytest.raises(AssertionError):
        rows_of_a_class_are_of_it(line(liar))


def test_rows_of_no_class_are_those_of_the_generator():
    model = line()
    for x in (model.sample(5000), model.sample(context=torch.full((5000,), -1))):
        within(x[:, 0], 0.0)
        within(x[:, 0].square(), 1.0)
    mixed = model.sample(context=torch.tensor([-1, 0, 1]).repeat(1000)).reshape(-1, 3)
    within(mixed[:, 0], 0.0)
    assert mixed[:, 1].mean() < -0.3
    assert mixed[:, 2].mean() > 0.3


def test_a_class_that_is_never_made_ends_with_the_likeliest(monkeypatch):
    monkeypatch.setattr(classifying, "TRIES", 5)
    model = line()
    calls = []

    def chance(x, y):
        calls.append(x)
        return x[:, 0].sigmoid() * 1e-12

    monkeypatch.setattr(model, "chance", chance)
    x = model.sample(context=torch.zeros(7, dtype=torch.int64))
    assert len(calls) == 5
    assert torch.equal(x, torch.stack(calls).amax(0))


def test_pixels_of_a_class_lie_on_the_grid():
    model = CatGAN(Pixels((4,), 5), MLP(3, 4), MLP(4, 3), 3, 3, alpha=1.0)
    x = model.sample(context=torch.tensor([0, 1, 2, -1]))
    model.space.check(x, "sample")


# --- refusals ---------------------------------------------------------------------------------


def test_labels_that_are_none_are_refused(game):
    who = type(game).__name__
    with pytest.raises(
        ValueError, match=rf"{who}: labels are torch.int64 in -2 .. 1; int64 .*0 .. 3"
    ):
        game.sample(context=torch.tensor([-2, 1]))
    with pytest.raises(ValueError, match=r"in 0 .. 4; .*0 .. 3 is wanted, or -1 where"):
        game.sample(context=torch.tensor([4, 0]))
    with pytest.raises(ValueError, match=r"labels are torch.float64"):
        game.sample(context=torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match="n is 3, and context has 2 rows"):
        game.sample(3, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="no context was given"):
        game.sample()


def test_a_critic_of_other_classes_is_refused(game):
    game.critic = MLP(2, 3)
    with pytest.raises(ValueError, match=r"the critic gives \(5, 3\); \(5, 4\) is wanted"):
        game.classify(torch.randn(5, 2))
