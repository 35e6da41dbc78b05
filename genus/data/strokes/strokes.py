"""sheep, kanji: drawings as the steps of a pen, from the sketch-rnn data sets.

    sheep    7,400 sheep that a plotter drew, 300 for validation, 300 for the test; 20 to 250 steps
    kanji    10,000 characters, 600 for validation, 500 for the test; 2 to 88 steps

Steps lie on a grid of whole numbers, where a density has no upper bound. So each is moved by
uniform noise as wide as the grid, drawn once and for all: the density of a drawing is then no higher
than the probability of its place on the grid. Steps are divided by the deviation of all the training
set's, dx and dy together, and scores are densities in that unit.

Source: Ha, Eck, "A neural representation of sketch drawings", 2017, arXiv:1704.03477, whose authors
    keep the drawings (aaron_sheep, after Harold Cohen's AARON; kanji, after KanjiVG).
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...core import Refused, Strokes
from ..arrays import opened
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows, stream

FILES = {"sheep": "aaron_sheep.npz", "kanji": "short_kanji.npz"}
PARTS = dict(zip(SPLITS, ("train", "valid", "test"), strict=True))


def stroke_files(folder: Path) -> list[Path]:
    """The drawings in a folder."""
    return [path for name in FILES.values() if (path := folder / name).exists()]


def strokes(folder: Path, name: str) -> Data:
    """One of the sets of drawings, Strokes(length): the longest drawing and a step that ends it.

    Args:
        folder: folder with the files.
        name: name of the set, sheep or kanji.
    """
    path = folder / FILES[name]
    if not path.exists():
        raise Refused(f"{name}: there is no {path.name} in {folder}")
    held = opened(path)
    wanted = [f"{part}_{what}" for part in PARTS.values() for what in ("strokes", "lengths")]
    if missing := [array for array in wanted if array not in held]:
        raise Refused(f"{path}: has no {', '.join(missing)}")
    parts = {
        split: (held[f"{part}_strokes"].astype(np.int16), held[f"{part}_lengths"].astype(np.int32))
        for split, part in PARTS.items()
    }
    space = Strokes(1 + max(int(lengths.max()) for _, lengths in parts.values()))
    scale = float(parts["train"][0][:, :2].std())

    def cut(split: str) -> Rows:
        x = padded(*parts[split], space.length)
        noise = torch.rand(*x.shape[:2], 2, generator=stream(name, split, "grid"))
        moved = (x[..., :2] + noise - 0.5) / scale
        on = x[..., 2:] != 2
        return Rows(torch.cat([moved * on, x[..., 2:]], -1), space, name=f"{name} {split}")

    train, validation, test = (cut(split) for split in SPLITS)
    return Data(name, train, validation, test)


def padded(steps: NDArray[np.int16], lengths: NDArray[np.int32], length: int) -> torch.Tensor:
    """(drawings, length, 3), each with steps (0, 0, 2) after its own, which follow one another."""
    x = np.zeros((len(lengths), length, 3), dtype=np.float32)
    x[..., 2] = 2
    x[np.arange(length) < lengths[:, None]] = steps
    return torch.from_numpy(x)


SETS = {name: Source(strokes, ("sketch_rnn", "strokes"), stroke_files) for name in FILES}
