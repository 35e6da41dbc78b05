"""The kit: what a round does, and that it is the game one would write by hand."""

from itertools import count, islice

import pytest
import torch

from genus.adversarial import GAN
from genus.core import Bits, Pixels, Reals
from genus.functional.adversarial import OBJECTIVES, hinge, relativistic, wasserstein
from genus.functional.penalties import Penalty, gradient_penalty, r1
from genus.nn import MLP
from genus.training import play


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


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_objective_finds_the_data(name):
    """A normal of mean (3, -1) and scale 0.5, from one of scale 1 at the origin."""
    penalties = (Penalty(gradient_penalty, 1.0),) if name == "wasserstein" else (Penalty(r1, 0.1),)
    model = GAN(Reals((2,)), MLP(2, 2, ()), MLP(2, 1, (32,)), 2, OBJECTIVES[name], penalties)
    noise = torch.Generator().manual_seed(1)
    batches = (
        (0.5 * torch.randn(64, 2, generator=noise) + torch.tensor([3.0, -1.0]),) for _ in count()
    )

    def make(parameters):
        return torch.optim.Adam(parameters, lr=1e-2, betas=(0.5, 0.99))

    for _ in islice(play(model, batches, optimizers(model, make)), 700):
        pass
    drawn = model.sample(4000)
    torch.testing.assert_close(drawn.mean(0), torch.tensor([3.0, -1.0]), rtol=0, atol=0.3)
    torch.testing.assert_close(drawn.std(0), torch.tensor([0.5, 0.5]), rtol=0, atol=0.3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"space": Bits((2,))}, r"GAN: space is Bits\(shape=\(2,\)\); it must be Reals or Pixels"),
        ({"critic_rounds": 0}, "GAN: critic_rounds is 0; at least 1 is wanted"),
    ],
)
def test_refusals(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        GAN(
            **{"space": Reals((2,)), "generator": MLP(3, 2), "critic": MLP(2, 1), "latent": 3}
            | arguments
        )
