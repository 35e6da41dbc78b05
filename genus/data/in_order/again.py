"""A table, read as a run has read its own: its columns are those of the run, whatever they look like now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...core import Refused
from ..dividing import divided
from ..meaning import Meaning
from ..sets import Data
from ..tables.rows import TableRows
from ..tables.sheets import sheet
from ..tables.tables import as_read, label_place, whole


def read_again(path: Path, meaning: Meaning, options: Mapping[str, Any]) -> Data:
    """A table as a data set for the model of a run. Rows that the run cannot read are left out, and counted.

    Args:
        path: path of the table.
        meaning: what the run keeps of its data, with columns.
        options: options of the table.

    Raises:
        Refused: it lacks a column of the run, or too few rows can be read.
    """
    columns, name = meaning.columns, path.name.partition(".")[0]
    assert columns is not None
    cells = sheet(path, ragged=True, **as_read(options))
    if options.get("missing") == "drop":
        cells, _ = whole(cells)
    x, reasons = columns.encode(cells)
    context, whys = columns.encode_given(cells)
    reasons = [reason or why for reason, why in zip(reasons, whys, strict=True)]
    words: list[str] = []
    if meaning.class_names and (label := options.get("label")) is not None:
        at = label_place(label, cells, str(path))
        words = [str(cell).strip() for cell in cells.columns[at]]
        known = f"its label is none of {', '.join(meaning.class_names[:8])}"
        reasons = [
            reason or (None if word in meaning.class_names else known)
            for reason, word in zip(reasons, words, strict=True)
        ]
    good = torch.tensor([i for i, reason in enumerate(reasons) if reason is None])
    lost = next((i for i, reason in enumerate(reasons) if reason is not None), None)
    if not cells.rows:
        raise Refused(f"{path}: each row lacks a value, and the run has left such rows out")
    if not len(good):
        raise Refused(f"{path}: row {cells.first}: {reasons[0]}; so it is with each row")
    notes = (f"columns are read as those of the run on {meaning.name}",)
    if lost is not None:
        first = f"row {cells.first + lost}: {reasons[lost]}"
        notes += (f"rows that cannot be read so: {cells.rows - len(good):,}; the first, {first}",)
    numbers = [meaning.class_names.index(words[i]) for i in good.tolist()] if words else None
    # as in `of_sheet`, so that a run's own splits come back
    keys = [f"{name} {i}" for i in range(len(good))]
    rows = divided(["train"] * len(good), numbers, keys, name)
    kept = None if numbers is None else torch.tensor(numbers)

    def cut(which: str) -> TableRows:
        index = torch.tensor(rows[which])
        own, place = None if kept is None else kept[index], good[index]
        beside = None if context is None else context[place]
        return TableRows(
            columns, x[place], own, len(meaning.class_names), f"{name} {which}", beside
        )

    return Data(
        name,
        cut("train"),
        cut("validation"),
        cut("test"),
        class_names=meaning.class_names,
        columns=columns,
        notes=notes,
    ).asked(options)
