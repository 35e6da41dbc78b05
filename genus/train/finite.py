"""Numbers that are finite, without which nothing is written, and nothing is read."""

import math
from collections.abc import Collection, Iterable
from typing import Any

from torch import Tensor


def first_endless(named: Iterable[tuple[Any, Any]], buffers: Collection[str] = ()) -> str:
    """The name of the first tensor with a value that is not finite; "" if there is none.

    Args:
        named: names and tensors.
        buffers: names of those that may hold infinity, such as a limit, but nothing that is no number.
    """
    for name, value in named:
        if not isinstance(value, Tensor) or not value.is_floating_point() or _finite(value):
            continue
        if name not in buffers or bool(value.isnan().any()):
            return str(name)
    return ""


def _finite(x: Tensor) -> bool:
    """Whether all values are finite. What is not finite shows in the sum, which is found three times faster."""
    return math.isfinite(x.detach().sum().item()) or bool(x.isfinite().all())
