"""The U-Net of an image and a time: the denoiser of images.

Down by halves, with features stored on the way; up again, with the stored ones beside; at the
coarsest levels every place looks at every other. Sizes need not be even: a half is rounded up, and
on the way up each level takes the size of the features that were stored there.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from ...errors import Refused
from ...nn.embedding import time_embedding, with_context


def group_norm(channels: int, groups: int = 32) -> nn.GroupNorm:
    """Group normalisation that fits any width: groups have at least 4 channels, and all the same.

    Groups of one channel would take away all that is in a 1 x 1 image.
    """
    most = max(1, min(groups, channels // 4))
    return nn.GroupNorm(next(g for g in range(most, 0, -1) if channels % g == 0), channels)


def zero(layer: nn.Conv2d) -> nn.Conv2d:
    """A layer that gives 0 at first: a residual branch that is not there yet."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class TimedResidual(nn.Module):
    """Two convolutions, the time between them: (n, d_in, h, w) -> (n, d_out, h, w).

    Args:
        d_in, d_out: channels.
        d_time: features of the embedded time.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(self, d_in: int, d_out: int, d_time: int, dropout: float = 0.0):
        super().__init__()
        self.d_in, self.d_out, self.d_time, self.dropout = d_in, d_out, d_time, dropout
        self.first = nn.Sequential(
            group_norm(d_in), nn.SiLU(), nn.Conv2d(d_in, d_out, 3, padding=1)
        )
        self.norm = group_norm(d_out)
        self.modulate = nn.Linear(d_time, 2 * d_out)
        self.second = nn.Sequential(
            nn.SiLU(), nn.Dropout(dropout), zero(nn.Conv2d(d_out, d_out, 3, padding=1))
        )
        self.skip = nn.Conv2d(d_in, d_out, 1) if d_in != d_out else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.modulate(time)[:, :, None, None].chunk(2, dim=1)
        h = self.norm(self.first(x)) * (1 + scale) + shift
        return self.skip(x) + self.second(h)


class Attention(nn.Module):
    """Every place of an image looks at every other: (n, d, h, w) -> the same.

    Args:
        channels: d.
        heads: number of attention heads; d must be a multiple.
    """

    def __init__(self, channels: int, heads: int = 1):
        super().__init__()
        if channels % heads:
            raise Refused(f"Attention: heads is {heads}; it must divide {channels} channels")
        self.channels, self.heads = channels, heads
        self.norm = group_norm(channels)
        self.look = nn.Conv2d(channels, 3 * channels, 1)
        self.output = zero(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        n, d, h, w = x.shape
        parts = self.look(self.norm(x)).view(n, 3, self.heads, d // self.heads, h * w)
        q, k, v = parts.transpose(3, 4).unbind(1)  # each (n, heads, places, d / heads)
        seen = scaled_dot_product_attention(q, k, v).transpose(2, 3).reshape(n, d, h, w)
        return x + self.output(seen)


class Stage(nn.Module):
    """A residual block and, where wanted, attention."""

    def __init__(self, d_in: int, d_out: int, d_time: int, dropout: float, attends: bool):
        super().__init__()
        self.d_in, self.d_out, self.d_time = d_in, d_out, d_time
        self.dropout, self.attends = dropout, attends
        self.block = TimedResidual(d_in, d_out, d_time, dropout)
        self.attention = Attention(d_out) if attends else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.attention(self.block(x, time))


class UNet(nn.Module):
    """An image and a time in [0, 1] -> an image: (n, channels, h, w), any h and w.

    Source: Ho, Jain, Abbeel, 2020, arXiv:2006.11239, appendix B, after Ronneberger, Fischer, Brox,
        "U-Net", 2015, arXiv:1505.04597.
    Departs: the time also scales features, not only shifts them (Nichol, Dhariwal, 2021,
        arXiv:2102.09672); attention is placed by level, not by resolution.

    Args:
        channels: channels of the image.
        width: channels of the features at full size.
        multipliers: factors of width at each level; a level is half as large as the last.
        blocks: residual blocks a level, on the way down; one more on the way up.
        attending: number of the coarsest levels that have attention.
        dropout: share of hidden units set to zero in a round of training.
        context: dimension of the context, which is a third argument; 0 for none.
        parts: number of output images, their channels one after another.
    """

    def __init__(
        self,
        channels: int,
        width: int = 32,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 1,
        attending: int = 1,
        dropout: float = 0.0,
        context: int = 0,
        parts: int = 1,
    ):
        super().__init__()
        if not multipliers or blocks < 1 or width < 2:
            raise Refused(
                f"UNet: multipliers is {tuple(multipliers)}, blocks {blocks}, width {width}; at "
                f"least one level, one block and 2 channels are wanted"
            )
        self.channels, self.width, self.multipliers = channels, width, tuple(multipliers)
        self.blocks, self.attending, self.dropout = blocks, attending, dropout
        self.context, self.parts = context, parts
        d_time, last = 4 * width, len(multipliers) - 1
        self.time = time_embedding(2 * width, d_time)
        self.enter = nn.Conv2d(channels, width, 3, padding=1)

        self.down, self.shrink, stored, now = nn.ModuleList(), nn.ModuleList(), [width], width
        for level, multiplier in enumerate(multipliers):
            attends = level > last - attending
            for _ in range(blocks):
                self.down.append(Stage(now, width * multiplier, d_time, dropout, attends))
                now = width * multiplier
                stored.append(now)
            if level < last:
                self.shrink.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
                stored.append(now)

        self.middle = Stage(now, now, d_time, dropout, attending > 0)

        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, multiplier in reversed([*enumerate(multipliers)]):
            attends = level > last - attending
            for _ in range(blocks + 1):
                wide = width * multiplier
                self.up.append(Stage(now + stored.pop(), wide, d_time, dropout, attends))
                now = wide
            if level:
                self.grow.append(nn.Conv2d(now, now, 3, padding=1))
        self.leave = nn.Sequential(
            group_norm(now), nn.SiLU(), zero(nn.Conv2d(now, parts * channels, 3, padding=1))
        )
        self.conditioning = nn.Linear(context, d_time, bias=False) if context else None

    def forward(self, x: Tensor, t: Tensor, context: Tensor | None = None) -> Tensor:
        time = silu(with_context(self.time(t), self.conditioning, context))
        h = self.enter(x)
        stored = [h]
        for i, stage in enumerate(self.down):
            h = stage(h, time)
            stored.append(h)
            if (i + 1) % self.blocks == 0 and i + 1 < len(self.down):
                h = self.shrink[i // self.blocks](h)
                stored.append(h)
        h = self.middle(h, time)
        for i, stage in enumerate(self.up):
            h = stage(torch.cat([h, stored.pop()], dim=1), time)
            if (i + 1) % (self.blocks + 1) == 0 and stored:
                h = interpolate(h, size=stored[-1].shape[2:], mode="nearest")
                h = self.grow[i // (self.blocks + 1)](h)
        return self.leave(h)
