"""What recipes of diffusion share: networks, where a path's first time lies, runs of two parts."""

import math
from dataclasses import replace

import torch
from torch import nn

from ...core import Pixels, Space
from ...diffusion import TimeMLP, UNet
from ...functional.diffusion.paths import Path
from ...train import Run
from ...train.fit import STATE

LATER = (
    0.75  # how long a model learns that begins with another's weights, as a share of the other's
)


def denoising_net(
    space: Space,
    width: int | None = None,
    dropout: float = 0.0,
    parts: int = 1,
    context: int = 0,
) -> nn.Module:
    """A U-Net for images, a perceptron for vectors.

    Images are halved down to 7 pixels or fewer, and looked at all around where they are halved twice.

    Args:
        space: of images, (channels, height, width), or of vectors.
        width: channels at full size, by default 16, or features, by default 64.
        dropout: share of hidden units set to zero in a round of training.
        parts: how many tensors of the shape of x it gives.
        context: dimension of the context, beside the time.
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
    """The least noise, sigma / alpha, that says anything of x: on pixels a quarter of a bin."""
    return space.bin / 4 if isinstance(space, Pixels) else 0.002


def reached(path: Path, noise: float) -> float:
    """The time at which a path has so much noise, sigma / alpha."""
    return path.time(torch.tensor(-math.log(noise), dtype=torch.float64)).item()


def in_two(run: Run, name: str, rate: float) -> tuple[Run, Run]:
    """The run of a model that another one learns from, and, three quarters as long, of that other.

    A run that was stopped in its first part goes on there, and begins with its second.

    Args:
        run: of the first.
        name: of its folder, in that of the second.
        rate: the second's learning rate, as a share of the first's.
    """
    rounds = None if run.rounds is None else max(1, round(LATER * run.rounds))
    minutes = None if run.minutes is None else LATER * run.minutes
    second = replace(run, rounds=rounds, minutes=minutes, lr=rate * run.lr)
    if run.out is None:
        return run, second
    begun = (run.out / STATE).exists()
    return replace(run, out=run.out / name), replace(second, resume=run.resume and begun)
