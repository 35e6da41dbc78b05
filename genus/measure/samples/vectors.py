"""Vectors of unknown density, such as rows of a table: distances of samples from real rows.

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
    fake: Tensor, train: Tensor, test: Tensor, protocol: dict[str, Any]
) -> list[Figure]:
    """The energy distance; its floor is that of as many training rows.

    Args:
        fake: samples, (n, d).
        train: real rows, (m, d), which give the unit, and take the place of samples for the floor.
        test: real rows with which samples are compared, (k, d), at most n of them.
        protocol: description of the data for the figure.
    """
    fake, train, test = (x.double() for x in (fake, train, test))
    std = train.std(0)
    fake, train, test = (x / std.where(std > 0, 1.0) for x in (fake, train, test))
    real, stand_in = test[: len(fake)], train[: len(fake)]
    value, error = unbiased_energy_distance(fake, real)
    known = {
        **protocol,
        "samples": len(fake),
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
