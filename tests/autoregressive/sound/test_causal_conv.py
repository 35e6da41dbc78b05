"""Dilated causal convolutions: what they see, and that steps are the whole."""

import pytest
import torch
from torch.nn.functional import conv1d, pad

from genus.autoregressive import CausalConv


def test_it_is_torchs_convolution_of_what_came_before():
    layer = CausalConv(3, 4, kernel=3, dilation=2).double()
    x = torch.randn(2, 9, 3, dtype=torch.float64)
    weight = layer.taps().flip(0).permute(1, 2, 0)  # torch has the present last
    want = conv1d(pad(x.mT, (4, 0)), weight, layer.bias, dilation=2).mT
    torch.testing.assert_close(layer(x), want)


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (2, 3), (3, 2), (2, 20)])
def test_steps_are_the_whole(kernel, dilation):
    layer = CausalConv(3, 4, kernel, dilation).double()
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    memory = layer.begin(2, 12)
    kept = memory.inputs
    steps = torch.stack([layer.step(x[:, t], memory) for t in range(12)], 1)
    torch.testing.assert_close(steps, layer(x), rtol=1e-13, atol=1e-13)
    assert memory.inputs is kept
    assert kept.shape == (2, min(12, (kernel - 1) * dilation), 3)


def test_it_sees_its_taps_and_nothing_else():
    layer = CausalConv(1, 1, kernel=3, dilation=2).double()
    jacobian = torch.autograd.functional.jacobian(
        lambda x: layer(x[None, :, None])[0, :, 0], torch.zeros(8, dtype=torch.float64)
    )
    t = torch.arange(8)
    late = t[:, None] - t
    assert torch.equal(jacobian != 0, (late == 0) | (late == 2) | (late == 4))


def test_sizes_are_refused():
    with pytest.raises(ValueError, match="dilation is 0"):
        CausalConv(1, 1, dilation=0)
