"""Pieces of a HierarchicalVAE: convolutions of a known gain, residual blocks, and a group of latents on a map."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ..belief import Belief

GAIN = 1.4  # of fresh weights: what a map loses by SiLU, they give back
WIDEST = 5.0  # of log deviations, which approach it and never pass


class Conv(nn.Conv2d):
    """A convolution that keeps the size of a map, or halves it, rounding up.

    Args:
        before, after: channels.
        kernel: side of the filters, odd.
        gain: deviation of what fresh weights make of a map of deviation 1.
        stride: 1, or 2 to halve.
    """

    def __init__(
        self, before: int, after: int, kernel: int = 1, gain: float = GAIN, stride: int = 1
    ):
        super().__init__(before, after, kernel, stride, kernel // 2)
        assert self.bias is not None
        nn.init.normal_(self.weight, std=gain / math.sqrt(before * kernel**2))
        nn.init.zeros_(self.bias)


class Bottleneck(nn.Module):
    """A residual block: h + f(h), with half as many channels within.

    Args:
        width: channels.
        gain: of the last layer.
        dropout: share of the channels within that are set to zero at each place in a round of training.
    """

    def __init__(self, width: int, gain: float, dropout: float):
        super().__init__()
        self.narrow = Conv(width, _half(width), 3)
        self.wide, self.dropout = Conv(_half(width), width, gain=gain), nn.Dropout(dropout)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.wide(self.dropout(silu(self.narrow(silu(h)))))


class LatentGroup(nn.Module):
    """A group of latents: a vector at each place of a map.

    Args:
        width: channels of the map.
        channels: size of the vector.
        blocks: residual blocks after it.
        gain, dropout: as in `Bottleneck`.
    """

    def __init__(self, width: int, channels: int, blocks: int, gain: float, dropout: float):
        super().__init__()
        self.channels = channels
        self.prior = Conv(width, 2 * channels, gain=0.1)
        self.look, self.hear = Conv(width, _half(width)), Conv(width, _half(width), 3)
        self.guess = Conv(_half(width), 2 * channels, gain=0.07)
        self.put, self.dropout = Conv(channels, width, gain=0.3), nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Bottleneck(width, gain, dropout) for _ in range(blocks)))

    def posterior(self, above: Tensor, hint: Tensor) -> Belief:
        """q in the unit of p: m and log s, each (n, channels, height, width).

        Args:
            above: the map above the group, after its SiLU.
            hint: what `look` makes of d, after its SiLU.
        """
        seen = self.dropout(silu(self.hear(above) + hint))
        mean, log_std = self.guess(seen).chunk(2, dim=1)
        return Belief(mean, _bounded(log_std))

    def forward(self, h: Tensor, choose: Callable[[Tensor], Tensor]) -> Tensor:
        """The map below the group, from the one above it, (n, width, height, width).

        Args:
            h: the map above.
            choose: the code e, (n, channels, height, width), as a function of h after its SiLU.
        """
        above = silu(h)
        mean, log_std = self.prior(above).chunk(2, dim=1)
        return self.blocks(h + self.put(mean + _bounded(log_std).exp() * choose(above)))


def _half(width: int) -> int:
    return max(1, width // 2)


def _bounded(log_std: Tensor) -> Tensor:
    return WIDEST * torch.tanh(log_std / WIDEST)
