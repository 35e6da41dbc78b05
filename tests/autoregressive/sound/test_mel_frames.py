"""Features of a spectrum, frame by frame."""

import pytest
import torch

from genus.autoregressive import MelFrames


def test_a_frame_sees_three_on_either_side():
    net = MelFrames(5, 4).double()
    x = torch.randn(1, 12, 5, dtype=torch.float64) * 4 - 10
    jacobian = torch.autograd.functional.jacobian(lambda x: net(x)[0].sum(1), x)[:, 0].abs().sum(2)
    t = torch.arange(12)
    far = (t[:, None] - t).abs()
    assert net(x).shape == (1, 12, 4)
    assert (jacobian[far > 3] == 0).all()
    assert (jacobian[far <= 3] > 0).float().mean() > 0.5


def test_sizes_are_refused():
    with pytest.raises(ValueError, match="d_out is 0"):
        MelFrames(5, 0)
