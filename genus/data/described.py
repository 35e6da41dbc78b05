"""What lies at a path, in sentences: counted by names, and looked at in a random part."""

import random
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Bits, Graphs, Pixels, Reals, Space, Strokes, Tokens
from .images.arrangement import Place
from .images.decoding import Head, Look, ahead, head, read, threads
from .images.folders import images
from .images.looking import Folder, arranged, chosen, labels_of, listed
from .kinds import kind_of
from .sets import Data
from .sources import find, load

LOOKED_AT = 2000  # files of a folder that are opened
RARE = 4  # sizes and labels that are named


@dataclass
class Description:
    """What lies at a path.

    Args:
        kind: what it is, in one line.
        lines: what else there is to say of it.
        space: space of one x; None if nothing can be learnt from it.
        data: the data set, where it was read.
        sample: paths of a few pictures, where they were not read.
        context_space: space of what is given with each x.
        labels: whether rows have labels.
        sounds: whether x are sounds.
        unpaired: whether x are of two domains without pairs.
    """

    kind: str
    lines: list[str] = field(default_factory=list)
    space: Space | None = None
    data: Data | None = None
    sample: list[Path] = field(default_factory=list)
    context_space: Space | None = None
    labels: bool = False
    sounds: bool = False
    unpaired: bool = False


def describe(source: str, *, whole: bool = False) -> Description:
    """What lies at a path, or under a name.

    Args:
        source: name or path, as in `load`.
        whole: whether each file of a folder of pictures is opened, and not 2,000 of them.

    Raises:
        Refused: there is nothing there, or it cannot be read.
    """
    path, kind, options = find(source)
    if path is not None and kind is None:
        return _unknown(path)
    if path is None or kind is None or kind.read is not images:
        found = _of_data(load(source), path)
        if kind is not None and kind.wishes:
            names = ", ".join(kind.wishes)
            found.lines.append(f"parameters to fix, weigh, sweep, pair or hold out: {names}")
        return found
    root, names = listed(path)
    if not names:
        return Description(f"{path}: an empty folder")
    pictures = [name for name in names if (k := kind_of(name)) is None or k.picture]
    known = any(kind_of(name) is not None for name in pictures)
    if not known and not _any_picture(root, pictures):
        return _unknown_folder(path, names)
    return _of_pictures(path, whole, options)


def _any_picture(root: Path, names: Sequence[str]) -> bool:
    """Whether a file without a telling name is a picture."""
    return any(head(root / name).fault is None for name in names[:20])


def _unknown(path: Path) -> Description:
    """A file of a kind that nothing is known of, or that cannot be read yet."""
    kind = kind_of(path.name)
    with path.open("rb") as file:  # finds out whether it can be read
        start = file.read(512)
    if kind is not None:
        return Description(f"{path}: one of the {kind.plural}; genus does not read them yet")
    what = "a file without content" if not start else "a file of an unknown kind"
    return Description(f"{path}: {what}, of {path.stat().st_size:,} bytes")


def _unknown_folder(path: Path, names: Sequence[str]) -> Description:
    return Description(
        f"{path}: a folder of {_kinds(names)}, and no pictures; genus reads no folder of these yet"
    )


def _kinds(names: Sequence[str]) -> str:
    """The kinds of files by their names, the most frequent first."""
    kinds = Counter(kind.plural if (kind := kind_of(name)) else _end(name) for name in names)
    more = f" and {len(kinds) - RARE} other kinds" if len(kinds) > RARE else ""
    named = (f"{kind}: {count:,}" for kind, count in kinds.most_common(RARE))
    return f"{', '.join(named)}{more}"


def _end(name: str) -> str:
    word = name.rpartition("/")[2]
    return f"files in .{word.rpartition('.')[2]}" if "." in word else "files without an ending"


# --- pictures ---------------------------------------------------------------------------------


def _of_pictures(path: Path, whole: bool, options: dict[str, Any]) -> Description:
    pool = threads(options.get("workers"))
    seen = arranged(path, options.get("kind"), options.get("label"), pool)
    some = seen.names
    if not whole and len(some) > LOOKED_AT:
        some = sorted(random.Random(0).sample(some, LOOKED_AT))
    heads = dict(zip(some, ahead(pool, head, [seen.root / n for n in some]), strict=True))
    good = {name: one for name, one in heads.items() if one.fault is None}
    bad = Counter(one.fault.reason for one in heads.values() if one.fault is not None)
    found = Description(f"{path}: {_what(seen)}")
    lines = found.lines
    lines.append(f"{len(seen.names):,} files, {_kinds(seen.names)}")
    if not good:
        details = [one.fault.detail for one in heads.values() if one.fault and one.fault.detail]
        lines.append(f"none of them can be read: {'; '.join([_counts(bad), *details[:1]])}")
        return found
    lines.append(_sizes(good, len(some) < len(seen.names)))
    if bad:
        lines.append(f"cannot be used: {_counts(bad)} of the {len(some):,} that were opened")
    left_out = Counter(fault.reason for fault in seen.faults.values())
    if left_out:
        lines.append(f"left out by their names: {_counts(left_out)}")
    lines += _labels(seen, list(good))
    lines.append(_splits(seen.found.values()))
    side = options.get("size")
    look = Look((side, side) if isinstance(side, int) else side, colour=options.get("colour"))
    look = chosen(seen, look, pool, heads)
    found.sample = [seen.root / name for name in list(good)[:: max(1, len(good) // 16)][:16]]
    lines += [f"note: {note}" for note in seen.notes]
    first = next(iter(good.values()))
    high, wide = look.size or (first.height, first.width // (2 if seen.halves else 1))
    found.space = Pixels((1 if look.colour == "L" else 3, high, wide))
    lines.append(f"one x is {found.space}")
    found.labels = labels_of(seen, seen.names)[0] is not None or bool(seen.metadata.entries)
    found.context_space = found.space if seen.kind in ("pairs", "domains") else None
    found.unpaired = seen.kind == "domains"
    return found


def _what(seen: Folder) -> str:
    folders = len({place.folder[:1] for place in seen.found.values() if place.folder})
    if seen.kind == "pairs":
        return "a folder of pairs of pictures"
    if seen.kind == "domains":
        return "two folders of pictures, without pairs"
    if seen.clips:
        return "a folder of clips, frame by frame"
    kinds = labels_of(seen, seen.names)[1] if seen.names else ()
    if kinds:
        return f"a folder of pictures in {len(kinds)} classes"
    return "a folder of pictures" + (f" in {folders} folders" if folders > 1 else "")


def _counts(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason}: {count:,}" for reason, count in reasons.most_common())


def _sizes(heads: dict[str, Head], part: bool) -> str:
    sizes = Counter((one.width, one.height) for one in heads.values())
    of = f" of {len(heads):,} chosen at random" if part else ""
    if len(sizes) == 1:
        (wide, high), _ = next(iter(sizes.items()))
        return f"size: {wide}x{high}, all{of}"
    named = ", ".join(f"{w}x{h} ({n:,})" for (w, h), n in sizes.most_common(RARE))
    more = f" and {len(sizes) - RARE:,} other sizes" if len(sizes) > RARE else ""
    return f"sizes{of}: {named}{more}"


def _labels(seen: Folder, names: Sequence[str]) -> list[str]:
    numbers, kinds = labels_of(seen, seen.names)
    if numbers is not None:
        counts = Counter(numbers)
        named = ", ".join(f"{kinds[k]} ({counts[k]:,})" for k, _ in counts.most_common(8))
        more = f" and {len(kinds) - 8} others" if len(kinds) > 8 else ""
        return [f"labels: {named}{more}"]
    if not seen.metadata.entries:
        return []
    _, values = seen.metadata.attributes(names, seen.notes)
    return [f"attributes: {', '.join(f'{k} ({len(v)} values)' for k, v in values.items())}"]


def _splits(places: Any) -> str:
    counts = Counter(place.split for place in places if isinstance(place, Place))
    if len(counts) > 1:
        return "splits: " + ", ".join(f"{split} {count:,}" for split, count in counts.items())
    return "splits: none; a tenth of the rows is cut out for validation, and a tenth for the test"


# --- data that are read -----------------------------------------------------------------------


def _of_data(data: Data, path: Path | None) -> Description:
    """A data set that was read."""
    who = data.name if path is None else str(path)
    found = Description(f"{who}: {_kind_of_space(data)}", space=data.space, data=data)
    found.context_space, found.unpaired = data.context_space, data.unpaired
    found.labels = data.classes > 0 or bool(data.attributes)
    found.sounds = data.rate is not None
    rows = ", ".join(f"{split} {len(part):,}" for split, part in data.splits.items())
    found.lines.append(f"rows: {rows}" + (" (drawn anew in each batch)" if data.truth else ""))
    if data.class_names:
        found.lines.append(f"labels: {', '.join(data.class_names[:20])}")
    if data.attributes:
        found.lines.append(f"attributes: {', '.join(data.attributes)}")
    if data.context_space is not None:
        found.lines.append(f"given with each x: {data.context_space}")
    if data.entropy is not None:
        found.lines.append(f"its distribution is known; its entropy is {data.entropy:.4g} nats")
    found.lines += [f"note: {note}" for note in data.notes]
    found.lines.append(f"one x is {data.space}")
    return found


def _kind_of_space(data: Data) -> str:
    match data.space:
        case Pixels() | Bits() if len(data.space.shape) == 3:
            return "pictures"
        case Pixels() if len(data.space.shape) == 4:
            return f"clips of {data.space.shape[0]} pictures"
        case Pixels() | Tokens() if data.rate:
            return "sounds"
        case Tokens():
            return "texts" if data.symbols else "sequences of whole numbers"
        case Strokes():
            return "drawings of a pen"
        case Graphs():
            return "graphs"
        case Reals() if len(data.space.shape) == 2:
            return "clouds of points"
        case Reals():
            return f"a table of {data.space.dims} numbers a row"
        case Bits():
            return f"a table of {data.space.dims} bits a row"
    return "rows"


def few(
    found: Description, source: str, rows: int
) -> tuple[Tensor, Space, Tensor | None, Space | None]:
    """A few rows of what lies there, and what is given with them, for a picture."""
    if found.sample and found.context_space is None and isinstance(found.space, Pixels):
        high, wide = found.space.shape[1:]
        look = Look((high, wide), colour="L" if found.space.shape[0] == 1 else "RGB")
        arrays = [read(path, look).array for path in found.sample[:rows]]
        good = [torch.from_numpy(array) for array in arrays if array is not None]
        if good:
            return found.space.values(torch.stack(good)), found.space, None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they stand in the description already
        data = found.data or load(source)
    x, *context = data.train.first(rows)
    return x, data.space, context[0] if context else None, data.context_space
