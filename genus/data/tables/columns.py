"""Columns: what the columns of a table are, and how its rows become x and come back.

A column becomes one field of `Records`, or two: where some of its cells are no numbers (missing ones,
words between numbers, a number that stands for itself, such as a zero that means none), a category says
which of these a row has, and the number is there only where it has none of them.

Models of vectors see a looser view, in which each field is a real number. A category c becomes a place
within its share of a normal distribution, a rounded number a place within its bin, and a number that is
not there any normal number:

    z = Phi^-1(F_c + u p_c)          log P(c) >= E[ log p(z) + log p_c - log N(z; 0, 1) ]
    z = g(v + step (u - 1/2))        log P(v) >= E[ log p(z) + log g'(.) + log step ]
    z ~ N(0, 1)                            1  :  E[ log p(z) - log N(z; 0, 1) ]

so that the sum, an `elbo`, bounds the logarithm of the row's probability from below.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core import Bits, Category, Grid, Real, Reals, Records, Refused, Scale, There
from .cells import Style, is_missing, moment_of, parsed, seconds_of
from .sheets import Sheet

Kind = Literal["category", "number", "date", "left out"]
Typed = Literal["text", "int", "float", "bool", "date", "datetime"]
EDGE = 1e-6  # of a share or a bin that noise leaves out, so that single precision stays within
HALF_LOG_2PI = math.log(2 * math.pi) / 2


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

    # cells in

    def number(self, cell: Any) -> float | None:
        """The number of a cell; None if it is none."""
        if isinstance(cell, str):
            return parsed(cell, self.form) if self.kind == "date" else self.style.number(cell)
        try:
            return seconds_of(cell) if self.kind == "date" else float(cell)
        except (TypeError, ValueError, AttributeError):
            return None

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
        return cell.strip() if number is None and isinstance(cell, str) else number

    @cached_property
    def places(self) -> dict[Any, int]:
        """The category of each key: its word, or a state, after 0 for a number."""
        if self.kind == "category":
            return {self.key(word): i for i, word in enumerate(self.words)}
        return {self.key(state): i + 1 for i, state in enumerate(self.states)}

    def fault(self, cell: Any) -> str | None:
        """Why a cell cannot be a value of this column; None if it can."""
        key = self.key(cell)
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
        if min(off, 1 - off) > 1e-6 * max(1.0, abs(key / (self.step or 1))):
            return (
                f"{self.name} is {cell}, and is a multiple of {self.step:g} in the training table"
            )
        assert self.scale is not None
        z = self.scale.apply(torch.tensor([key], dtype=torch.float64)).item()
        return None if math.isfinite(z) else f"{self.name} is {cell}, beyond its bound"

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
            return round(value) if self.step == 1 else value
        return self.style.word(value) if self.typed == "text" else value


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Args:
        columns: each of them.
    """

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @cached_property
    def order(self) -> tuple[tuple[int, bool], ...]:
        """The column of each field, and whether it is its category: words, or which of number and states.

        Columns of words come first. A column of numbers has its category, if any, before its number.
        """
        words = [(i, True) for i, c in enumerate(self.columns) if c.scale is None]
        numbers = [
            (i, category)
            for i, c in enumerate(self.columns)
            if c.scale is not None
            for category in (True, False)
        ]
        return tuple(
            (i, category)
            for i, category in [*words, *numbers]
            if not category or len(self.columns[i].shares) > 1
        )

    @cached_property
    def places(self) -> dict[tuple[int, bool], int]:
        """The field of each column's category and of its number."""
        return {key: at for at, key in enumerate(self.order)}

    @cached_property
    def records(self) -> Records:
        """The fields."""
        found: list[Category | Real | Grid] = []
        for i, category in self.order:
            column = self.columns[i]
            if category or column.scale is None:
                found.append(Category(len(column.shares)))
                continue
            there = There(len(found) - 1) if column.states else None
            if column.step is None:
                found.append(Real(there))
            else:
                found.append(Grid(column.step, column.scale, column.low, column.high, there))
        return Records(tuple(found))

    @cached_property
    def space(self) -> Records | Reals | Bits:
        """The space of x: bits or real numbers where there is nothing else."""
        found = self.records.fields
        if all(isinstance(one, Real) and one.there is None for one in found):
            return Reals((len(found),))
        if all(isinstance(one, Category) and one.count == 2 for one in found):
            return Bits((len(found),))
        return self.records

    @property
    def dequantises(self) -> bool:
        """Whether models of vectors see a looser view, under which a density is a bound."""
        return not isinstance(self.space, Reals)

    # rows in

    def encode(self, sheet: Sheet) -> tuple[Tensor, list[str | None]]:
        """x of the rows of a table, (n, k), and why a row has none; its x is then zeros.

        Raises:
            Refused: the table lacks a column.
        """
        where = {name: i for i, name in enumerate(sheet.names)}
        used = sorted({i for i, _ in self.order})
        wanted = [self.columns[i].name for i in used]
        if missing := [name for name in wanted if name not in where]:
            raise Refused(
                f"the table lacks {', '.join(map(repr, missing[:5]))}; it has the columns "
                f"{', '.join(sheet.names[:20])}"
            )
        reasons: list[str | None] = [None] * sheet.rows
        kept: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for i in used:
            kept[i] = self._column(i, sheet.columns[where[self.columns[i].name]], reasons)
        parts = []
        for i, category in self.order:
            scale, (place, value) = self.columns[i].scale, kept[i]
            if category or scale is None:
                parts.append(torch.from_numpy(place).double())
                continue
            z = scale.apply(torch.from_numpy(value))
            parts.append(torch.where(torch.from_numpy(place == 0), z, 0.0))
        x = torch.stack(parts, 1).float()
        x[torch.tensor([reason is not None for reason in reasons], dtype=torch.bool)] = 0
        return x, reasons

    def _column(
        self, i: int, cells: Sequence[Any], reasons: list[str | None]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The category and the number of each cell; each different cell is understood once."""
        column = self.columns[i]
        known: dict[Any, tuple[int, float, str | None]] = {}
        place, value = np.zeros(len(cells), np.int64), np.zeros(len(cells))
        for row, cell in enumerate(cells):
            if (found := known.get(cell)) is None:
                fault, key = column.fault(cell), column.key(cell)
                number = key if column.kind != "category" and isinstance(key, float) else 0.0
                found = known[cell] = (column.places.get(key, 0), number, fault)
            place[row], value[row], fault = found
            if fault is not None and reasons[row] is None:
                reasons[row] = fault
        if column.scale is not None:  # what is not there has a number that every scale takes
            value[place != 0] = column.scale.undo(torch.zeros(1, dtype=torch.float64)).item()
        return place, value

    # rows out

    def decode(self, x: Tensor, as_numbers: bool = False) -> Sheet:
        """The rows that x, (n, k), stand for, in the columns of the table.

        Whole numbers that only number the rows begin at 1; other columns that were left out are empty.

        Args:
            x: rows.
            as_numbers: whether cells that are words for numbers become numbers, and empty ones None.
        """
        x = self.records.quantise(x.detach().cpu().double())
        columns: list[list[Any]] = []
        for i, column in enumerate(self.columns):
            if column.kind == "left out":
                numbered = column.why == NUMBERS
                rows = range(1, len(x) + 1)
                cells = [column.cell(float(k), as_numbers) if numbered else None for k in rows]
            elif column.kind == "category":
                at = self.places.get((i, True))
                places = [0] * len(x) if at is None else x[:, at].long().tolist()
                cells = [column.words[place] for place in places]
                if as_numbers and column.numbers:
                    cells = [None if cell is None else column.number(cell) for cell in cells]
            else:
                cells = self._cells(i, x, as_numbers)
            blank = "" if column.typed == "text" and not as_numbers else None
            columns.append([blank if cell is None else cell for cell in cells])
        return Sheet(self.names, columns)

    def _cells(self, i: int, x: Tensor, as_numbers: bool) -> list[Any]:
        column = self.columns[i]
        at = self.places[i, False]
        one, scale = self.records.fields[at], column.scale
        assert scale is not None
        values = one.values(x[:, at]) if isinstance(one, Grid) else scale.undo(x[:, at])
        places = x[:, at - 1].long() if column.states else torch.zeros(len(x))
        states = [
            column.cell(state, as_numbers) if isinstance(state, float) else state
            for state in column.states
        ]
        return [
            states[int(place) - 1] if place else column.cell(value, as_numbers)
            for place, value in zip(places.tolist(), values.tolist(), strict=True)
        ]

    # units

    def log_jacobian(self, x: Tensor) -> Tensor:
        """What is added to log p(x) for log p of the row in the table's units, (n,) float64 nats."""
        total = torch.zeros(len(x), dtype=torch.float64)
        for at, one in enumerate(self.records.fields):
            if isinstance(one, Real):
                total += self._slope(at, x) * self.records.present(x, at).cpu()
        return total

    def _slope(self, at: int, x: Tensor) -> Tensor:
        scale = self.columns[self.order[at][0]].scale
        assert scale is not None
        return scale.log_slope(x[:, at].detach().cpu())

    # the looser view, of real numbers

    def loosen(self, x: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """A draw of z, (n, k), given x, (n, k); noise is by default torch's own."""
        u = torch.rand(x.shape, generator=noise, dtype=torch.float64)
        u = EDGE + (1 - 2 * EDGE) * u
        z = x.double().clone()
        for at, one in enumerate(self.records.fields):
            if isinstance(one, Category):
                edges, place = self._edges[at], x[:, at].long()
                z[:, at] = torch.special.ndtri(
                    edges[place] + u[:, at] * (edges[place + 1] - edges[place])
                )
                continue
            if isinstance(one, Grid):
                v = one.values(x[:, at]) + one.step * (u[:, at] - 0.5)
                z[:, at] = one.scale.apply(v)
            there = self.records.present(x, at)
            z[:, at] = torch.where(there, z[:, at], torch.special.ndtri(u[:, at]))
        return z.to(x.dtype)

    def tighten(self, z: Tensor) -> Tensor:
        """x of what `loosen` has drawn, or a model of such: `loosen` undone."""
        x = z.detach().cpu().double().clone()
        for at, one in enumerate(self.records.fields):
            if isinstance(one, Category):
                within = torch.special.ndtr(x[:, at]).contiguous()
                x[:, at] = torch.searchsorted(self._edges[at][1:-1], within, right=True).double()
        return self.records.quantise(x).to(z.dtype)

    def log_jacobian_of_loose(self, z: Tensor) -> Tensor:
        """What is added to log p(z) for a bound of log p of the row, (n,) float64 nats."""
        x, z = self.tighten(z), z.detach().cpu().double()
        total = torch.zeros(len(z), dtype=torch.float64)
        for at, one in enumerate(self.records.fields):
            normal = z[:, at].square() / 2 + HALF_LOG_2PI
            if isinstance(one, Category):
                total += self._edges[at].diff()[x[:, at].long()].log() + normal
                continue
            own = self._slope(at, z) + (math.log(one.step) if isinstance(one, Grid) else 0.0)
            total += torch.where(self.records.present(x, at), own, normal)
        return total

    @cached_property
    def _edges(self) -> dict[int, Tensor]:
        """The ends of the shares of each category, from 0 to 1, by its field."""
        found = {}
        for at, (i, category) in enumerate(self.order):
            if category:
                shares = torch.tensor(self.columns[i].shares, dtype=torch.float64)
                ends = torch.cat([shares.new_zeros(1), (shares / shares.sum()).cumsum(0)])
                ends[-1] = 1.0
                found[at] = ends
        return found

    # on disk

    def to_json(self) -> list[dict[str, Any]]:
        """All of it, of JSON types; cells of typed files are words and numbers, or yes and no."""
        return [_plain(asdict(column)) for column in self.columns]

    @classmethod
    def from_json(cls, entries: Sequence[Mapping[str, Any]]) -> "Columns":
        """What `to_json` has written.

        Raises:
            Refused: it has not written this.
        """
        try:
            return cls(tuple(_column_of(entry) for entry in entries))
        except (TypeError, KeyError, ValueError) as error:
            raise Refused(f"the description of the columns is damaged: {error}") from None


NUMBERS = "it numbers the rows"


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what is as by default."""
    usual = asdict(Column("", "category"))
    kept = {
        key: value for key, value in entry.items() if key in ("name", "kind") or usual[key] != value
    }
    return json.loads(json.dumps(kept))


def _column_of(entry: Mapping[str, Any]) -> Column:
    known = {one.name for one in fields(Column)}
    if extra := entry.keys() - known:
        raise KeyError(f"there is no {min(extra)}")
    found: dict[str, Any] = dict(entry)
    if found.get("scale") is not None:
        found["scale"] = Scale(**found["scale"])
    if "style" in found:
        found["style"] = Style(**found["style"])
    known: Any = {key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}
    return Column(**known)
