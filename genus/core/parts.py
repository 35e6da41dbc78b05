"""How many rows go through a model at once, and where it is."""

import torch
from torch import Tensor, nn

from .spaces import Space


def rows_of(space: Space, number: int) -> int:
    """The rows of the block of this number: the first two alike, and each later one twice as many.

    The first has 4 to 64 rows, the fewer the larger a row is. The largest have about 500,000 numbers,
    but at least 64 rows; and no more than 512, unless rows have few numbers.
    """
    dims = max(1, space.dims)
    first = min(64, max(4, _power(2**14 // dims)))
    largest = max(min(512, max(64, _power(2**19 // dims))), _power(2**15 // dims))
    return min(largest, first << max(0, number - 1)) if number < 32 else largest


def _power(number: int) -> int:
    """The largest power of two that is at most this number; 0 of 0."""
    return 1 << number.bit_length() >> 1


def whole(part: Tensor, size: int) -> Tensor:
    """Rows that fill a block: themselves, then again from the first on."""
    return part if len(part) in (0, size) else part[torch.arange(size) % len(part)]


def device_of(model: nn.Module) -> torch.device:
    """The device that a model is on."""
    tensors = (*model.parameters(), *model.buffers())
    return tensors[0].device if tensors else torch.device("cpu")
