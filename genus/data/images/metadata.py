"""metadata.csv or metadata.jsonl beside pictures: the label and the attributes of each.

Source: the layout of Hugging Face's image folders: a column file_name, others as one likes.
"""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import Refused
from ..dividing import numbered, split_name
from .arrangement import plain

METADATA = ("metadata.jsonl", "metadata.csv")
MOST = 100  # values of an attribute; a column of more is text or a number


@dataclass(frozen=True)
class Metadata:
    """What is listed of pictures.

    Args:
        entries: fields of each picture, by its path in the folder.
        column: column of labels; None if there is none.
    """

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    column: str | None = None

    def matched(self, names: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
        """The files that are listed, those that are not, and those that are listed and missing."""
        listed = {plain(name) for name in self.entries}
        there = [name for name in names if plain(name) in listed]
        unknown = [name for name in names if plain(name) not in listed]
        known = {plain(name) for name in there}
        return there, unknown, [name for name in self.entries if plain(name) not in known]

    def of(self, name: str) -> Mapping[str, Any]:
        """The fields of a picture, however its name spells its accents."""
        return self._by_plain[plain(name)]

    @cached_property
    def _by_plain(self) -> Mapping[str, Mapping[str, Any]]:
        return {plain(name): entry for name, entry in self.entries.items()}

    def labels(self, names: Sequence[str]) -> list[str | int] | None:
        """The label of each picture; None if there are none."""
        if self.column is None:
            return None
        return [self.of(name)[self.column] for name in names]

    def attributes(
        self, names: Sequence[str], notes: list[str]
    ) -> tuple[Tensor | None, dict[str, tuple[str, ...]]]:
        """Numbers of the attributes' values, (n, attributes), and what they stand for.

        A column is an attribute if it has a value for each picture, 2 to 100 different ones, and
        fewer than half as many as there are pictures.

        Args:
            names: pictures.
            notes: sentences on what was decided, to which one is added.
        """
        if not self.entries:
            return None, {}
        rows = [self.of(name) for name in names]
        columns, values, left = [], {}, []
        for column in rows[0]:
            if column == "file_name":
                continue
            found = [_word(row.get(column)) for row in rows]
            kinds = {*found}
            if None in kinds or not 2 <= len(kinds) <= min(MOST, max(2, len(rows) // 2)):
                left.append(column)
                continue
            numbers, words = numbered([word for word in found if word is not None])
            columns.append(numbers)
            values[column] = words
        if left:
            notes.append(
                f"no attributes of pictures, for they have gaps, one value or too many, are the "
                f"columns {', '.join(left)} of the metadata"
            )
        if not columns:
            return None, {}
        notes.append(
            f"attributes of each picture are {', '.join(values)}: --data.label {next(iter(values))} "
            f"makes one of them the label"
        )
        return torch.tensor(columns).T.contiguous(), values


def is_metadata(name: str) -> bool:
    """Whether this file, by its place in the folder, lists the pictures of the folder or of a split."""
    *inside, word = name.split("/")
    known = not inside or (len(inside) == 1 and split_name(inside[0]) is not None)
    return word in METADATA and known


def read_metadata(folder: Path, lists: Sequence[str], label: str | None) -> Metadata:
    """What the metadata in a folder say.

    Args:
        folder: folder of pictures.
        lists: files of metadata, by their path in the folder.
        label: column of labels; by default `label`, if it is there.
    """
    found: dict[str, Mapping[str, Any]] = {}
    column = label
    for name in lists:
        for line, entry in _entries(folder / name):
            who = f"{folder / name}: line {line}"
            if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str):
                raise Refused(f"{who} has no file_name")
            if label is not None and label not in entry:
                raise Refused(f"{who} has no {label}; it has {', '.join(map(str, entry))}")
            column = column or ("label" if "label" in entry else None)
            if column is not None:
                entry[column] = _label(entry.get(column), who)
            file = os.path.normpath(Path(name).parent / entry["file_name"]).replace(os.sep, "/")
            if file in found:
                raise Refused(f"{who} lists {entry['file_name']} a second time")
            found[file] = entry
    if label is not None and not found:
        raise Refused(f"{folder}: has no metadata, so no column {label} for labels")
    return Metadata(found, column)


def _label(value: object, who: str) -> str | int:
    """A label as a word or a whole number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or value == "":
        raise Refused(f"{who} has an empty label")
    if not isinstance(value, str | int):
        raise Refused(f"{who}: the label is {value}; a word or a whole number is wanted")
    return value


def _word(value: object) -> str | None:
    """The value of an attribute as a word; None if there is none."""
    if value is None or value == "" or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _entries(path: Path) -> list[tuple[int, Any]]:
    """Each line's number and fields."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            if path.suffix == ".csv":
                reader = csv.DictReader(file)
                return [(reader.line_num, dict(entry)) for entry in reader]
            return [(i, json.loads(line)) for i, line in enumerate(file, 1) if line.strip()]
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise Refused(f"{path}: cannot be read: {error}") from None
