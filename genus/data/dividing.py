"""Division of rows into training, validation and test splits.

A division that the source gives is kept. A split that it lacks is cut out of its training rows, a
tenth of them each: always the same rows, the same share of each label, and independent of the
version of any library.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..core import Refused, Space
from .sets import SPLITS, Data
from .splits import Rows
from .tables.rows import TableRows, columns_of

OTHER_NAMES = {
    "training": "train",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "testing": "test",
}


def split_name(word: str) -> str | None:
    """The split that a file or folder of this name holds; None if it is no name of a split."""
    word = OTHER_NAMES.get(word.lower(), word.lower())
    return word if word in SPLITS else None


def stratified(labels: Sequence[int], keys: Sequence[str]) -> list[int]:
    """Row numbers in a fixed order, such that any stretch has about the same share of each label.

    Args:
        labels: labels of the rows.
        keys: keys of the rows: the order within a label is that of their hashes.
    """
    hashes = [hashlib.sha256(key.encode()).digest() for key in keys]
    counts, seen = Counter(labels), Counter()
    place = {}
    for i in sorted(range(len(keys)), key=hashes.__getitem__):
        place[i] = (seen[labels[i]] + 0.5) / counts[labels[i]]
        seen[labels[i]] += 1
    return sorted(place, key=lambda i: (place[i], labels[i]))


def divided(
    parts: Sequence[str], labels: Sequence[int] | None, keys: Sequence[str], who: str
) -> dict[str, list[int]]:
    """The rows of each split.

    Args:
        parts: split that each row belongs to by its source; train if the source names none.
        labels: labels of the rows.
        keys: keys of the rows; what is cut out depends on them and on the labels.
        who: name of the data in messages.
    """
    rows = {split: [i for i, part in enumerate(parts) if part == split] for split in SPLITS}
    missing = [split for split in ("test", "validation") if not rows[split]]
    pool = rows["train"]
    if len(pool) <= len(missing):
        raise Refused(
            f"{who}: rows to learn from: {len(pool)}; each of train, validation and test needs one"
        )
    if missing:
        found = [labels[i] for i in pool] if labels is not None else [0] * len(pool)
        order = [pool[i] for i in stratified(found, [keys[i] for i in pool])]
        share = max(1, len(pool) // 10)
        for split in missing:
            rows[split], order = order[:share], order[share:]
        rows["train"] = order
    return rows


def grouped(groups: Sequence[str]) -> dict[str, list[int]]:
    """The rows of each split, of which no group is in two splits: frames of one clip stay together.

    A tenth of the groups, at least one, validates, and as many test. Fewer than three groups are cut
    themselves: their first eight tenths train.

    Args:
        groups: group of each row; rows of a group stand in their order.
    """
    kinds = sorted({*groups}, key=lambda word: hashlib.sha256(word.encode()).digest())
    rows: dict[str, list[int]] = {split: [] for split in SPLITS}
    if len(kinds) < 3:
        for kind in kinds:
            own = [i for i, group in enumerate(groups) if group == kind]
            tenth = max(1, len(own) // 10)
            rows["train"] += own[: -2 * tenth]
            rows["validation"] += own[-2 * tenth : -tenth]
            rows["test"] += own[-tenth:]
        return rows
    share = max(1, len(kinds) // 10)
    place = dict.fromkeys(kinds, "train")
    place |= dict.fromkeys(kinds[:share], "test") | dict.fromkeys(
        kinds[share : 2 * share], "validation"
    )
    for i, group in enumerate(groups):
        rows[place[group]].append(i)
    return rows


def numbered(labels: Sequence[object]) -> tuple[list[int], tuple[str, ...]]:
    """Labels as numbers from 0, in order (9 before 10 before a word), and what each stands for."""

    def place(label: object) -> tuple[bool, float, str]:
        word = str(label)
        number = float(word) if isinstance(label, int | float) or word.isdecimal() else None
        return number is None, number or 0.0, word

    kinds = sorted(set(labels), key=place)
    number = {kind: i for i, kind in enumerate(kinds)}
    return [number[label] for label in labels], tuple(str(kind) for kind in kinds)


def data_of_rows(
    name: str,
    space: Space,
    parts: Mapping[str, NDArray[np.generic]],
    labels: Mapping[str, NDArray[np.generic]] | None,
    standardise: bool = False,
) -> Data:
    """A data set of arrays.

    Args:
        name: name of the data set.
        space: space of one row.
        parts: rows of each split, as `Rows` takes them; splits may be missing.
        labels: labels of the rows of each split.
        standardise: whether the numbers of vectors are put on scales, on which training rows are standard.
    """
    where = [split for split, x in parts.items() for _ in range(len(x))]
    numbers, names = None, ()
    if labels is not None:
        for split, x in parts.items():
            if split not in labels or labels[split].shape != (len(x),):
                came = labels[split].shape if split in labels else "missing"
                raise Refused(f"{name}: labels of {split} are {came}; ({len(x)},) are wanted")
            if labels[split].dtype.kind not in "buiU":
                kind = labels[split].dtype
                raise Refused(f"{name}: labels are {kind}; whole numbers or words are wanted")
        numbers, names = numbered([y for split in parts for y in labels[split].tolist()])
    rows = divided(where, numbers, [f"{name} {i}" for i in range(len(where))], name)
    x = torch.cat([torch.from_numpy(part) for part in parts.values()])
    kept = None if numbers is None else torch.tensor(numbers)

    columns = columns_of(x[torch.tensor(rows["train"])]) if standardise else None
    if columns is not None:
        x = columns.apply(x)

    def cut(which: str) -> Rows:
        index = torch.tensor(rows[which])
        own = None if kept is None else kept[index]
        if columns is not None:
            return TableRows(columns, x[index], own, len(names), f"{name} {which}")
        return Rows(x[index], space, labels=own, classes=len(names), name=f"{name} {which}")

    train, validation, test = (cut(which) for which in SPLITS)
    return Data(name, train, validation, test, class_names=names, columns=columns)
