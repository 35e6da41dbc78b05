"""Columns: what the columns of a table are, and how its rows become x and come back.

A column becomes one field of `Records`, or two: where some of its cells are no numbers (missing ones,
words between numbers, a number that stands for itself, such as a zero that means none), a category says
which of these a row has, and the number is there only where it has none of them.

Columns that are given become a context: the features of their own `Records`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core import Bits, Category, Grid, Real, Reals, Records, Refused, Scale, There
from .column import NUMBERS, Column, column_of, plain
from .sheets import Sheet


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

        Columns that are given have none.
        Columns of words come first. A column of numbers has its category, if any, before its number.
        """
        drawn = [(i, c) for i, c in enumerate(self.columns) if not c.given]
        words = [(i, True) for i, c in drawn if c.scale is None]
        numbers = [(i, way) for i, c in drawn if c.scale is not None for way in (True, False)]
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

    @cached_property
    def given(self) -> "Columns | None":
        """The columns that are given; None if there are none."""
        found = tuple(replace(column, given=False) for column in self.columns if column.given)
        return Columns(found) if found else None

    @property
    def context_space(self) -> Reals | None:
        """The space of what is given: a one for each category, and numbers on their scales."""
        return None if self.given is None else Reals((sum(self.given.records.widths),))

    @property
    def of_array(self) -> bool:
        """Whether they are the columns of an array: real numbers, with their places for names."""
        return self.names == [str(i) for i in range(len(self.columns))] and all(
            column.typed == "float" and isinstance(one, Real) and one.there is None
            for column, one in zip(self.columns, self.records.fields, strict=False)
        )

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
        sheet = self._named(sheet)
        where = {name: i for i, name in enumerate(sheet.names)}
        used = sorted({i for i, _ in self.order})
        wanted = [self.columns[i].name for i in used]
        if missing := [name for name in wanted if name not in where]:
            raise Refused(
                f"the table lacks {', '.join(map(repr, missing[:5]))}; it has the columns "
                f"{', '.join(sheet.names[:20])}"
            )
        reasons: list[str | None] = [sheet.faults.get(row) for row in range(sheet.rows)]
        kept: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for i in used:
            kept[i] = self._column(i, sheet.columns[where[self.columns[i].name]], reasons)
        parts = []
        for i, category in self.order:
            scale, (place, value) = self.columns[i].scale, kept[i]
            if category or scale is None:
                parts.append(torch.from_numpy(place).double())
                continue
            z = torch.where(torch.from_numpy(place == 0), scale.apply(torch.from_numpy(value)), 0.0)
            for row in (~z.isfinite()).nonzero()[:, 0].tolist():
                beyond = f"{self.columns[i].name} is {value[row]:g}, beyond its bound"
                reasons[row] = reasons[row] or beyond
            parts.append(z)
        x = torch.stack(parts, 1).float()
        x[torch.tensor([reason is not None for reason in reasons], dtype=torch.bool)] = 0
        return x, reasons

    def encode_given(self, sheet: Sheet) -> tuple[Tensor | None, list[str | None]]:
        """The contexts of the rows of a table, (n, k), as `encode` gives x; None if nothing is given."""
        if self.given is None:
            return None, [None] * sheet.rows
        x, reasons = self.given.encode(self._named(sheet))
        return self.given.records.features(x), reasons

    def _named(self, sheet: Sheet) -> Sheet:
        """A table whose columns have names, also if its file gives none, or those of the run are places."""
        for known in (self, *([self.given] if self.given else [])):
            if (known.of_array or not sheet.named) and len(sheet.names) == len(known.columns):
                return replace(sheet, names=known.names, named=True)
        return sheet

    def _column(
        self, i: int, cells: Sequence[Any], reasons: list[str | None]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The category and the number of each cell; each different cell is understood once."""
        column = self.columns[i]
        known: dict[Any, tuple[int, float, str | None]] = {}
        place, value = np.zeros(len(cells), np.int64), np.zeros(len(cells))
        for row, cell in enumerate(cells):
            if (found := known.get(cell)) is None:
                key = column.key(cell)
                fault = column.fault(cell, key)
                number = key if column.kind != "category" and isinstance(key, float) else 0.0
                found = known[cell] = (column.places.get(key, 0), number, fault)
            place[row], value[row], fault = found
            if fault is not None and reasons[row] is None:
                reasons[row] = fault
        if column.scale is not None:  # what is not there has a number that every scale takes
            value[place != 0] = column.scale.undo(torch.zeros(1, dtype=torch.float64)).item()
        return place, value

    # rows out

    def decode(self, x: Tensor, as_numbers: bool = False, given: Tensor | None = None) -> Sheet:
        """The rows that x, (n, k), stand for, in the columns of the table.

        Whole numbers that only number the rows begin at 1; other columns that were left out are empty.

        Args:
            x: rows.
            as_numbers: whether cells that are words for numbers become numbers, and empty ones None.
            given: contexts of the rows; columns that are given are empty without them.
        """
        known = {}
        if self.given is not None and given is not None:
            own = self.given.decode(self.given.records.from_features(given), as_numbers)
            known = dict(zip(own.names, own.columns, strict=True))
        x = self.records.quantise(x.detach().cpu().double())
        columns: list[list[Any]] = []
        for i, column in enumerate(self.columns):
            if column.given:
                cells = known.get(column.name, [None] * len(x))
            elif column.kind == "left out":
                numbered = column.why == NUMBERS
                rows = range(1, len(x) + 1)
                cells = [column.cell(float(k), as_numbers) if numbered else None for k in rows]
            elif column.kind == "category":
                at = self.places.get((i, True))
                places = [0] * len(x) if at is None else x[:, at].long().tolist()
                cells = [column.words[place] for place in places]
                if as_numbers and column.typed == "text" and column.numbers:
                    numbers = (None if cell is None else column.number(cell) for cell in cells)
                    cells = [None if n is None else column.cell(n, as_numbers) for n in numbers]
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

    def apply(self, values: Tensor) -> Tensor:
        """x, (n, k) float32, of columns that are all real numbers, in their own units."""
        return torch.stack(
            [c.apply(v) for c, v in zip(self._scales, values.T, strict=True)], 1
        ).float()

    def undo(self, x: Tensor) -> Tensor:
        """The numbers in their own units, (n, k) float64, of x whose columns are all real numbers."""
        x = x.detach().cpu()
        return torch.stack([c.undo(z) for c, z in zip(self._scales, x.T, strict=True)], 1)

    @property
    def _scales(self) -> list[Scale]:
        drawn = (column for column in self.columns if not column.given)
        found = [column.scale for column in drawn if column.scale is not None]
        assert isinstance(self.space, Reals)
        return found

    def log_jacobian(self, x: Tensor) -> Tensor:
        """What is added to log p(x) for log p of the row in the table's units, (n,) float64 nats."""
        total = torch.zeros(len(x), dtype=torch.float64)
        for at, one in enumerate(self.records.fields):
            if isinstance(one, Real):
                total += self.slope(at, x) * self.records.present(x, at).cpu()
        return total

    def slope(self, at: int, x: Tensor) -> Tensor:
        """log dz/dv of a field of numbers, (n,), float64."""
        scale = self.columns[self.order[at][0]].scale
        assert scale is not None
        return scale.log_slope(x[:, at].detach().cpu())

    # on disk

    def to_json(self) -> list[dict[str, Any]]:
        """All of it, of JSON types; cells of typed files are words and numbers, or yes and no."""
        return [plain(asdict(column)) for column in self.columns]

    @classmethod
    def from_json(cls, entries: Sequence[Mapping[str, Any]]) -> "Columns":
        """What `to_json` has written.

        Raises:
            Refused: it has not written this.
        """
        try:
            return cls(tuple(column_of(entry) for entry in entries))
        except (TypeError, KeyError, ValueError) as error:
            raise Refused(f"the description of the columns is damaged: {error}") from None
