"""FFJORD: data that drift into noise along a learned field, and back.

Source: Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, "FFJORD: free-form continuous dynamics for
    scalable reversible generative models", 2019, arXiv:1810.01367.

Departs: the trace is exact in training; features are standardised first; two hidden layers.
"""

from ...core import Model, Reals
from ...flow import ConcatSquash, Continuous
from ...functional.numerics.integrators import DormandPrince
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow

RUN = Run(rounds=3000, batch=256, lr=3e-2, clip=1.0, ema=0.99)  # its weights change a lot


def ffjord(
    data: str = "moons", maps: int = 1, width: int = 64, tolerance: float = 1e-4, run: Run = RUN
) -> Model:
    """FFJORD on two moons; target: 0.02 nats from the truth.

    Args:
        data: name or path of a data set of vectors.
        maps: number of continuous flows, one after another, each for a unit of time.
        width: units of each of the two hidden layers of a flow's network.
        tolerance: relative and absolute tolerance of the solver, per step.
        run: length, folder and device of the run.
    """
    source, space = loaded("ffjord", data, run, Reals, axes="d")
    d, solver = space.dims, DormandPrince(tolerance, tolerance)
    fields = [Continuous(ConcatSquash(d, width), solver) for _ in range(maps)]
    return fitted_flow(fields, source, space, run)
