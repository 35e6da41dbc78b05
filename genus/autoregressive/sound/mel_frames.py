"""Frames of a spectrum as features, frame by frame."""

from torch import Tensor, nn

from ...errors import at_least

MIDDLE, SPREAD = -10.0, 4.0  # of natural logarithms of power, which are floored at -18.4


class MelFrames(nn.Module):
    """Logarithms of power, (n, frames, bands) -> (n, frames, d_out): each frame with three on either side.

    Args:
        bands: bands of the spectrum.
        d_out: features of a frame.
    """

    def __init__(self, bands: int, d_out: int):
        super().__init__()
        at_least(1, "MelFrames", bands=bands, d_out=d_out)
        self.bands, self.d_out = bands, d_out
        self.near = nn.Conv1d(bands, d_out, 5, padding=2)
        self.further = nn.Conv1d(d_out, d_out, 3, padding=1)

    def forward(self, frames: Tensor) -> Tensor:
        level = ((frames - MIDDLE) / SPREAD).mT
        return self.further(self.near(level).relu()).relu().mT
