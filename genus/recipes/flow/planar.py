"""Planar flow: bends along one direction each, which are put in a list.

Source: Rezende, Mohamed, "Variational inference with normalizing flows", 2015, arXiv:1505.05770.

Departs: it learns a density from data, through the map from x to z, where the paper draws a posterior
    through the map from z to x; features are standardised first.
"""

from ...core import Model, Reals
from ...flow import Planar
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow

RUN = Run(rounds=4000, batch=256, lr=5e-3, clip=1.0, ema=0.99)


def planar(data: str = "moons", bends: int = 32, run: Run = RUN) -> Model:
    """Planar flow on two moons; target: 0.02 nats from the truth, with 160 numbers.

    Args:
        data: name or path of a data set of vectors.
        bends: number of planar maps, each along one direction.
        run: length, folder and device of the run.
    """
    source, space = loaded("planar", data, run, Reals, axes="d")
    return fitted_flow([Planar(space.dims) for _ in range(bends)], source, space, run)
