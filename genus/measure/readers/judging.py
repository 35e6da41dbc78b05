"""Figures of samples of a world, which a reader reads: what no distance between features can say.

    refused                  share of samples that cannot be read as a picture of the world
    impossible               share of the others in which two labels come together that never do in the
                             truth of the training rows, such as a child's face and a full beard
    law_NAME                 largest difference between the share of samples that show a value of a label
                             and the share of training rows, among those in which the label shows
    correlations_kept        how much of the correlations of values of different labels samples keep: 1 if
                             they have those of the training rows, 0 if they have none

Only labels that are read well enough at the size of the pictures are used. The training rows' shares are
those of the truth; a floor is the same figure of real rows as the reader reads them, with its mistakes.
"""

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ...core import Space
from ...data.worlds.parameters import Choice, Parameters
from ..figures import Figure
from .reader import Reader, Readings
from .truth import shown

FEWEST = 20  # readable samples, and test rows


class SeenLabels(NamedTuple):
    """What is known of n rows: the value of each label, -1 where it does not show, and what is refused."""

    values: dict[str, Tensor]  # by name, (n,) int64
    refused: Tensor  # (n,) bool

    def readable(self) -> "SeenLabels":
        """The rows that are not refused."""
        there = ~self.refused
        return SeenLabels(
            {name: value[there] for name, value in self.values.items()}, self.refused[there]
        )


def seen_by(reader: Reader, blocks: Iterable[Tensor], space: Space) -> SeenLabels:
    """What a reader sees in pictures that come some at once."""
    readings = [reader.read(x, space) for x in blocks]
    labels = [one.name for one in reader.labels]
    values = {
        name: torch.cat([_where_shown(reading, name) for reading in readings]) for name in labels
    }
    return SeenLabels(values, torch.cat([reading.refused for reading in readings]))


def _where_shown(reading: Readings, name: str) -> Tensor:
    return torch.where(reading.shows[name], reading.labels[name], -1)


def known_of(labels: Iterable[Choice], found: Parameters) -> SeenLabels:
    """The truth of rows, as a reader without mistakes sees it."""
    values = {one.name: torch.where(shown(one, found), found[one.name], -1) for one in labels}
    n = len(next(iter(found.values())))
    return SeenLabels(values, torch.zeros(n, dtype=torch.bool))


def reader_figures(
    labels: list[Choice],
    fake: SeenLabels,
    real: SeenLabels,
    truth: SeenLabels,
    protocol: dict[str, Any],
) -> list[Figure]:
    """The figures of samples.

    Args:
        labels: labels that are trusted.
        fake: what the reader sees in samples.
        real: what it sees in test rows.
        truth: truth of the training rows.
        protocol: description of the data for the figures, with the reader.
    """
    floor_rows = min(len(fake.refused), len(real.refused))
    some = SeenLabels(
        {name: value[:floor_rows] for name, value in real.values.items()}, real.refused[:floor_rows]
    )
    known = {**protocol, "samples": len(fake.refused), "floor_rows": floor_rows}
    figures = [_share("refused", fake.refused, some.refused, known)]
    fake, some = fake.readable(), some.readable()
    if min(len(fake.refused), len(some.refused)) < FEWEST:
        return figures
    figures.append(
        _share("impossible", *(impossible(labels, rows, truth) for rows in (fake, some)), known)
    )
    for one in labels:
        (value, error), (floor, _) = (law_apart(one, rows, truth) for rows in (fake, some))
        if not math.isnan(value):
            figures.append(_figure(f"law_{one.name}", value, error, floor, known))
    if len(labels) > 1:
        kept, floor = (correlations_kept(labels, rows, truth) for rows in (fake, some))
        how = {"name": "samples"}
        figures.append(
            Figure("correlations_kept", kept, "share", known, "~", None, floor, "floor", how)
        )
    return figures


def impossible(labels: list[Choice], rows: SeenLabels, truth: SeenLabels) -> Tensor:
    """Whether two labels of a row come together that never do in the truth, (n,) bool."""
    found = torch.zeros(len(rows.refused), dtype=torch.bool)
    for i, one in enumerate(labels):
        for other in labels[:i]:
            width = len(other.names) + 1  # -1, what does not show, counts as a value
            shape = (len(one.names) + 1) * width
            pairs = [
                (side.values[one.name] + 1) * width + side.values[other.name] + 1
                for side in (truth, rows)
            ]
            never = torch.bincount(pairs[0], minlength=shape) == 0
            found |= never[pairs[1]]
    return found


def law_apart(one: Choice, rows: SeenLabels, truth: SeenLabels) -> tuple[float, float]:
    """The largest difference of the shares of a value, where the label shows, and its standard error.

    Both are NaN if it shows nowhere.
    """
    shares, sizes = [], []
    for side in (rows, truth):
        values = side.values[one.name]
        counts = torch.bincount(values[values >= 0], minlength=len(one.values)).double()
        shares.append(counts / counts.sum())
        sizes.append(counts.sum().item())
    if min(sizes) == 0:
        return math.nan, math.nan
    apart = (shares[0] - shares[1]).abs()
    which = apart.argmax()
    spread = sum(
        (share[which] * (1 - share[which])).item() / size
        for share, size in zip(shares, sizes, strict=True)
    )
    return apart[which].item(), spread**0.5


def correlations_kept(labels: list[Choice], rows: SeenLabels, truth: SeenLabels) -> float:
    """The slope of the correlations of rows over the true ones, of any two values of different labels.

    The squares of the true ones are too large by the noise of their rows, 1 / n each, which is taken off.
    """
    own, other = (_correlations(labels, side) for side in (rows, truth))
    which = torch.cat([torch.full((len(one.values),), i) for i, one in enumerate(labels)])
    different = which[:, None] > which
    own, other = own[different], other[different]
    noise = len(other) / len(truth.refused)
    return ((own * other).sum() / (other.square().sum() - noise)).item()


def _correlations(labels: list[Choice], rows: SeenLabels) -> Tensor:
    """Correlations of the indicators of all values; 0 with one that is constant."""
    columns = [
        (rows.values[one.name][:, None] == torch.arange(len(one.values))).double() for one in labels
    ]
    x = torch.cat(columns, 1)
    away = x - x.mean(0)
    unit = away.norm(dim=0)
    away = away / torch.where(unit > 0, unit, 1.0)
    return away.T @ away


def _share(name: str, fake: Tensor, real: Tensor, known: dict[str, Any]) -> Figure:
    share = fake.double().mean().item()
    error = (share * (1 - share) / len(fake)) ** 0.5
    return _figure(name, share, error, real.double().mean().item(), known, "share")


def _figure(
    name: str,
    value: float,
    error: float | None,
    floor: float,
    known: dict[str, Any],
    unit: Literal["", "share"] = "",
) -> Figure:
    how = {"name": "samples"}
    return Figure(name, value, unit, known, "~", error, floor, "lower", how)
