"""Kernels around the training rows, for vectors or for pixels."""

from ...core import Model, Pixels, Reals
from ...density import Dequantised, KernelDensity
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=1)


def kde(
    data: str = "moons",
    bandwidth: float | None = None,
    rows: int = 3000,
    floor: float = 1e-6,
    run: Run = RUN,
) -> Model:
    """KernelDensity on two moons; target: 0.02 nats from the truth.

    Args:
        data: name or path of a data set of vectors or pixels.
        bandwidth: width of the kernels in deviations of each column; by default the one that makes each
            row most likely under the kernels of the others.
        rows: largest number of different rows that the bandwidth is found on.
        floor: smallest variance of a kernel in any direction, in the square of the data's unit.
        run: length, folder and device of the run; one round is all it takes.
    """
    source, space = loaded("kde", data, run)
    if isinstance(space, Pixels):
        inner = KernelDensity(Reals(space.shape), bandwidth, rows, floor)
        model = Dequantised(inner, space)
    else:
        model = KernelDensity(space, bandwidth, rows, floor)
    return fitted(model, source, run, schedule=None)
