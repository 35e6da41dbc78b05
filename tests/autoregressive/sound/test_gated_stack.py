"""WaveNet's network: its equations, its steps, and its folded steps."""

import numpy as np
import pytest
import torch

from genus.autoregressive import FoldedStack, GatedStack

T = 11


def stack(kernel=2, context=0, dilations=(1, 2, 4)):
    return GatedStack(3, 5, 7, dilations, kernel, context).double().requires_grad_(False)


def test_it_is_its_equations():
    net, h = stack(context=2), torch.randn(2, T, 3, dtype=torch.float64)
    shifts = net.shifts(torch.randn(2, 1, 2, dtype=torch.float64))
    stream, total = h, net.skips.bias
    for i, layer in enumerate(net.convolutions):
        a = layer(stream) + shifts[:, :, i]
        z = torch.tanh(a[..., :3]) * torch.sigmoid(a[..., 3:])
        total = total + z @ net.skips.weight[:, 3 * i : 3 * i + 3].T
        stream = stream + net.residuals[i](z) if i < 2 else stream
    torch.testing.assert_close(net(h, shifts), net.last(net.hidden(total.relu()).relu()))


def test_it_sees_as_far_as_its_span():
    net = stack(dilations=(1, 2))
    jacobian = torch.autograd.functional.jacobian(
        lambda h: net(h[None])[0, -1], torch.randn(T, 3, dtype=torch.float64)
    )
    seen = jacobian.abs().sum((0, 2)) != 0
    assert net.span == 3
    assert seen.tolist() == [False] * (T - 4) + [True] * 4


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("kernel", "dilations"), [(2, (1, 2, 4)), (3, (1, 3)), (2, (1, 40))])
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_steps_and_folded_steps_are_the_whole(n, kernel, dilations, frames):
    length = 12
    net, h = stack(kernel, 2, dilations), torch.randn(n, length, 3, dtype=torch.float64)
    context = torch.randn(n, frames, 2, dtype=torch.float64)
    shifts = net.shifts(context) if frames else None
    memory, folded = net.begin(n, length), FoldedStack(net, n, length)
    whole = net(h, shifts)
    for t in range(length):
        shift = None if shifts is None else shifts[:, t * frames // length]
        if shift is not None and t % (length // frames) == 0:
            folded.condition(shift)
        torch.testing.assert_close(net.step(h[:, t], memory, shift), whole[:, t])
        came = torch.from_numpy(folded.step(h[:, t].T.numpy()).T.copy())
        torch.testing.assert_close(came, whole[:, t], rtol=1e-12, atol=1e-12)


def test_folding_leaves_the_weights_alone():
    net = stack(context=2)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    folded = FoldedStack(net, 1, T)
    folded.condition(net.shifts(torch.randn(1, 1, 2, dtype=torch.float64))[:, 0])
    folded.step(np.ones((3, 1)))
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_a_new_context_replaces_the_last():
    net, h = stack(context=2), np.ones((3, 1))
    one, other = net.shifts(torch.randn(1, 2, 2, dtype=torch.float64))[0][:, None]
    folded, fresh = FoldedStack(net, 1, T), FoldedStack(net, 1, T)
    folded.condition(one)
    folded.condition(other)
    fresh.condition(other)
    assert np.array_equal(folded.step(h), fresh.step(h))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="kernel 1"):
        GatedStack(3, 5, 7, (1, 2), kernel=1)
    with pytest.raises(ValueError, match="built without a context"):
        stack().shifts(torch.zeros(1, 1, 2))
