"""Dequantiser: noise that looks, and the bound that it gives."""

import math

import pytest
import torch
from torch import nn

from genus.core import Classes, Pixels, Reals
from genus.density import Dequantised, Gaussian
from genus.flow import (
    ConvCoupling,
    Coupling,
    Dequantiser,
    Flow,
    Planar,
    ResNet,
    Squeezed,
    Standard,
)
from genus.nn import MLP, Flat, Labels

SPACE = Pixels((2,), 4)


def shaken(module, std=0.5):
    with torch.no_grad():
        for p in module.parameters():
            p.add_(std * torch.randn_like(p))
    return module


def noise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    steps = [Coupling(2, hidden=(8,), context=3), Coupling(2, hidden=(8,), flip=True), Planar(2)]
    return shaken(Dequantiser(steps, MLP(2, 3, (8,)))).eval()


def test_it_begins_as_uniform_noise():
    torch.manual_seed(0)
    dequantiser = Dequantiser([Coupling(2, context=2)], Flat())
    u, log_q = dequantiser.sample_with_log_prob(torch.zeros(20_000, 2))
    torch.testing.assert_close(log_q, torch.zeros(20_000))
    for level in (0.1, 0.5, 0.9):
        share = (u < level).double().mean(0)
        assert ((share - level).abs() < 5 * (level * (1 - level) / 20_000) ** 0.5).all()


def test_log_q_is_the_density_of_u():
    """E_q[1 / q] is the volume of the cube, and log q is the Jacobian's of the map from the noise."""
    dequantiser = noise()
    x = SPACE.values(torch.tensor([[0, 3]]), torch.float64).expand(40_000, -1)
    u, log_q = dequantiser.sample_with_log_prob(x)
    assert ((u >= 0) & (u <= 1)).all()
    assert (u.mean(0) - 0.5).abs().max() > 0.05
    weights = (-log_q).exp()
    assert (weights.mean() - 1).abs() < 5 * weights.std() / 200
    torch.manual_seed(1)
    eps = torch.randn(1, 2)

    def cube(row):
        v, _ = dequantiser.chain.encode_with_logdet(row[None], dequantiser.embed(x[:1]))
        return torch.special.ndtr(v)[0]

    torch.manual_seed(1)
    u, log_q = dequantiser.sample_with_log_prob(x[:1])
    jacobian = torch.autograd.functional.jacobian(cube, eps[0])
    base = torch.distributions.Normal(0.0, 1.0).log_prob(eps).sum()
    torch.testing.assert_close(u[0], cube(eps[0]))
    torch.testing.assert_close(log_q[0], base - torch.linalg.slogdet(jacobian).logabsdet)


def test_it_looks_at_the_picture():
    dequantiser = noise()
    x = SPACE.values(torch.tensor([[0, 3], [3, 0]]), torch.float64)
    torch.manual_seed(0)
    u, _ = dequantiser.sample_with_log_prob(x)
    torch.manual_seed(0)
    same, _ = dequantiser.sample_with_log_prob(x[:1].expand(2, -1))
    assert torch.equal(u[0], same[0])
    assert (u[1] - same[1]).abs().max() > 1e-3


def test_weights_average_to_what_uniform_noise_finds():
    """P(x) is the density's alone: whatever the noise, E exp(log_weight) is the same number."""
    dequantiser = noise()
    density = Gaussian(Reals((2,))).double()
    x = SPACE.values(torch.tensor([[1, 2]]), torch.float64).expand(40_000, -1)
    found = []
    for q in (None, dequantiser):
        model = Dequantised(density, SPACE, 1e-2, q)
        weights = model.log_weight(x).detach().exp()
        found.append((weights.mean(), weights.std() / 200))
        assert model.elbo(x).mean() < weights.mean().log()
    (a, a_error), (b, b_error) = found
    assert (a - b).abs() < 5 * (a_error**2 + b_error**2) ** 0.5


def test_the_bound_becomes_tight_where_noise_can_be_the_posterior():
    """A narrow normal within one bin: uniform noise loses nats, noise that learns loses few."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    space, x = Pixels((1,), 2), torch.full((256, 1), -1.0)
    density = Gaussian(Reals((1,))).double()
    with torch.no_grad():
        density.mean.fill_(-1.2)
        density.scale.fill_(0.2)
    density.requires_grad_(False)
    dequantiser = Dequantiser([Standard((1,), learned=True)], Flat())
    model = Dequantised(density, space, 0.0, dequantiser)
    truth = math.log(0.5 * (math.erf(1.2 / 0.2 / 2**0.5) + math.erf(0.8 / 0.2 / 2**0.5)))
    uniform = Dequantised(density, space).elbo(x).mean()
    optimiser = torch.optim.Adam(dequantiser.parameters(), 0.05)
    for _ in range(300):
        loss = sum(model.loss(x).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learnt = model.elbo(x.expand(-1, 1).repeat(40, 1)).mean()
    assert uniform < truth - 2
    assert truth - 0.1 < learnt <= truth + 0.01


def test_its_game_owns_both_and_its_loss_is_the_bound():
    dequantiser = noise()
    model = Dequantised(Flow(Reals((2,)), [Coupling(2)]).double(), SPACE, 1e-2, dequantiser)
    (player,) = model.players().values()
    assert {id(p) for p in player.parameters()} == {id(p) for p in model.parameters()}
    x = SPACE.values(torch.randint(4, (50, 2)), torch.float64)
    assert model.deal(x) == (x,)
    torch.manual_seed(3)
    terms = model.loss(x)
    torch.manual_seed(3)
    torch.testing.assert_close(-sum(terms.values()), model.elbo(x).mean())
    assert "fit" not in Dequantised(Gaussian(Reals((2,))), SPACE, 0.0, dequantiser).promises()
    assert model.noise(3).shape == (3,)  # a model's own standard noise is still there


def test_a_picture_may_be_the_context():
    torch.manual_seed(0)
    embed = ResNet(1, 2, 4, 1)
    coupling = ConvCoupling(4, width=4, context=8)
    dequantiser = shaken(Dequantiser([Squeezed([coupling])], embed))
    x = torch.zeros(3, 1, 4, 4)
    u, log_q = dequantiser.sample_with_log_prob(x)
    assert u.shape == x.shape
    assert log_q.shape == (3,)
    (u.sum() + log_q.sum()).backward()
    assert all(p.grad is not None for p in embed.parameters())


def conditional():
    steps = [Coupling(2, context=3)]
    return Flow(Reals((2,)), steps, context_space=Classes(3), embed=Labels(3)).double()


def test_a_conditional_density_is_a_conditional_model_of_pixels():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = Dequantised(shaken(conditional()), SPACE, 1e-2)
    assert model.context_space == Classes(3)
    kept = {"sample", "sample_watched", "elbo", "log_weight", "encode", "decode"}
    assert model.promises() == kept
    x, label = SPACE.values(torch.randint(4, (8, 2)), torch.float64), torch.arange(8) % 3
    assert torch.equal(model.decode(model.encode(x, label), label), SPACE.quantise(x))
    moved = model.encode(x, (label + 1) % 3)
    assert (moved - model.encode(x, label)).abs().max() > 1e-3
    SPACE.check(model.sample(context=label), "sample")
    torch.manual_seed(3)
    (term,) = model.loss(x, label).values()
    torch.manual_seed(3)
    y = model.to_reals(SPACE.dequantise(x))[0]
    torch.testing.assert_close(term, -model.density.log_prob(y, label).mean())


class Duel(Gaussian):
    def players(self):
        (player,) = super().players().values()
        return {"one": player, "two": player}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Dequantised(conditional(), Pixels((3,), 4)), "build it for Reals"),
        (lambda: Dequantised(Gaussian(Reals((2,))), SPACE, 0.0, nn.Linear(2, 2)), "dequantiser is"),
        (lambda: Dequantised(Duel(Reals((2,))), SPACE, 0.0, noise()), "has 2 players"),
    ],
)
def test_it_refuses(make, said):
    with pytest.raises((TypeError, ValueError), match=said):
        make()
