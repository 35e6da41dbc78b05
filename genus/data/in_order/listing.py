"""All rows of a file or folder in their order, read as a run has read its data.

    a folder of pictures, a pattern, a picture      each picture, by its path in the folder
    .csv                                            each line after the header
    .npy, .npz, an idx file                         each row; of several arrays in their order
    .txt                                            windows end to end, or lines where texts have an end
    names, folders of idx files, pairs              the rows of a split

They need no labels and no splits. A row that cannot be read keeps its place, with the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core import Bits, Classes, Pixels, Reals, Refused, Tokens
from ...core.model import TakesApart
from ..arrays import ROLES, arrays, named_array, opened, plain_labels
from ..images.decoding import Look, ahead, read, threads
from ..images.folders import images
from ..images.idx import one_idx, read_idx
from ..images.looking import listed, unwanted
from ..images.metadata import is_metadata
from ..images.tiles import tiles
from ..meaning import Meaning, as_words
from ..sets import SPLITS, Data
from ..sources import find, load
from ..tables.cells import is_missing, plain_number
from ..tables.sheets import Sheet, sheet
from ..tables.tables import as_read, label_place, table
from ..text.text import text
from .rows import Reasons, RowsRead, of_array, of_picture, shaped, sound

SPLIT = "test"  # of data whose rows have no order of their own


@dataclass(frozen=True)
class Listing:
    """Rows that are read when they are needed.

    Args:
        column: what the name of a row is: row, its number from 0, or file.
        names: name of each row.
        read: function of two numbers that reads the rows from the first to before the second.
        note: what was decided, in words.
    """

    column: str
    names: Sequence[str]
    read: Callable[[int, int], RowsRead]
    note: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def blocks(self, rows: int) -> Iterator[tuple[Sequence[str], RowsRead]]:
        """The names of some rows at once, and the rows."""
        for begin in range(0, len(self), rows):
            end = min(begin + rows, len(self))
            yield self.names[begin:end], self.read(begin, end)


def in_order(
    source: str,
    meaning: Meaning,
    split: str | None = None,
    labels: bool = False,
    parting: TakesApart | None = None,
) -> Listing:
    """All rows of a file or folder in their order, as a run reads them.

    Args:
        source: name or path, as in `load`; options in it go before those of the run.
        meaning: what the run keeps of its data.
        split: split of data whose rows have no order of their own, by default test.
        labels: whether a label is read with each row, as its context, by a model of classes.
        parting: how the run's model takes rows apart; None if it takes whole ones.

    Raises:
        Refused: there is nothing there, or nothing that the run can read.
    """
    path, kind, options = find(source)
    known = {**meaning.options, **as_words(options)}
    of_table = meaning.columns is not None and meaning.columns.given is not None
    paired = meaning.context_space is not None and not meaning.shares and not of_table
    reads = None if path is None or kind is None or paired else READERS.get(kind.read)
    if reads is None or path is None:
        return _of_split(load(source), meaning, split or SPLIT, labels, parting)
    if split is not None:
        raise Refused(
            f"{source}: is {kind and kind.kind}, all rows of which are read; leave split out"
        )
    return reads(path, meaning, known, labels)


# --- data with splits -------------------------------------------------------------------------


def _of_split(
    data: Data, meaning: Meaning, split: str, labels: bool, parting: TakesApart | None
) -> Listing:
    if split not in SPLITS:
        raise Refused(f"{data.name}: split is '{split}'; {', '.join(SPLITS)} are wanted")
    context = meaning.context_space
    if meaning.shares and not labels:
        context = None
    who = f"the run on {meaning.name}"
    if parting is None:
        rows = data.view_of(meaning.space, context, who).splits[split]
    else:
        rows = data.view_of(parting.space, None, who).parted(parting).splits[split]

    def some(begin: int, end: int) -> RowsRead:
        x, *context = rows.take(torch.arange(begin, end))
        return sound(x, meaning.space)._replace(context=context[0] if context else None)

    note = f"{data.name}: the {len(rows):,} rows of its {split} split"
    return Listing("row", _numbers(len(rows)), some, note)


def _numbers(count: int) -> Sequence[str]:
    return [str(i) for i in range(count)]


def _labelled(found: RowsRead, words: Sequence[str], meaning: Meaning) -> RowsRead:
    """Rows with their labels; a label that the run does not know is a reason."""
    space, numbers = meaning.context_space, list[int]()
    count = space.count if isinstance(space, Classes) else 0
    names = meaning.class_names or tuple(map(str, range(count)))
    reasons, kept = list(found.reasons), []
    for i, place in enumerate(found.good):
        if words[place] in names:
            kept.append(i)
            numbers.append(names.index(words[place]))
        else:
            reasons[place] = f"its label is '{words[place]}', which the run does not know"
    return RowsRead(found.x[kept], reasons, torch.tensor(numbers, dtype=torch.int64))


# --- pictures ---------------------------------------------------------------------------------


def _of_pictures(path: Path, meaning: Meaning, options: Mapping[str, str], labels: bool) -> Listing:
    if not isinstance(meaning.space, Pixels | Bits) or len(meaning.space.shape) != 3:
        raise Refused(f"{path}: holds pictures; rows of {meaning.space} are wanted")
    root, names = (path.parent, [path.name]) if path.is_file() else listed(path)
    names = [name for name in names if unwanted(name) is None and not is_metadata(name)]
    if not names:
        raise Refused(f"{path}: there are no pictures in it")
    look, pool = _look(options), threads(None)

    def some(begin: int, end: int) -> RowsRead:
        files = [root / name for name in names[begin:end]]
        reasons, rows = Reasons(), list[Tensor]()
        for one in ahead(pool, partial(read, look=look), files):
            x = str(one.fault) if one.array is None else of_picture(one.array, meaning.space)
            reasons.append(x if isinstance(x, str) else None)
            rows += [] if isinstance(x, str) else [x]
        x = torch.stack(rows) if rows else torch.empty(0, *meaning.space.shape)
        found = RowsRead(x, reasons)
        words = [name.partition("/")[0] for name in names[begin:end]]
        return _labelled(found, words, meaning) if labels else found

    return Listing("file", names, some)


def _look(options: Mapping[str, str]) -> Look:
    """The conversion of pictures that a run of pictures keeps; otherwise they stay as they are."""
    known: dict[str, Any] = {k: options[k] for k in ("colour", "background") if k in options}
    if "resize" in options:
        known["resize"] = options["resize"]
        if "size" in options:
            sides = [int(side) for side in options["size"].split("x")]
            known["size"] = (sides[0], sides[-1])
    return Look(**known)


# --- arrays, tables and texts -----------------------------------------------------------------


def _of_arrays(path: Path, meaning: Meaning, options: Mapping[str, str], labels: bool) -> Listing:
    found = opened(path)
    parts: dict[str, dict[str | None, Any]] = {"x": {}, "y": {}}
    if len(found) == 1:
        parts["x"] = {None: next(iter(found.values()))}
    else:
        for key, array in found.items():
            word, of = named_array(key)
            if word not in ROLES or of in parts[ROLES[word]]:
                raise Refused(f"{path}: holds the array {key}; x and y are wanted, or x_train, ...")
            parts[ROLES[word]][of] = array
    y = {of: plain_labels(parts["y"][of]).tolist() for of in parts["x"] if of in parts["y"]}
    whole = all(len(x) == len(y.get(of, ())) for of, x in parts["x"].items())
    if not parts["x"] or (labels and not whole):
        raise Refused(f"{path}: holds {', '.join(found)}; x{' and as many y' * labels} are wanted")
    words = [str(label) for some in y.values() for label in some] if labels else None
    return _of_rows(np.concatenate([*parts["x"].values()]), path, meaning, words)


def _of_idx(path: Path, meaning: Meaning, options: Mapping[str, str], labels: bool) -> Listing:
    if labels:
        raise Refused(f"{path}: has no labels; leave them out, and classes are mixed")
    return _of_rows(read_idx(path), path, meaning)


def _of_rows(x: Any, path: Path, meaning: Meaning, words: Sequence[str] | None = None) -> Listing:
    x, columns = shaped(x, meaning.space, str(path)), meaning.columns

    def some(begin: int, end: int) -> RowsRead:
        found = of_array(x[begin:end], meaning.space)
        if columns is not None and isinstance(columns.space, Reals):
            values = np.asarray(x[begin:end])[found.good].astype(np.float64)
            found = found._replace(x=columns.apply(torch.from_numpy(values)))
        return found if words is None else _labelled(found, words[begin:end], meaning)

    return Listing("row", _numbers(len(x)), some)


def _of_table(path: Path, meaning: Meaning, options: Mapping[str, str], labels: bool) -> Listing:
    how = {key: options[key] for key in ("encoding", "header") if key in options}
    return of_cells(
        sheet(path, ragged=True, **as_read(how)), str(path), meaning, options.get("label"), labels
    )


def of_cells(
    cells: Sheet, who: str, meaning: Meaning, label: str | None = None, labels: bool = False
) -> Listing:
    """The rows of a table, as a run reads them.

    Args:
        cells: the table.
        who: its name in messages.
        meaning: what the run keeps of its data.
        label: column of the labels, if it has one.
        labels: whether a label is read with each row.
    """
    if labels and label is None:
        raise Refused(f"{who}: which column holds the labels? --data.label names it")
    words = None
    if labels and label is not None:
        words = [str(cell).strip() for cell in cells.columns[label_place(label, cells, who)]]

    def some(begin: int, end: int) -> RowsRead:
        found = encoded(cells.some(begin, end), meaning, label, who)
        return found if words is None else _labelled(found, words[begin:end], meaning)

    return Listing("row", _numbers(cells.rows), some)


def encoded(cells: Sheet, meaning: Meaning, label: str | None, who: str) -> RowsRead:
    """Rows of a table as x: as the columns of the run say, or else each cell a number.

    Args:
        cells: the table.
        meaning: what the run keeps of its table.
        label: column of the labels, if it has one.
        who: name of the table in messages.
    """
    if meaning.columns is not None:
        x, reasons = meaning.columns.encode(cells)
        context, whys = meaning.columns.encode_given(cells)
        reasons = [reason or why for reason, why in zip(reasons, whys, strict=True)]
        kept = [i for i, reason in enumerate(reasons) if reason is None]
        found = sound(x[kept], meaning.columns.space, reasons)
        return found if context is None else found._replace(context=context[found.good])
    width = meaning.space.dims
    if label is not None and len(cells.names) != width:
        cells = cells.without(label_place(label, cells, who))
    if len(cells.names) != width:
        raise Refused(f"{who}: has {len(cells.names)} columns; {width} are wanted")
    rows, reasons = list[list[float]](), Reasons()
    for at, row in enumerate(zip(*cells.columns, strict=True)):
        if at in cells.faults:
            reasons.append(cells.faults[at])
            continue
        numbers = [plain_number(cell) for cell in row]
        bad = next((i for i, number in enumerate(numbers) if number is None), None)
        if bad is None:
            rows.append([number for number in numbers if number is not None])
        why = "a value is missing" if bad is not None and is_missing(row[bad]) else "is no number"
        where = "" if bad is None else f"column {bad + 1} ({cells.names[bad]}): "
        reasons.append(
            None if bad is None else where + (why if "miss" in why else f"'{row[bad]}' {why}")
        )
    x = torch.tensor(rows, dtype=torch.float64).float().reshape(-1, *meaning.space.shape)
    return sound(x, meaning.space, reasons)


def _of_text(path: Path, meaning: Meaning, options: Mapping[str, str], labels: bool) -> Listing:
    space = meaning.space
    if not isinstance(space, Tokens) or not meaning.symbols:
        raise Refused(f"{path}: is a text; rows of {space} are wanted")
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"text: {path} is not in UTF-8: {error.reason}") from None
    length, end = space.length, space.end
    if end is None:
        texts = [content[i : i + length] for i in range(0, len(content), length)]
    else:
        texts = content.splitlines()
    if not texts:
        raise Refused(f"{path}: is empty")

    def some(begin: int, stop: int) -> RowsRead:
        reasons, rows = Reasons(), list[Tensor]()
        for one in texts[begin:stop]:
            x = _tokens(one, meaning, length, end)
            reasons.append(x if isinstance(x, str) else None)
            rows += [] if isinstance(x, str) else [x]
        x = torch.stack(rows) if rows else torch.empty(0, length, dtype=torch.int64)
        return sound(x, space, reasons)

    what = f"windows of {length} characters" if end is None else "lines"
    return Listing("row", _numbers(len(texts)), some, f"{path}: {len(texts):,} {what}")


def _tokens(text: str, meaning: Meaning, length: int, end: int | None) -> Tensor | str:
    """A text as tokens, (length,), or why it is none."""
    try:
        x = meaning.tokens(text)
    except Refused as error:
        return str(error)
    if len(x) > length or (len(x) < length and end is None):
        return f"has {len(x)} tokens; {'' if end is None else 'at most '}{length} are wanted"
    return torch.nn.functional.pad(x, (0, length - len(x)), value=end or 0)


READERS: Mapping[
    Callable[..., Data], Callable[[Path, Meaning, Mapping[str, str], bool], Listing]
] = {
    images: _of_pictures,
    tiles: _of_pictures,
    arrays: _of_arrays,
    one_idx: _of_idx,
    table: _of_table,
    text: _of_text,
}
