"""The outcome of an experiment: arrays, a table, and one sentence that was computed from them."""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Refused

DIGITS = 6  # significant, in JSON
NOTHING = 1e-16  # what is nearer to 0 is rounding


@dataclass(frozen=True)
class Outcome:
    """The outcome of an experiment.

    Args:
        name: name of the experiment.
        title: question that it answers, as a heading.
        sentence: result; all its numbers come from the arrays.
        why: explanation of the result in general.
        formula: equations, one a line.
        source: publication of the equations.
        columns: heads of the table.
        rows: rows of the table, as they are printed.
        arrays: everything that the picture shows, by name.
        options: options of the call.
        film: frames of what moves, (frames, height, width) uint8; None where nothing does.
    """

    name: str
    title: str
    sentence: str
    why: str
    formula: str
    source: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    arrays: Mapping[str, np.ndarray]
    options: Mapping[str, Any]
    film: np.ndarray | None = None

    def to_json(self) -> str:
        """The outcome as JSON. Values that are not finite become null."""
        plain = {
            "experiment": self.name,
            "title": self.title,
            "sentence": self.sentence,
            "why": self.why,
            "formula": self.formula.splitlines(),
            "source": self.source,
            "options": _plain(self.options),
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "arrays": {name: _plain(array) for name, array in self.arrays.items()},
        }
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)


def wanted(good: bool, who: str, name: str, came: object, what: str) -> None:
    """Raises Refused, in the name of `who`, unless an option is good."""
    if not good:
        raise Refused(f"{who}: {name} is {came}; {what} is wanted")


def counted(number: int, noun: str) -> str:
    """A count in words: "no method", "1 method", "4 methods"."""
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"


def listed(words: Sequence[str]) -> str:
    """Words as one would say them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def short(value: float) -> str:
    """A number with three digits, a true minus, and no exponent of e."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "none"
    if abs(value) < NOTHING:
        return "0"
    if not 1e-3 <= abs(value) < 1e5:
        power = math.floor(math.log10(abs(value)))
        return f"{value / 10**power:.1f}·10{str(power).translate(_RAISED)}".replace("-", "−")
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
