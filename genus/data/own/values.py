"""What came as x, or as what is given with x, as values of a space.

    Reals, Graphs, Strokes       floating point
    Pixels                       whole numbers, which are levels; or floating point on the grid in [-1, 1]
    Bits                         0 and 1 of any type
    Tokens, Classes, Attributes  whole numbers

Rows have the shape of the space. Pictures may have their channels last, or no axis for a single
channel; rows of one number, and labels, may be (n,) or (n, 1).
"""

from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core import Attributes, Bits, Classes, Pixels, Refused, Space, Tokens
from ..splits import pack, unpack

Values = Tensor | NDArray[Any]
WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def is_values(x: object) -> TypeGuard[Values]:
    """Whether something is a tensor or an array."""
    return isinstance(x, Tensor | np.ndarray)


def kept(x: Values, space: Space, who: str, *, certain: bool = True) -> Tensor:
    """Rows as `genus.data.Rows` takes them: values of the space, or levels as uint8.

    Args:
        x: rows.
        space: space of one row.
        who: description of the rows in messages.
        certain: whether pictures without a dark pixel are refused, for they may be in [0, 1].

    Raises:
        Refused: the rows are not of this space, or it is not sure that they are.
    """
    x = _placed(_tensor(x, who), space, who)
    whole = x.dtype in WHOLE
    match space:
        case Tokens() | Classes() | Attributes():
            if not whole:
                raise Refused(f"{who}: is {x.dtype}; {space} wants whole numbers: x.long()")
            return x.long()
        case Bits():
            if not ((x == 0) | (x == 1)).all():
                raise Refused(f"{who}: has values other than 0 and 1; its space is {space}")
            return x.to(torch.uint8)
        case Pixels() if whole:
            low, high = int(x.min()), int(x.max())
            if low < 0 or high >= space.levels:
                raise Refused(
                    f"{who}: has levels in {low} .. {high}; {space} has 0 .. {space.levels - 1}"
                )
            return x.to(torch.uint8) if space.levels <= 256 else space.values(x.long())
    if not x.is_floating_point():
        raise Refused(f"{who}: is {x.dtype}; {space} wants floating point: x.float()")
    if certain and isinstance(space, Pixels):
        _certain(x, space, who)
    return x


def settled(x: Values, space: Space, who: str) -> Tensor:
    """Rows as values of the space, checked; of a few, all may be bright."""
    rows = kept(x, space, who, certain=False)
    try:
        return unpack(pack(rows, space, who), space)
    except Refused:
        if isinstance(space, Pixels):
            _certain(rows, space, who)  # says how to mend it
        raise


def _tensor(x: Values, who: str) -> Tensor:
    """A tensor in the memory of the processor, with at least one row."""
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "buif":
            raise Refused(f"{who}: holds {x.dtype}; numbers are wanted")
        x = torch.from_numpy(x.copy())  # it may be read-only, or run backwards
    if not x.ndim or not len(x):
        raise Refused(f"{who}: has shape {tuple(x.shape)}; (n, ...) is wanted, with n above 0")
    return x.detach().cpu()


def _placed(x: Tensor, space: Space, who: str) -> Tensor:
    """The same rows, (n, *space.shape)."""
    shape, own = tuple(x.shape[1:]), tuple(space.shape)
    if shape == own:
        return x
    if own == (1,) and not shape:
        return x[:, None]
    if shape == (1,) and not own:
        return x[:, 0]
    if isinstance(space, Bits | Pixels) and len(own) == 3:
        if shape == (*own[1:], own[0]):
            return x.movedim(3, 1).contiguous()
        if own[0] == 1 and shape == own[1:]:
            return x[:, None]
    numbers = ", ".join(str(side) for side in own)
    raise Refused(f"{who}: has shape {tuple(x.shape)}; (n{numbers and f', {numbers}'}) is wanted")


def _certain(x: Tensor, space: Pixels, who: str) -> None:
    """Raises Refused of floating point that seems to have another range than [-1, 1]."""
    low, high = x.min().item(), x.max().item()
    ways = "whole numbers 0 .. {} are wanted, or floating point in [-1, 1]: {}"
    if low >= 0 and high <= 1:
        ways = ways.format(space.levels - 1, "2 * x - 1, or Normalize(0.5, 0.5) after ToTensor")
    elif low >= 0 and high <= space.levels - 1:
        ways = ways.format(space.levels - 1, "x.round().long()")
    else:
        return
    raise Refused(f"{who}: is {x.dtype} in [{low:.3g}, {high:.3g}]; {ways}")
