"""load: a data set by its name."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from .digits import digits
from .endless import toy
from .sets import Data
from .toys import TOYS

NAMES: dict[str, Callable[[], Data]] = {
    "digits": digits,
    "digits_pairs": lambda: replace(digits().coarse(2), name="digits_pairs"),
    **{name: partial(toy, name) for name in TOYS},
}


def load(source: str) -> Data:
    """The data set of this name."""
    if source not in NAMES:
        raise ValueError(f"load: there is no data set '{source}'; there are {', '.join(NAMES)}")
    return NAMES[source]()
