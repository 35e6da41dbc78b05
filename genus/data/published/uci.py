"""Small tables of the UCI repository, in ten folds: what densities of real numbers are compared on.

    red_wine     11 numbers, 1,599 rows        housing       10 numbers, 506 rows
    white_wine   11 numbers, 4,898 rows        ionosphere    32 numbers, 351 rows

Densities are infinite where a feature has few values, or repeats another one. So a table is reduced
to its attributes, without the last column (the target of prediction), without those that are
whole numbers in all rows, and of two whose correlation is beyond 0.98 without the second. Of ten folds
one is for the test and the next for validation. Features have mean 0 and deviation 1 over the
training rows of the fold, and scores are densities in that unit.

Source: after the protocol of Uria, Murray, Larochelle, "RNADE: the real-valued neural autoregressive
    density-estimator", 2013, arXiv:1306.0186; the tables Wine Quality, Boston Housing and Ionosphere
    of the UCI machine learning repository.
Departs: folds are our own, and the rule for whole numbers decides which attributes are discrete.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...core import Reals, Refused
from ..dividing import stratified
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows
from ..tables.sheets import sheet

FILES = {
    "red_wine": "winequality-red.csv",
    "white_wine": "winequality-white.csv",
    "housing": "housing.csv",
    "ionosphere": "ionosphere.csv",
}
FOLDS = 10
NEAR = 0.98  # the largest correlation of two features


def uci_files(folder: Path) -> list[Path]:
    """The tables in a folder."""
    return [path for name in FILES.values() if (path := folder / name).exists()]


def uci(folder: Path, name: str, *, fold: int = 0) -> Data:
    """One of the tables, Reals((d,)).

    Args:
        folder: folder with the files.
        name: name of the table.
        fold: number of the tenth of the rows that is the test split, 0 to 9; the next is for
            validation.
    """
    if not 0 <= fold < FOLDS:
        raise Refused(f"{name}: fold is {fold}; 0 to {FOLDS - 1} are wanted")
    path = folder / FILES[name]
    if not path.exists():
        raise Refused(f"{name}: there is no {path.name} in {folder}")
    cells = [*zip(*sheet(path).columns[:-1], strict=True)]
    try:
        x = np.array(cells, dtype=np.float64)
    except ValueError as error:  # a word, or a line that is shorter than the others
        raise Refused(f"{path}: is damaged: {error}") from None
    if x.ndim != 2 or len(x) < FOLDS:
        raise Refused(f"{path}: has {len(x)} rows; at least {FOLDS} are wanted")
    x = features(x)
    order = stratified([0] * len(x), [f"{name} {i}" for i in range(len(x))])
    tenths = [order[(fold + i) % FOLDS :: FOLDS] for i in range(FOLDS)]
    rows = {
        "test": tenths[0],
        "validation": tenths[1],
        "train": [i for tenth in tenths[2:] for i in tenth],
    }
    mean, std = x[rows["train"]].mean(0), x[rows["train"]].std(0)
    known = name if fold == 0 else f"{name}?fold={fold}"

    def cut(split: str) -> Rows:
        values = torch.from_numpy((x[rows[split]] - mean) / std).float()
        return Rows(values, Reals(x.shape[1:]), name=f"{known} {split}")

    train, validation, test = (cut(split) for split in SPLITS)
    return Data(known, train, validation, test)


def features(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns that can have a density, (n, d), of all, (n, more)."""
    x = x[:, (x != x.round()).any(0)]
    kept: list[int] = []
    alike = np.abs(np.corrcoef(x.T))
    for i in range(x.shape[1]):
        if all(alike[i, j] <= NEAR for j in kept):
            kept.append(i)
    return x[:, kept]


SETS = {name: Source(uci, ("uci_small", "uci"), uci_files) for name in FILES}
