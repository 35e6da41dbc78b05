"""A U-Net from one image to another of the same size, down to one pixel and back."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, interpolate, leaky_relu, relu

DROPPED = 3  # levels of the decoder, from the coarsest on, that have dropout


class UNetGenerator(nn.Module):
    """Halves an image down to one pixel and doubles it again, each level seeing its twin's features.

    (n, d_in, h, w) -> (n, d_out, h, w).

    Args:
        d_in, d_out: channels.
        side: the shorter side, in pixels, at least 4.
        width: channels after the first halving; they double three times at most.
        drop: the probability of a zero in the dropout, which is always on: it is the noise.
    """

    def __init__(self, d_in: int, d_out: int, side: int, width: int, drop: float):
        super().__init__()
        self.d_in, self.d_out, self.side, self.width, self.drop = d_in, d_out, side, width, drop
        levels = side.bit_length() - 1
        widths = [d_in, *(width * min(2**i, 8) for i in range(levels))]
        self.downs = nn.ModuleList(
            nn.Conv2d(finer, coarser, 4, stride=2, padding=1) for finer, coarser in pairwise(widths)
        )
        ups = zip(reversed(widths[2:]), reversed(widths[1:-1]), strict=True)
        self.ups = nn.ModuleList(
            nn.Conv2d(coarser if i == 0 else 2 * coarser, finer, 3, padding=1)
            for i, (coarser, finer) in enumerate(ups)
        )
        self.last = nn.Conv2d(2 * width, d_out, 3, padding=1)
        self.norms = nn.ModuleList(nn.InstanceNorm2d(d, affine=True) for d in widths[2:-1])
        self.up_norms = nn.ModuleList(
            nn.InstanceNorm2d(d, affine=True) for d in reversed(widths[1:-1])
        )

    def forward(self, x: Tensor) -> Tensor:
        size, h = x.shape[2:], self.downs[0](x)
        skips = [h]
        for i, down in enumerate(self.downs[1:]):
            h = down(leaky_relu(h, 0.2))
            if i < len(self.norms):  # not at the coarsest: one pixel would be normalised to zero
                h = self.norms[i](h)
            skips.append(h)
        h = skips.pop()
        for i, (up, norm) in enumerate(zip(self.ups, self.up_norms, strict=True)):
            skip = skips.pop()
            h = norm(up(interpolate(relu(h), skip.shape[2:])))
            if i < DROPPED:
                h = dropout(h, self.drop, training=True)
            h = torch.cat([h, skip], 1)
        return self.last(interpolate(relu(h), size))
