"""Data frames of pandas, polars and others: all rows, as the table for which a model was made."""

from typing import Any

import torch

from ...core import Reals, Refused
from ..sets import Data
from ..splits import Rows, Split
from ..tables.rows import LooseRows, TableRows
from ..tables.sheets import Sheet
from ..tables.sheets import of_frame as cells_of
from ..tables.tables import Missing, of_sheet
from .items import Wanted
from .values import kept


def table_of(
    frame: Any,
    *,
    name: str = "table",
    label: str | None = None,
    missing: Missing = "keep",
    columns: str | None = None,
    given: str | None = None,
    drawn: str | None = None,
) -> Data:
    """A data frame as a data set.

    Args:
        frame: the data frame.
        name: name of the data set, which also decides which rows test.
        label: column of the labels.
        missing: what becomes of missing values, as for a file.
        columns: what columns are, as for a file: price=real,zip=category,share=0..1.
        given, drawn: columns that are given with each row, or those that are drawn, as for a file.
    """
    if not is_frame(frame):
        came = type(frame).__name__
        raise Refused(f"load: {came} came; a name, a path or a data frame is wanted")
    return of_sheet(cells_of(frame), name, name, label, missing, columns, None, given, drawn)


def is_frame(given: object) -> bool:
    """Whether something is a data frame."""
    return hasattr(given, "columns") and hasattr(given, "to_numpy")


def of_frame(given: Any, wanted: Wanted) -> Split:
    """The rows of a data frame for a model of its table, or of its numbers as they are.

    Raises:
        Refused: the model was made for neither.
    """
    cells = cells_of(given, wanted.who)
    numbers = _numbers(cells)
    if numbers is not None and wanted.space == Reals((numbers.shape[1],)):
        return Rows(kept(numbers, wanted.space, wanted.who), wanted.space, name="rows")
    columns = of_sheet(cells, "table", wanted.who, None, "keep", None, None).columns
    if columns is not None and wanted.context_space is None:
        rows = TableRows(columns, columns.encode(cells)[0], None, 0, "rows")
        loose = LooseRows(rows, columns)
        for split in (rows, loose):
            if split.space == wanted.space:
                return split
    raise Refused(
        f"{wanted.who}: its rows are not of {wanted.space}; data = genus.data.load(frame) says what "
        f"its columns are: build the model with data.space, or with data.loosened().space for a model "
        f"of real numbers"
    )


def _numbers(cells: Sheet) -> torch.Tensor | None:
    """The numbers of a table that holds nothing else, (n, k), float64."""
    if all(isinstance(cell, int | float) for column in cells.columns for cell in column):
        return torch.tensor(cells.columns, dtype=torch.float64).T
    return None
