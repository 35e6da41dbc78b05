"""A canvas on which the pictures of a block of rows are drawn at once, layer upon layer.

Fields are (height, width, rows), rows last: then what differs from row to row is one vector, and a
layer touches only its window of the canvas. Colours are (4, ..., rows): red, green and blue in 0 .. 1
and a one, by which the canvas keeps colour times alpha and alpha at once (premultiplied).
A block has a multiple of 32 rows: so that all of them take the same path through the processor, and a
row is the same bits in every block.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

LANES = 32  # rows of a block are a multiple of this


@dataclass(frozen=True)
class Window:
    """A part of a canvas.

    Args:
        x: coordinates of its pixels' centres to the right, (1, width, 1).
        y: coordinates downwards, (height, 1, 1).
        place: rows and columns of the canvas.
        pixel: side of a pixel, in the unit of the canvas.
    """

    x: Tensor
    y: Tensor
    place: tuple[slice, slice]
    pixel: float

    def __bool__(self) -> bool:
        """Whether it holds any pixel."""
        return self.x.numel() > 0 and self.y.numel() > 0


class Layer(NamedTuple):
    """What was laid on a canvas: where, how much of each pixel, as which part, and of what material."""

    place: tuple[slice, slice]
    coverage: Tensor
    part: int
    material: str
    within: Tensor | None = None  # what a mark is of: the alpha below it


class Canvas:
    """An empty canvas, whose coordinates go from -1 to 1, to the right and down.

    Args:
        size: height and width in pixels.
        rows: number of pictures, a multiple of 32.
        remember: whether layers are kept, for segmentations and flow.
    """

    def __init__(self, size: int, rows: int, *, remember: bool = False):
        self.size, self.rows, self.pixel = size, rows, 2 / size
        self.paint = torch.zeros(4, size, size, rows, dtype=torch.float32)
        self.layers: list[Layer] | None = [] if remember else None
        steps = torch.arange(size, dtype=torch.float32)
        self.steps = (steps + 0.5) * self.pixel - 1
        self.whole = self.window(-1, -1, 1, 1)

    def window(
        self,
        left: Tensor | float,
        top: Tensor | float,
        right: Tensor | float,
        bottom: Tensor | float,
    ) -> Window:
        """The pixels that may be touched by shapes within these bounds, with one pixel to spare.

        Bounds that differ from row to row, (rows,), are taken together.
        """
        columns = self._span(_least(left), _most(right))
        lines = self._span(_least(top), _most(bottom))
        x, y = self.steps[columns][None, :, None], self.steps[lines][:, None, None]
        return Window(x, y, (lines, columns), self.pixel)

    def _span(self, low: float, high: float) -> slice:
        first = int((low + 1) / self.pixel - 1)
        last = int((high + 1) / self.pixel + 2)
        first = min(max(first, 0), self.size)
        return slice(first, min(max(last, first), self.size))

    def lay(
        self,
        window: Window,
        coverage: Tensor,
        colour: Tensor,
        part: int = 0,
        material: str = "",
    ) -> None:
        """Lays a layer over what is there.

        Args:
            window: where it lies.
            coverage: share of each pixel that it covers, (height, width, rows), 0 .. 1.
            colour: colour of each row, (4, 1, 1, rows), or of each pixel, (4, height, width, rows).
            part: number of the part that it belongs to.
            material: name of what it is made of and moves with.
        """
        if not window:
            return
        lines, columns = window.place
        self.paint[:, lines, columns].lerp_(colour, coverage)
        if self.layers is not None:
            self.layers.append(Layer(window.place, coverage, part, material))

    def mark(self, window: Window, coverage: Tensor, part: int, material: str = "") -> None:
        """Says that pixels show a part, and leaves their colour as it is."""
        if self.layers is not None and window:
            below = self.paint[3][window.place].clone()
            self.layers.append(Layer(window.place, coverage, part, material, below))

    def over(self, ground: Tensor) -> Tensor:
        """The picture over a ground, both (3, height, width, rows)."""
        return self.paint[:3] + (1 - self.paint[3]) * ground

    def parts(self, count: int) -> Tensor:
        """The share of each pixel in which each part is seen, (count, height, width, rows)."""
        seen = torch.zeros(count, self.size, self.size, self.rows)
        for layer, visible in self.visible():
            seen[layer.part, layer.place[0], layer.place[1]] += visible
        return seen

    def visible(self) -> list[tuple[Layer, Tensor]]:
        """Each layer and the share of each pixel of its window in which it is seen, the top first."""
        if self.layers is None:
            raise RuntimeError("the canvas was not asked to remember its layers")
        clear = torch.ones(self.size, self.size, self.rows)
        found = []
        for layer in reversed(self.layers):
            there = clear[layer.place]
            seen = layer.coverage * there
            there -= seen
            found.append((layer, seen if layer.within is None else seen * layer.within))
        return found


def _least(bound: Tensor | float) -> float:
    return bound.min().item() if isinstance(bound, Tensor) else bound


def _most(bound: Tensor | float) -> float:
    return bound.max().item() if isinstance(bound, Tensor) else bound


def colour(of: Tensor) -> Tensor:
    """Colours of rows, (rows, 3) in 0 .. 1, as a canvas takes them, (4, 1, 1, rows)."""
    return torch.cat((of.T.float(), torch.ones(1, len(of))))[:, None, None].contiguous()


@cache
def plain(name: str) -> Tensor:
    """A colour such as #c68642 as a canvas takes it, (4, 1, 1, 1)."""
    part = [int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return torch.tensor([*part, 1.0], dtype=torch.float32)[:, None, None, None]


def mixed(first: Tensor, second: Tensor, share: Tensor | float) -> Tensor:
    """A share of the second colour in the first, of each row or of each pixel."""
    if isinstance(share, Tensor):
        return first.lerp(second, share)
    return first.lerp(second, share)


def shaded(of: Tensor, factor: Tensor | float, warm: float = 0.0) -> Tensor:
    """A colour made darker, or lighter above 1: the one of its four channels stays.

    Args:
        of: colour, (4, ...).
        factor: what red, green and blue are multiplied by.
        warm: how much less of red than of blue is taken away, as in shadows of skin.
    """
    found = of.clone()
    for channel, tint in ((0, warm), (1, 0.0), (2, -warm)):
        found[channel] = (of[channel] * (factor + tint)).clamp(0, 1)
    return found


def levels(picture: Tensor) -> Tensor:
    """A picture, (3, height, width, rows) in 0 .. 1, as levels, (rows, 3, height, width) uint8."""
    whole = (picture * 255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return whole.permute(3, 0, 1, 2).contiguous()


def padded(rows: int) -> int:
    """The rows of a block that holds so many."""
    return -(-rows // LANES) * LANES
