"""load: a data set by its name."""

from dataclasses import replace

from .digits import digits
from .sets import Data
from .toys import moons

NAMES = {
    "digits": digits,
    "digits_pairs": lambda: replace(digits().coarse(2), name="digits_pairs"),
    "moons": moons,
}


def load(source: str) -> Data:
    """The data set of this name."""
    if source not in NAMES:
        raise ValueError(f"load: there is no data set '{source}'; there are {', '.join(NAMES)}")
    return NAMES[source]()
