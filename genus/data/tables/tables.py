"""Tables as data sets: .csv, .tsv, .jsonl, .parquet, .xlsx, also in .gz or .zip, and data frames."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from ...core import Refused
from ..dividing import divided, numbered
from ..sets import SPLITS, Data
from ..sources import Source
from .cells import is_missing
from .columns import Columns
from .recognising import recognised
from .rows import TableRows
from .sheets import Sheet, sheet

Missing = Literal["keep", "drop"]
PATTERNS = ("*.csv", "*.tsv", "*.jsonl", "*.ndjson", "*.parquet", "*.feather", "*.xlsx")
PACKED = (*(f"{pattern}.gz" for pattern in PATTERNS), "*.zip")


def table(
    path: Path,
    *,
    label: str | None = None,
    missing: Missing = "keep",
    columns: str | None = None,
    given: str | None = None,
    drawn: str | None = None,
    header: bool | None = None,
    decimal: Literal[".", ","] | None = None,
    encoding: str | None = None,
) -> Data:
    """A table as a data set.

    Args:
        path: path of the file.
        label: column of the labels: its name, or its number from 1, or -1 for the last.
        missing: keep makes a missing value one more value that a column can have, drop leaves out
            the rows with one.
        columns: what columns are, where it is not what they look like: price=real, zip=category,
            year=number, day=date, notes=out, or bounds that no value passes, share=0..1, price=0..;
            several with commas between.
        given: columns that are given with each row, from which a model draws the others: names or
            numbers, several with commas between.
        drawn: columns that are drawn, where all others are given.
        header: whether the first line holds the names of the columns (default: what it looks like).
        decimal: mark before decimals, . or , (default: what it looks like).
        encoding: encoding of the text, such as latin-1 (default: UTF-8, else Windows-1252).
    """
    cells = sheet(path, encoding=encoding, header=header)
    named = path.name.partition(".")[0]
    return of_sheet(cells, named, str(path), label, missing, columns, decimal, given, drawn)


def of_sheet(
    cells: Sheet,
    name: str,
    who: str,
    label: str | None,
    missing: Missing,
    wishes: str | None,
    decimal: str | None,
    given: str | None = None,
    drawn: str | None = None,
) -> Data:
    """The cells of a table as a data set."""
    if missing not in Missing.__args__:
        raise Refused(f"{who}: missing is '{missing}'; keep or drop is wanted")
    if decimal not in (None, ".", ","):
        raise Refused(f"{who}: decimal is '{decimal}'; . or , is wanted")
    notes = [*cells.notes]
    if sum(way is not None for way in (label, given, drawn)) > 1:
        came = " and ".join(
            name
            for name, way in (("label", label), ("given", given), ("drawn", drawn))
            if way is not None
        )
        raise Refused(f"{who}: {came} came; one of them is wanted")
    if missing == "drop":
        cells, dropped = whole(cells)
        if dropped:
            notes.append(f"rows with missing values that were left out: {dropped:,}")
        if not cells.rows:
            raise Refused(f"{who}: each row lacks a value; leave missing=drop out")
    numbers, names = None, ()
    if label is not None:
        at = label_place(label, cells, who)
        numbers, names = numbered(_labels(cells.columns[at], cells.first, who))
        cells = cells.without(at)
        if not cells.names:
            raise Refused(f"{who}: has no column but the label")
    keys = [f"{name} {i}" for i in range(cells.rows)]
    rows = divided(["train"] * cells.rows, numbers, keys, name)
    columns, told = recognised(cells, rows["train"], wishes, decimal, who)
    if given is not None or drawn is not None:
        columns = _divided(columns, given, drawn, cells, who)
    x, reasons = columns.encode(cells)
    context, whys = columns.encode_given(cells)
    reasons = [reason or why for reason, why in zip(reasons, whys, strict=True)]
    if fault := next((reason for reason in reasons if reason is not None), None):
        raise Refused(f"{who}: row {cells.first + reasons.index(fault)}: {fault}")
    kept = None if numbers is None else torch.tensor(numbers)

    def cut(which: str) -> TableRows:
        index = torch.tensor(rows[which])
        own = None if kept is None else kept[index]
        beside = None if context is None else context[index]
        return TableRows(columns, x[index], own, len(names), f"{name} {which}", beside)

    train, validation, test = (cut(which) for which in SPLITS)
    told = (*notes, *told)
    return Data(name, train, validation, test, class_names=names, columns=columns, notes=told)


def _divided(
    columns: Columns, given: str | None, drawn: str | None, cells: Sheet, who: str
) -> Columns:
    """Columns of which some are given and the others are drawn; those that were left out are neither."""
    option, words = ("drawn", drawn or "") if given is None else ("given", given)
    named = [word.strip() for word in words.split(",") if word.strip()]
    places = {label_place(word, cells, who, f"of those {option}") for word in named}
    for i in sorted(places):
        if (column := columns.columns[i]).kind == "left out":
            raise Refused(f"{who}: '{column.name}' cannot be {option}, for {column.why}")
    found = Columns(
        tuple(
            replace(c, given=c.kind != "left out" and (i in places) == (option == "given"))
            for i, c in enumerate(columns.columns)
        )
    )
    if found.given is None or not found.given.order or not found.order:
        raise Refused(
            f"{who}: {option} is '{words}'; columns that vary are wanted, some given and some drawn"
        )
    return found


def label_place(label: str, cells: Sheet, who: str, use: str = "for labels") -> int:
    """The place of a column that is named by its name or its number."""
    if label in cells.names:
        return cells.names.index(label)
    try:
        number = int(label)
    except ValueError:
        number = 0
    if not 1 <= abs(number) <= len(cells.names):
        raise Refused(
            f"{who}: there is no one column '{label}' {use}; its columns are "
            f"{', '.join(cells.names)}"
        )
    return number - 1 if number > 0 else len(cells.names) + number


def _labels(cells: Sequence[Any], first: int, who: str) -> list[Any]:
    for row, cell in enumerate(cells):
        if is_missing(cell):
            raise Refused(f"{who}: row {first + row} has no label")
    return [cell.strip() if isinstance(cell, str) else cell for cell in cells]


def whole(cells: Sheet) -> tuple[Sheet, int]:
    """The rows in which no value is missing, and how many others there were."""
    kept = [not any(map(is_missing, row)) for row in zip(*cells.columns, strict=True)]
    columns = [
        [cell for cell, keep in zip(column, kept, strict=True) if keep] for column in cells.columns
    ]
    return replace(cells, columns=columns, faults={}), len(kept) - sum(kept)


def as_read(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a table that stand as words, as `sheet` takes them."""
    header = str(options.get("header", "")).lower()
    known = {"header": header == "true"} if header in ("true", "false") else {}
    return {key: options[key] for key in ("encoding",) if key in options} | known


PATHS = tuple(Source(table, pattern=pattern, kind="a table") for pattern in (*PATTERNS, *PACKED))
