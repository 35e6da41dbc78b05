"""The network of PixelCNN++: two streams, down to coarser images and up again, with shortcuts.

    u      all rows above a pixel                   windows of 2 x 3, one row at a time in a step
    ul     those, and what is left in its own row   windows of 2 x 2, one pixel at a time; sees u

Neither sees the pixel itself. A level is a chain of residual blocks, then the next level at half the
size, upsampled again, then a second chain, each block of which also sees what a block of the first
chain had. A coarse pixel (I, J) has seen nothing after the fine one (2I, 2J), and is there when that
is: in steps it is computed once, and kept for the four fine pixels under it.

Source: Salimans, Karpathy, Chen, Kingma, "PixelCNN++: improving the PixelCNN with discretized logistic
    mixture likelihood and other modifications", 2017, arXiv:1701.05517.
Departs: images are upsampled by windows of 2 x 2 that do not overlap, in both streams; weights are
    not normalised.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, elu, linear

from ...errors import Refused
from .masked_conv import MaskedConv2d, PixelMemory, RowConv2d, RowMemory

C = TypeVar("C", RowConv2d, MaskedConv2d)


class TwoStreams(nn.Module):
    """(n, d_in, h, w) -> (n, width, h, w): each output sees all inputs before its place, not its own.

    Args:
        d_in: channels that come in.
        width: channels of both streams.
        scales: sizes of images, each half the one before; 1 stays with the first.
        blocks: residual blocks of a level before the next one; one more comes after it.
        dropout: share of the inputs of each block's second layer set to zero in a round of training.
    """

    def __init__(self, d_in: int, width: int, scales: int, blocks: int, dropout: float = 0.0):
        super().__init__()
        self.rows = RowConv2d(d_in, width, 2, 1, 1, strict=True)
        self.pixels = MaskedConv2d(d_in, width, 1, 1, 1, strict=True)
        self.level = TwoStreamLevel(width, scales, blocks, dropout)

    def forward(self, x: Tensor) -> Tensor:
        return elu(self.level(self.rows(x), self.pixels(x))[1])

    def begin(self, n: int, width: int) -> "StreamsMemory":
        """Room for n images of `width` columns."""
        rows, pixels = self.rows.begin(n, width), self.pixels.begin(n, width)
        return StreamsMemory(rows, pixels, self.level.begin(n, width))

    def row(self, x: Tensor, memory: "StreamsMemory") -> None:
        """Takes the row before the next, (n, w, d_in); before the first row, zeros."""
        self.level.row(self.rows.row(x, memory.rows), memory.level)

    def step(self, x: Tensor, memory: "StreamsMemory") -> Tensor:
        """Takes the pixel before the next, (n, d_in), and gives what is known of the next, (n, width)."""
        return elu(self.level.step(self.pixels.step(x, memory.pixels), memory.level))


@dataclass
class StreamsMemory:
    """What `TwoStreams` keeps."""

    rows: RowMemory
    pixels: PixelMemory
    level: "LevelMemory"


# --- levels -----------------------------------------------------------------------------------


@dataclass
class LevelMemory:
    """What a level keeps."""

    blocks: list["PairMemory"]  # those on the way down, then those on the way up
    narrow: tuple[RowMemory, PixelMemory] | None  # of the layers that shrink
    inner: "LevelMemory | None"
    above: Tensor  # the stream u of the two rows over which the last coarse row is upsampled
    left: Tensor  # ul of these; both (n, 2, w + 1, width)
    rows: int = 0  # how many there were
    pixels: int = 0  # in this row


class TwoStreamLevel(nn.Module):
    """Both streams at one size of the image, and at all smaller ones.

    Args: those of `TwoStreams`.
    """

    def __init__(self, width: int, scales: int, blocks: int, dropout: float):
        super().__init__()
        self.down = nn.ModuleList(StreamPair(width, False, dropout) for _ in range(blocks))
        last = scales == 1
        self.up = nn.ModuleList(
            StreamPair(width, True, dropout) for _ in range(blocks + (not last))
        )
        self.inner = None if last else TwoStreamLevel(width, scales - 1, blocks, dropout)
        self.width = width
        if not last:
            self.shrink_rows = RowConv2d(width, width, 2, 1, 1, stride=2)
            self.shrink = MaskedConv2d(width, width, 1, 1, 0, stride=2)
            self.grow_rows = nn.ConvTranspose2d(width, width, 2, stride=2)
            self.grow = nn.ConvTranspose2d(width, width, 2, stride=2)

    def forward(self, u: Tensor, ul: Tensor) -> tuple[Tensor, Tensor]:
        height, width = u.shape[2:]
        kept = [(u, ul)]
        for block in self.down:
            u, ul = block(u, ul)
            kept.append((u, ul))
        if self.inner is None:
            kept.pop()
        else:
            u, ul = self.inner(self.shrink_rows(u), self.shrink(ul))
            u = self.grow_rows(u)[:, :, :height, :width]
            ul = self.grow(ul)[:, :, :height, :width]
        for block in self.up:
            u, ul = block(u, ul, *kept.pop())
        return u, ul

    def begin(self, n: int, width: int) -> LevelMemory:
        """Room for n images of `width` columns."""
        blocks = [pair.begin(n, width) for pair in (*self.down, *self.up)]
        narrow = inner = None
        if self.inner is not None:
            narrow = self.shrink_rows.begin(n, width), self.shrink.begin(n, width)
            inner = self.inner.begin(n, (width + 1) // 2)
        room = next(self.parameters()).new_zeros(n, 2, width + 1, self.width)
        return LevelMemory(blocks, narrow, inner, room, room.clone())

    def row(self, u: Tensor, memory: LevelMemory) -> Tensor:
        """The next row of u: (n, w, width) -> (n, w, width)."""
        blocks, kept, width = iter(memory.blocks), [u], u.shape[1]
        for pair in self.down:
            u = pair.row(u, next(blocks))
            kept.append(u)
        if self.inner is None or memory.narrow is None or memory.inner is None:
            kept.pop()
        else:
            self.shrink_rows.write(u, memory.narrow[0])
            if memory.rows % 2 == 0:
                coarse = self.inner.row(self.shrink_rows.read(memory.narrow[0]), memory.inner)
                fine = doubled(coarse, self.grow_rows)  # (n, w / 2, 2, 2, width)
                memory.above = fine.transpose(1, 2).flatten(2, 3)
            u = memory.above[:, memory.rows % 2, :width]
        for pair in self.up:
            u = pair.row(u, next(blocks), kept.pop())
        memory.rows, memory.pixels = memory.rows + 1, 0
        return u

    def step(self, ul: Tensor, memory: LevelMemory) -> Tensor:
        """The next pixel of ul: (n, width) -> (n, width)."""
        blocks, kept = iter(memory.blocks), [ul]
        row, column = (memory.rows - 1) % 2, memory.pixels
        for pair in self.down:
            ul = pair.step(ul, column, next(blocks))
            kept.append(ul)
        if self.inner is None or memory.narrow is None or memory.inner is None:
            kept.pop()
        else:
            self.shrink.write(ul, memory.narrow[1])
            if row == 0 and column % 2 == 0:
                coarse = self.inner.step(self.shrink.read(memory.narrow[1]), memory.inner)
                memory.left[:, :, column : column + 2] = doubled(coarse, self.grow)
            ul = memory.left[:, row, column]
        for pair in self.up:
            ul = pair.step(ul, column, next(blocks), kept.pop())
        memory.pixels += 1
        return ul


def doubled(x: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """The window of 2 x 2 that a coarse pixel is upsampled to: (..., d) -> (..., 2, 2, d)."""
    out = torch.tensordot(x, layer.weight.movedim(1, -1), 1)
    return out if layer.bias is None else out + layer.bias


# --- blocks -----------------------------------------------------------------------------------


@dataclass
class PairMemory:
    """What a pair of blocks keeps."""

    rows: tuple[RowMemory, RowMemory]
    pixels: tuple[PixelMemory, PixelMemory]
    beside: Tensor  # what u adds to this row of ul, (n, w, width)


class StreamPair(nn.Module):
    """A residual block of each stream; that of ul also sees u.

    Args:
        width: channels.
        beside: True if blocks also see what shortcuts bring.
        dropout: that of `TwoStreams`.
    """

    def __init__(self, width: int, beside: bool, dropout: float):
        super().__init__()
        rows = [RowConv2d(2 * width, m * width, 2, 1, 1) for m in (1, 2)]
        pixels = [MaskedConv2d(2 * width, m * width, 1, 1, 0) for m in (1, 2)]
        self.rows = GatedResidual(rows[0], rows[1], width, width if beside else 0, dropout)
        self.pixels = GatedResidual(pixels[0], pixels[1], width, width * (1 + beside), dropout)
        self.width = width

    def forward(
        self, u: Tensor, ul: Tensor, su: Tensor | None = None, sul: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        u = self.rows(u, su)
        return u, self.pixels(ul, u if sul is None else torch.cat([u, sul], 1))

    def begin(self, n: int, width: int) -> PairMemory:
        """Room for n images of `width` columns."""
        rows, pixels = self.rows, self.pixels
        return PairMemory(
            (rows.first.begin(n, width), rows.second.begin(n, width)),
            (pixels.first.begin(n, width), pixels.second.begin(n, width)),
            rows.first.weight.new_zeros(n, width, self.width),
        )

    def row(self, u: Tensor, memory: PairMemory, su: Tensor | None = None) -> Tensor:
        """(n, w, width) -> (n, w, width)."""
        h = self.rows.first.row(both_signs(u, 2), memory.rows[0])
        if su is not None:
            h = h + self.rows.seen(su, 0)
        u = self.rows.added(u, self.rows.second.row(both_signs(h, 2), memory.rows[1]))
        memory.beside = self.pixels.seen(u, 0)
        return u

    def step(
        self, ul: Tensor, column: int, memory: PairMemory, sul: Tensor | None = None
    ) -> Tensor:
        """(n, width) -> (n, width)."""
        beside = memory.beside[:, column]
        if sul is not None:
            beside = beside + self.pixels.seen(sul, self.width)
        h = self.pixels.first.step(both_signs(ul), memory.pixels[0], beside)
        return self.pixels.added(ul, self.pixels.second.step(both_signs(h), memory.pixels[1]))


class GatedResidual(nn.Module, Generic[C]):
    """x + a sigmoid(b), where two layers make (a, b) of x, and of what is seen beside it.

    Args:
        first, second: convolutions of 2 * width channels, to width and to 2 * width.
        width: channels of x.
        beside: channels of what is seen beside x; 0 for nothing.
        dropout: that of `TwoStreams`.
    """

    def __init__(self, first: C, second: C, width: int, beside: int, dropout: float):
        super().__init__()
        self.first, self.second, self.dropout = first, second, dropout
        self.beside = nn.Conv2d(2 * beside, width, 1, bias=False) if beside else None
        with torch.no_grad():
            second.weight *= 0.1  # begins near x itself

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        h = self.first(both_signs(x))
        if self.beside is not None and beside is not None:
            h = h + self.beside(both_signs(beside))
        h = dropout(both_signs(h), self.dropout, self.training)
        return self.added(x, self.second(h), 1)

    def seen(self, x: Tensor, start: int) -> Tensor:
        """What these channels of what is beside add, from `start` on: (..., d) -> (..., width)."""
        if self.beside is None:
            raise Refused("GatedResidual: it was built without a second input, and got one")
        d, half = x.shape[-1], self.beside.weight.shape[1] // 2
        weight = self.beside.weight[:, :, 0, 0]
        plus, minus = weight[:, start : start + d], weight[:, half + start : half + start + d]
        return linear(elu(x), plus) + linear(elu(-x), minus)

    def added(self, x: Tensor, h: Tensor, axis: int = -1) -> Tensor:
        """x + a sigmoid(b), of h = (a, b)."""
        a, b = h.chunk(2, axis)
        return torch.addcmul(x, a, b.sigmoid())


def both_signs(x: Tensor, axis: int = 1) -> Tensor:
    """elu of x and of -x, side by side: twice as many channels."""
    return elu(torch.cat([x, -x], axis))
