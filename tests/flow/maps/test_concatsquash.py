"""ConcatSquash: against its equations as they stand, and its divergence against autograd."""

import pytest
import torch

from genus.flow.maps import concatsquash
from genus.flow.maps.concatsquash import ConcatSquash
from genus.functional.numerics.traces import divergence


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def by_the_equations(net, x, t, context):
    told = (
        t.expand(len(x))[:, None]
        if context is None
        else torch.cat([t.expand(len(x))[:, None], context], 1)
    )
    g1, g2 = net.gates(told).sigmoid().chunk(2, 1)
    s1, s2 = net.shifts(told).chunk(2, 1)
    h1 = (g1 * net.enter(x) + s1).tanh()
    h2 = (g2 * net.middle(h1) + s2).tanh()
    return net.leave(h2)


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("times", [1, 7])
@pytest.mark.parametrize("tile", [1, 10**6])
def test_field_and_divergence(context, times, tile, monkeypatch):
    monkeypatch.setattr(concatsquash, "TILE", tile)
    net = ConcatSquash(4, 9, context)
    x, t = torch.randn(7, 4), torch.rand(times)
    told = torch.randn(7, context) if context else None
    truth = by_the_equations(net, x, t, told)
    torch.testing.assert_close(net(x, t, told), truth)
    trace = divergence(lambda x: by_the_equations(net, x, t, told), x)[1]
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            change, found = net.given(told).with_divergence(t, x)
        torch.testing.assert_close(change, truth)
        torch.testing.assert_close(found, trace)


def test_gradients_reach_every_weight_through_the_divergence():
    net = ConcatSquash(3, 5, 2)
    x, t, told = torch.randn(6, 3), torch.rand(1), torch.randn(6, 2, requires_grad=True)

    def total(given):
        change, trace = given(x, t, told)
        return change.square().sum() + trace.square().sum()

    wanted = [*net.parameters(), told]
    truth = torch.autograd.grad(
        total(lambda x, t, c: divergence(lambda x: by_the_equations(net, x, t, c), x)), wanted
    )
    found = torch.autograd.grad(total(lambda x, t, c: net.given(c).with_divergence(t, x)), wanted)
    for one, other in zip(found, truth, strict=True):
        torch.testing.assert_close(one, other)
        assert one.abs().sum() > 0


def test_a_context_is_wanted():
    with pytest.raises(ValueError, match="context is None"):
        ConcatSquash(2, 4, 3)(torch.randn(5, 2), torch.rand(1))
    with pytest.raises(ValueError, match=r"context is \(5, 2\)"):
        ConcatSquash(2, 4, 3)(torch.randn(5, 2), torch.rand(1), torch.randn(5, 2))
