"""Looks at a folder of pictures: what its names and a few pictures say, and what is decided by that."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from glob import glob, has_magic
from pathlib import Path
from typing import Literal

from ...core import Refused
from ..dividing import numbered
from ..kinds import kind_of
from .arrangement import (
    CERTAIN,
    Place,
    beside,
    dated,
    partners,
    places,
    same_names,
    sequences,
    sides_of,
)
from .decoding import Head, Look, UnfitError, head, small
from .likeness import belong_together, move_slowly
from .metadata import Metadata, is_metadata, read_metadata
from .store import heads_of

HIDDEN = {"thumbs.db", "desktop.ini", "ehthumbs.db", "picasa.ini", "@eadir", "__macosx"}
SIDES = (64, 32, 16, 8)  # of a square that is chosen where pictures differ in size
LARGE = 128  # pixels of a side, up to which pictures of one size are left as they are
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
        if name not in lists and (fault := unwanted(name)) is not None:
            faults[name] = fault
    there = [name for name in names if name not in faults and name not in lists]
    if metadata.entries:
        there, unknown, missing = metadata.matched(there)
        faults |= {name: UnfitError("not in the metadata") for name in unknown}
        faults |= {name: UnfitError("in the metadata, but missing") for name in missing}
    seen = Folder(root, there, faults, metadata, places(there, str(folder), kind != "pictures"))
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


def unwanted(name: str) -> UnfitError | None:
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
    letters = sides is not None and (sides[0].lower(), sides[1].lower()) == ("a", "b")
    if sides is not None and not letters and not same_names(seen.found, *sides):
        sides = None  # they are classes, of which two happen to have such names
    two = sides or (tuple(sorted(folders)) if len(folders) == 2 and "" not in folders else None)
    pairs = same_names(seen.found, *two) if two else {}
    certain = kind == "pairs" or (sides is not None and sides[0].lower() in CERTAIN)
    if two and pairs and kind != "domains" and (certain or _alike(seen, pairs)):
        seen.kind, seen.pairs = "pairs", pairs
        if any(place.named for place in seen.found.values()):
            how = f"their names are equal but for {two[0]} and {two[1]}"
        elif sides is None or letters:
            how = f"the names in {two[0]} and {two[1]} are equal"
        else:
            how = f"{two[1]} is made of {two[0]}"
        say(f"taken as pairs, for {how}: --data.kind pictures takes them as single pictures")
        return
    if two and (letters or kind == "domains") and kind != "pairs":
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
    elif seen.kind == "pictures" and (some := partners(seen.names)):
        first, second, count = some
        say(
            f"{count:,} of {len(seen.names):,} pictures have a partner by name, such as {first} and "
            f"{second}; the others have none, so all are taken as single pictures: a folder of the "
            f"pairs alone is taken as pairs"
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
            say_once(seen, why)
        return None, ()
    if dated(kinds):
        some = ", ".join(sorted(kinds)[:3])
        say_once(seen, f"the folders {some}, ... are dates, and no classes")
        return None, ()
    return numbered([folder for folder in folders if folder is not None])


def say_once(seen: Folder, sentence: str) -> None:
    """Adds a sentence to the notes, unless it is there."""
    if sentence not in seen.notes:
        seen.notes.append(sentence)
