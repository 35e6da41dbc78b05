"""Convolutions of images that see no pixel after their own, and their steps, row by row and pixel by pixel.

Pixels come in raster order: row by row, and in a row from left to right. Two windows do for all
models of pixels, seen from the pixel o of an output:

    RowConv2d                    x x x x x        MaskedConv2d                 x x x x x
                                 x x x x x                                     x x x x x
    its own row whole, or not    x x o x x        its own row up to the pixel  x x o

A window's numbers are inputs of the same convolution everywhere, so an output in a step costs what it
costs in a whole pass, if the inputs before it are kept. `begin` makes room for them, and `step`, or
`row`, takes the next input and gives the next output. What the rows above add to a row is computed
at once for all of its pixels, when the first of them is wanted.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu

from ...errors import Refused


@dataclass
class RowMemory:
    """What a `RowConv2d` keeps: its weight, and the rows that its window sees."""

    weight: Tensor  # (rows * columns * d_in, d_out)
    rows: list[Tensor]  # each (n, left + width + right, d_in); the last is the latest


class RowConv2d(nn.Module):
    """(n, d_in, h, w) -> (n, d_out, h / stride, w / stride), sides rounded up.

    An output sees the `rows` rows that end in its own one, or, if it is `strict`, in the one above
    that; of each, `left` pixels to the left of its own column to `right` pixels to the right.

    Args:
        d_in, d_out: channels.
        rows: number of rows of the kernel, at least 1.
        left, right: reach to the sides, in pixels; 0 or more.
        strict: the window ends above the output's own row.
        stride: there is an output for every such row and column, from the first on.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        rows: int,
        left: int,
        right: int,
        strict: bool = False,
        stride: int = 1,
    ):
        super().__init__()
        if rows < 1 or left < 0 or right < 0:
            raise Refused(
                f"RowConv2d: rows is {rows}, left {left}, right {right}; "
                f"at least one row is wanted, and 0 or more columns"
            )
        self.d_in, self.d_out, self.rows, self.left, self.right = d_in, d_out, rows, left, right
        self.strict, self.stride = strict, stride
        conv = nn.Conv2d(d_in, d_out, (rows, left + 1 + right))
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, x: Tensor) -> Tensor:
        top = self.rows - 1 + self.strict
        x = pad(x[:, :, : x.shape[2] - self.strict], (self.left, self.right, top, 0))
        return conv2d(x, self.weight, self.bias, self.stride)

    def begin(self, n: int, width: int) -> RowMemory:
        """Room for the rows of n images, of `width` pixels each."""
        weight = self.weight.permute(2, 3, 1, 0).reshape(-1, self.d_out)
        wide = self.left + width + self.right
        rows = [weight.new_zeros(n, wide, self.d_in) for _ in range(self.rows)]
        return RowMemory(weight, rows)

    def write(self, x: Tensor, memory: RowMemory) -> None:
        """Takes the next row, (n, w, d_in); one that is strict takes the row before the next."""
        memory.rows.append(latest := memory.rows.pop(0))
        latest[:, self.left : self.left + x.shape[1]] = x

    def read(self, memory: RowMemory) -> Tensor:
        """The outputs of the row that was written last, (n, w / stride, d_out)."""
        patches = [_windows(row, self.left + 1 + self.right, self.stride) for row in memory.rows]
        return _affine(torch.cat(patches, 2), memory.weight, self.bias)

    def row(self, x: Tensor, memory: RowMemory) -> Tensor:
        """A row in, (n, w, d_in), the outputs of the row out, (n, w, d_out).

        What is strict is given the row above the outputs' own; for the first row, one of zeros.
        """
        self.write(x, memory)
        return self.read(memory)


@dataclass
class PixelMemory:
    """What a `MaskedConv2d` keeps."""

    above: Tensor  # its weight for the rows above, (above * columns * d_in, d_out)
    own: Tensor  # that for its own row, (pixels * d_in, d_out)
    rows: list[Tensor]  # those above and, as the last, its own, each (n, left + w + right, d_in)
    ahead: Tensor | None = None  # what rows above and the bias add to this row, (n, w, d_out)
    count: int = 0  # of values that were written


class MaskedConv2d(nn.Module):
    """(n, d_in, h, w) -> (n, d_out, h / stride, w / stride), sides rounded up.

    An output sees of `above` rows above `left` pixels to the left of its own column to `right`
    pixels to the right, and of its own row `left` pixels to the left and, if it is not `strict`,
    its own pixel.

    With `groups`, a pixel is several values, one after another (red, green, blue): the channels of
    inputs and of outputs are as many equal parts, and an output of part g sees of its own pixel the
    parts before g and, if it is not strict, part g.

    Source: van den Oord, Kalchbrenner, Kavukcuoglu, "Pixel recurrent neural networks", 2016,
        arXiv:1601.06759: strict is its mask A, not strict its mask B.

    Args:
        d_in, d_out: channels; multiples of groups.
        above: rows above; 0 or more.
        left, right: reach of the window to the sides; 0 or more.
        strict: an output does not see the input in its own place.
        groups: values of a pixel.
        stride: there is an output for every such row and column, from the first on; 1 with groups.
        bias: True adds a number to each output.
    """

    mask: Tensor

    def __init__(
        self,
        d_in: int,
        d_out: int,
        above: int,
        left: int,
        right: int,
        strict: bool = False,
        groups: int = 1,
        stride: int = 1,
        bias: bool = True,
    ):
        super().__init__()
        if min(above, left, right) < 0:
            raise Refused(
                f"MaskedConv2d: above is {above}, left {left}, right {right}; 0 or more are wanted"
            )
        if d_in % groups or d_out % groups or (groups > 1 and stride > 1):
            raise Refused(
                f"MaskedConv2d: d_in is {d_in}, d_out {d_out}, stride {stride}; with {groups} "
                f"groups, channels must be multiples of it, and stride 1"
            )
        self.d_in, self.d_out, self.above, self.left, self.right = d_in, d_out, above, left, right
        self.strict, self.groups, self.stride = strict, groups, stride
        wide = (
            left + 1 + (right if above else 0)
        )  # to the right of a pixel only rows above are seen
        conv = nn.Conv2d(d_in, d_out, (above + 1, wide), bias=bias)
        self.weight, self.bias = conv.weight, conv.bias
        mask = torch.ones(d_out, d_in, above + 1, wide)
        part_out = torch.arange(d_out)[:, None] // (d_out // groups)
        part_in = torch.arange(d_in) // (d_in // groups)
        mask[:, :, -1, left] = (part_out > part_in if strict else part_out >= part_in).to(mask)
        mask[:, :, -1, left + 1 :] = 0
        with torch.no_grad():  # as wide as if the window were just what it sees
            seen = mask.flatten(1).sum(1).mean().clamp(min=1)
            self.weight *= mask * (mask[0].numel() / seen) ** 0.5
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = pad(x, (self.left, self.right if self.above else 0, self.above, 0))
        return conv2d(x, self.masked(), self.bias, self.stride)

    def masked(self) -> Tensor:
        """The weight, 0 where nothing is to be seen."""
        if self.mask.shape[-2:] == (1, 1) and self.groups == 1 and not self.strict:
            return self.weight
        return self.weight * self.mask

    def begin(self, n: int, width: int) -> PixelMemory:
        """Room for the rows of n images, of `width` pixels each."""
        weight = self.masked().permute(2, 3, 1, 0)  # (above + 1, columns, d_in, d_out)
        pixels = self.left + (0 if self.strict and self.groups == 1 else 1)
        own = weight[-1, :pixels].reshape(-1, self.d_out)
        above = weight[:-1].reshape(-1, self.d_out)
        wide = self.left + width + self.right
        rows = [weight.new_zeros(n, wide, self.d_in) for _ in range(self.above + 1)]
        return PixelMemory(above, own, rows)

    def write(self, x: Tensor, memory: PixelMemory) -> None:
        """Takes the next value, (n, d_in / groups); one that is strict takes that before the next."""
        place = memory.count - self.strict
        per_row = self.groups * (memory.rows[0].shape[1] - self.left - self.right)
        if not self.strict and place and place % per_row == 0:
            self._turn(memory)
        if place >= 0:
            column, part = divmod(place % per_row, self.groups)
            size = self.d_in // self.groups
            memory.rows[-1][:, self.left + column, part * size : (part + 1) * size] = x
        if self.strict and memory.count and memory.count % per_row == 0:
            self._turn(memory)
        memory.count += 1

    def read(self, memory: PixelMemory, plus: Tensor | None = None) -> Tensor:
        """The output in the place of what was written last (if strict, of what comes next).

        Args:
            memory: what `begin` returned.
            plus: what is added, (n, d_out / groups).
        """
        latest = memory.rows[-1]
        n, width = len(latest), latest.shape[1] - self.left - self.right
        column, part = divmod((memory.count - 1) % (self.groups * width), self.groups)
        size = self.d_out // self.groups
        mine = slice(part * size, (part + 1) * size)
        base = self._base(memory)
        if isinstance(base, Tensor):
            base = base[:, column // self.stride, mine] if base.dim() == 3 else base[mine]
            plus = base if plus is None else base + plus
        seen = latest.view(n, -1).narrow(1, column * self.d_in, len(memory.own))
        weight = memory.own[:, mine]
        return seen @ weight if plus is None else torch.addmm(plus, seen, weight)

    def step(self, x: Tensor, memory: PixelMemory, plus: Tensor | None = None) -> Tensor:
        """A value in, (n, d_in / groups), an output out, (n, d_out / groups), to which `plus` is added.

        What is strict is given the value before the output's own one; for the first, zeros.
        """
        if self.groups == 1 and self.above == self.left == 0 and not self.strict:
            base = self.bias if plus is None else plus  # nothing is to be kept
            out = x @ memory.own if base is None else torch.addmm(base, x, memory.own)
            return out if plus is None or self.bias is None else out.add_(self.bias)
        self.write(x, memory)
        return self.read(memory, plus)

    def _base(self, memory: PixelMemory) -> Tensor | None:
        """What is known of the outputs of a row before it is begun."""
        if not self.above:
            return self.bias
        if memory.ahead is None:
            wide = self.left + 1 + self.right
            patches = [_windows(row, wide, self.stride) for row in memory.rows[:-1]]
            memory.ahead = _affine(torch.cat(patches, 2), memory.above, self.bias)
        return memory.ahead

    def _turn(self, memory: PixelMemory) -> None:
        """A new row begins."""
        memory.rows.append(memory.rows.pop(0))
        memory.ahead = None


class PixelHead(nn.Module):
    """(n, d_in, h, w) -> (n, d_out, h, w): two layers that see no other pixel, a ReLU before each.

    Args:
        d_in, width, d_out: channels before, between and after; multiples of groups.
        groups: values of a pixel, as for `MaskedConv2d`.
    """

    def __init__(self, d_in: int, width: int, d_out: int, groups: int = 1):
        super().__init__()
        self.inner = MaskedConv2d(d_in, width, 0, 0, 0, groups=groups)
        self.outer = MaskedConv2d(width, d_out, 0, 0, 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(relu(self.inner(relu(x))))

    def begin(self, n: int, width: int) -> tuple[PixelMemory, PixelMemory]:
        """Room for the rows of n images, of `width` pixels each."""
        return self.inner.begin(n, width), self.outer.begin(n, width)

    def step(self, x: Tensor, memory: tuple[PixelMemory, PixelMemory]) -> Tensor:
        """(n, d_in / groups) -> (n, d_out / groups)."""
        return self.outer.step(relu(self.inner.step(relu(x), memory[0])), memory[1])


def _windows(row: Tensor, wide: int, stride: int) -> Tensor:
    """All windows of `wide` pixels of a row, (n, pixels, d) -> (n, windows, wide * d); a view."""
    n, pixels, d = row.shape
    count = (pixels - wide) // stride + 1
    return row.as_strided((n, count, wide * d), (pixels * d, stride * d, 1))


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(n, w, d_in) -> (n, w, d_out)."""
    flat = x.flatten(0, 1)
    out = flat @ weight if bias is None else torch.addmm(bias, flat, weight)
    return out.unflatten(0, x.shape[:2])
