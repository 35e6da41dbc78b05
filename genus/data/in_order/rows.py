"""Rows as a space has them, each with the reason where it is none of the space."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core import Bits, Pixels, Refused, Space, Tokens
from ..splits import stream

Reasons = list[str | None]


class RowsRead(NamedTuple):
    """Some rows of a file, in order.

    Args:
        x: rows that can be read, (m, *space.shape).
        reasons: for each row, why it cannot be read, or None; m of them are None.
        context: contexts of those that can be read, (m, ...), if they are wanted.
    """

    x: Tensor
    reasons: Reasons
    context: Tensor | None = None

    @property
    def good(self) -> list[int]:
        """Places of the rows that can be read."""
        return [i for i, reason in enumerate(self.reasons) if reason is None]


def sound(x: Tensor, space: Space, reasons: Sequence[str | None] = ()) -> RowsRead:
    """The rows that are of a space; a row that is not gets its reason.

    Args:
        x: rows, (m, *space.shape).
        space: space that they should be of.
        reasons: those of all rows, of which m have none yet; by default of none.
    """
    found: Reasons = list(reasons) or [None] * len(x)
    if not len(x) or space.fault(x) is None:
        return RowsRead(x, found)
    kept = []
    for i, place in enumerate([j for j, reason in enumerate(found) if reason is None]):
        if (fault := space.fault(x[i : i + 1])) is None:
            kept.append(i)
        else:
            found[place] = fault
    return RowsRead(x[kept], found)


def shaped(array: NDArray[np.generic], space: Space, who: str) -> NDArray[np.generic]:
    """An array with the axes of a space, (n, *space.shape): channels first, and none left out.

    Raises:
        Refused: the rows have another shape, or are no numbers.
    """
    if array.dtype.kind not in "buif":
        raise Refused(f"{who}: holds {array.dtype}; numbers are wanted")
    came, shape = array.shape, space.shape
    if array.ndim == 1 and shape == (1,):
        array = array[:, None]
    if len(shape) == 3 and came[1:] == shape[1:] and shape[0] == 1:
        array = array[:, None]
    if len(shape) == 3 and came[1:] == (*shape[1:], shape[0]) != shape:
        array = array.transpose(0, 3, 1, 2)
    if not array.ndim or array.shape[1:] != shape:
        wanted = ", ".join(["n", *map(str, shape)])
        raise Refused(f"{who}: has shape {came}; ({wanted}) is wanted")
    if isinstance(space, Tokens) and array.dtype.kind == "f":
        raise Refused(f"{who}: holds {array.dtype}; whole numbers are wanted")
    return array


def of_array(array: NDArray[np.generic], space: Space) -> RowsRead:
    """The rows of an array, (n, *space.shape).

    They are levels as uint8, bits or pictures that become bits, or values.
    """
    array = np.ascontiguousarray(array)
    if isinstance(space, Tokens):
        return sound(torch.from_numpy(array.astype(np.int64)), space)
    if array.dtype == np.uint8 and isinstance(space, Pixels):
        return sound(space.values(torch.from_numpy(array)), space)
    if array.dtype == np.uint8 and isinstance(space, Bits) and array.size and array.max() > 1:
        return RowsRead(as_bits(torch.from_numpy(array)), [None] * len(array))
    with np.errstate(over="ignore"):
        return sound(torch.from_numpy(array.astype(np.float32)), space)


def as_bits(levels: Tensor) -> Tensor:
    """Pictures of 8 bits as bits: each is 1 with probability level / 255, of its content's own noise."""
    rows = []
    for row in levels:
        u = torch.rand(row.shape, generator=stream("bits", row.numpy().tobytes()))
        rows.append((u * 255 < row).float())
    return torch.stack(rows) if rows else levels.float()


def of_picture(levels: NDArray[np.uint8], space: Space) -> Tensor | str:
    """A picture of 8 bits, (c, h, w), as x, (*space.shape), or why it is none.

    Grey becomes colour, and colour becomes grey where its channels are equal.
    """
    channels, high, wide = space.shape
    if levels.shape[1:] != (high, wide):
        return f"is {levels.shape[2]}x{levels.shape[1]}; {wide}x{high} is wanted"
    if len(levels) == 3 and channels == 1:
        if (levels != levels[:1]).any():
            return "is in colour; grey is wanted"
        levels = levels[:1]
    if len(levels) != channels:
        levels = np.repeat(levels[:1], channels, 0)
    x = torch.from_numpy(np.ascontiguousarray(levels))
    if isinstance(space, Bits):
        return as_bits(x[None])[0]
    if not isinstance(space, Pixels):
        return f"is a picture; a row of {space} is wanted"
    numbers = (x.double() * (space.levels - 1) / 255).round()
    if ((numbers * 255 / (space.levels - 1) - x).abs() > 0.5).any():
        return f"has more than the {space.levels} levels that are wanted"
    return space.values(numbers)
