"""Numbers that are finite, without which nothing is written, and nothing is read."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor


def first_endless(named: Iterable[tuple[Any, Any]]) -> str:
    """The name of the first tensor with a value that is not finite; "" if there is none."""
    for name, value in named:
        floats = isinstance(value, Tensor) and value.is_floating_point()
        if floats and not bool(value.isfinite().all()):
            return str(name)
    return ""
