"""Penalties against slopes known by hand, by autograd and by finite differences."""

import pytest
import torch
from torch import nn

from genus import artifact
from genus.functional.penalties import Penalty, gradient_penalty, r1, slope


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5)])
@pytest.mark.parametrize("steepness", [1.0, 3.0, 0.0])
def test_a_linear_critic(shape, steepness):
    """Its slope is the same everywhere: a batch of 64 is not 64 times as steep."""
    w = torch.randn(shape)
    w = steepness * w / w.norm()
    real, fake = torch.randn(64, *shape), torch.randn(64, *shape)

    def critic(x):
        return (x * w).flatten(1).sum(1)

    penalty = gradient_penalty(critic, real, fake).item()
    assert penalty == pytest.approx((steepness - 1) ** 2, abs=1e-12)
    assert r1(critic, real, fake).item() == pytest.approx(steepness**2 / 2, abs=1e-12)


def test_where_and_how_steep():
    """D(x) = |x|^2 / 2 has the slope |x|, at a mixture of its own for each row."""
    real, fake, share = torch.randn(8, 2), torch.randn(8, 2), torch.rand(8)
    where = (1 - share)[:, None] * real + share[:, None] * fake

    def critic(x):
        return x.square().sum(1) / 2

    truth = (where.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(gradient_penalty(critic, real, fake, share), truth)
    torch.testing.assert_close(r1(critic, real, fake), real.square().sum(1).mean() / 2)


def test_the_share_is_drawn_for_each_row():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    gradient_penalty(critic, torch.zeros(1000, 2), torch.ones(1000, 2))
    torch.testing.assert_close(seen[0][:, 0], seen[0][:, 1])
    assert seen[0][:, 0].unique().numel() == 1000
    assert 0 <= seen[0].min() < 0.01
    assert 0.99 < seen[0].max() <= 1


@pytest.mark.parametrize("penalty", [gradient_penalty, r1])
def test_gradient_by_finite_differences(penalty):
    """The slope's own slope, in the critic's weights, against central differences."""
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    real, fake = torch.randn(6, 3), torch.randn(6, 3)

    def value():
        torch.manual_seed(4)
        return penalty(net, real, fake)

    value().backward()
    claimed, weight, h = net[0].weight.grad, net[0].weight.data, 1e-5
    for i, j in ((0, 0), (2, 1), (4, 2)):
        weight[i, j] += h
        above = value().item()
        weight[i, j] -= 2 * h
        below = value().item()
        weight[i, j] += h
        assert claimed[i, j].item() == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-9)


def test_a_flat_critic_gives_no_nan():
    net = nn.Linear(3, 1)
    nn.init.zeros_(net.weight)
    for penalty in (gradient_penalty, r1):
        value = penalty(net, torch.randn(5, 3), torch.randn(5, 3))
        (gradient,) = torch.autograd.grad(value, net.weight)
        assert gradient.isfinite().all()


def test_the_generator_is_left_out():
    """A made row that carries a graph is a place, not something to be moved."""
    net, made = nn.Linear(2, 1), torch.randn(4, 2, requires_grad=True)
    value = gradient_penalty(net, torch.randn(4, 2), 2 * made)
    assert torch.autograd.grad(value, made, allow_unused=True) == (None,)


def test_slopes_work_where_gradients_are_off():
    with torch.no_grad():
        assert slope(lambda x: 3 * x.sum(1), torch.zeros(2, 1)).tolist() == [3, 3]


def test_penalties_survive_an_artifact():
    penalty = Penalty(gradient_penalty, 10.0)
    assert artifact.decode(artifact.encode(penalty)) == penalty


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="Penalty: weight is -1"):
        Penalty(r1, -1)
