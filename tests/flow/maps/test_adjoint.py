"""Three ways to a gradient, and one answer; what differs is what is kept."""

import pytest
import torch
from torch import nn

from genus.flow.maps.adjoint import adjoint, recomputed
from genus.functional.numerics.integrators import RK4, DormandPrince


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def kept(compute):
    """How many bytes the graph of a computation keeps, tensors counted once."""
    seen = {}

    def pack(x):
        seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        result = compute()
    return result, sum(seen.values())


@pytest.mark.parametrize(
    "solver", [RK4(60), DormandPrince(1e-10, 1e-10), DormandPrince(1e-9, 1e-9, True)]
)
def test_gradients_agree(solver):
    net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
    x = torch.randn(5, 2, requires_grad=True)
    push = torch.randn(5, 2, requires_grad=True)

    def f(t, state):
        told = torch.cat([state[0], t[:, None].expand(5, 1)], 1)
        return net(told) + push, (state[0] * state[1][:, None]).sum(1)

    y, reads = (x, torch.ones(5)), (*net.parameters(), push)
    ways = {
        "backprop": lambda: solver(f, y, 1.0, 0.0),
        "recomputed": lambda: solver(recomputed(f, reads), y, 1.0, 0.0),
        "adjoint": lambda: adjoint(solver, f, y, 1.0, 0.0, reads),
    }
    found, memory = {}, {}
    for name, way in ways.items():
        (end, area), memory[name] = kept(way)
        loss = end.square().sum() + area.exp().sum()
        found[name] = torch.autograd.grad(loss, [x, *reads])
    for name, tolerance in (("recomputed", 1e-12), ("adjoint", 1e-6)):
        for one, truth in zip(found[name], found["backprop"], strict=True):
            torch.testing.assert_close(one, truth, rtol=tolerance, atol=tolerance)
    assert memory["recomputed"] < memory["backprop"] / 2
    assert memory["adjoint"] < memory["recomputed"] / 5


def test_gradients_of_a_part():
    """What wants no gradient gets none, and what does not matter gets zeros."""
    rate, idle = torch.tensor([0.5], requires_grad=True), torch.ones(1, requires_grad=True)
    fixed, y = torch.tensor([2.0]), (torch.ones(3, 1),)
    for way in (
        lambda f, reads: RK4(20)(recomputed(f, reads), y, 0.0, 1.0),
        lambda f, reads: adjoint(RK4(20), f, y, 0.0, 1.0, reads),
    ):
        (end,) = way(lambda t, s: (rate * fixed * s[0],), (rate, idle, fixed))
        (slope, none) = torch.autograd.grad(end.sum(), (rate, idle), materialize_grads=True)
        torch.testing.assert_close(slope, 6 * torch.ones(1).exp(), rtol=1e-5, atol=1e-5)
        assert torch.equal(none, torch.zeros(1))
