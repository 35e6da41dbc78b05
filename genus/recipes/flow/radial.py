"""Radial flow: swellings and pinches around one point each, which are put in a list.

Source: Rezende, Mohamed, "Variational inference with normalizing flows", 2015, arXiv:1505.05770.

Departs: it learns a density from data, through the map from x to z, where the paper draws a posterior
    through the map from z to x; features are standardised first.
"""

from ...core import Model, Reals
from ...flow import Radial
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow

RUN = Run(rounds=4000, batch=256, lr=5e-3, clip=1.0, ema=0.99)


def radial(data: str = "moons", swellings: int = 32, run: Run = RUN) -> Model:
    """Radial flow on two moons; target: 0.2 nats from the truth.

    Args:
        data: name or path of a data set of vectors.
        swellings: number of radial maps, each around one point.
        run: length, folder and device of the run.
    """
    source, space = loaded("radial", data, run, Reals, axes="d")
    return fitted_flow([Radial(space.dims) for _ in range(swellings)], source, space, run)
