"""The common parts of diffusion recipes: networks, the first time of a path."""

import math

import torch
from torch import nn

from ...core import Pixels, Space
from ...diffusion import TimeMLP, UNet
from ...functional.diffusion.paths import Path

LATER = 0.75  # rounds of a model that begins with another's weights, over the other's


def denoising_net(
    space: Space,
    width: int | None = None,
    dropout: float = 0.0,
    parts: int = 1,
    context: int = 0,
) -> nn.Module:
    """A U-Net for images, a perceptron for vectors.

    Images are halved down to 7 pixels or fewer, with attention where they are halved twice.

    Args:
        space: space of images, (channels, height, width), or of vectors.
        width: channels at full size, by default 16, or features, by default 64.
        dropout: share of hidden units set to zero in a round of training.
        parts: number of output tensors of the shape of x.
        context: dimension of the context, apart from the time.
    """
    if not (isinstance(space, Pixels) and len(space.shape) == 3):
        return TimeMLP(space.dims, width or 64, 3, 8, dropout, context, parts)
    channels, *sides = space.shape
    halvings = 0
    while min(sides) >> halvings > 7:
        halvings += 1
    multipliers = (1, *[2] * halvings)
    attending = max(0, halvings - 1)
    return UNet(channels, width or 16, multipliers, 1, attending, dropout, context, parts)


def finest(space: Space) -> float:
    """The least useful noise, sigma / alpha: on pixels a quarter of a bin."""
    return space.bin / 4 if isinstance(space, Pixels) else 0.002


def reached(path: Path, noise: float) -> float:
    """The time at which a path has this much noise, sigma / alpha."""
    return path.time(torch.tensor(-math.log(noise), dtype=torch.float64)).item()
