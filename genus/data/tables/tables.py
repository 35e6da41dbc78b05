"""Tables of numbers, .csv, as data sets: each line a row, each column a real number.

A first line without any number is a header. Columns are separated by commas, semicolons or tabs,
whichever the first line has most of.
"""

import csv
import math
from pathlib import Path

import numpy as np

from ...errors import Refused
from ..arrays import understood
from ..dividing import data_of_rows
from ..sets import Data
from ..sources import Source

MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}


def table(path: Path, *, label: str | None = None) -> Data:
    """A table as a data set: Bits if it holds 0 and 1 only, else Reals.

    Args:
        path: path of a .csv file.
        label: column of the labels: its name, or its number from 1, or -1 for the last.
    """
    names, rows = lines(path)
    width = len(rows[0][1])
    if names and len(names) != width:
        raise Refused(f"{path}: the header has {len(names)} columns, line {rows[0][0]} {width}")
    column = None if label is None else label_column(label, names, width, path)
    values, labels = [], []
    for number, cells in rows:
        if len(cells) != width:
            raise Refused(f"{path}: line {number} has {len(cells)} columns, the first has {width}")
        if column is not None:
            labels.append(cells[column].strip())
            if labels[-1].lower() in MISSING:
                raise Refused(f"{path}: line {number} has no label")
        row = [c for i, c in enumerate(cells) if i != column]
        try:
            values.append([float(cell) for cell in row])
        except ValueError:
            raise Refused(_fault(path, number, cells, names, column)) from None
        if not math.isfinite(sum(values[-1])):
            raise Refused(_fault(path, number, cells, names, column))
    if not values[0]:
        raise Refused(f"{path}: has no column but the label")
    space, parts = understood({"train": np.array(values)}, str(path))
    found = None if column is None else {"train": np.array(labels)}
    return data_of_rows(path.stem, space, parts, found)


def lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, if the file has them, and each line's number and cells."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count))
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path}: is not a table of text: {error}") from None
    names: list[str] = []
    if rows and not any(_is_number(cell) for cell in rows[0][1]):
        names = [cell.strip() for cell in rows.pop(0)[1]]
    if not rows:
        raise Refused(f"{path}: has no rows; at least three are wanted")
    return names, rows


def _is_number(cell: str) -> bool:
    try:
        return not math.isnan(float(cell))
    except ValueError:
        return False


def label_column(label: str, names: list[str], width: int, path: Path) -> int:
    """The number of the column of labels, from 0, by its name or its number from 1."""
    if names.count(label) == 1:
        return names.index(label)
    try:
        number = int(label)
    except ValueError:
        number = 0
    if not 1 <= abs(number) <= width:
        known = f"its columns are {', '.join(names)}" if names else f"it has {width} columns"
        raise Refused(f"{path}: there is no one column '{label}' for labels; {known}")
    return number - 1 if number > 0 else width + number


def _fault(path: Path, line: int, cells: list[str], names: list[str], label: int | None) -> str:
    """What is wrong with the first faulty cell of a line."""
    for i, cell in enumerate(cells):
        if i == label or (_is_number(cell) and math.isfinite(float(cell))):
            continue
        where = f"{path}: line {line}, column {i + 1}"
        where += f" ({names[i]})" if i < len(names) else ""
        if cell.strip().lower() in MISSING:
            return f"{where}: a value is missing; fill it in, or leave the line out"
        if _is_number(cell):
            return f"{where}: {cell.strip()} is not finite"
        return f"{where}: '{cell}' is not a number; if it is a label, say label={i + 1}"
    return f"{path}: line {line}: the values are too large"


PATHS = (Source(table, pattern="*.csv", kind="a table"),)
