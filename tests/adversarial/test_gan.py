"""The kit: what a round does, and that it is the game one would write by hand."""

from itertools import count, islice

import pytest
import torch

from genus.adversarial import GAN
from genus.adversarial.views import View
from genus.core import Bits, Pixels, Reals
from genus.functional.adversarial.objectives import (
    OBJECTIVES,
    TopK,
    hinge,
    wasserstein,
)
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1
from genus.functional.adversarial.relativistic import relativistic
from genus.nn import MLP
from genus.train.game import play


def pair(**arguments):
    """A game in the plane."""
    return GAN(Reals((2,)), MLP(3, 2, (16,)), MLP(2, 1, (16,)), latent=3, **arguments)


def optimizers(model, make):
    return {name: make(player.parameters()) for name, player in model.players().items()}


def test_shared_passes_are_the_game_by_hand():
    """WGAN-GP: one pass of the generator for both, nothing detached, against the usual loop."""
    torch.set_default_dtype(torch.float64)
    penalty = Penalty(gradient_penalty, 10.0)
    model = pair(objective=wasserstein, penalties=(penalty,), critic_rounds=2)
    twin = pair(objective=wasserstein, penalties=(penalty,), critic_rounds=2)
    twin.load_state_dict(model.state_dict())
    batches = [torch.randn(8, 2) + 2 for _ in range(5)]

    torch.manual_seed(3)
    for _ in play(model, [(x,) for x in batches], optimizers(model, torch.optim.Adam)):
        pass

    torch.manual_seed(3)
    generator, critic = twin.generator, twin.critic
    moves = optimizers(twin, torch.optim.Adam)
    for number, x in enumerate(batches):
        z = torch.randn(8, 3)
        with torch.no_grad():
            fake = generator(z)
        share = torch.rand(8)[:, None]
        mixture = (x + share * (fake - x)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(mixture).sum(), mixture, create_graph=True)
        steep = ((slope.square().sum(1).sqrt() - 1) ** 2).mean()
        moves["critic"].zero_grad()
        (critic(fake).mean() - critic(x).mean() + 10 * steep).backward()
        moves["critic"].step()
        if number % 2 == 0:
            moves["generator"].zero_grad()
            (-critic(generator(z)).mean()).backward()
            moves["generator"].step()

    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_generator_waits(rounds):
    model = pair(critic_rounds=rounds)
    weight = {name: getattr(model, name)[0].weight for name in ("critic", "generator")}
    moved = {name: [] for name in weight}
    before = {name: w.clone() for name, w in weight.items()}
    for losses in play(model, [(torch.randn(4, 2),)] * 7, optimizers(model, torch.optim.Adam)):
        for name, w in weight.items():
            moved[name].append(not torch.equal(w, before[name]))
            before[name] = w.clone()
        assert ("generator/fool" in losses) == moved["generator"][-1]
    assert all(moved["critic"])
    assert moved["generator"] == [i % rounds == 0 for i in range(7)]


@pytest.mark.parametrize(("objective", "passes"), [(hinge, 3), (relativistic, 4)])
def test_nothing_is_run_twice(objective, passes):
    """One pass of the generator; of the critic x, G(z) and G(z), and x again only if it is looked at."""
    model, seen = pair(objective=objective), []
    model.generator.register_forward_hook(lambda *_: seen.append("generator"))
    model.critic.register_forward_hook(lambda *_: seen.append("critic"))
    next(iter(play(model, [(torch.randn(4, 2),)], optimizers(model, torch.optim.Adam))))
    assert (seen.count("generator"), seen.count("critic")) == (1, passes)


def test_penalties_are_named_weighted_terms():
    model = pair(penalties=(Penalty(gradient_penalty, 10.0), Penalty(r1, 0.5)))
    x, fake = model.deal(torch.randn(4, 2))
    terms = model.critic_loss(x, fake)
    assert list(terms) == ["real", "fake", "gradient_penalty", "r1"]
    torch.testing.assert_close(terms["r1"], 0.5 * r1(model.critic, x, fake))


def test_pixels_end_on_the_grid():
    space = Pixels((1, 2, 2), levels=5)
    model = GAN(space, MLP(3, 4), MLP(4, 1), latent=3)
    x = model.decode(50 * torch.randn(20, 3))
    assert x.shape == (20, 1, 2, 2)
    assert x.abs().max() <= 1
    assert x.requires_grad
    assert not torch.equal(x, space.quantise(x))
    space.check(model.sample(20), "sample")


# the generator wants the undecided score, and may stop wherever a critic that trails behind has it
UNDECIDED = {"boundary_seeking", "least_squares_centred", "softmax", "ratio_matching"}
GAMES = {k: v for k, v in OBJECTIVES.items() if k not in UNDECIDED}


@pytest.mark.parametrize("name", GAMES)
def test_a_game_finds_the_data(name):
    """A normal of mean (1, -1/2) and scale 1/2, from one of scale about 1 at the origin."""
    torch.manual_seed(0)
    penalty = Penalty(gradient_penalty if name == "wasserstein" else r1, 1.0)
    model = GAN(Reals((2,)), MLP(2, 2, ()), MLP(2, 1, (32,)), 2, GAMES[name], (penalty,))
    noise, centre = torch.Generator().manual_seed(1), torch.tensor([1.0, -0.5])
    batches = ((0.5 * torch.randn(64, 2, generator=noise) + centre,) for _ in count())

    def make(parameters):
        return torch.optim.Adam(parameters, lr=1e-2, betas=(0.0, 0.99), fused=True)

    for _ in islice(play(model, batches, optimizers(model, make)), 300):
        pass
    drawn = model.sample(4000)
    torch.testing.assert_close(drawn.mean(0), centre, rtol=0, atol=0.25)
    torch.testing.assert_close(drawn.std(0), torch.tensor([0.5, 0.5]), rtol=0, atol=0.3)


def test_packed_rows_are_shown_as_one():
    """Rows 0 and 1 of one side are one row of the critic, 2 and 3 the next; real never meets fake."""
    torch.set_default_dtype(torch.float64)
    model = GAN(Reals((2,)), MLP(3, 2), MLP(4, 1), 3, packing=2)
    x = torch.arange(8.0).reshape(4, 2)
    shown, fake = model.deal(x)
    assert torch.equal(shown, torch.tensor([[0.0, 1, 2, 3], [4, 5, 6, 7]]))
    assert fake.shape == (2, 4)
    images = GAN(Pixels((1, 2, 2)), MLP(3, 4), MLP(12, 1), 3, packing=3)
    assert images.shown(torch.zeros(6, 1, 2, 2)).shape == (2, 3, 2, 2)
    with pytest.raises(ValueError, match="a batch has 5 rows; packing is 2, and must divide it"):
        model.deal(torch.zeros(5, 2))


class Doubled(View):
    """A view that counts the scores that it gets."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scored", torch.zeros(()))

    def forward(self, x):
        return 2 * x

    def adapt(self, scores):
        assert not scores.requires_grad
        self.scored += len(scores)


def test_both_sides_are_viewed_and_the_view_adapts_once_a_round():
    torch.set_default_dtype(torch.float64)
    model, plain = pair(view=Doubled()), pair()
    x = torch.randn(4, 2)
    torch.manual_seed(0)
    shown, fake = model.deal(x)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if "view" not in k})
    torch.manual_seed(0)
    torch.testing.assert_close(fake, 2 * plain.deal(x)[1])
    assert torch.equal(shown, 2 * x)
    for _ in play(model, [(x,)] * 3, optimizers(model, torch.optim.Adam)):
        pass
    assert model.view.scored == 12
    assert model.seen is None


def test_weights_of_the_critic_stay_within_their_bound():
    model = pair(objective=wasserstein, bound=0.05)
    assert max(w.abs().max() for w in model.critic.parameters()) > 0.05
    for _ in play(model, [(torch.randn(4, 2),)] * 3, optimizers(model, torch.optim.Adam)):
        assert max(w.abs().max() for w in model.critic.parameters()) <= 0.05
    assert max(w.abs().max() for w in model.generator.parameters()) > 0.05


def test_history_is_the_distance_to_the_mean_of_all_weights_so_far():
    torch.set_default_dtype(torch.float64)
    model = pair(history=0.5, critic_rounds=2)
    track = {name: [model.weights(name).detach()] for name in ("critic", "generator")}
    torch.manual_seed(0)
    for number, losses in enumerate(
        play(model, [(torch.randn(4, 2),)] * 6, optimizers(model, torch.optim.Adam))
    ):
        for name, path in track.items():
            if name == "critic" or number % 2 == 0:
                term = losses[f"{name}/history"]
                gap = path[-1] - torch.stack(path).mean(0)
                torch.testing.assert_close(term, 0.5 * gap.square().sum())
                path.append(model.weights(name).detach())
    for name, path in track.items():
        torch.testing.assert_close(model.get_buffer(f"mean_{name}"), torch.stack(path).mean(0))


def test_lazy_penalties_play_apart_and_weigh_as_much():
    """Every third round, three times as heavy, by the critic's own optimiser."""
    torch.set_default_dtype(torch.float64)
    model = pair(penalties=(Penalty(r1, 0.5, every=3), Penalty(gradient_penalty, 1.0)))
    moves = {n: torch.optim.Adam(getattr(model, n).parameters()) for n in ("critic", "generator")}
    rounds = [dict(losses) for losses in play(model, [(torch.randn(4, 2),)] * 6, moves)]
    assert [i for i, losses in enumerate(rounds) if "critic_every_3/r1" in losses] == [0, 3]
    assert all("critic/gradient_penalty" in losses for losses in rounds)
    x, fake = model.deal(torch.randn(4, 2))
    (term,) = model.players()["critic_every_3"].loss(x, fake).values()
    torch.testing.assert_close(term, 3 * 0.5 * r1(model.critic, x, fake))


def test_the_generator_can_have_terms_of_its_own():
    model = pair(penalties=(Penalty(r1, 0.5, player="generator"),))
    x, fake = model.deal(torch.randn(4, 2))
    assert list(model.critic_loss(x, fake)) == ["real", "fake"]
    assert list(model.generator_loss(x, fake)) == ["fool", "r1"]


def test_the_generator_can_learn_from_the_top():
    model = pair(objective=hinge, top=TopK(0.5, rounds=10))
    x, fake = model.deal(torch.randn(8, 2))
    scores = model.critic(fake).flatten().sort(descending=True).values
    torch.testing.assert_close(model.generator_loss(x, fake)["fool"], -scores.mean())
    model.rounds += 10
    torch.testing.assert_close(model.generator_loss(x, fake)["fool"], -scores[:4].mean())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"packing": 0}, "GAN: packing is 0; at least 1 is wanted"),
        ({"bound": 0.0}, "GAN: bound is 0.0; it must be above 0"),
        ({"history": -1.0}, "GAN: history is -1.0; at least 0 is wanted"),
        (
            {"top": TopK(0.5, 10), "objective": relativistic},
            "GAN: top keeps some of the fake rows, and relativistic pairs each with a real one",
        ),
        ({"space": Bits((2,))}, r"GAN: space is Bits\(shape=\(2,\)\); Reals or Pixels are wanted"),
        ({"critic_rounds": 0}, "GAN: critic_rounds is 0; at least 1 is wanted"),
    ],
)
def test_refusals(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        GAN(
            **{"space": Reals((2,)), "generator": MLP(3, 2), "critic": MLP(2, 1), "latent": 3}
            | arguments
        )
