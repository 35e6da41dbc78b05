"""Rows of tables beside real rows: column by column, pair by pair, and record by record.

    marginals        the largest distance of the two distribution functions of a column, the mean of all
                     columns [Kolmogorov-Smirnov]
    correlations     the difference of the two correlations of two columns, the mean of all pairs
    told_apart_trees the share of rows that a random forest tells right
    copies           the share of samples that lie nearer to a training row than real rows do but once in
                     a hundred: 0.01 for new rows of the same kind, 1 for copies

Where columns are given with each row, correlations and trees see them beside the others. The share that a
classifier tells apart (the propensity of a row to be a sample) stands in `samples.two_sample`, the distance
to the closest record as `memorisation` in `samples.samples`.
"""

from typing import Any

import torch
from torch import Tensor

from ...functional.densities.neighbours import nearest
from ..figures import Figure
from .two_sample import told_apart_by_trees

USUAL = 0.01  # share of real rows that lie so near to a training row


def marginals(real: Tensor, fake: Tensor) -> Tensor:
    """The Kolmogorov-Smirnov distance of each column, (d,), of rows (n, d) and (m, d)."""
    found = []
    for a, b in zip(real.T.contiguous(), fake.T.contiguous(), strict=True):
        places = torch.cat([a, b])
        below = [torch.searchsorted(x.sort().values, places, right=True) / len(x) for x in (a, b)]
        found.append((below[0] - below[1]).abs().max())
    return torch.stack(found)


def correlations(x: Tensor) -> Tensor:
    """Correlations of all pairs of different columns, (d (d - 1) / 2,); 0 with a constant column."""
    away = x - x.mean(0)
    unit = away.norm(dim=0)
    away = away / unit.where(unit > 0, 1.0)
    first, second = torch.triu_indices(x.shape[1], x.shape[1], 1)
    return (away.T @ away)[first, second]


def copies(train: Tensor, test: Tensor, fake: Tensor) -> Tensor:
    """Whether each sample lies nearer to a training row than all but a hundredth of the test rows."""
    usual = nearest(test, train)[0].quantile(USUAL)
    own = nearest(fake, train)[0]
    return ((own < usual) | (own == 0) & (usual > 0)).double()


def table_figures(
    fake: Tensor,
    train: Tensor,
    test: Tensor,
    protocol: dict[str, Any],
    given: tuple[Tensor, Tensor, Tensor] | None = None,
) -> list[Figure]:
    """The figures of rows of a table; each floor is that of as many training rows.

    Args:
        fake: samples, (n, d).
        train: training rows, (m, d).
        test: unseen rows, (k, d).
        protocol: description of the data for the figures.
        given: what is given with each of these rows, (n, l), (m, l) and (k, l), if anything is.
    """
    fake, train, test = (x.flatten(1).double() for x in (fake, train, test))
    deviation = train.std(0)
    unit = deviation.where(deviation > 0, 1.0)
    stand_in, half = train[: len(fake)], len(test) // 2
    known = {
        **protocol,
        "samples": len(fake),
        "real_rows": len(test),
        "floor_rows": len(stand_in),
    }
    values = {
        "marginals": (marginals(test, fake).mean(), marginals(test, stand_in).mean()),
    }
    sides = (fake, stand_in, test)
    if given is not None:
        beside = (given[0], given[1][: len(fake)], given[2])
        sides = tuple(torch.cat([x, c.double()], 1) for x, c in zip(sides, beside, strict=True))
    if sides[0].shape[1] > 1:
        joint, other, own = map(correlations, sides)
        values["correlations"] = ((joint - own).abs().mean(), (other - own).abs().mean())
    trees, usual_trees = (told_apart_by_trees(sides[2], x) for x in sides[:2])
    near = copies(train / unit, test / unit, fake / unit)
    usual = copies(train / unit, test[:half] / unit, test[half:] / unit)
    figures = [
        Figure(name, value.item(), "", known, "~", None, floor.item(), "lower", {"name": "samples"})
        for name, (value, floor) in values.items()
    ]
    figures.append(
        Figure(
            "told_apart_trees",
            trees[0],
            "share",
            known,
            "~",
            trees[1],
            usual_trees[0],
            "floor",
            {"name": "samples"},
        )
    )
    error = (near.var() / len(near)).sqrt().item()
    floor = usual.mean().item()
    return [
        *figures,
        Figure(
            "copies",
            near.mean().item(),
            "share",
            known,
            "~",
            error,
            floor,
            "floor",
            {"name": "samples"},
        ),
    ]
