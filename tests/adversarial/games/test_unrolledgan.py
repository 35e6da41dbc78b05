"""Unrolled GAN: the plain game at k = 0, closed forms and finite differences at k > 0."""

import pytest
import torch
from torch import nn

from genus.adversarial import GAN
from genus.adversarial.games.unrolledgan import UnrolledGAN
from genus.core import Bits, Pixels, Reals
from genus.functional.adversarial.objectives import OBJECTIVES, minimax, non_saturating, wasserstein
from genus.nn import MLP

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def doubles():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def total(terms):
    return torch.stack([*terms.values()]).sum()


@pytest.mark.parametrize("objective", [OBJECTIVES[k] for k in ("minimax", "hinge", "relativistic")])
def test_without_steps_it_is_the_plain_game(objective):
    nets = MLP(3, 2, (8,)), MLP(2, 1, (8,))
    plain = GAN(Reals((2,)), *nets, 3, objective)
    unrolled = UnrolledGAN(Reals((2,)), *nets, 3, steps=0, objective=objective)
    x, outcomes = torch.randn(6, 2), []
    for model in (plain, unrolled):
        torch.manual_seed(1)
        dealt = model.deal(x)
        losses = model.critic_loss(*dealt) | model.generator_loss(*dealt)
        slopes = torch.autograd.grad(total(losses), list(nets[0].parameters()))
        outcomes.append((losses, slopes))
    (plain_losses, plain_slopes), (losses, slopes) = outcomes
    assert losses.keys() == plain_losses.keys()
    assert all(torch.equal(losses[k], plain_losses[k]) for k in losses)
    assert all(torch.equal(a, b) for a, b in zip(slopes, plain_slopes, strict=True))


@pytest.mark.parametrize("steps", [1, 4])
def test_a_linear_critic_has_a_closed_form(steps):
    """D(x) = a x with E s - E r: a^k = a - k eta (m - M), and the loss is -a^k m, m = mean G."""
    critic, eta = nn.Linear(1, 1, bias=False), 0.3
    model = UnrolledGAN(Reals((1,)), MLP(1, 1), critic, 1, steps, eta, wasserstein)
    x, fake = torch.randn(7, 1), torch.randn(7, 1, requires_grad=True)
    a, m, M = critic.weight.item(), fake.mean().item(), x.mean().item()
    (loss,) = model.generator_loss(x, fake).values()
    assert loss.item() == pytest.approx(-(a - steps * eta * (m - M)) * m, rel=1e-12)
    (slope,) = torch.autograd.grad(loss, fake)
    exact = -a + steps * eta * (2 * m - M)
    truncated = -a + steps * eta * (m - M)  # were the critic's steps taken for constants
    torch.testing.assert_close(slope.sum(), torch.tensor(exact))
    assert abs(exact - truncated) > 1e-3


@pytest.mark.parametrize("objective", [minimax, non_saturating])
def test_the_gradient_is_that_of_finite_differences(objective):
    """Of all orders through the steps, for an analytic critic; and again for its second derivative."""
    model = UnrolledGAN(
        Reals((2,)), MLP(2, 2), MLP(2, 1, (5,)), 2, steps=3, rate=0.4, objective=objective
    )
    x, fake = torch.randn(4, 2), torch.randn(4, 2, requires_grad=True)

    def loss(rows):
        return model.generator_loss(x, rows)["fool"]

    assert torch.autograd.gradcheck(loss, fake)
    assert torch.autograd.gradgradcheck(loss, fake)


def test_the_steps_are_those_of_gradient_descent():
    """D^k by `torch.optim.SGD` on a copy."""
    critic, twin = (MLP(2, 1, (6,)) for _ in range(2))
    twin.load_state_dict(critic.state_dict())
    model = UnrolledGAN(Reals((2,)), MLP(2, 2), critic, 2, steps=5, rate=0.2)
    x, fake = torch.randn(8, 2), torch.randn(8, 2)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.2)
    for _ in range(5):
        optimizer.zero_grad()
        total(non_saturating.critic(twin(x), twin(fake))).backward()
        optimizer.step()
    torch.testing.assert_close(model.ahead(x, fake)(x), twin(x))
    assert not torch.equal(critic(x), twin(x))


def test_looking_ahead_leaves_the_critic_alone():
    critic = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.SiLU(), nn.Linear(4, 1))
    model = UnrolledGAN(Reals((2,)), MLP(3, 2), critic, 3, steps=3, rate=0.5).train()
    before = {k: v.clone() for k, v in critic.state_dict().items()}
    terms = model.generator_loss(*model.deal(torch.randn(6, 2)))
    terms["fool"].backward(inputs=list(model.generator.parameters()))
    assert all(torch.equal(v, before[k]) for k, v in critic.state_dict().items())
    assert all(p.grad is None for p in critic.parameters())
    slopes = [p.grad for p in model.generator.parameters()]
    assert all(slope is not None and slope.abs().sum() > 0 for slope in slopes)


def test_pixels_are_on_their_grid():
    model = UnrolledGAN(Pixels((1, 2, 2), 5), MLP(3, 4), MLP(4, 1), 3)
    x = model.sample(7)
    assert x.shape == (7, 1, 2, 2)
    model.space.check(x, "sample")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": Bits((2,))}, "UnrolledGAN: space is"),
        ({"steps": -1}, "UnrolledGAN: steps is -1"),
        ({"rate": 0.0}, "rate is 0.0"),
    ],
)
def test_refuses(arguments, message):
    given = {"space": Reals((2,)), **arguments}
    with pytest.raises(ValueError, match=message):
        UnrolledGAN(given.pop("space"), MLP(2, 2), MLP(2, 1), 2, **given)
