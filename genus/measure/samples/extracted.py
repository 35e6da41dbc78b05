"""Figures of samples of data that no oracle knows: by the features of an extractor, and of a plain one.

    frechet, kernel_distance, told_apart     by both, the plain one's with its name: frechet_random
    precision, recall, density, coverage     by the first
    memorisation                             by the first

Where the two disagree on which of two models is nearer to real rows, neither is said to be: see
`report.verdict`.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...functional.densities.estimates import mean_error
from ...functional.densities.neighbours import manifolds, radii
from ..extractors.rows import Sight
from ..figures import Figure
from .samples import CHOICES, Estimate, frechet_distance, kernel_distance, memorisation, sampled
from .two_sample import told_apart

FEWEST = 20  # samples, training rows and unseen rows
KEPT: dict[tuple[object, ...], dict[str, float]] = {}  # floors, a few numbers for each set of data


class Three(NamedTuple):
    """The features of samples, of training rows and of unseen rows, (n, d) each."""

    fake: Tensor
    train: Tensor
    test: Tensor


def extracted_figures(
    sights: tuple[Sight, Sight],
    features: Sequence[Three],
    protocol: dict[str, Any],
    k: int = 5,
) -> list[Figure]:
    """All figures of samples, each with its floor: the mean of choices of as many training rows.

    Args:
        sights: extractor, and the plain one.
        features: what each of them sees, in no order. There are no figures where any of them sees
            fewer than 20 rows of a kind.
        protocol: description of the data for the figures.
        k: neighbour that bounds a ball, for precision, recall, density and coverage.
    """
    if min(map(len, features[0])) < FEWEST:
        return []
    figures = []
    for number, (sight, seen) in enumerate(zip(sights, features, strict=True)):
        known = {
            **protocol,
            "extractor": sight.account(),
            "samples": len(seen.fake),
            "floor_rows": min(len(seen.fake), len(seen.train)),
        }
        whole = number == 0
        values, floors = _values(seen, k, whole)
        if whole:
            known["neighbours"] = k
        end = "" if whole else f"_{sight.name}"
        figures += [
            sampled(name, value, floors[name], known, end) for name, value in values.items()
        ]
    return figures


def _values(seen: Three, k: int, whole: bool) -> tuple[dict[str, Estimate], dict[str, float]]:
    """The figures of samples, and their floors."""
    reach = radii(seen.test, k) if whole else None
    values = _compared(seen.test, seen.fake, k, reach)
    if whole:
        values["memorisation"] = memorisation(seen.train, seen.test, seen.fake)
    return values, _floors(seen, k, reach)


def _floors(seen: Three, k: int, reach: Tensor | None) -> dict[str, float]:
    """The same figures of real rows, as many as samples; kept for the next model of the same data."""
    real = tuple(
        hashlib.sha256(part.cpu().numpy().tobytes()).digest() for part in (seen.train, seen.test)
    )
    key = (*real, len(seen.fake), k, reach is None)
    if key not in KEPT:
        chosen = [_some(seen.train, len(seen.fake), seed) for seed in range(CHOICES)]
        found = [_compared(seen.test, rows, k, reach) for rows in chosen]
        floors = {name: sum(one[name].value for one in found) / CHOICES for name in found[0]}
        if reach is not None:
            first, rest = seen.test.tensor_split(2)
            floors["memorisation"] = memorisation(seen.train, first, rest).value
        KEPT[key] = floors
    return KEPT[key]


def _compared(real: Tensor, fake: Tensor, k: int, reach: Tensor | None) -> dict[str, Estimate]:
    """The figures of one sample beside another, all of them where the radii of the real one are given."""
    found = {
        "frechet": frechet_distance(real, fake),
        "kernel_distance": kernel_distance(real, fake),
        "told_apart": Estimate(*told_apart(real, fake)),
    }
    if reach is not None:
        cover = manifolds(real, fake, k, reach)
        found |= {name: Estimate(*mean_error(rows)) for name, rows in cover._asdict().items()}
    return found


def _some(rows: Tensor, n: int, seed: int) -> Tensor:
    """n different rows, or all if there are fewer."""
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:n]]
