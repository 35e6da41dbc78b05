"""Where scenes are drawn: the pixels of a block of them, and windows around their objects."""

from typing import NamedTuple

import torch
from torch import Tensor

from .forms import Seen


class Sprites(NamedTuple):
    """Objects of one shape and style, (k,) each, those first that are painted first.

    Args:
        shape: number of the shape.
        comic: whether the style is comic.
        row: number of the scene.
        number: number of the object in its scene, from 0.
        rank: how many objects of the scene are painted before.
        x, y, radius, lift: as in `Placed`.
        seen: as the shape wants it.
        side: side of the light, -1 or 1.
    """

    shape: int
    comic: bool
    row: Tensor
    number: Tensor
    rank: Tensor
    x: Tensor
    y: Tensor
    radius: Tensor
    lift: Tensor
    seen: Seen
    side: Tensor


class Patch(NamedTuple):
    """What is laid on scenes: pixels of the stage, and how much of each is covered, (h, w, k)."""

    sprites: Sprites
    pixels: Tensor
    cover: Tensor
    colour: tuple[Tensor, ...] = ()


class Screens:
    """The pixels of n scenes.

    Args:
        size: height and width in pixels.
        n: number of scenes.
    """

    def __init__(self, size: int, n: int):
        self.size, self.n, self.pixel = size, n, 2 / size

    def empty(self, *channels: int) -> Tensor:
        """A field of zeros, (*channels, size * size * n)."""
        return torch.zeros(*channels, self.size * self.size * self.n)

    def shaped(self, whole: Tensor) -> Tensor:
        """A field as (..., size, size, n)."""
        return whole.view(*whole.shape[:-1], self.size, self.size, self.n)

    def window(
        self, row: Tensor, left: Tensor, top: Tensor, right: Tensor, bottom: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Windows of one size inside the scenes, each around its own bounds.

        Returns:
            Coordinates to the right, (1, w, k), and down, (h, 1, k), and the numbers of the pixels.
        """
        first, wide = self._span(left, right)
        above, high = self._span(top, bottom)
        i, j = torch.arange(high)[:, None, None], torch.arange(wide)[None, :, None]
        x = (first + j + 0.5) * self.pixel - 1
        y = (above + i + 0.5) * self.pixel - 1
        return x, y, ((above + i) * self.size + first + j) * self.n + row

    def _span(self, low: Tensor, high: Tensor) -> tuple[Tensor, int]:
        first = ((low + 1) / self.pixel).floor()
        last = ((high + 1) / self.pixel).ceil()
        count = min(int((last - first).max().item()) + 1, self.size)
        return first.long().clamp(0, self.size - count), count
