"""Vectors whose truth is not known, such as rows of a table: how far samples are from real rows.

    energy_distance     2 E|x - y| - E|x - x'| - E|y - y'|, of samples x and test rows y

It is zero for one distribution and above it for any two, whatever the shape of either, needs neither an
oracle nor a width, and has no bias: real rows score zero but for chance. Features count in units of their
deviation over the training rows.

Source: Szekely, Rizzo, "Energy statistics: a class of statistics based on distances", 2013, Journal of
    Statistical Planning and Inference 143.
"""

from typing import Any

from torch import Tensor

from ...functional.densities.distances import unbiased_energy_distance
from ..figures import Figure


def vector_figures(
    made: Tensor, train: Tensor, test: Tensor, protocol: dict[str, Any]
) -> list[Figure]:
    """The energy distance, its floor being that of as many training rows.

    Args:
        made: samples, (n, d).
        train: real rows, (m, d): they give the unit, and stand in the place of samples for the floor.
        test: real rows that samples are compared with, (k, d), at most n of them.
        protocol: what every figure says of the data.
    """
    made, train, test = (x.double() for x in (made, train, test))
    std = train.std(0)
    made, train, test = (x / std.where(std > 0, 1.0) for x in (made, train, test))
    real, stand_in = test[: len(made)], train[: len(made)]
    value, error = unbiased_energy_distance(made, real)
    known = {
        **protocol,
        "samples": len(made),
        "real_rows": len(real),
        "floor_rows": len(stand_in),
    }
    return [
        Figure(
            "energy_distance",
            value.item(),
            "",
            known,
            "~",
            error.item(),
            unbiased_energy_distance(stand_in, real)[0].item(),
            "lower",
            {"name": "samples"},
        )
    ]
