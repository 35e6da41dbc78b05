"""cifar10: colour photographs of ten kinds of things, 32 x 32 pixels, without loss.

Of the 50,000 training pictures the first 4,000 in their order are known here: 3,400 to learn from, 300 for
validation and 300 for the test. So no figure of them compares with a published one of CIFAR-10, whose
training set is twelve times as large.

    cifar10_batch_0.png, ..., _3.png    a thousand pictures each, one picture a row
    labels_first4000.txt                the number of the kind of each, one a line

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...core import Pixels, Refused
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows

KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE, FILES, EACH, HELD_OUT = 32, 4, 1000, 300
LABELS = "labels_first4000.txt"


def files(folder: Path) -> list[Path]:
    """The files of the pictures, if all of them and the labels are there."""
    found = [folder / f"cifar10_batch_{i}.png" for i in range(FILES)]
    return found if all(path.is_file() for path in [*found, folder / LABELS]) else []


def cifar10(folder: Path, name: str) -> Data:
    """The first 4,000 pictures, Pixels((3, 32, 32)), with labels.

    Args:
        folder: folder of the files.
        name: name of the data set.
    """
    x = torch.cat([_pictures(path) for path in files(folder)])
    try:
        labels = torch.tensor([int(word) for word in (folder / LABELS).read_text("utf-8").split()])
    except ValueError:
        raise Refused(f"{folder / LABELS}: whole numbers are wanted, one a line") from None
    bounds = (len(x) - 2 * HELD_OUT, HELD_OUT, HELD_OUT)
    train, validation, test = (
        Rows(
            rows, Pixels((3, SIDE, SIDE)), labels=kinds, classes=len(KINDS), name=f"{name} {split}"
        )
        for split, rows, kinds in zip(SPLITS, x.split(bounds), labels.split(bounds), strict=True)
    )
    return Data(name, train, validation, test, class_names=KINDS)


def _pictures(path: Path) -> torch.Tensor:
    """The pictures of one file, (1000, 3, 32, 32), uint8."""
    with Image.open(path) as picture:
        rows = np.asarray(picture.convert("RGB"))
    if rows.shape != (EACH, SIDE * SIDE, 3):
        raise Refused(
            f"{path}: is {rows.shape[1]} x {rows.shape[0]} pixels; {SIDE * SIDE} x {EACH} are wanted"
        )
    return (
        torch.from_numpy(rows.copy()).reshape(EACH, SIDE, SIDE, 3).permute(0, 3, 1, 2).contiguous()
    )


SETS = {"cifar10": Source(cifar10, ("cifar10",), files)}
