"""frey_faces: 1,965 grey pictures of one man's face, 28 x 20 pixels, in the order of a video.

The split is random, 1,565 rows to learn from and 200 each for validation and test, as published figures of
likelihoods have it (another random one: each author's differs). Neighbours in a video are nearly equal, so
almost every test row has a double among the training rows: distances to training rows say little here.

Source: Roweis, Saul, "Nonlinear dimensionality reduction by locally linear embedding", 2000, Science 290.
"""

from pathlib import Path

import torch

from ...core import Pixels, Refused
from ..arrays import opened
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows, stream

FILE, KEY = "frey_faces.npz", "images"
SHAPE = (1965, 28, 20)
HELD_OUT = 200


def file(folder: Path) -> Path | None:
    """The file of the pictures, if it is there."""
    path = folder / FILE
    return path if path.is_file() else None


def frey_faces(folder: Path, name: str) -> Data:
    """The faces, Pixels((1, 28, 20)).

    Args:
        folder: folder of frey_faces.npz.
        name: name of the data set.
    """
    arrays = opened(folder / FILE)
    if KEY not in arrays or arrays[KEY].shape != SHAPE or arrays[KEY].dtype != "uint8":
        raise Refused(f"{folder / FILE}: holds no array {KEY} of {SHAPE} uint8")
    x = torch.from_numpy(arrays[KEY].copy())[:, None]
    order = torch.randperm(len(x), generator=stream("frey_faces"))
    bounds = (len(x) - 2 * HELD_OUT, HELD_OUT, HELD_OUT)
    train, validation, test = (
        Rows(x[rows], Pixels((1, *SHAPE[1:])), name=f"{name} {split}")
        for split, rows in zip(SPLITS, order.split(bounds), strict=True)
    )
    return Data(name, train, validation, test)


SETS = {"frey_faces": Source(frey_faces, ("frey_faces",), file)}
