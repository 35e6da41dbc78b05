"""The half of a U-Net that goes down: an image and a time to a vector."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ...errors import Refused
from ...nn.embedding import time_embedding
from .unet import Stage, group_norm


class TimeEncoder(nn.Module):
    """A noisy image and a time in [0, 1] -> a vector: (n, channels, h, w) -> (n, d_out), any h and w.

    Source: Dhariwal, Nichol, "Diffusion models beat GANs on image synthesis", 2021, arXiv:2105.05233,
        section 4 (the classifier of noisy images).
    Departs: the mean over places in the place of attention pooling.

    Args:
        channels: channels of the image.
        d_out: the size of the vector.
        width: channels of the features at full size.
        multipliers: factors of width at each level; a level is half as large as the last.
        attending: number of the coarsest levels that have attention.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(
        self,
        channels: int,
        d_out: int,
        width: int = 32,
        multipliers: Sequence[int] = (1, 2, 2),
        attending: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        if not multipliers or width < 2:
            raise Refused(
                f"TimeEncoder: multipliers is {tuple(multipliers)}, width {width}; at least one "
                f"level and 2 channels are wanted"
            )
        self.channels, self.d_out, self.width = channels, d_out, width
        self.multipliers, self.attending, self.dropout = tuple(multipliers), attending, dropout
        d_time, last = 4 * width, len(multipliers) - 1
        self.time = time_embedding(2 * width, d_time)
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.down, self.shrink, now = nn.ModuleList(), nn.ModuleList(), width
        for level, multiplier in enumerate(multipliers):
            attends = level > last - attending
            self.down.append(Stage(now, width * multiplier, d_time, dropout, attends))
            now = width * multiplier
            if level < last:
                self.shrink.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
        self.norm, self.leave = group_norm(now), nn.Linear(now, d_out)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time, h = silu(self.time(t)), self.enter(x)
        for i, stage in enumerate(self.down):
            h = stage(h, time)
            if i < len(self.shrink):
                h = self.shrink[i](h)
        return self.leave(torch.mean(silu(self.norm(h)), dim=(2, 3)))
