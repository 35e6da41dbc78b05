"""Rows that are given, and what a model has drawn for them, in one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...core import Refused
from .cells import is_missing
from .columns import Columns
from .sheets import Sheet


@dataclass(frozen=True)
class GivenRows:
    """Rows of which some columns are given, read as a run has read its own.

    Args:
        cells: the rows, as they came.
        columns: what the columns of the run are.
        context: contexts of the rows that can be read, (m, k).
        reasons: for each row, why it cannot be read, or None.
    """

    cells: Sheet
    columns: Columns
    context: Tensor
    reasons: list[str | None]

    @classmethod
    def read(cls, cells: Sheet, columns: Columns, who: str) -> "GivenRows":
        """Rows of a table.

        Args:
            cells: the table, which may have other columns as well.
            columns: what the columns of the run are.
            who: name of the table in messages.

        Raises:
            Refused: the run is given nothing, the table lacks a column, or no row can be read.
        """
        context, reasons = columns.encode_given(cells)
        if context is None:
            raise Refused(f"{who}: the model is given no columns; fit one with --data.given")
        good = [i for i, reason in enumerate(reasons) if reason is None]
        if not reasons:
            raise Refused(f"{who}: there are no rows; at least one is wanted")
        if not good:
            raise Refused(f"{who}: no row can be read; row {cells.first}: {reasons[0]}")
        return cls(cells, columns, context[good], reasons)

    def contexts(self, n: int) -> Tensor:
        """Contexts for n draws a row, (m n, k): all of a row follow each other."""
        return self.context.repeat_interleave(n, 0)

    def beside(self, drawn: Sheet, n: int) -> Sheet:
        """The rows as they came, n times each, with what was drawn beside them.

        A column that is drawn keeps its name; if the rows have values in a column of that name already,
        it is called `drawn NAME`. Rows that could not be read have no values there.

        Args:
            drawn: m n rows, as `Columns.decode` gives them.
            n: draws a row.
        """
        good = [i for i, reason in enumerate(self.reasons) if reason is None]
        number = {row: at for at, row in enumerate(good)}
        every = [row for row in range(self.cells.rows) for _ in range(n)]
        places = [number[row] * n + k % n if row in number else None for k, row in enumerate(every)]
        found = {
            name: [cells[row] for row in every]
            for name, cells in zip(self.cells.names, self.cells.columns, strict=True)
        }
        for column, cells in zip(self.columns.columns, drawn.columns, strict=True):
            if column.given or column.kind == "left out":
                continue
            values = _at(cells, places)
            empty = all(map(is_missing, found.get(column.name, [])))
            found[column.name if empty else f"drawn {column.name}"] = values
        return Sheet([*found], [*found.values()])


def _at(cells: Sequence[Any], places: Sequence[int | None]) -> list[Any]:
    blank = "" if cells and isinstance(cells[0], str) else None
    return [blank if place is None else cells[place] for place in places]
