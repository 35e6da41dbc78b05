"""Samples that were asked for by class: are they of it, and are they as many kinds as its rows?

A model can give one good picture of each class. Figures over all samples hardly see that, since classes are far apart:
distances, recall and diversity of each class by itself do.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import Refused
from ...functional.densities.neighbours import manifolds, mean_distance
from ..oracles import OracleOutput
from .samples import frechet_distance


class ByClass(NamedTuple):
    """Figures of each class, (classes,) float64, beside the same of training rows in the place of samples."""

    right: Tensor  # share of its samples that are seen as of it
    recall: Tensor  # share of its test rows that lie among its samples
    spread: Tensor  # mean distance of two of its samples, over that of two of its test rows
    frechet: Tensor  # distance of its samples to its test rows
    floor_recall: Tensor
    floor_spread: Tensor
    floor_frechet: Tensor


def by_class(
    fake: OracleOutput,
    wanted: Tensor,
    test: OracleOutput,
    test_labels: Tensor,
    train: OracleOutput,
    train_labels: Tensor,
    k: int = 5,
) -> ByClass:
    """Figures of samples, class by class.

    Args:
        fake: samples, as a judge sees them.
        wanted: the class that each was asked for, (m,) int64.
        test, train: rows of both splits, as it sees them.
        test_labels, train_labels: their true classes.
        k: neighbour that bounds a ball, for recall.

    Raises:
        Refused: a class of the test rows has at most k of them, of the samples, or of the training rows.
    """
    count = int(test_labels.max()) + 1
    found: list[tuple[float, ...]] = []
    for label in range(count):
        sides = {
            "samples": fake.features[wanted == label],
            "test rows": test.features[test_labels == label],
            "training rows": train.features[train_labels == label],
        }
        for name, rows in sides.items():
            if len(rows) <= k:
                raise Refused(
                    f"by_class: class {label} has {len(rows)} {name}; more than {k} are wanted"
                )
        samples, real, seen = sides.values()
        right = (fake.classes[wanted == label] == label).double().mean().item()
        own, floor = (_compared(rows[: len(real)], real, k) for rows in (samples, seen))
        found.append((right, *own, *floor))
    return ByClass(*torch.tensor(found, dtype=torch.float64).T)


def _compared(rows: Tensor, real: Tensor, k: int) -> tuple[float, float, float]:
    """Recall, spread and distance of rows of a class; as many as the real ones, where there are so many."""
    recall = manifolds(real, rows, k).recall.mean().item()
    spread = (mean_distance(rows) / mean_distance(real)).item()
    return recall, spread, frechet_distance(real, rows).value
