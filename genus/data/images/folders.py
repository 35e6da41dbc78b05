"""A folder of pictures as a data set.

    photos/1.jpg                        no labels
    photos/cat/1.jpg                    sub-folders are classes, unless they are years or months
    photos/train/cat/1.jpg              train, validation and test (or valid, val, dev, ...) are splits
    photos/metadata.csv or .jsonl       file_name, and label or attributes of each picture
    photos/A/1.jpg, photos/B/1.jpg      pairs, where the names are equal; else two domains
    photos/trainA/1.jpg, trainB/1.jpg   the same, with splits
    photos/images/1.jpg, labels/1.png   photographs and their label maps; or beside each other
    photos/1.jpg, both halves alike     pairs, A on the left and B on the right
    photos/walk/frame_01.jpg            frames of clips, which stay together

What lies open is decided by a default, and `Data.notes` says each. Files that are no usable pictures are
left out, with a warning that counts them.
"""

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from ...core import Pixels, Refused
from ..dividing import divided, grouped
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows
from .arrangement import LABELS, sides_of
from .decoding import ANIMATED, CLEAR, DEEP, INKS, Look, UnfitError, choose, threads
from .domains import Unpaired
from .looking import Folder, Kind, arranged, chosen, labels_of, say_once
from .store import MOST, PictureRows, Pictures, decoded


def images(
    folder: Path,
    *,
    size: int | tuple[int, int] | None = None,
    resize: Literal["crop", "stretch"] = "crop",
    colour: Literal["L", "RGB"] | None = None,
    background: Literal["white", "black"] = "white",
    strict: bool = False,
    label: str | None = None,
    kind: Kind | None = None,
    direction: Literal["AtoB", "BtoA"] = "AtoB",
    given: Literal["pictures", "labels"] | None = None,
    workers: int | None = None,
    cache: int = MOST,
) -> Data:
    """A folder of pictures as a data set of `Pixels`, with labels if the folder gives them.

    Args:
        folder: folder of pictures, or a pattern such as photos/*.jpg.
        size: height and width, in pixels, to which pictures are resized. By default they stay as they
            are if all have one size of at most 128; otherwise it is the largest of 64, 32, 16 and 8 that
            nineteen of twenty pictures reach.
        resize: crop keeps the largest centred part of the right proportions, stretch the whole picture.
        colour: L converts all pictures to grey, RGB to colour, which is the default unless all are grey.
        background: colour behind the transparent parts of a picture.
        strict: refuse the folder if it holds a file that is no usable picture, which is otherwise
            left out, with a warning; `Data.skipped` then names it.
        label: column of the metadata that holds labels; by default `label`, if it is there.
        kind: pictures takes each file as one picture, pairs as one side or as both halves of a pair,
            domains takes two folders as unpaired; by default it is found out.
        direction: AtoB makes B, the right half, of A, the left half, which is given; BtoA the
            other way round.
        given: of pairs, what A holds: pictures, or label maps, whose pixels are not mixed when they are
            resized; by default label maps where its folder is called so.
        workers: number of threads that read files; by default one for each processor, 4 at most.
        cache: bytes of decoded pictures that may be kept in the folder that the variable GENUS_CACHE
            names, by default ~/.cache/genus; 0 keeps none.
    """
    choose("kind", kind, (None, "pictures", "pairs", "domains"))
    choose("direction", direction, ("AtoB", "BtoA"))
    choose("given", given, (None, "pictures", "labels"))
    side = (size, size) if isinstance(size, int) else size
    look = Look(side, resize, colour, background)
    pool = threads(workers)
    seen = arranged(folder, kind, label, pool, direction)
    seen.strict = strict
    if seen.kind == "pairs":
        seen.options["given"] = given or ("labels" if _called_labels(seen) else "pictures")
    look = chosen(seen, look, pool, cache=cache)
    data = _data(seen, look, pool, cache, direction)
    if data.skipped:
        warnings.warn(f"{_left_out(seen)}; they are left out", stacklevel=2)
    return replace(data, notes=tuple(seen.notes), options=seen.options | _options(look, seen))


def _options(look: Look, seen: Folder) -> dict[str, str]:
    """What was chosen, as options that choose it again."""
    found = {"resize": look.resize, "background": look.background, "kind": seen.kind}
    if look.size is not None:
        found["size"] = "x".join(map(str, look.size))
    if look.colour is not None:
        found["colour"] = look.colour
    return found


# --- the data set -----------------------------------------------------------------------------


def _data(seen: Folder, look: Look, pool: ThreadPoolExecutor, cache: int, direction: str) -> Data:
    if seen.kind == "pairs":
        return _paired(seen, look, pool, cache, direction)
    if seen.kind == "domains":
        return _domains(seen, look, pool, cache, direction)
    return _pictures(seen, look, pool, cache)


def _pictures(seen: Folder, look: Look, pool: ThreadPoolExecutor, cache: int) -> Data:
    who = str(seen.root)
    pictures = _decoded(seen, seen.names, look, pool, cache)
    good = [path.relative_to(seen.root).as_posix() for path in pictures.paths]
    labels, kinds = labels_of(seen, good)
    attributes, values = (
        seen.metadata.attributes(good, seen.notes) if labels is None else (None, {})
    )
    if seen.clips:
        clip = {name: key for key, names in seen.clips.items() for name in names}
        rows = grouped([clip.get(name, name) for name in good])
    else:
        rows = divided([seen.found[name].split for name in good], labels, good, who)
    space = Pixels(pictures.shape)

    def cut(split: str) -> Rows:
        return Rows(
            PictureRows(pictures, rows[split]),
            space,
            labels=None if labels is None else torch.tensor([labels[i] for i in rows[split]]),
            classes=len(kinds),
            attributes=None if attributes is None else attributes[rows[split]],
            counts=tuple(map(len, values.values())),
            name=f"{_name(seen)} {split}",
        )

    train, validation, test = (cut(split) for split in SPLITS)
    data = Data(_name(seen), train, validation, test, class_names=kinds, attributes=values)
    return replace(data, skipped=_skipped(seen))


def _called_labels(seen: Folder) -> bool:
    """Whether the side that is given stands in a folder of label maps, or beside the pictures as such."""
    folder = seen.found[next(iter(seen.pairs))].folder
    return not seen.halves and (not folder or folder[0].lower() in LABELS)


def _paired(seen: Folder, look: Look, pool: ThreadPoolExecutor, cache: int, direction: str) -> Data:
    """Pairs: of each x, the picture that it is made of is the context."""
    given, made = list(seen.pairs), list(seen.pairs.values())
    first, second = look, look
    if seen.halves:
        first, second = replace(look, half="left"), replace(look, half="right")
    if seen.options["given"] == "labels":
        first = replace(first, resize="nearest")
    a = _decoded(seen, given, first, pool, cache)
    b = _decoded(seen, made, second, pool, cache)
    places_a = {path.relative_to(seen.root).as_posix(): i for i, path in enumerate(a.paths)}
    places_b = {path.relative_to(seen.root).as_posix(): i for i, path in enumerate(b.paths)}
    good = [name for name in given if name in places_a and seen.pairs[name] in places_b]
    whole = {*good, *(seen.pairs[name] for name in good)}
    for name in seen.names:
        if name not in seen.faults and name not in whole:
            seen.faults[name] = UnfitError("without a partner")
    _refuse_if_strict(seen)
    if not good:
        raise Refused(f"{seen.root}: holds no whole pair; {_counted(_reasons(seen.faults))}")
    rows = divided([seen.found[name].split for name in good], None, good, str(seen.root))
    numbers_a = [places_a[name] for name in good]
    numbers_b = [places_b[seen.pairs[name]] for name in good]
    if direction == "BtoA":
        a, b, numbers_a, numbers_b = b, a, numbers_b, numbers_a

    def cut(split: str) -> Rows:
        return Rows(
            PictureRows(b, [numbers_b[i] for i in rows[split]]),
            Pixels(b.shape),
            context=PictureRows(a, [numbers_a[i] for i in rows[split]]),
            context_space=Pixels(a.shape),
            name=f"{_name(seen)} {split}",
        )

    train, validation, test = (cut(split) for split in SPLITS)
    return Data(_name(seen), train, validation, test, skipped=_skipped(seen))


def _domains(
    seen: Folder, look: Look, pool: ThreadPoolExecutor, cache: int, direction: str
) -> Data:
    """Two folders without pairs."""
    folders = {place.folder[0] for place in seen.found.values()}
    a, b = sides_of(folders) or sorted(folders)
    if direction == "BtoA":
        a, b = b, a
    splits: dict[str, list[Rows]] = {split: [] for split in SPLITS}
    for folder in (a, b):
        names = [name for name in seen.names if seen.found[name].folder[0] == folder]
        pictures = _decoded(seen, names, look, pool, cache)
        good = [path.relative_to(seen.root).as_posix() for path in pictures.paths]
        rows = divided(
            [seen.found[name].split for name in good], None, good, str(seen.root / folder)
        )
        for split in SPLITS:
            who = f"{_name(seen)} {folder} {split}"
            part = Rows(PictureRows(pictures, rows[split]), Pixels(pictures.shape), name=who)
            splits[split].append(part)
    train, validation, test = (
        Unpaired(*sides, name=f"{_name(seen)} {split}") for split, sides in splits.items()
    )
    return Data(_name(seen), train, validation, test, class_names=(a, b), skipped=_skipped(seen))


def _name(seen: Folder) -> str:
    return seen.root.resolve().name


def _decoded(
    seen: Folder, names: Sequence[str], look: Look, pool: ThreadPoolExecutor, cache: int
) -> Pictures:
    """The pictures of files; faulty ones are put beside the others that are left out."""
    pictures = decoded([seen.root / name for name in names], look, pool, cache)
    seen.faults |= {
        path.relative_to(seen.root).as_posix(): fault for path, fault in pictures.faults.items()
    }
    if not pictures.paths:
        raise Refused(f"{seen.root}: holds no usable picture: {_counted(_reasons(seen.faults))}")
    _refuse_if_strict(seen)
    for change, sentence in CHANGES.items():
        if count := pictures.changes.get(change):
            say_once(seen, sentence.format(count, background=look.background))
    return pictures


CHANGES = {
    ANIMATED: "{:,} are animated: the first frame of each is taken",
    DEEP: "{:,} have 16 bits a channel: the upper 8 are taken",
    INKS: "{:,} are of inks (CMYK): they become light",
    CLEAR: "{:,} are transparent in part and stand on {background}: --data.background says on what",
}


# --- what is left out -------------------------------------------------------------------------


def _reasons(faults: Mapping[str, UnfitError]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, fault in sorted(faults.items()):
        found.setdefault(fault.reason, []).append(name)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _skipped(seen: Folder) -> dict[str, tuple[str, ...]]:
    return {reason: tuple(names) for reason, names in _reasons(seen.faults).items()}


def _counted(reasons: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(
        f"{reason}: {len(names):,} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for reason, names in reasons.items()
    )


def _refuse_if_strict(seen: Folder) -> None:
    if seen.strict and seen.faults:
        raise Refused(f"{_left_out(seen)}; mend or remove them, or leave strict out")


def _left_out(seen: Folder) -> str:
    """The files that are left out, counted."""
    details = [f"{name}: {fault.detail}" for name, fault in seen.faults.items() if fault.detail]
    more = f" [{'; '.join(details[:3])}]" if details else ""
    return (
        f"{seen.root}: {len(seen.faults):,} files are no usable pictures: "
        f"{_counted(_reasons(seen.faults))}{more}"
    )


PATHS = (Source(images, pattern="*/", kind="a folder of pictures"),)
