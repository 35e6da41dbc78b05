"""A column of a table: what its cells are, and how each becomes a number and comes back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from functools import cached_property
from typing import Any, Literal

from ...core import Scale
from .cells import Style, is_missing, moment_of, parsed, plain_number, seconds_of

Kind = Literal["category", "number", "date", "left out"]
Typed = Literal["text", "int", "float", "bool", "date", "datetime"]
NUMBERS = "it numbers the rows"


@dataclass(frozen=True)
class Column:
    """What a column is.

    Args:
        name: its name.
        kind: category, number, date, or left out.
        typed: what its cells are, in rows that come back.
        words: cells of a category, in their order; None where missing.
        states: cells between numbers that stand for themselves; None where missing.
        shares: shares of the words, or of a number and of the states, in the training rows.
        scale: scale of the numbers.
        step: distance between two numbers that are rounded; None for real numbers.
        low, high: bounds of the numbers.
        style: way in which numbers are written.
        form: format in which dates are written.
        why: why it is left out.
        given: whether it is given with each row, and the others are drawn.
    """

    name: str
    kind: Kind
    typed: Typed = "text"
    words: tuple[Any, ...] = ()
    states: tuple[Any, ...] = ()
    shares: tuple[float, ...] = ()
    scale: Scale | None = None
    step: float | None = None
    low: float | None = None
    high: float | None = None
    style: Style = field(default_factory=Style)
    form: str = ""
    why: str = ""
    given: bool = False

    # cells in

    def number(self, cell: Any) -> float | None:
        """The number of a cell; None if it is none."""
        if isinstance(cell, str):
            return parsed(cell, self.form) if self.kind == "date" else self.style.number(cell)
        if self.kind == "date":
            return seconds_of(cell) if isinstance(cell, date) else None
        return plain_number(cell)

    @cached_property
    def numbers(self) -> bool:
        """Whether the words of a category are numbers, which can be written in several ways."""
        return all(self.number(word) is not None for word in self.words if word is not None)

    def key(self, cell: Any) -> Any:
        """What equal cells have in common, however they are written."""
        if is_missing(cell):
            return None
        number = self.number(cell)
        if self.kind == "category":
            return number if self.numbers and number is not None else str(cell).strip()
        if number is not None:
            return number
        return cell.strip() if isinstance(cell, str) else cell

    @cached_property
    def places(self) -> dict[Any, int]:
        """The category of each key: its word, or a state, after 0 for a number."""
        if self.kind == "category":
            return {self.key(word): i for i, word in enumerate(self.words)}
        return {self.key(state): i + 1 for i, state in enumerate(self.states)}

    def fault(self, cell: Any, key: Any) -> str | None:
        """Why a cell, whose key this is, cannot be a value of this column; None if it can."""
        if key in self.places:
            return None
        if key is None:
            return f"{self.name} is missing, as it is in no row of the training table"
        if self.kind == "category":
            return f"{self.name} is '{cell}', which is not in the training table"
        if not isinstance(key, float):
            what = "date" if self.kind == "date" else "number"
            return f"{self.name} is '{cell}', which is no {what}"
        if (self.low is not None and key < self.low) or (self.high is not None and key > self.high):
            low, high = ("" if bound is None else f"{bound:g}" for bound in (self.low, self.high))
            return f"{self.name} is {cell}, outside {low} .. {high}"
        off = key / self.step % 1 if self.step else 0.0
        if min(off, 1 - off) > 1e-6 + 1e-12 * abs(key / (self.step or 1)):
            return (
                f"{self.name} is {cell}, and is a multiple of {self.step:g} in the training table"
            )
        return None

    # cells out

    def cell(self, value: float, as_number: bool = False) -> Any:
        """A cell of a number; where that is wanted, a number also in a table of words."""
        if self.kind == "date":
            moment = moment_of(value)
            if self.typed == "text":
                return moment.strftime(self.form)
            return moment.date() if self.typed == "date" else moment
        if self.typed == "int":
            return round(value)
        decimals = self.style.decimals  # a model counts in single precision: nine digits tell all
        value = float(f"{value:.9g}") if decimals is None else round(value, decimals)
        if as_number and self.typed == "text":
            return round(value) if decimals == 0 else value
        return self.style.word(value) if self.typed == "text" else value


def plain(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what is as by default."""
    usual = asdict(Column("", "category"))
    kept = {
        key: value for key, value in entry.items() if key in ("name", "kind") or usual[key] != value
    }
    return json.loads(json.dumps(kept))


def column_of(entry: Mapping[str, Any]) -> Column:
    """The column that `plain` has written."""
    known = {one.name for one in fields(Column)}
    if extra := entry.keys() - known:
        raise KeyError(f"there is no {min(extra)}")
    found: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    if found.get("scale") is not None:
        found["scale"] = Scale(**found["scale"])
    if "style" in found:
        found["style"] = Style(**found["style"])
    return Column(**found)
