"""The picture of a run on a table: each column of samples beside that of real rows."""

from pathlib import Path
from typing import ClassVar

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

    rare: ClassVar[bool] = True  # tables are evaluated often, and many columns take a while

    def __init__(self, source: Data):
        assert source.columns is not None
        self.meaning, self.columns = source.meaning, source.columns.columns
        x, *context = tight(source.validation).first(ROWS)
        self.real = source.columns.decode(x, as_numbers=True)
        self.context = context[0] if context else None

    def __call__(self, model: Model, path: Path) -> None:
        """Writes a PNG file of a thousand samples, or those of them that are finite."""
        context = self.context
        if context is not None:
            context = context[torch.arange(ROWS) % len(context)]
        x = sample(model, None if context is not None else ROWS, 0, *given(context)).cpu()
        finite = x.isfinite().all(1)
        made = self.meaning.rows(x[finite], as_numbers=True)
        lost = f", but for {ROWS - int(finite.sum())} that are not finite" * (
            not bool(finite.all())
        )
        shown = [
            _values(column, real, drawn)
            for column, real, drawn in zip(
                self.columns, self.real.columns, made.columns, strict=True
            )
            if not column.given and column.kind != "left out"
        ]
        write(path, columns_png(shown, f"samples{lost}"))


def _values(column: Column, real: Cells, made: Cells) -> Compared:
    if column.kind == "category":
        return Compared(column.name, real, made, "words")
    sides = ([x for x in map(column.number, cells) if x is not None] for cells in (real, made))
    return Compared(column.name, *sides, "dates" if column.kind == "date" else "numbers")
