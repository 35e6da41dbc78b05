"""What samples are worth, through the eyes of an oracle, each beside what real rows are worth.

    frechet              squared Frechet distance of the features, as Gaussians            [FID]
    kernel_distance      squared maximum mean discrepancy, kernel (a . b / d + 1)^3        [KID]
    precision, density   do samples lie where real rows lie?
    recall, coverage     do they lie wherever real rows lie?
    classes, class_kl    which classes there are, and KL(histogram of samples || of real rows)
    diversity            mean distance of two samples of one class
    memorisation         how near the learning rows are, over how near they are to the test rows

The floor of a figure is the same figure of n learning rows in the place of the n samples, the mean of
some choices of rows. It is not zero: 300 rows are not their distribution. How many rows there are of each class is left to chance,
as in samples, since splits may have been cut so that each has the same share: a perfect model then
comes down to the floor, and not below. All features are float64.

Source: Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, "GANs trained by a two time-scale update
    rule converge to a local Nash equilibrium", 2017, arXiv:1706.08500 (Frechet distance).
    Binkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs", 2018, arXiv:1801.01401 (kernel).
    The others in `functional.densities.neighbours`.
Departs: the features are those of a small classifier of the data set, so no value here compares with a
    published FID or KID.
"""

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ...errors import Refused
from ...functional.densities.distances import (
    frechet,
    kl_histograms,
    mmd,
    moments,
    polynomial_kernel,
)
from ...functional.densities.estimates import jackknife, mean_error
from ...functional.densities.neighbours import distances, manifolds, nearest
from ..figures import Figure
from ..oracles import OracleOutput

CHOICES = 5  # of rows, whose mean is the floor
COVERED = 0.1  # a class counts if it has this part of the share that it has among real rows


class Estimate(NamedTuple):
    """A value and its standard error, over draws of the samples; None if it is not known."""

    value: float
    error: float | None


def frechet_distance(real: Tensor, made: Tensor) -> Estimate:
    """The Frechet distance of features (n, d) and (m, d). Too high by about 1 / n + 1 / m."""
    mean, cov = moments(real)

    def distance(rows: Tensor) -> Tensor:
        return frechet(mean, cov, *moments(rows))

    return Estimate(distance(made).item(), jackknife(distance, made))


def kernel_distance(real: Tensor, made: Tensor) -> Estimate:
    """The squared MMD, unbiased: it may be negative. Its error covers draws of both sides."""
    value, error = mmd(
        polynomial_kernel(real, real), polynomial_kernel(made, made), polynomial_kernel(real, made)
    )
    return Estimate(value.item(), error.item())


def class_kl(real: Tensor, made: Tensor, classes: int) -> Estimate:
    """KL(made || real) of class histograms, nats: (n,) and (m,) int64. Too high by (classes - 1) / 2m."""
    reference = torch.bincount(real, minlength=classes).double()

    def divergence(rows: Tensor) -> Tensor:
        return kl_histograms(torch.bincount(rows, minlength=classes).double(), reference)

    return Estimate(divergence(made).item(), jackknife(divergence, made))


def classes_covered(real: Tensor, made: Tensor, classes: int) -> int:
    """How many classes have at least `COVERED` of the share among samples that they have in truth."""
    true, found = (torch.bincount(x, minlength=classes) / len(x) for x in (real, made))
    return int(((found >= COVERED * true) & (true > 0)).sum())


def diversity(seen: OracleOutput) -> Estimate:
    """The mean distance of two rows of one class, over all such pairs; 0 if there are none."""

    def spread(rows: Tensor) -> Tensor:
        features, classes = seen.features[rows], seen.classes[rows]
        total, pairs = torch.zeros((), dtype=torch.float64), 0
        for label in classes.unique():
            own = features[classes == label]
            total += distances(own, own).sum()
            pairs += len(own) * (len(own) - 1)
        return total / max(pairs, 1)

    everyone = torch.arange(len(seen.features))
    return Estimate(spread(everyone).item(), jackknife(spread, everyone))


def memorisation(train: Tensor, test: Tensor, made: Tensor) -> Estimate:
    """The median distance of samples to their nearest learning row, over that of test rows.

    About 1 for new rows of the same kind, 0 for copies. Above 1 the samples are far from all rows:
    then look at precision.

    Args:
        train, test, made: features, (n, d), (l, d) and (m, d).
    """
    usual = nearest(test, train)[0].median()
    own = nearest(made, train)[0]
    ratio = jackknife(lambda rows: rows.median() / usual, own)
    return Estimate((own.median() / usual).item(), ratio)


def fidelity(real: OracleOutput, made: OracleOutput, classes: int, k: int) -> dict[str, Estimate]:
    """All of the above that compare samples with test rows."""
    cover = manifolds(real.features, made.features, k)
    return {
        "frechet": frechet_distance(real.features, made.features),
        "kernel_distance": kernel_distance(real.features, made.features),
        **{name: Estimate(*mean_error(rows)) for name, rows in cover._asdict().items()},
        "classes": Estimate(classes_covered(real.classes, made.classes, classes), None),
        "class_kl": class_kl(real.classes, made.classes, classes),
        "diversity": diversity(made),
    }


UNITS: dict[str, tuple[str, Literal["lower", "higher", "floor"]]] = {
    "frechet": ("", "lower"),
    "kernel_distance": ("", "lower"),
    "precision": ("share", "higher"),
    "recall": ("share", "higher"),
    "density": ("", "higher"),
    "coverage": ("share", "higher"),
    "classes": ("classes", "higher"),
    "class_kl": ("nats", "lower"),
    "diversity": ("feature distance", "floor"),
    "memorisation": ("ratio", "floor"),
    "right_class": ("share", "higher"),
}


def sample_figures(
    made: OracleOutput,
    train: OracleOutput,
    test: OracleOutput,
    classes: int,
    protocol: dict[str, Any],
    k: int = 5,
    asked: Tensor | None = None,
    labels: Tensor | None = None,
) -> list[Figure]:
    """All figures of samples, each with its floor. All rows must come in no order.

    Args:
        made: the samples, as the oracle sees them.
        train: learning rows; as many of them as there are samples make the floor.
        test: rows that nobody has learnt from.
        classes: how many there are.
        protocol: what the figures say of the data.
        k: which neighbour bounds a ball, for precision, recall, density and coverage.
        asked: the class that each sample was asked to be, (m,), if it was.
        labels: the true classes of the test rows, if they are known: the floor of `asked`.
    """
    n = len(made.features)
    if min(n, len(test.features)) <= max(k, 10):
        raise Refused(
            f"sample_figures: {n} samples and {len(test.features)} test rows; more than "
            f"{max(k, 10)} of each are wanted"
        )
    values = fidelity(test, made, classes, k)
    choices = [as_drawn(train.classes, n, seed) for seed in range(CHOICES)]
    real = [fidelity(test, OracleOutput(*(x[rows] for x in train)), classes, k) for rows in choices]
    floors = {name: sum(one[name].value for one in real) / CHOICES for name in values}
    half = len(test.features) // 2
    values["memorisation"] = memorisation(train.features, test.features, made.features)
    first, rest = test.features[:half], test.features[half:]
    floors["memorisation"] = memorisation(train.features, first, rest).value
    if asked is not None:
        values["right_class"] = Estimate(*mean_error((made.classes == asked).double()))
    if asked is not None and labels is not None:
        floors["right_class"] = (test.classes == labels).double().mean().item()
    known = {
        **protocol,
        "samples": n,
        "floor_rows": len(choices[0]),
        "neighbours": k,
    }
    return [_figure(name, value, floors.get(name), known) for name, value in values.items()]


def as_drawn(classes: Tensor, n: int, seed: int) -> Tensor:
    """Numbers of different rows, as many of each class as n independent draws would have.

    A few less than n, if there are not enough rows of a class.
    """
    chance = torch.Generator().manual_seed(seed)
    wanted = classes[torch.randint(len(classes), (n,), generator=chance)].bincount()
    order = torch.randperm(len(classes), generator=chance)
    rows = [order[classes[order] == label][:count] for label, count in enumerate(wanted)]
    return torch.cat(rows)


def _figure(name: str, estimate: Estimate, floor: float | None, protocol: dict[str, Any]) -> Figure:
    unit, better = UNITS[name]
    return Figure(
        name,
        estimate.value,
        unit,
        protocol,
        sign="~",
        error=None if estimate.error is None or math.isnan(estimate.error) else estimate.error,
        floor=floor,
        better=better,
        estimator={"name": "samples"},
    )
