"""Tables as files: .csv, .tsv, .jsonl, and by polars, an extra, .parquet and .xlsx."""

import csv
import io
import json
from datetime import date
from typing import Any

from ...errors import Refused
from .sheets import EXTRA, Sheet

KINDS = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")


def table_bytes(sheet: Sheet, kind: str) -> bytes:
    """The bytes of a file of a table.

    Args:
        sheet: its cells.
        kind: suffix of the file, one of `KINDS`.
    """
    if kind == ".jsonl":
        rows = (
            dict(zip(sheet.names, row, strict=True)) for row in zip(*sheet.columns, strict=True)
        )
        return "".join(
            json.dumps(row, default=_word, ensure_ascii=False) + "\n" for row in rows
        ).encode()
    if kind in (".csv", ".tsv"):
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter="\t" if kind == ".tsv" else ",", lineterminator="\n")
        writer.writerow(sheet.names)
        writer.writerows(map(_word, row) for row in zip(*sheet.columns, strict=True))
        return text.getvalue().encode()
    try:
        import polars

        content = io.BytesIO()
        frame = polars.DataFrame(dict(zip(sheet.names, sheet.columns, strict=True)), strict=False)
        frame.write_parquet(content) if kind == ".parquet" else frame.write_excel(content)
    except ImportError as error:
        name = error.name or "polars"
        raise Refused(f"sample: {name} writes {kind} files; install it: {EXTRA}") from None
    return content.getvalue()


def _word(cell: Any) -> Any:
    """A date in words; anything else as it is."""
    return (
        cell.isoformat(" ")
        if hasattr(cell, "hour")
        else str(cell)
        if isinstance(cell, date)
        else cell
    )
