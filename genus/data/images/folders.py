"""A folder of images as a data set.

    photos/cat/1.png                    sub-folders are classes
    photos/train/cat/1.png              train, validation and test (or valid, val, dev, ...) are splits
    photos/metadata.csv or .jsonl       file_name and label of each image, as in Hugging Face's imagefolder
    photos/1.png                        no labels

Every file is opened and decoded once, when the folder is read, so that none can fail in the middle
of a run. Whatever is not a usable image is named, counted, and refused, or left out on request.
"""

import csv
import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from ...core import Pixels, Refused
from ..dividing import divided, numbered, split_name
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows
from .decoding import DecodedFile, FileReader, Files, Look, UnfitError, choose, survey

METADATA = ("metadata.jsonl", "metadata.csv")
HIDDEN = {"Thumbs.db", "desktop.ini"}
MENDS = {"transparent": "background=white or background=black"}
Label = str | int


def images(
    folder: Path,
    *,
    size: int | tuple[int, int] | None = None,
    resize: Literal["crop", "stretch"] = "crop",
    colour: Literal["L", "RGB"] | None = None,
    background: Literal["white", "black"] | None = None,
    broken: Literal["refuse", "skip"] = "refuse",
    label: str | None = None,
    workers: int = 0,
    cache: int = 2**30,
) -> Data:
    """A folder of images as a data set of `Pixels`, with labels if the folder gives them.

    Args:
        folder: folder of images.
        size: height and width, in pixels, to which images are resized; by default all must agree.
        resize: crop keeps the largest centred part of the right proportions, stretch the whole image.
        colour: L converts all images to grey, RGB to colour; by default all must agree.
        background: colour behind the transparent parts of an image.
        broken: treatment of files that are not usable images: refuse the folder, or skip them,
            with a warning; `Data.skipped` then names them.
        label: column of the metadata that holds labels; by default `label`, if it is there.
        workers: number of threads that read files; 0 reads in the caller's thread.
        cache: bytes of decoded images to keep in memory; others are decoded when they are needed.
    """
    who, name = str(folder), folder.resolve().name
    side = (size, size) if isinstance(size, int) else size
    choose("broken", broken, ("refuse", "skip"))
    reader = FileReader(Look(side, resize, colour, background), workers)
    names = _walk(folder)
    lists = [name for name in names if _is_metadata(Path(name))]
    labels = _metadata(folder, lists, label)
    there = [name for name in names if name not in lists]
    good, skipped = _survey(folder, there, labels, reader, cache, broken)
    space = Pixels(_one_shape(good, who))
    parts, classes = _places(list(good), who)
    own = {name: labels.get(name) for name in good}
    kept = [one for one in own.values() if one is not None] or [c for c in classes if c is not None]
    numbers, kinds = numbered(kept) if len(kept) == len(good) else (None, ())
    rows = divided(parts, numbers, list(good), who)
    seen = list(good.values())

    def cut(split: str) -> Rows:
        own = None if numbers is None else torch.tensor([numbers[i] for i in rows[split]])
        files = Files([seen[i] for i in rows[split]], reader)
        return Rows(files, space, labels=own, classes=len(kinds), name=f"{name} {split}")

    train, validation, test = (cut(split) for split in SPLITS)
    return Data(name, train, validation, test, class_names=kinds, skipped=skipped)


def _survey(
    folder: Path,
    there: Sequence[str],
    labels: Mapping[str, object],
    reader: FileReader,
    cache: int,
    broken: str,
) -> tuple[dict[str, DecodedFile], dict[str, tuple[str, ...]]]:
    """The usable files, and those that are left out, by reason."""
    if not there:
        raise Refused(f"{folder}: there are no images in it: it is empty")
    faults = {name: fault for name in there if (fault := _unwanted(name, labels))}
    gone = "in the metadata, but missing"
    faults |= {name: UnfitError(gone) for name in labels.keys() - {*there}}
    wanted = [name for name in there if name not in faults]
    found = dict(zip(wanted, survey([folder / n for n in wanted], reader, cache), strict=True))
    faults |= {name: seen.fault for name, seen in found.items() if seen.fault}
    good = {name: seen for name, seen in found.items() if not seen.fault}
    return good, _judge(faults, len(good), broken, str(folder))


def _walk(folder: Path) -> list[str]:
    """All files below the folder, by their path in it, sorted. Links to folders are followed once."""
    found, been = [], set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in been:
            folders.clear()
            continue
        been.add(real)
        found += [(Path(here) / name).relative_to(folder).as_posix() for name in files]
    return sorted(found)


def _unwanted(name: str, labels: Mapping[str, object]) -> UnfitError | None:
    """The reason why a file is not even opened, if there is one."""
    parts = Path(name).parts
    if any(part.startswith(".") for part in parts) or parts[-1] in HIDDEN:
        return UnfitError("hidden")
    if labels and name not in labels:
        return UnfitError("not in the metadata")
    return None


def _judge(
    faults: Mapping[str, UnfitError], good: int, broken: str, who: str
) -> dict[str, tuple[str, ...]]:
    """The files that are left out, by reason; raises Refused unless `broken` is skip."""
    if not faults:
        return {}
    reasons = Counter(fault.reason for fault in faults.values())
    parts = []
    for reason, count in reasons.most_common():
        some = [
            f"{name}: {fault.detail}" if fault.detail else name
            for name, fault in faults.items()
            if fault.reason == reason
        ]
        parts.append(f"{count} {reason} ({', '.join(some[:3])}{', ...' if count > 3 else ''})")
    sentence = f"{who}: {len(faults)} of {len(faults) + good} files cannot be used as images: "
    sentence += "; ".join(parts)
    if broken == "refuse" or not good:
        mends = [mend for reason, mend in MENDS.items() if reason in reasons]
        mends += ["broken=skip to leave them out"] if good else []
        raise Refused(sentence + (f"; mend them, or say {', or '.join(mends)}" if mends else ""))
    warnings.warn(f"{sentence}; they are left out", stacklevel=3)
    return {
        reason: tuple(name for name, fault in faults.items() if fault.reason == reason)
        for reason in reasons
    }


def _one_shape(good: Mapping[str, DecodedFile], who: str) -> tuple[int, ...]:
    """The shape that all images have."""
    example: dict[tuple[int, ...], str] = {}
    counts = Counter(seen.shape for seen in good.values())
    for name, seen in good.items():
        example.setdefault(seen.shape, name)
    if len(counts) == 1:
        return next(iter(counts))
    mends = ["size=64 or another"] if len({shape[1:] for shape in counts}) > 1 else []
    mends += ["colour=RGB or colour=L"] if len({shape[0] for shape in counts}) > 1 else []
    kinds = [
        f"{count} are {'grey' if shape[0] == 1 else 'colour'}, {shape[2]}x{shape[1]} ({example[shape]})"
        for shape, count in counts.most_common(3)
    ]
    more = f" and {len(counts) - 3} other kinds" if len(counts) > 3 else ""
    mend = " and ".join(mends)
    raise Refused(f"{who}: the images differ: {', '.join(kinds)}{more}; say {mend}")


def _places(names: Sequence[str], who: str) -> tuple[list[str], list[str | None]]:
    """The split and the class of each image, from the names of its folders."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    splits = {top for top in tops if split_name(top)}
    if splits and (splits != tops or "train" not in {split_name(top) for top in splits}):
        others = sorted(top or "images beside them" for top in tops - splits)
        came = ", ".join(sorted(splits)) + "".join(f" and {other}" for other in others[:3])
        raise Refused(
            f"{who}: holds {came}; either all folders are splits, train among them, or none is"
        )
    parts = [(split_name(Path(name).parts[0]) if splits else None) or "train" for name in names]
    folders = [Path(name).parts[1 if splits else 0 : -1] for name in names]
    return parts, [inside[0] if inside else None for inside in folders]


# --- metadata ---------------------------------------------------------------------------------


def _is_metadata(path: Path) -> bool:
    """Whether this file, by its place in the folder, lists the images of the folder or of a split."""
    inside = path.parts[:-1]
    known = not inside or (len(inside) == 1 and split_name(inside[0]) is not None)
    return path.name in METADATA and known


def _metadata(folder: Path, lists: Sequence[str], label: str | None) -> dict[str, Label | None]:
    """The label of each file that the metadata list, None without labels; empty without metadata."""
    found: dict[str, Label | None] = {}
    for name in lists:
        for line, entry in _entries(folder / name):
            who = f"{folder / name}: line {line}"
            if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str):
                raise Refused(f"{who} has no file_name")
            if label is not None and label not in entry:
                raise Refused(f"{who} has no {label}; it has {', '.join(map(str, entry))}")
            value = entry.get(label or "label")
            if ("label" in entry or label) and not (isinstance(value, int) or value):
                raise Refused(f"{who} has an empty label")
            if not isinstance(value, str | int | None):
                raise Refused(f"{who}: the label is {value}; a word or a whole number is wanted")
            file = os.path.normpath(Path(name).parent / entry["file_name"]).replace(os.sep, "/")
            if file in found:
                raise Refused(f"{who} lists {entry['file_name']} a second time")
            found[file] = value
    if label is not None and not found:
        raise Refused(f"{folder}: has no metadata, so no column {label} for labels")
    return found


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


PATHS = (Source(images, pattern="*/", kind="a folder of images"),)
