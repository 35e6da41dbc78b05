"""How the files of a folder lie, from their names: splits, classes, pairs, domains, clips, dates."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...errors import Refused
from ..dividing import split_name

# Folders that hold the two sides of pairs: what is given first, then what is made of it.
SIDES = (
    ({"a"}, {"b"}),
    ({"input", "inputs", "in"}, {"target", "targets", "output", "outputs", "out", "gt"}),
    ({"source", "src"}, {"target", "targets", "tgt"}),
    (
        {"label", "labels", "mask", "masks", "annotation", "annotations", "segmentation"},
        {"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures"},
    ),
    ({"lr", "low"}, {"hr", "high"}),
    ({"noisy", "blurred", "blur", "rain", "hazy"}, {"clean", "sharp", "clear"}),
)
LABELS = SIDES[3][0]  # those of label maps, whose colours must not be mixed
CERTAIN = {"a", "input", "inputs", "source", "src", "lr", *LABELS}  # others may be classes
MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|"
    "nov(ember)?|dec(ember)?"
)
DATE = re.compile(r"(19|20)\d\d([-_. ]?(0?[1-9]|1[0-2])([-_. ]?(0?[1-9]|[12]\d|3[01]))?)?$")
MONTH = re.compile(rf"(\d{{1,2}}[-_. ]+)?({MONTHS})([-_. ].*)?$", re.IGNORECASE)
SPLIT_SIDE = re.compile(
    r"(train|training|test|testing|val|validation|valid|dev)[-_ ]?([a-z]+)$", re.IGNORECASE
)
MAP = re.compile(r"[-_. ]?(labels?|masks?|seg|segmentation|annotations?)$", re.IGNORECASE)
FRAMES = 8  # numbered pictures in a row that may be a clip


@dataclass(frozen=True)
class Place:
    """Where a file lies.

    Args:
        split: train, validation or test.
        folder: folders between the one of the split and the file, from the outermost.
        stem: name of the file without its suffix, with the folders below the first.
        named: whether the first folder is none, but the side that the name of the file says.
    """

    split: str
    folder: tuple[str, ...]
    stem: str
    named: bool = False


def places(names: Sequence[str], who: str, flat: bool = True) -> dict[str, Place]:
    """The place of each file.

    The folder of a split may stand first (train/A/1.png), be one word with a side (trainA/1.png), or
    stand within a side (A/train/1.png).

    Files whose names say a side (1_A.png and 1_B.png, trainA_1.jpg and trainB_1.jpg), and that have
    partners, lie as if in folders of the sides.

    Args:
        names: files.
        who: name of the folder in messages.
        flat: whether names may say sides.

    Raises:
        Refused: some folders are splits and others are not.
    """
    if flat and (found := _by_names(names)):
        return found
    parts = {name: tuple(name.split("/")) for name in names}
    tops = {part[0] if len(part) > 1 else "" for part in parts.values()}
    joined = {top: SPLIT_SIDE.fullmatch(top) for top in tops}
    words = {top: found[2].lower() for top, found in joined.items() if found}
    if len(words) == len(tops) and len({*words.values()}) > 1 and sides_of({*words.values()}):
        return {
            name: Place(
                split_name(found[1]) or "train",
                (found[2].lower(), *part[1:-1]),
                _stem(part[1:]),
            )
            for name, part in parts.items()
            if (found := joined[part[0]])
        }
    second = {part[1] for part in parts.values() if len(part) > 2}
    within = all(len(part) > 2 for part in parts.values()) and all(map(split_name, second))
    if within and sides_of(tops) is not None:
        return {
            name: Place(split_name(part[1]) or "train", (part[0], *part[2:-1]), _stem(part[2:]))
            for name, part in parts.items()
        }
    splits = {top for top in tops if split_name(top)}
    whole = splits == tops and "train" in {split_name(top) for top in splits}
    if splits and not whole:
        others = sorted(top or "pictures beside them" for top in tops - splits)
        came = ", ".join(sorted(splits)) + "".join(f" and {other}" for other in others[:3])
        raise Refused(
            f"{who}: holds {came}; either all folders are splits, train among them, or none is"
        )
    found = {}
    for name, part in parts.items():
        inner = part[1:] if whole else part
        split = (split_name(part[0]) or "train") if whole else "train"
        found[name] = Place(split, inner[:-1], _stem(inner[1:] if len(inner) > 1 else inner))
    return found


def _stem(parts: Sequence[str]) -> str:
    return plain(without_end("/".join(parts)))


def _by_names(names: Sequence[str]) -> dict[str, Place]:
    """Places by the sides in the names of files of one folder, or of those of splits, if these are pairs.

    The side is the first word of all names or the last. Of two domains, trainA_1.jpg and trainB_7.jpg,
    names need no partners.
    """
    for which in (0, -1):
        found = {name: place for name in names if (place := _side_in_name(name, which)) is not None}
        sides = sides_of({place.folder[0] for place in found.values()})
        if sides is None or len(found) < 0.9 * len(names):
            continue
        domains = all(len(_words(name)) > 1 and _joined(name, which) for name in names)
        if domains or same_names(found, *sides):
            split = {place.split for place in found.values()}
            rest = [name for name in names if name not in found]
            others = {name: Place("train", (), _stem((name,))) for name in rest}
            return {**found, **others} if "train" in split else {}
    return {}


def partners(names: Sequence[str]) -> tuple[str, str, int] | None:
    """Two files whose names differ only in their sides, and how many have such a partner; None without."""
    for which in (0, -1):
        found = {name: place for name in names if (place := _side_in_name(name, which)) is not None}
        sides = sides_of({place.folder[0] for place in found.values()})
        if sides is None:
            continue
        stems = [{found[n].stem: n for n in found if found[n].folder[0] == side} for side in sides]
        if both := sorted(stems[0].keys() & stems[1].keys()):
            return stems[0][both[0]], stems[1][both[0]], 2 * len(both)
    return None


def _side_in_name(name: str, which: int) -> Place | None:
    """The place of a file whose first or last word, 0 or -1, is a side; None if it is none."""
    folders, words = name.split("/")[:-1], _words(name)
    if len(words) < 2 or len(folders) > 1 or (folders and split_name(folders[0]) is None):
        return None
    joined = _joined(name, which)
    side = (joined[2] if joined else words[which]).lower()
    if not any(side in given | made for given, made in SIDES):
        return None
    split = split_name(folders[0] if folders else joined[1] if joined else "train")
    rest = words[1:] if which == 0 else words[:-1]
    return Place(split or "train", (side,), plain("_".join(rest)), named=True)


def _joined(name: str, which: int) -> re.Match[str] | None:
    """Split and side, where the first or last word of a file's name is made of both: trainA."""
    return SPLIT_SIDE.fullmatch(_words(name)[which])


def _words(name: str) -> list[str]:
    """The runs of letters and of digits in a file's name, without its end."""
    return re.findall(r"[^\W\d_]+|\d+", without_end(name.rpartition("/")[2]))


def plain(name: str) -> str:
    """A name with its accents as one letter each, as most systems spell them."""
    return unicodedata.normalize("NFC", name)


def sides_of(folders: set[str]) -> tuple[str, str] | None:
    """The folder of what is given and the folder of what is made of it, if two folders are these."""
    for given, made in SIDES:
        a = [folder for folder in folders if folder.lower() in given]
        b = [folder for folder in folders if folder.lower() in made]
        if len(a) == len(b) == 1 and a != b:
            return a[0], b[0]
    return None


def same_names(found: Mapping[str, Place], a: str, b: str) -> dict[str, str]:
    """Of each file of folder a the file of folder b whose name is the same, if nine of ten have one."""
    sides: dict[str, dict[tuple[str, str], str]] = {a: {}, b: {}}
    for name, place in found.items():
        if place.folder and place.folder[0] in sides:
            sides[place.folder[0]][place.split, place.stem] = name
    both = sides[a].keys() & sides[b].keys()
    if not both or len(both) < 0.9 * max(len(sides[a]), len(sides[b])):
        return {}
    return {sides[a][key]: sides[b][key] for key in sorted(both)}


def without_end(name: str) -> str:
    """A path without the end of its name: a/1.jpg is a/1."""
    start, dot, end = name.rpartition(".")
    return start if dot and "/" not in end else name


def beside(names: Sequence[str]) -> dict[str, str]:
    """Of each label map the photograph beside it: 1.jpg and 1.png, or 1.jpg and 1_mask.png."""
    maps = [name for name in names if name.lower().endswith(".png")]
    photos = {_stem((name,)): name for name in names if name.lower().endswith((".jpg", ".jpeg"))}
    if not maps or not photos:
        return {}
    pairs = {}
    for name in maps:
        stem = _stem((name,))
        photo = photos.get(stem) or photos.get(MAP.sub("", stem))
        if photo is not None:
            pairs[name] = photo
    return pairs if len(pairs) >= 0.9 * (len(names) - len(pairs)) else {}


def dated(folders: set[str]) -> bool:
    """Whether these names of folders are years, months or days."""
    return bool(folders) and (
        all(DATE.match(folder) for folder in folders)
        or (len(folders) > 1 and all(MONTH.fullmatch(folder) for folder in folders))
    )


def sequences(names: Sequence[str]) -> dict[str, list[str]]:
    """Files that are numbered one after another, by folder and the word before the number, in order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        stem = without_end(name)
        key = stem.rstrip("0123456789")
        if len(key) < len(stem):
            found.setdefault(key, []).append((int(stem[len(key) :]), name))
    rows = {}
    for key, files in found.items():
        files.sort()
        steps = Counter(b[0] - a[0] for a, b in pairwise(files))
        if len(files) >= FRAMES and steps.most_common(1)[0][1] >= 0.9 * (len(files) - 1):
            rows[key] = [name for _, name in files]
    return rows
