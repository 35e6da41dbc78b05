"""Sheets: what stands in the cells of a table, before anything is made of it.

Text is understood as it lies on people's disks: with or without a byte order mark, in UTF-8, UTF-16 or
Windows-1252; columns between commas, semicolons, tabs, bars or spaces; lines of comment that begin
with #; a header or none. .jsonl has an object on each line. .parquet and .xlsx are read by polars, an
extra. Any of them may be in a .gz or, alone, in a .zip.
"""

import csv
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...errors import Refused
from .cells import is_number

Cells = list[Any]  # of a column: words of a text, or what a typed file holds; None where nothing is
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DELIMITERS = "\t;|,"  # in the order in which they are tried
SNIFFED = 200  # lines by which delimiter and header are found
SPACES = re.compile(r"[ \t]+")
EXTRA = "pip install 'genus[tables]'"


@dataclass
class Sheet:
    """The cells of a table.

    Args:
        names: names of the columns.
        columns: cells of each column.
        first: number of the first row in its file, for messages: its line, where there are lines.
        notes: sentences on what was decided.
        named: whether the file gives the names.
        faults: what is wrong with rows of another width, by their number; their cells are empty.
    """

    names: list[str]
    columns: list[Cells]
    first: int = 1
    notes: list[str] = field(default_factory=list)
    named: bool = True
    faults: Mapping[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def some(self, begin: int, end: int) -> "Sheet":
        """The rows from one number to before another."""
        faults = {row - begin: why for row, why in self.faults.items() if begin <= row < end}
        return replace(self, columns=[cells[begin:end] for cells in self.columns], faults=faults)

    def without(self, at: int) -> "Sheet":
        """All columns but one."""
        names, columns = [*self.names], [*self.columns]
        del names[at], columns[at]
        return replace(self, names=names, columns=columns)


def sheet(
    path: Path,
    *,
    encoding: str | None = None,
    header: bool | None = None,
    ragged: bool = False,
) -> Sheet:
    """The cells of a file.

    Args:
        path: .csv, .tsv, .jsonl, .parquet or .xlsx, also in .gz or .zip.
        encoding: encoding of a text, by default the one that it is found to have.
        header: whether the first line holds names, by default what it looks like.
        ragged: whether rows of another width keep their place, with what is wrong with them.

    Raises:
        Refused: it cannot be read as a table; the message says where.
    """
    name, content = _unpacked(path)
    end = name.lower().rpartition(".")[2]
    if end in ("parquet", "xlsx", "feather"):
        return _typed(path, end, content)
    text, notes = _decoded(path, content, encoding)
    found = (
        _objects(path, text) if end in ("jsonl", "ndjson") else _lines(path, text, header, ragged)
    )
    if not found.rows:
        raise Refused(f"{path}: has no rows; at least three are wanted")
    found.notes[:0] = notes
    return found


def _unpacked(path: Path) -> tuple[str, bytes]:
    """The name of a file without its packing, and its content."""
    content, end = path.read_bytes(), path.suffix.lower()
    try:
        if end == ".gz":
            return path.stem, gzip.decompress(content)
        if end == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                held = [one for one in packed.namelist() if not one.startswith("__MACOSX")]
                if len(held) != 1:
                    raise Refused(
                        f"{path}: holds {len(held)} files, {', '.join(held[:5])}; one table is wanted: "
                        f"unpack it, and name one of them"
                    )
                return held[0], packed.read(held[0])
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise Refused(f"{path}: is damaged, or no {end[1:]} file: {error}") from None
    return path.name, content


def _decoded(path: Path, content: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """The text of a file, and a note if its encoding was guessed."""
    marked = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    for name in [encoding] if encoding else [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = content.decode(name)
        except (UnicodeDecodeError, LookupError) as error:
            last = error
            continue
        if "\0" in text:
            break
        guessed = name == "cp1252" and encoding is None
        note = (
            "its letters are not UTF-8; they are read as Windows-1252 (encoding=... names another)"
        )
        return text, [note] if guessed else []
    else:
        raise Refused(f"{path}: is not a table of text: {last}; say encoding=..., its encoding")
    raise Refused(f"{path}: is not a table of text: it holds bytes of zero")


# --- lines of text -----------------------------------------------------------------------------


def _lines(path: Path, text: str, header: bool | None, ragged: bool) -> Sheet:
    lines = text.splitlines()
    start, remark = 0, ""
    while start < len(lines) and (not lines[start].strip() or lines[start].startswith("#")):
        remark = lines[start].lstrip("#").strip() or remark
        start += 1
    comments = any(line.startswith("#") for line in lines[start:])
    try:
        delimiter = _delimiter([line for line in lines[start : start + SNIFFED] if line.strip()])
    except csv.Error as error:
        raise Refused(f"{path}: is not a table of text: {error}") from None
    body = (
        (SPACES.sub("\t", line.strip()) if delimiter == " " else line)
        for line in _after(text, start)
        if not (comments and line.startswith("#"))
    )
    reader = csv.reader(body, delimiter="\t" if delimiter == " " else delimiter, strict=True)
    numbered: list[tuple[int, list[str]]] = []
    try:
        numbered += (
            (start + reader.line_num, [cell.strip() for cell in cells])
            for cells in reader
            if any(cell.strip() for cell in cells)
        )
    except csv.Error as error:
        line = start + reader.line_num
        raise Refused(f"{path}: is not a table of text: line {line}: {error}") from None
    if not numbered:
        return Sheet([], [])
    rows = [cells for _, cells in numbered]
    if header is None:
        header = _is_header(rows[0], rows[1:SNIFFED])
    names = rows[0] if header else []
    named = [] if header else _cut(remark, delimiter)
    if len(named) == len(rows[0]) > 1 and not any(is_number(word) for word in named):
        names = named  # a header that is a comment
    numbered = numbered[1:] if header else numbered
    width = len(numbered[0][1]) if numbered else len(names)
    if names and len(names) == width - 1:
        names = ["", *names]  # a column of row names without a name
    if names and len(names) != width:
        line = numbered[0][0]
        raise Refused(f"{path}: the header has {len(names)} columns, line {line} {width}")
    faults = {
        row: f"line {number} has {len(cells)} columns, the first has {width}"
        for row, (number, cells) in enumerate(numbered)
        if len(cells) != width
    }
    if faults and not ragged:
        why = next(iter(faults.values()))
        raise Refused(f"{path}: {why}; a cell that holds '{delimiter}' must stand in quotes")
    for row in faults:
        numbered[row] = (numbered[row][0], [""] * width)
    columns = [list(column) for column in zip(*(cells for _, cells in numbered), strict=True)]
    named = bool(names)
    names = _distinct(names, path) if named else [f"column {i + 1}" for i in range(width)]
    return Sheet(names, columns, numbered[0][0] if numbered else 1, [], named, faults)


def _after(text: str, start: int) -> io.StringIO:
    """The text from a line on, of which line ends within quotes stay as they are."""
    stream = io.StringIO(text, newline="")
    for _ in range(start):
        stream.readline()
    return stream


def _cut(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter by which most lines have equally many columns, more than one."""
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        usual = max({*widths}, key=widths.count, default=1)
        share = widths.count(usual) / max(1, len(widths))
        if usual > 1 and share > most + 0.1:
            best, most = delimiter, share
    if most > 0:
        return best
    split = [line.split() for line in lines]
    widths = {len(words) for words in split[1:]} or {1}
    numbers = [is_number(word) for words in split[1:] for word in words]
    spaced = len(widths) == 1 and widths != {1} and sum(numbers) * 2 >= len(numbers)
    return " " if spaced else ","


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a first line holds names: words over numbers, or the numbers 0, 1, 2, ... of columns."""
    numbers = [is_number(cell) for cell in first]
    named = [cell for cell in first if cell]
    counted = [str(i) for i in range(len(named))]
    if len(named) >= len(first) - 1 and named == counted and len(named) > 1:
        return list(first) not in [list(row) for row in rest]
    if not any(numbers):
        below = [[row[i] for row in rest if i < len(row)] for i in range(len(first))]
        if any(is_number(cell) for column in below for cell in column):
            return True
        return not any(cell in column for cell, column in zip(first, below, strict=True))
    for i, number in enumerate(numbers):  # some names are numbers, such as years
        below = [row[i] for row in rest if i < len(row) and row[i]]
        if first[i] and not number and below and all(is_number(cell) for cell in below):
            return True
    return False


def _distinct(names: Sequence[str], who: object) -> list[str]:
    """Names as they are, also none for the first column; doubled ones are refused."""
    found = [name or (f"column {i + 1}" if i else "") for i, name in enumerate(names)]
    if doubled := sorted({name for name in found if found.count(name) > 1}):
        raise Refused(
            f"{who}: two columns are called {', '.join(map(repr, doubled[:5]))}; give each a name of "
            f"its own"
        )
    return found


# --- other kinds -------------------------------------------------------------------------------


def _objects(path: Path, text: str) -> Sheet:
    """The objects of .jsonl, one on each line; what an object lacks is missing."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise Refused(f"{path}: line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise Refused(f"{path}: line {number} is no object; {{name: value, ...}} is wanted")
        nested = [name for name, value in row.items() if isinstance(value, list | dict)]
        if nested:
            raise Refused(
                f"{path}: line {number}: '{nested[0]}' holds several values; one value in each field "
                f"is wanted"
            )
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Sheet(names, [[row.get(name) for row in rows] for name in names])


def _typed(path: Path, end: str, content: bytes) -> Sheet:
    """The table of a .parquet, .feather or .xlsx file."""
    try:
        import polars
    except ImportError:
        raise Refused(f"{path}: polars reads .{end} files; install it: {EXTRA}") from None
    read = {
        "parquet": polars.read_parquet,
        "feather": polars.read_ipc,
        "xlsx": polars.read_excel,
    }[end]
    try:
        frame = read(io.BytesIO(content))
    except ModuleNotFoundError as error:
        raise Refused(f"{path}: {error.name} reads .{end} files; install it: {EXTRA}") from None
    except (polars.exceptions.PolarsError, ValueError, OSError, RuntimeError) as error:
        raise Refused(f"{path}: cannot be read as .{end}: {error}") from None
    return of_frame(frame, str(path))


def _known(cell: Any) -> Any:
    """A cell of a typed table as one of the kinds that columns know; any other as its word."""
    if isinstance(cell, Decimal):
        return float(cell)
    return cell if isinstance(cell, str | bool | int | float | date) else str(cell)


def of_frame(frame: Any, who: str = "the data frame") -> Sheet:
    """The cells of a data frame of pandas, polars, or another library that narwhals knows."""
    import narwhals

    table = narwhals.from_native(frame, eager_only=True)
    names = _distinct([str(name) for name in table.columns], who)
    if not names or not len(table):
        raise Refused(f"{who}: has no rows; at least three are wanted")
    columns = []
    for name, column in zip(names, table.iter_columns(), strict=True):
        if column.dtype.is_nested():
            raise Refused(f"{who}: '{name}' is {column.dtype}; one value in each field is wanted")
        missing = column.is_null().to_list()
        cells = zip(column.to_list(), missing, strict=True)
        columns.append([None if gone else _known(cell) for cell, gone in cells])
    return Sheet(names, columns)
