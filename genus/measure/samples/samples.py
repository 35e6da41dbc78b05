"""Figures of samples as an oracle sees them, each with the same figure of real rows.

    frechet              squared Frechet distance of the features, as Gaussians            [FID]
    kernel_distance      squared maximum mean discrepancy, kernel (a . b / d + 1)^3        [KID]
    precision, density   do samples lie where real rows lie?
    recall, coverage     do they lie wherever real rows lie?
    classes, class_kl    number of classes found, and KL(histogram of samples || of real rows)
    diversity            mean distance of two samples of one class
    memorisation         distance of samples to the training rows, over that of test rows

The floor of a figure is the same figure of n training rows in the place of the n samples, the mean
of some choices of rows. It is not zero, for 300 rows differ from their distribution. The number of
rows of each class is random, as in samples, since splits may have been cut so that each has the
same share: so a perfect model reaches the floor, and is not below it. All features are float64.

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
    mmd_in_blocks,
    moments,
    polynomial_kernel,
)
from ...functional.densities.estimates import jackknife, mean_error
from ...functional.densities.neighbours import distances, manifolds, nearest
from ..figures import Figure
from ..oracles import OracleOutput

CHOICES = 5  # choices of rows, whose mean is the floor
AT_ONCE = 2**26  # pairs of rows whose distances are held
COVERED = 0.1  # a class counts if it has this part of the share that it has among real rows


class Estimate(NamedTuple):
    """A value and its standard error, over draws of the samples; None if it is not known."""

    value: float
    error: float | None


def frechet_distance(real: Tensor, fake: Tensor) -> Estimate:
    """The Frechet distance of features (n, d) and (m, d). Too high by about 1 / n + 1 / m."""
    mean, cov = moments(real)

    def distance(rows: Tensor) -> Tensor:
        return frechet(mean, cov, *moments(rows))

    return Estimate(distance(fake).item(), jackknife(distance, fake))


def kernel_distance(real: Tensor, fake: Tensor) -> Estimate:
    """The squared MMD, unbiased: it may be negative. Its error covers draws of both sides."""
    value, error = mmd_in_blocks(polynomial_kernel, real, fake)
    return Estimate(value.item(), error.item())


def class_kl(real: Tensor, fake: Tensor, classes: int) -> Estimate:
    """KL(fake || real) of class histograms, (n,) and (m,), nats. Too high by (classes - 1) / 2m."""
    reference = torch.bincount(real, minlength=classes).double()

    def divergence(rows: Tensor) -> Tensor:
        return kl_histograms(torch.bincount(rows, minlength=classes).double(), reference)

    return Estimate(divergence(fake).item(), jackknife(divergence, fake))


def classes_covered(real: Tensor, fake: Tensor, classes: int) -> int:
    """The number of classes whose share among samples is at least `COVERED` of the true share."""
    true, found = (torch.bincount(x, minlength=classes) / len(x) for x in (real, fake))
    return int(((found >= COVERED * true) & (true > 0)).sum())


def diversity(seen: OracleOutput) -> Estimate:
    """The mean distance of two rows of one class, over all such pairs; 0 if there are none."""

    def spread(rows: Tensor) -> Tensor:
        features, classes = seen.features[rows], seen.classes[rows]
        total, pairs = torch.zeros((), dtype=torch.float64), 0
        for label in classes.unique():
            own = features[classes == label]
            blocks = own.split(max(1, AT_ONCE // len(own)))
            total += torch.stack([distances(rows, own).sum() for rows in blocks]).sum()
            pairs += len(own) * (len(own) - 1)
        return total / max(pairs, 1)

    everyone = torch.arange(len(seen.features))
    return Estimate(spread(everyone).item(), jackknife(spread, everyone))


def memorisation(train: Tensor, test: Tensor, fake: Tensor) -> Estimate:
    """The median distance of samples to their nearest training row, over that of test rows.

    It is about 1 for new rows of the same kind, 0 for copies. Above 1 the samples are far from all
    rows: precision then shows by how much.

    Args:
        train, test, fake: features, (n, d), (l, d) and (m, d).
    """
    usual = nearest(test, train)[0].median()
    own = nearest(fake, train)[0]
    ratio = jackknife(lambda rows: rows.median() / usual, own)
    return Estimate((own.median() / usual).item(), ratio)


def fidelity(real: OracleOutput, fake: OracleOutput, classes: int, k: int) -> dict[str, Estimate]:
    """The figures that compare samples with test rows."""
    cover = manifolds(real.features, fake.features, k)
    return {
        "frechet": frechet_distance(real.features, fake.features),
        "kernel_distance": kernel_distance(real.features, fake.features),
        **{name: Estimate(*mean_error(rows)) for name, rows in cover._asdict().items()},
        "classes": Estimate(classes_covered(real.classes, fake.classes, classes), None),
        "class_kl": class_kl(real.classes, fake.classes, classes),
        "diversity": diversity(fake),
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
    "told_apart": ("share", "floor"),
    "memorisation": ("ratio", "floor"),
    "right_class": ("share", "higher"),
}


def sample_figures(
    fake: OracleOutput,
    train: OracleOutput,
    test: OracleOutput,
    classes: int,
    protocol: dict[str, Any],
    k: int = 5,
    wanted: Tensor | None = None,
    labels: Tensor | None = None,
) -> list[Figure]:
    """All figures of samples, each with its floor. All rows must come in no order.

    Args:
        fake: samples, as the oracle sees them.
        train: training rows; as many of them as there are samples give the floor.
        test: unseen rows.
        classes: number of classes.
        protocol: description of the data for the figures.
        k: neighbour that bounds a ball, for precision, recall, density and coverage.
        wanted: class given to the model for each sample, (m,), if there are classes.
        labels: true classes of the test rows, if they are known, for the floor of `wanted`.
    """
    n = len(fake.features)
    if min(n, len(test.features)) <= max(k, 10):
        raise Refused(
            f"sample_figures: {n} samples and {len(test.features)} test rows; more than "
            f"{max(k, 10)} of each are wanted"
        )
    values = fidelity(test, fake, classes, k)
    choices = [as_drawn(train.classes, n, seed) for seed in range(CHOICES)]
    real = [fidelity(test, OracleOutput(*(x[rows] for x in train)), classes, k) for rows in choices]
    floors = {name: sum(one[name].value for one in real) / CHOICES for name in values}
    half = len(test.features) // 2
    values["memorisation"] = memorisation(train.features, test.features, fake.features)
    first, rest = test.features[:half], test.features[half:]
    floors["memorisation"] = memorisation(train.features, first, rest).value
    if wanted is not None:
        values["right_class"] = Estimate(*mean_error((fake.classes == wanted).double()))
    if wanted is not None and labels is not None:
        floors["right_class"] = (test.classes == labels).double().mean().item()
    known = {
        **protocol,
        "samples": n,
        "floor_rows": len(choices[0]),
        "neighbours": k,
    }
    return [sampled(name, value, floors.get(name), known) for name, value in values.items()]


def as_drawn(classes: Tensor, n: int, seed: int) -> Tensor:
    """Numbers of different rows, as many of each class as n independent draws would have.

    A few less than n, if there are not enough rows of a class.
    """
    chance = torch.Generator().manual_seed(seed)
    wanted = classes[torch.randint(len(classes), (n,), generator=chance)].bincount()
    order = torch.randperm(len(classes), generator=chance)
    rows = [order[classes[order] == label][:count] for label, count in enumerate(wanted)]
    return torch.cat(rows)


def sampled(
    name: str, estimate: Estimate, floor: float | None, protocol: dict[str, Any], end: str = ""
) -> Figure:
    """A figure of samples.

    Args:
        name: name in `UNITS`.
        estimate: value and its error.
        floor: value of real rows.
        protocol: description of data and samples.
        end: end of the name of the figure, by which extractors are told apart.
    """
    unit, better = UNITS[name]
    return Figure(
        name + end,
        estimate.value,
        unit,
        protocol,
        sign="~",
        error=None if estimate.error is None or math.isnan(estimate.error) else estimate.error,
        floor=floor,
        better=better,
        estimator={"name": "samples"},
    )
