"""InfoGAN: its losses by hand, its recogniser against the true posterior, and the codes that it finds."""

import math

import pytest
import torch
from laws import within
from torch import nn
from torch.distributions import Categorical, Normal
from torch.nn.functional import one_hot, softplus

from genus.adversarial import InfoGAN
from genus.core import Bits, Pixels, Reals
from genus.nn import MLP
from genus.recipes import find
from genus.recipes.adversarial._classes import matched
from genus.train.game import adam, play
from genus.train.run import Run


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def game(kind=InfoGAN, **given):
    """Codes of 3 and of 2 classes and two real numbers, in the plane."""
    numbers = 9 if given.get("learnt_std") else 7
    return kind(
        Reals((2,)),
        MLP(9, 2, (8,)),
        MLP(2, 6, (8,)),
        MLP(6, 1, ()),
        MLP(6, numbers, (8,)),
        2,
        (3, 2),
        2,
        **given,
    )


class One(nn.Module):
    """One feature, and the distance of its classes from 0."""

    def __init__(self, gap):
        super().__init__()
        self.gap = nn.Parameter(torch.tensor(gap))


class TwoBumps(One):
    """x = gap (2 k - 1) + z, of a code k of two classes."""

    def forward(self, z):
        return z[:, :1] + self.gap * (z[:, 2:] - z[:, 1:2])


class TruePosterior(One):
    """The logits of k for such an x: the log odds of two normals are linear, 2 gap x."""

    def forward(self, h):
        return torch.cat([-self.gap * h, self.gap * h], 1)


def bumps(gap=0.8, kind=InfoGAN, q=None):
    recogniser = TruePosterior(gap) if q is None else q
    head = MLP(1, 1, ())
    return kind(Reals((1,)), TwoBumps(gap), nn.Identity(), head, recogniser, 1, (2,), 0)


# --- losses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("learnt_std", [False, True])
def test_losses_by_hand(learnt_std):
    model = game(weight=0.7, continuous_weight=0.3, learnt_std=learnt_std)
    x, fake, k, v = model.deal(torch.randn(16, 2))
    real, scores = (model.head(model.trunk(rows)) for rows in (x, fake))
    numbers = model.recogniser(model.trunk(fake))
    first, second = Categorical(logits=numbers[:, :3]), Categorical(logits=numbers[:, 3:5])
    std = numbers[:, 7:].exp() if learnt_std else torch.ones(16, 2)
    of_classes = -(first.log_prob(k[:, 0]) + second.log_prob(k[:, 1])).mean()
    of_values = -Normal(numbers[:, 5:7], std).log_prob(v).sum(1).mean()
    missed = {"classes": 0.7 * of_classes, "values": 0.3 * of_values}
    wanted = {"real": softplus(-real).mean(), "fake": softplus(scores).mean(), **missed}
    torch.testing.assert_close(model.critic_loss(x, fake, k, v), wanted)
    wanted = {"fool": softplus(-scores).mean(), **missed}
    torch.testing.assert_close(model.generator_loss(x, fake, k, v), wanted)


def test_real_rows_teach_the_recogniser_nothing():
    """Nobody knows their codes."""
    model = game()
    _, fake, k, v = model.deal(torch.randn(16, 2))
    weights = list(model.recogniser.parameters())
    slopes = [
        torch.autograd.grad(sum(model.critic_loss(x, fake.detach(), k, v).values()), weights)
        for x in (torch.randn(16, 2), 5 * torch.randn(16, 2))
    ]
    torch.testing.assert_close(*slopes)


def test_both_players_want_codes_to_be_found():
    """With the game left out, the critic's trunk and the generator still have a slope: that of R."""
    model = game()
    dealt = model.deal(torch.randn(16, 2))
    for player in model.players().values():
        terms = player.loss(*dealt)
        missed = terms["classes"] + terms["values"]
        slopes = torch.autograd.grad(
            missed, player.parameters(), retain_graph=True, allow_unused=True
        )
        assert any(s is not None and s.abs().sum() > 0 for s in slopes)
    idle = torch.autograd.grad(missed, model.head.parameters(), allow_unused=True)
    assert idle == (None, None)  # the scores have no part in it


# --- the recogniser ---------------------------------------------------------------------------


def sums_to_one(model):
    """Q of all classes together, for the same rows: Q knows no more than they show."""
    fake = torch.randn(5, *model.space.shape)
    values = torch.zeros(5, model.continuous)
    each = [
        model.log_q(model.trunk(fake), torch.tensor([codes]).expand(5, -1), values)[0]
        for codes in torch.cartesian_prod(*map(torch.arange, model.categories)).reshape(
            -1, len(model.categories)
        )
        for codes in [codes.tolist()]
    ]
    total = torch.stack(each).logsumexp(0).exp()
    torch.testing.assert_close(total, torch.ones_like(total))


class SeesTheCode(InfoGAN):
    """Q is helped by what it is to find."""

    def log_q(self, features, classes, values):
        of_classes, of_values = super().log_q(features, classes, values)
        return of_classes * 0.1, of_values


class ForgetsACode(InfoGAN):
    def log_q(self, features, classes, values):
        first = self.read(features)[0][0]
        return first.gather(1, classes[:, :1])[:, 0], super().log_q(features, classes, values)[1]


def test_a_recogniser_is_a_distribution_over_codes():
    sums_to_one(game())
    sums_to_one(bumps())
    for liar in (game(SeesTheCode), game(ForgetsACode)):
        with pytest.raises(AssertionError):
            sums_to_one(liar)


def true_information(gap):
    """I(k; x) of two unit normals at -gap and gap, by a fine sum: H(x) - H(x | k), nats."""
    x = torch.linspace(-12, 12, 20_001)
    p = (Normal(-gap, 1.0).log_prob(x).exp() + Normal(gap, 1.0).log_prob(x).exp()) / 2
    h = -(p * p.clamp(min=1e-300).log()).sum() * (x[1] - x[0])
    return h.item() - Normal(0.0, 1.0).entropy().item()


@pytest.mark.parametrize("gap", [0.0, 0.8, 2.0])
def test_at_the_true_posterior_the_bound_is_the_information(gap):
    model = bumps(gap)
    within(torch.stack([model.information(500) for _ in range(100)]), true_information(gap))


def test_any_other_recogniser_is_below_the_information():
    model = bumps(0.8, q=TruePosterior(2.0))
    found = torch.stack([model.information(500) for _ in range(100)])
    assert found.mean() + 5 * found.std() / 10 < true_information(0.8)


def information_is_a_bound(model):
    """A generator that looks at no code tells nothing of it, whatever Q has learnt."""
    with torch.no_grad():
        model.generator.gap.zero_()
    optimizers = {n: adam(0.05)(n, p.parameters()) for n, p in model.players().items()}
    optimizers["generator"] = torch.optim.SGD(model.generator.parameters(), lr=0.0)
    for _ in play(model, [(torch.randn(64, 1),)] * 100, optimizers):
        pass
    found = torch.stack([model.information(500) for _ in range(40)])
    assert found.mean() <= 5 * found.std() / 40**0.5 + 1e-9


class DealsTheCodeToQ(InfoGAN):
    """The code lies beside the features, where Q can read it off."""

    def log_q(self, features, classes, values):
        beside = one_hot(classes[:, 0], 2).to(features)
        return super().log_q(torch.cat([features, beside], 1), classes, values)


def test_where_codes_do_nothing_there_is_nothing_to_find():
    information_is_a_bound(bumps(q=MLP(1, 2, (8,))))
    with pytest.raises(AssertionError):
        information_is_a_bound(bumps(kind=DealsTheCodeToQ, q=MLP(3, 2, (8,))))


# --- codes ------------------------------------------------------------------------------------


def test_codes_of_rows_are_those_of_the_recogniser():
    model, x = game(learnt_std=True), torch.randn(5, 2)
    numbers = model.recogniser(model.trunk(x))
    found = model.codes(x)
    torch.testing.assert_close(found.classes[0], numbers[:, :3].softmax(1))
    torch.testing.assert_close(found.classes[1], numbers[:, 3:5].softmax(1))
    torch.testing.assert_close(found.means, numbers[:, 5:7])
    torch.testing.assert_close(found.stds, numbers[:, 7:].exp())
    code = model.encode(x)
    assert code.shape == (5, 9)
    assert (code[:, :2] == 0).all()
    assert torch.equal(code[:, 2:5].argmax(1), found.classes[0].argmax(1))
    assert torch.equal(code[:, 5:7].argmax(1), found.classes[1].argmax(1))
    assert (code[:, 2:7].sum(1) == 2).all()
    torch.testing.assert_close(code[:, 7:], found.means)


def test_codes_can_be_chosen_and_the_others_are_drawn():
    model = game()
    classes, values = torch.tensor([[2, 1], [0, 0]]), torch.tensor([[0.5, -1.0], [2.0, 0.0]])
    z = model.draw_prior(2, classes, values)
    assert torch.equal(z[:, 2:5].argmax(1), classes[:, 0])
    assert torch.equal(z[:, 5:7].argmax(1), classes[:, 1])
    assert torch.equal(z[:, 7:], values)
    assert torch.equal(model.decode(z), model.generator(z))
    some = model.draw_prior(4000, torch.tensor([[1, 0]]).expand(4000, -1))
    assert (some[:, 3] == 1).all()
    within(some[:, 7].square(), 1 / 3)
    within(some[:, 0].square(), 1.0)


def test_codes_have_their_prior():
    z = game().draw_prior(9000)
    for column, share in [(2, 1 / 3), (3, 1 / 3), (4, 1 / 3), (5, 1 / 2), (6, 1 / 2)]:
        within(z[:, column], share)
    within(z[:, 2] * z[:, 5], 1 / 6)  # one class tells nothing of the other
    for column in (7, 8):
        assert -1 <= z[:, column].min() < -0.99
        assert 0.99 < z[:, column].max() <= 1
        within(z[:, column], 0.0)


def test_samples_of_a_class_are_those_of_the_class():
    model = bumps(3.0)
    for k, middle in ((0, -3.0), (1, 3.0)):
        x = model.decode(model.draw_prior(2000, torch.full((2000, 1), k)))
        within(x[:, 0], middle)


def test_what_was_dealt_is_what_made_the_rows():
    model = game()
    x, _, k, v = model.deal(torch.randn(7, 2))
    assert k.shape == (7, 2)
    torch.manual_seed(3)
    z, again, k, v = model.generated(7)
    torch.testing.assert_close(model.decode(model.joined(z[:, :2], k, v)), again)
    assert model.deal(x).fake.requires_grad


# --- what it is for ---------------------------------------------------------------------------


def test_three_bumps_become_the_three_codes():
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(1)
    corners = 2 * torch.tensor([[0.0, 1.0], [0.87, -0.5], [-0.87, -0.5]])

    def rows(n):
        y = torch.randint(3, (n,))
        return corners[y] + 0.3 * torch.randn(n, 2), y

    model = InfoGAN(
        Reals((2,)),
        MLP(5, 2, (32,), activation="relu"),
        MLP(2, 32, (32,), activation="leaky_relu"),
        nn.Linear(32, 1),
        MLP(32, 3, ()),
        2,
        (3,),
        0,
    )
    make = adam(3e-3, (0.5, 0.99))
    moves = {name: make(name, p.parameters()) for name, p in model.players().items()}
    for _ in play(model, ((rows(128)[0],) for _ in range(500)), moves):
        pass
    x, y = rows(1000)
    assert matched(model.codes(x).classes[0].argmax(1), y) > 0.95
    assert model.information(1000) > 0.9 * math.log(3)


def test_codes_are_matched_with_the_classes_of_most_of_their_rows():
    found, labels = torch.tensor([0, 0, 0, 2, 2, 1]), torch.tensor([1, 1, 0, 0, 0, 1])
    assert matched(found, labels).item() == pytest.approx(5 / 6)
    assert matched(torch.zeros(4, dtype=torch.int64), torch.tensor([0, 1, 2, 2])) == 0.5


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"space": Bits((2,))}, r"InfoGAN: space is Bits.*Reals or Pixels are wanted; for Bits"),
        ({"latent": -1}, "InfoGAN: latent is -1; at least 0"),
        ({"continuous": -1}, "InfoGAN: continuous is -1; at least 0"),
        ({"categories": (3, 1)}, "InfoGAN: categories is 1; at least 2"),
        ({"categories": (), "continuous": 0}, "InfoGAN: there are no codes; categories or"),
        ({"weight": -1.0}, "InfoGAN: weight is -1.0; at least 0"),
        ({"continuous_weight": -0.1}, "InfoGAN: continuous_weight is -0.1"),
    ],
)
def test_what_is_no_code_is_refused(given, sentence):
    networks = {"generator": MLP(9, 2), "trunk": MLP(2, 6), "head": MLP(6, 1)}
    whole = {"space": Reals((2,)), **networks, "recogniser": MLP(6, 7), "latent": 2}
    with pytest.raises(ValueError, match=sentence):
        InfoGAN(**{**whole, **given})


def test_codes_that_the_model_does_not_have_are_refused():
    model = game()
    with pytest.raises(ValueError, match=r"classes have shape \(2, 1\); \(2, 2\) is wanted"):
        model.draw_prior(2, torch.zeros(2, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"classes are \[\[0, 2\]\]; 0 .. 2 and 0 .. 1 are wanted"):
        model.draw_prior(1, torch.tensor([[0, 2]]))
    with pytest.raises(ValueError, match=r"values have shape \(1, 3\); \(1, 2\) is wanted"):
        model.draw_prior(1, None, torch.zeros(1, 3))
    model.recogniser = MLP(6, 5)
    with pytest.raises(
        ValueError, match=r"the recogniser gives \(5,\) for a row; \(7,\) is wanted"
    ):
        model.codes(torch.randn(2, 2))


def test_the_recipe_says_how_many_classes_the_code_finds(tmp_path):
    torch.set_default_dtype(torch.float32)
    run = Run(rounds=2, batch=8, device="cpu", out=tmp_path / "run", evaluate_every=2)
    model = find("infogan")("digits", codes=4, continuous=1, latent=3, width=4, run=run)
    assert isinstance(model.space, Pixels)
    assert (model.categories, model.continuous, model.latent) == ((4,), 1, 3)
    model.space.check(model.sample(3), "sample")
    log = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert '"information": ' in log
    assert '"error": ' in log
    short = Run(rounds=1, batch=8)
    images = find("infogan")("digits", codes=4, latent=3, width=4, coarsest=2, run=short).eval()
    x = torch.rand(6, 1, 8, 8)
    with torch.no_grad():
        alone = torch.cat([images.codes(row).classes[0] for row in x.split(1)])
        assert torch.allclose(alone, images.codes(x).classes[0], atol=1e-6)
    with pytest.raises(ValueError, match="infogan: norm is batch"):
        find("infogan")("digits", coarsest=2, norm="batch", run=short)
    ring = find("infogan")("ring", width=8, learnt_std=True, run=Run(rounds=1, batch=8))
    assert ring.learnt_std
    ring.space.check(ring.sample(3), "sample")
    with pytest.raises(ValueError, match=r"infogan on bars: space is Bits.*Pixels or Reals are"):
        find("infogan")("bars", run=run)
