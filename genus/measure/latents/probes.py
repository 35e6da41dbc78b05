"""What a code knows of classes that it was not told: how easily simple readers find them in it.

    linear       share of test rows that a logistic regression of all training codes gets right, whose weight decay
                 validation rows chose
    neighbours   the same of the majority of the five nearest training codes
    few          the same of a logistic regression that has seen so many codes of each class; mean and standard
                 deviation over draws of these
    clusters     normalised mutual information of the classes of test rows and the clusters that k-means found in
                 training codes without any label, as many as there are classes; from 0 to 1

Each unit of a code is shifted and scaled to mean 0 and deviation 1 over training rows, and units that are the same for
all rows are left out. Readers are scikit-learn's.

Source: linear probes: Alain, Bengio, "Understanding intermediate layers using linear classifier probes", 2017,
    arXiv:1610.01644.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...core import Refused, at_least

NEIGHBOURS, DRAWS = 5, 10
DECAYS = (0.01, 0.1, 1.0, 10.0, 100.0)
FEW = (1, 2, 5, 10, 50)

Labelled = tuple[Tensor, Tensor]  # codes, (n, ...), and their classes, (n,) int64


class Probes(NamedTuple):
    """What readers found in a code."""

    linear: float
    neighbours: float
    few: dict[int, tuple[float, float]]  # by labels of each class
    clusters: float
    units: int


def probes(
    train: Labelled, validation: Labelled, test: Labelled, few: Sequence[int] = FEW
) -> Probes:
    """How much of the classes simple readers find in a code.

    Args:
        train, validation, test: codes and classes of rows that have nothing in common.
        few: numbers of labels of each class, at least 1; those of which a class has too few rows are left out.

    Raises:
        Refused: other rows have a class that training rows have not, or codes are not finite.
    """
    from sklearn.cluster import KMeans  # take half a second
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.neighbors import KNeighborsClassifier

    for number in few:
        at_least(1, "probes", **{"few labels of a class": number})
    (x, y), (x_val, y_val), (x_test, y_test) = _standard(train, validation, test)
    classes = y.unique()
    if len(classes) < 2:
        raise Refused(f"probes: training rows have {len(classes)} class; 2 or more are wanted")
    decays = {c: _logistic(x, y, c) for c in DECAYS}
    best = max(decays.values(), key=lambda one: one.score(x_val, y_val))
    near = KNeighborsClassifier(min(NEIGHBOURS, len(x))).fit(x, y)
    starts: Any = 10
    means = KMeans(len(classes), n_init=starts, random_state=0).fit(x)
    counts = y.bincount()
    return Probes(
        float(best.score(x_test, y_test)),
        float(near.score(x_test, y_test)),
        {
            number: _of_few(x, y, x_test, y_test, number)
            for number in few
            if number <= int(counts[classes].min())
        },
        float(normalized_mutual_info_score(y_test, means.predict(x_test))),
        x.shape[1],
    )


def _of_few(
    x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor, number: int
) -> tuple[float, float]:
    """Share of right rows from so many labels of each class, over draws of these."""
    found = []
    for draw in range(DRAWS):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(draw))
        rows = torch.cat([order[y[order] == label][:number] for label in y.unique()])
        found.append(float(_logistic(x[rows], y[rows], 1.0).score(x_test, y_test)))
    values = torch.tensor(found, dtype=torch.float64)
    return values.mean().item(), values.std().item()


def _logistic(x: Tensor, y: Tensor, c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, max_iter=2000).fit(x, y)


def _standard(*parts: Labelled) -> list[Labelled]:
    """Flat codes in double precision, standardised by those of the first part."""
    flat = [(x.detach().cpu().double().flatten(1), y.cpu()) for x, y in parts]
    first, classes = flat[0][0], set(flat[0][1].tolist())
    for (x, y), name in zip(flat, ("training", "validation", "test"), strict=True):
        if len(x) != len(y) or not len(x) or not x.isfinite().all():
            raise Refused(
                f"probes: {len(x)} {name} codes with {len(y)} classes; as many of both, at least 1, all finite, are wanted"
            )
        if set(y.tolist()) - classes:
            raise Refused(f"probes: {name} rows have classes that training rows have not")
    mean, deviation = first.mean(0), first.std(0, correction=0)
    kept = deviation > 1e-9 * (1 + mean.abs())
    if not kept.any():
        raise Refused("probes: all codes are the same; a code that depends on x is wanted")
    return [((x[:, kept] - mean[kept]) / deviation[kept], y) for x, y in flat]
