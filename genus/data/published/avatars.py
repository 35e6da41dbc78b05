"""avatars: 12,000 drawn faces of two hands, with exact labels, and no picture of a person.

    micah       8,000 faces; the last 1,000 are the test split, the 1,000 before them the validation split
    toonhead    4,000 faces; the same with 500
    avatars     both, with the hand that drew each as its label

Each face was drawn from random attributes, which are independent of each other and stand in metadata.csv.

Source: "Avatar Illustration System" by Micah Lanier and "ToonHead" by Johan Melin, both CC BY 4.0, drawn
    with DiceBear 9.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from ...core import Pixels, Refused
from ..images.decoding import Look, choose, threads
from ..images.domains import Unpaired
from ..images.metadata import METADATA, Metadata, read_metadata
from ..images.store import PictureRows, Pictures, decoded
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows

SIDE = 64
TEST = {"micah": 1000, "toonhead": 500}  # and as many for validation
CACHE = 2**30  # bytes of decoded faces that may be kept


def faces(folder: Path, name: str, *, size: int = SIDE, label: str | None = None) -> Data:
    """The faces of one hand.

    Args:
        folder: folder of the hand's folder.
        name: name of the hand's folder: "micah" or "toonhead".
        size: height and width in pixels, to which pictures are resized.
        label: attribute that is the label, such as glasses; by default all attributes together are
            the context of a conditional model.
    """
    pictures, rows, metadata = _read(folder / name, name, size, label)
    good = [path.name for path in pictures.paths]
    labels, kinds = None, ()
    if label is not None:
        words = [str(word) for word in metadata.labels(good) or ()]
        kinds = tuple(sorted({*words}))
        labels = torch.tensor([kinds.index(word) for word in words])
    attributes, values = metadata.attributes(good, []) if label is None else (None, {})

    def cut(split: str) -> Rows:
        return Rows(
            PictureRows(pictures, rows[split]),
            Pixels(pictures.shape),
            labels=None if labels is None else labels[rows[split]],
            classes=len(kinds),
            attributes=None if attributes is None else attributes[rows[split]],
            counts=tuple(map(len, values.values())),
            name=f"{name} {split}",
        )

    train, validation, test = (cut(split) for split in SPLITS)
    return Data(name, train, validation, test, class_names=kinds, attributes=values)


def avatars(
    folder: Path,
    name: str,
    *,
    size: int = SIDE,
    kind: Literal["pictures", "domains"] = "pictures",
) -> Data:
    """The faces of both hands.

    Args:
        folder: folder of both hands' folders.
        name: name of the data set.
        size: height and width in pixels, to which pictures are resized.
        kind: pictures gives all faces, with the hand as label; domains gives faces of toonhead as x
            and faces of micah as context, unpaired.
    """
    choose("kind", kind, ("pictures", "domains"))
    hands = [_read(folder / hand, hand, size, None) for hand in TEST]
    splits = []
    for split in SPLITS:
        parts = [
            Rows(PictureRows(pictures, rows[split]), Pixels(pictures.shape), name=f"{hand} {split}")
            for hand, (pictures, rows, _) in zip(TEST, hands, strict=True)
        ]
        if kind == "domains":
            splits.append(Unpaired(*parts, name=f"{name} {split}"))
            continue
        labels = torch.cat([torch.full((len(part),), i) for i, part in enumerate(parts)])
        x = torch.cat([part.rows.take(torch.arange(len(part))) for part in parts])
        splits.append(Rows(x, parts[0].space, labels=labels, classes=2, name=f"{name} {split}"))
    return Data(name, *splits, class_names=tuple(TEST))


def _read(
    folder: Path, hand: str, size: int, label: str | None
) -> tuple[Pictures, dict[str, Sequence[int]], Metadata]:
    """The decoded pictures of a folder, the rows of each split, and what is listed of them."""
    if size < 1:
        raise Refused(f"{hand}: size is {size}; at least 1 is wanted")
    paths = sorted(folder.glob("*.png"))
    pictures = decoded(paths, Look((size, size), colour="RGB"), threads(None), CACHE)
    n, cut = len(pictures.paths), TEST[hand]
    if pictures.faults or n <= 2 * cut:
        raise Refused(
            f"{folder}: {n:,} usable pictures of {len(paths):,}; {hand} has {8 * cut:,}; get it whole"
        )
    rows: dict[str, Sequence[int]] = {
        "train": range(n - 2 * cut),
        "validation": range(n - 2 * cut, n - cut),
        "test": range(n - cut, n),
    }
    lists = [name for name in METADATA if (folder / name).is_file()]
    return pictures, rows, read_metadata(folder, lists, label)


def _holds(folder: Path, hands: Sequence[str]) -> bool:
    return all((folder / hand).is_dir() for hand in hands)


SETS = {
    **{hand: Source(faces, ("avatars",), partial(_holds, hands=(hand,))) for hand in TEST},
    "avatars": Source(avatars, ("avatars",), partial(_holds, hands=tuple(TEST))),
}
