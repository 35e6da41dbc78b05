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

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from glob import glob, has_magic
from pathlib import Path
from typing import Literal

import torch

from ...core import Pixels, Refused
from ..dividing import divided, grouped, numbered
from ..kinds import kind_of
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows
from .arrangement import LABELS, Place, beside, dated, places, same_names, sequences, sides_of
from .decoding import ANIMATED, CLEAR, DEEP, INKS, Head, Look, UnfitError, choose, head, small
from .domains import Unpaired
from .likeness import belong_together, move_slowly
from .metadata import Metadata, is_metadata, read_metadata
from .store import PictureRows, Pictures, decoded, heads_of, threads

HIDDEN = {"thumbs.db", "desktop.ini", "ehthumbs.db", "picasa.ini", "@eadir", "__macosx"}
SIDES = (64, 32, 16, 8)  # of a square that is chosen where pictures differ in size
LARGE = 128  # pixels of a side, up to which pictures of one size are left as they are
MOST = 8 * 2**30  # bytes of a cache
LOOKED_AT = 48  # pictures whose content is compared
Kind = Literal["pictures", "pairs", "domains"]


@dataclass
class Folder:
    """What lies in a folder.

    Args:
        root: folder.
        names: files that may be pictures, by their path in it.
        faults: other files, and why they are left out.
        metadata: labels and attributes of the pictures, if a file lists them.
        found: place of each picture.
        kind: what the folder is taken for.
        pairs: of each picture that is given the one that is made of it; of halves, itself.
        clips: numbered frames, by clip.
        notes: sentences on what was decided.
        options: the options that were decided, as words.
        strict: whether files that are no usable pictures are refused.
    """

    root: Path
    names: list[str]
    faults: dict[str, UnfitError]
    metadata: Metadata
    found: dict[str, Place]
    kind: Kind = "pictures"
    pairs: dict[str, str] = field(default_factory=dict)
    clips: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    strict: bool = False

    @property
    def halves(self) -> bool:
        """Whether the two sides of a pair are the halves of one picture."""
        return bool(self.pairs) and all(a == b for a, b in self.pairs.items())


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
        workers: number of threads that read files; by default one for each processor, 4 at most.
        cache: bytes of decoded pictures that may be kept in the folder that the variable GENUS_CACHE
            names, by default ~/.cache/genus; 0 keeps none.
    """
    choose("kind", kind, (None, "pictures", "pairs", "domains"))
    choose("direction", direction, ("AtoB", "BtoA"))
    side = (size, size) if isinstance(size, int) else size
    look = Look(side, resize, colour, background)
    pool = threads(workers)
    seen = arranged(folder, kind, label, pool, direction)
    seen.strict = strict
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


# --- what lies in the folder ------------------------------------------------------------------


def arranged(
    folder: Path,
    kind: Kind | None,
    label: str | None,
    pool: ThreadPoolExecutor,
    direction: str = "AtoB",
) -> Folder:
    """Looks at the names in a folder, and at a few pictures."""
    root, names = listed(folder)
    if not names:
        raise Refused(f"{folder}: there are no pictures in it: it is empty")
    lists = [name for name in names if is_metadata(name)]
    metadata = read_metadata(root, lists, label)
    faults: dict[str, UnfitError] = {}
    for name in names:
        if name not in lists and (fault := _unwanted(name)) is not None:
            faults[name] = fault
    there = [name for name in names if name not in faults and name not in lists]
    if metadata.entries:
        there, unknown, missing = metadata.matched(there)
        faults |= {name: UnfitError("not in the metadata") for name in unknown}
        faults |= {name: UnfitError("in the metadata, but missing") for name in missing}
    seen = Folder(root, there, faults, metadata, places(there, str(folder)))
    if there:
        _see_pairs(seen, kind, pool)
        if seen.kind == "pictures":
            _see_clips(seen)
    if seen.kind != "pictures":
        seen.options["direction"] = direction
    return seen


def listed(folder: Path) -> tuple[Path, list[str]]:
    """The folder, and all files below it or those that a pattern names, by their path in it, sorted."""
    if has_magic(str(folder)) and not folder.exists():
        fixed = []
        for part in folder.parts:
            if has_magic(part):
                break
            fixed.append(part)
        root = Path(*fixed) if fixed else Path()
        paths = (Path(path) for path in glob(str(folder), recursive=True))
        return root, sorted(p.relative_to(root).as_posix() for p in paths if p.is_file())
    found, been = [], set()
    for here, folders, files in os.walk(folder, followlinks=True):  # links are followed once
        real = os.path.realpath(here)
        if real in been:
            folders.clear()
            continue
        been.add(real)
        inside = os.path.relpath(here, folder).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        found += [prefix + name for name in files]
    return folder, sorted(found)


def _unwanted(name: str) -> UnfitError | None:
    """The reason why a file is not even opened, if there is one."""
    parts = name.lower().split("/")
    if any(part.startswith(".") or part in HIDDEN for part in parts):
        return UnfitError("hidden")
    known = kind_of(name)
    return UnfitError(known.plural) if known is not None and not known.picture else None


def _see_pairs(seen: Folder, kind: Kind | None, pool: ThreadPoolExecutor) -> None:
    """Finds out whether pictures are sides of pairs, or of two domains."""
    if kind == "pictures":
        return
    found_out = kind is None

    def say(sentence: str) -> None:
        if found_out:
            seen.notes.append(sentence)

    folders = {place.folder[0] if place.folder else "" for place in seen.found.values()}
    sides = sides_of(folders)
    if sides is not None and len(folders) > 2 and not same_names(seen.found, *sides):
        sides = None  # they are classes, of which two happen to have such names
    two = sides or (tuple(sorted(folders)) if len(folders) == 2 and "" not in folders else None)
    pairs = same_names(seen.found, *two) if two else {}
    certain = kind == "pairs" or sides is not None
    if two and pairs and kind != "domains" and (certain or _alike(seen, pairs)):
        seen.kind, seen.pairs = "pairs", pairs
        if sides is None or {two[0].lower(), two[1].lower()} == {"a", "b"}:
            how = f"the names in {two[0]} and {two[1]} are equal"
        else:
            how = f"{two[1]} is made of {two[0]}"
        say(f"taken as pairs, for {how}: --data.kind pictures takes them as single pictures")
        return
    if two and (sides is not None or kind == "domains") and kind != "pairs":
        seen.kind = "domains"
        say(
            f"taken as two domains without pairs, {two[0]} and {two[1]}: --data.kind pictures takes "
            f"them as two classes of pictures"
        )
        return
    if pairs := beside(seen.names):
        seen.kind, seen.pairs = "pairs", pairs
        say(
            "taken as pairs of a label map and the photograph beside it, which has its name: "
            "--data.kind pictures takes them as single pictures"
        )
        return
    wide = kind is None and _twice_as_wide(seen)
    if kind == "pairs" or (wide and _halves_alike(seen)):
        seen.kind, seen.pairs = "pairs", {name: name for name in seen.names}
        say(
            "taken as pairs, A in the left half of each picture and B in the right, for the halves "
            "belong together: --data.kind pictures takes them as single pictures, --data.direction "
            "BtoA makes A of B"
        )
    elif wide:
        say(
            "all are twice as wide as high, but their halves do not seem to belong together: if they "
            "are pairs, --data.kind pairs takes the halves apart"
        )
    if kind == "domains":
        raise Refused(f"{seen.root}: kind is domains; two folders of pictures are wanted for that")


def _some(names: Sequence[str]) -> list[str]:
    """A few names, evenly from all."""
    step = max(1, len(names) // LOOKED_AT)
    return list(names[::step][:LOOKED_AT])


def _alike(seen: Folder, pairs: Mapping[str, str]) -> bool:
    """Whether pictures of equal names show the same."""
    some = _some(list(pairs))
    sides = [[seen.root / name for name in side] for side in (some, [pairs[a] for a in some])]
    first, second = (small(paths, 32, Look()) for paths in sides)
    return belong_together(first, second)


def _twice_as_wide(seen: Folder) -> bool:
    """Whether nineteen of twenty pictures are twice as wide as high."""
    heads = [head(seen.root / name) for name in _some(seen.names)]
    good = [one for one in heads if one.fault is None]
    wide = [one for one in good if abs(one.width / one.height - 2) < 0.02]
    return len(good) >= 3 and len(wide) >= 0.95 * len(good)


def _halves_alike(seen: Folder) -> bool:
    """Whether the halves of pictures show the same."""
    some = [seen.root / name for name in _some(seen.names)]
    left, right = (small(some, 32, Look(half=half)) for half in ("left", "right"))
    return belong_together(left, right)


def _see_clips(seen: Folder) -> None:
    """Finds out whether pictures are frames of clips, of which each stays in one split."""
    if any(place.split != "train" for place in seen.found.values()):
        return
    rows = sequences(seen.names)
    if sum(map(len, rows.values())) < 0.9 * len(seen.names):
        return
    some = list(rows.values())[:: max(1, len(rows) // 6)][:6]
    slow = [move_slowly(small([seen.root / name for name in row[:16]], 16, Look())) for row in some]
    if sum(slow) <= len(slow) / 2:
        return
    seen.clips = rows
    what = f"{len(rows)} clips" if len(rows) > 1 else "one clip"
    seen.notes.append(
        f"the pictures are numbered, and neighbours are alike: taken as the frames of {what}, which "
        f"are not torn apart by the splits"
    )


# --- size and colour --------------------------------------------------------------------------


def chosen(
    seen: Folder,
    look: Look,
    pool: ThreadPoolExecutor,
    heads: Mapping[str, Head] | None = None,
    cache: int = 0,
) -> Look:
    """The conversion, with what was left open decided by the heads of files, by default of all."""
    if look.size is not None and look.colour is not None:
        return look
    if heads is None:
        every = heads_of([seen.root / name for name in seen.names], pool, cache)
        heads = dict(zip(seen.names, every, strict=True))
    heads = {name: one for name, one in heads.items() if one.fault is None}
    if not heads:
        return look
    colour = look.colour or _colour(seen, heads)
    return replace(look, colour=colour, size=look.size or _size(seen, heads))


def _colour(seen: Folder, heads: Mapping[str, Head]) -> Literal["L", "RGB"]:
    grey = sum(one.grey for one in heads.values())
    if 0 < grey < len(heads) and seen.kind != "pairs":
        seen.notes.append(
            f"{grey:,} of {len(heads):,} pictures are grey and become colour: --data.colour L makes "
            f"all grey"
        )
    return "L" if grey == len(heads) else "RGB"


def _size(seen: Folder, heads: Mapping[str, Head]) -> tuple[int, int] | None:
    """None if pictures stay as they are; else a square."""
    share = 2 if seen.halves else 1
    sizes = Counter((one.height, one.width // share) for one in heads.values())
    (high, wide), _ = sizes.most_common(1)[0]
    if len(sizes) == 1 and max(high, wide) <= LARGE:
        return None
    least = sorted(min(size) for size, count in sizes.items() for _ in range(count))
    reached = least[len(least) // 20]
    side = next((side for side in SIDES if side <= reached), SIDES[-1])
    fewer = sum(value < side for value in least)
    wider = sorted(sizes, key=lambda size: size[0] * size[1])
    came = f"all are {wide}x{high}"
    if len(sizes) > 1:
        came = f"sizes differ, from {wider[0][1]}x{wider[0][0]} to {wider[-1][1]}x{wider[-1][0]}"
    enlarged = f"; {fewer:,} smaller ones are enlarged" if fewer else ""
    other = 128 if side == 64 else 64
    seen.notes.append(
        f"{came}: each picture is cut to a square of {side}x{side}{enlarged}; --data.size {other} "
        f"takes another size, --data.resize stretch the whole picture"
    )
    return side, side


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


def labels_of(seen: Folder, good: Sequence[str]) -> tuple[list[int] | None, tuple[str, ...]]:
    """The number of each picture's label, and what the numbers stand for; None without labels."""
    if (own := seen.metadata.labels(good)) is not None:
        return numbered(own)
    if seen.metadata.entries:
        return None, ()
    folders = [place.folder[0] if (place := seen.found[name]).folder else None for name in good]
    kinds = {folder for folder in folders if folder is not None}
    if None in folders or len(kinds) < 2 or (seen.clips and len(kinds) == len(seen.clips)):
        if kinds and None in folders:
            why = "some pictures are in folders and some beside them, so folders are no classes"
            _say_once(seen, why)
        return None, ()
    if dated(kinds):
        some = ", ".join(sorted(kinds)[:3])
        _say_once(seen, f"the folders {some}, ... are dates, and no classes")
        return None, ()
    return numbered([folder for folder in folders if folder is not None])


def _say_once(seen: Folder, sentence: str) -> None:
    if sentence not in seen.notes:
        seen.notes.append(sentence)


def _paired(seen: Folder, look: Look, pool: ThreadPoolExecutor, cache: int, direction: str) -> Data:
    """Pairs: of each x, the picture that it is made of is the context."""
    given, made = list(seen.pairs), list(seen.pairs.values())
    first, second = look, look
    if seen.halves:
        first, second = replace(look, half="left"), replace(look, half="right")
    folder = seen.found[given[0]].folder
    if not seen.halves and (not folder or folder[0].lower() in LABELS):
        first = replace(look, resize="nearest")
    a = _decoded(seen, given, first, pool, cache)
    b = _decoded(seen, made, second, pool, cache)
    places_a = {path.relative_to(seen.root).as_posix(): i for i, path in enumerate(a.paths)}
    places_b = {path.relative_to(seen.root).as_posix(): i for i, path in enumerate(b.paths)}
    good = [name for name in given if name in places_a and seen.pairs[name] in places_b]
    for name in seen.names:
        if name not in seen.faults and name not in {*good, *(seen.pairs[n] for n in good)}:
            seen.faults[name] = UnfitError("without a partner")
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
    if seen.strict and seen.faults:
        raise Refused(f"{_left_out(seen)}; mend or remove them, or leave strict out")
    seen.notes += [
        sentence.format(count, background=look.background)
        for change, sentence in CHANGES.items()
        if (count := pictures.changes.get(change))
    ]
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


def _left_out(seen: Folder) -> str:
    """The files that are left out, counted."""
    details = [f"{name}: {fault.detail}" for name, fault in seen.faults.items() if fault.detail]
    more = f" [{'; '.join(details[:3])}]" if details else ""
    return (
        f"{seen.root}: {len(seen.faults):,} files are no usable pictures: "
        f"{_counted(_reasons(seen.faults))}{more}"
    )


PATHS = (Source(images, pattern="*/", kind="a folder of pictures"),)
