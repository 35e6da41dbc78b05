"""One picture as a data set: its tiles, for models of its texture."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ...core import Pixels, Refused
from ..dividing import divided
from ..kinds import KINDS
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows
from .decoding import Look, choose, read

SIDES = (64, 32, 16, 8)  # pixels of a tile
WANTED = 100  # tiles, as many as a tile may be large
LEAST = 3  # one for each split


def tiles(
    path: Path,
    *,
    size: int | None = None,
    colour: Literal["L", "RGB"] | None = None,
    background: Literal["white", "black"] = "white",
) -> Data:
    """One picture, cut into square tiles that do not overlap.

    Args:
        path: file of a picture.
        size: height and width of a tile, in pixels; by default the largest of 64, 32, 16 and 8 of which
            the picture has 100, or 8.
        colour: L converts it to grey, RGB to colour; by default it stays as it is.
        background: colour behind its transparent parts.
    """
    choose("colour", colour, (None, "L", "RGB"))
    seen = read(path, Look(colour=colour, background=background))
    if seen.array is None:
        raise Refused(f"{path}: cannot be used as a picture: {seen.fault}")
    channels, high, wide = seen.array.shape
    fits = (s for s in SIDES if (high // s) * (wide // s) >= WANTED)
    side = next(fits, SIDES[-1]) if size is None else size
    if side < 1:
        raise Refused(f"{path}: size is {size}; a positive number of pixels is wanted")
    if (high // side) * (wide // side) < LEAST:
        raise Refused(
            f"{path}: is {wide}x{high}, and has fewer than {LEAST} tiles of {side}x{side}; a smaller "
            f"size, or a folder of pictures, is wanted"
        )
    rows, columns = high // side, wide // side
    cut = seen.array[:, : rows * side, : columns * side].reshape(
        channels, rows, side, columns, side
    )
    x = torch.from_numpy(np.ascontiguousarray(cut.transpose(1, 3, 0, 2, 4)))
    x = x.reshape(-1, channels, side, side)
    which = divided(["train"] * len(x), None, [f"tile {i}" for i in range(len(x))], str(path))
    train, validation, test = (
        Rows(x[which[split]], Pixels((channels, side, side)), name=f"{path.stem} {split}")
        for split in SPLITS
    )
    note = (
        f"one picture of {wide}x{high}: taken as its {len(x):,} tiles of {side}x{side}, which do not "
        f"overlap; --data.size takes others, and the path of its folder all its pictures"
    )
    options = {"size": str(side), "background": background}
    return Data(path.stem, train, validation, test, notes=(note,), options=options)


PICTURES = tuple(sorted({end for kind in KINDS if kind.picture for end in kind.ends}))
PATHS = tuple(Source(tiles, pattern=f"*{end}", kind="a picture") for end in PICTURES)
