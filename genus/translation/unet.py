"""A U-Net from one image to another of the same size, down to one pixel and back."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, interpolate, leaky_relu, relu

Inject = Literal["input", "all"]  # where numbers z are appended as maps
DROPPED = 3  # levels of the decoder, from the coarsest on, that have dropout


class UNetGenerator(nn.Module):
    """Halves an image down to one pixel and doubles it again, each level seeing its twin's features.

    (n, d_in, h, w) -> (n, d_out, h, w), given z, (n, latent), if latent is not 0. Each number of z is
    a constant map beside the features.

    Args:
        d_in, d_out: channels.
        side: the shorter side, in pixels, at least 4.
        width: channels after the first halving; they double three times at most.
        drop: the probability of a zero in the dropout, which is always on: it is the noise.
        latent: the size of z.
        inject: where z enters: at the image, or before each halving.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        side: int,
        width: int,
        drop: float,
        latent: int = 0,
        inject: Inject = "input",
    ):
        super().__init__()
        self.d_in, self.d_out, self.side, self.width, self.drop = d_in, d_out, side, width, drop
        self.latent, self.inject = latent, inject
        levels = side.bit_length() - 1
        widths = [d_in, *(width * min(2**i, 8) for i in range(levels))]
        self.places = levels if inject == "all" else 1  # halvings before which z enters
        self.downs = nn.ModuleList(
            nn.Conv2d(finer + latent * (i < self.places), coarser, 4, stride=2, padding=1)
            for i, (finer, coarser) in enumerate(pairwise(widths))
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

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        size, h = x.shape[2:], self.downs[0](beside(x, z))
        skips = [h]
        for i, down in enumerate(self.downs[1:]):
            h = leaky_relu(h, 0.2)
            h = down(beside(h, z) if i + 1 < self.places else h)
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


def beside(h: Tensor, z: Tensor | None) -> Tensor:
    """Maps, (n, c, h, w), and each number of z, (n, latent), as one more; the maps alone without z."""
    if z is None:
        return h
    return torch.cat([h, z[:, :, None, None].expand(-1, -1, *h.shape[2:])], 1)
