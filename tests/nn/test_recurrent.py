"""Recurrent layers: against their equations, step against whole, and without what comes later."""

import pytest
import torch
from torch.autograd.functional import jacobian

from genus.nn import Recurrent

CELLS = ["elman", "gru", "lstm"]


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def by_equations(net, x):
    """One layer, one place after another, in the words of the docstring."""
    layer = net.stack[0]
    w, u = layer.weight_ih_l0, layer.weight_hh_l0
    b, c = layer.bias_ih_l0, layer.bias_hh_l0
    h = cell = x.new_zeros(len(x), net.width)
    out = []
    for place in x.unbind(1):
        a, s = place @ w.T + b, h @ u.T + c
        if net.cell == "elman":
            h = torch.tanh(a + s)
        elif net.cell == "gru":
            (ar, az, an), (sr, sz, sn) = a.chunk(3, 1), s.chunk(3, 1)
            z = (az + sz).sigmoid()
            h = (1 - z) * torch.tanh(an + (ar + sr).sigmoid() * sn) + z * h
        else:
            i, f, g, o = (a + s).chunk(4, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            h = o.sigmoid() * cell.tanh()
        out.append(h)
    return torch.stack(out, 1)


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_is_its_equations(cell):
    net, x = Recurrent(3, 5, cell=cell), torch.randn(2, 6, 3)
    torch.testing.assert_close(net(x), by_equations(net, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("skips", [False, True])
def test_steps_and_fills_are_the_whole(cell, skips):
    net = Recurrent(3, 5, 3, cell, skips).eval()
    x = torch.randn(2, 7, 3)
    memory = net.begin(2)
    parts = [net.fill(x[:, :3], memory), *(net.step(x[:, i], memory)[:, None] for i in (3, 4))]
    parts.append(net.fill(x[:, 5:], memory))
    whole = net(x)
    assert whole.shape == (2, 7, net.d_out) == (2, 7, 15 if skips else 5)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_no_place_sees_a_later_one(cell):
    net = Recurrent(3, 4, 2, cell, skips=True)
    slope = jacobian(lambda x: net(x[None])[0].sum(1), torch.randn(5, 3)).abs().sum(2)
    later = torch.ones(5, 5).triu(1).bool()
    assert (slope[later] == 0).all()
    assert (slope[~later] > 0).all()


def test_skips_lead_from_x_to_every_layer():
    """Where the first layer ignores x, the second still sees it, and only with skips."""
    for skips in (False, True):
        net, x = Recurrent(3, 4, 2, "gru", skips), torch.randn(2, 5, 3)
        with torch.no_grad():
            for weight in net.stack[0].parameters():
                weight.zero_()
        assert torch.equal(net(x), net(-x)) is not skips


def test_gradients_run_through_the_state_until_it_is_cut():
    net, x = Recurrent(3, 4, 2), torch.randn(2, 6, 3, requires_grad=True)
    for cut in (False, True):
        memory = net.begin(2)
        net.fill(x[:, :3], memory)
        memory = memory.detached() if cut else memory
        (slope,) = torch.autograd.grad(net.fill(x[:, 3:], memory).sum(), x)
        assert bool((slope[:, :3] == 0).all()) is cut


def test_dropout_is_between_layers_in_training_alone():
    x = torch.randn(2, 5, 3)
    for layers in (1, 2):
        net = Recurrent(3, 8, layers, dropout=0.5)
        assert torch.equal(net(x), net(x)) is (layers == 1)
        net.eval()
        assert torch.equal(net(x), net(x))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="elman, gru, lstm"):
        Recurrent(3, 4, cell="lru")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="0 layers"):
        Recurrent(3, 4, 0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "skips"), [(1, False), (2, True)])
@pytest.mark.parametrize("capability", ["AVX2", torch.backends.cpu.get_cpu_capability()])
def test_under_autocast_every_processor_has_a_kernel(cell, layers, skips, capability, monkeypatch):
    """Those without AVX-512 have none of an LSTM in bfloat16, in which a layer before it gives its numbers."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    net = Recurrent(3, 4, layers, cell, skips).float()
    before = torch.nn.Linear(2, 3).float()
    x = torch.randn(2, 5, 2, dtype=torch.float32)

    def both():  # all at once, and the rest after a first place
        seen, memory = before(x), net.begin(2)
        first = net.step(seen[:, 0], memory)
        return net(seen), torch.cat([first[:, None], net.fill(seen[:, 1:], memory)], 1)

    with torch.no_grad():
        alone, stepped = both()
        with torch.autocast("cpu", torch.bfloat16):
            under, stepped_under = both()
    torch.testing.assert_close(stepped, alone)
    for found in (under, stepped_under):
        torch.testing.assert_close(found.float(), alone, rtol=0.03, atol=0.03)
