"""The picture of a run on a table: each column of samples beside that of real rows."""

from pathlib import Path

import torch

from ..core import Model, given, sample
from ..core.files import write
from ..data import Data
from ..data.tables.column import Column
from ..data.tables.rows import tight
from ..data.tables.sheets import Cells
from ..media.columns import Compared, columns_png

ROWS = 1000  # that are drawn, and of the validation split


class TablePicture:
    """Draws the columns of samples beside those of validation rows, each sample for the context of a row.

    Args:
        source: the table, or the looser view of it, as its model takes it.
    """

    def __init__(self, source: Data):
        assert source.columns is not None
        self.meaning, self.columns = source.meaning, source.columns.columns
        x, *context = tight(source.validation).first(ROWS)
        self.real = source.columns.decode(x, as_numbers=True)
        self.context = context[0] if context else None

    def __call__(self, model: Model, path: Path, n: int | None = None) -> None:
        """Writes a PNG file of n samples, by default a thousand."""
        count = n or ROWS
        context = self.context
        if context is not None:
            context = context[torch.arange(count) % len(context)]
        x = sample(model, None if context is not None else count, 0, *given(context))
        made = self.meaning.rows(x, as_numbers=True)
        shown = [
            _values(column, real, drawn)
            for column, real, drawn in zip(
                self.columns, self.real.columns, made.columns, strict=True
            )
            if not column.given and column.kind != "left out"
        ]
        write(path, columns_png(shown))


def _values(column: Column, real: Cells, made: Cells) -> Compared:
    if column.kind == "category":
        return Compared(column.name, real, made, "words")
    sides = ([x for x in map(column.number, cells) if x is not None] for cells in (real, made))
    return Compared(column.name, *sides, "dates" if column.kind == "date" else "numbers")
