"""MAF: masked autoregressive maps that take turns in their order; sampled in one pass each.

Source: Papamakarios, Pavlakou, Murray, "Masked autoregressive flow for density estimation", 2017,
    arXiv:1705.07057.

Departs: features are standardised first, and no batch normalisation stands between the maps.
"""

from ...core import Model, Reals
from ...flow import Autoregressive
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow, width_of_context

RUN = Run(rounds=4000, batch=256, lr=2e-3, clip=1.0, ema=0.99)


def maf(
    data: str = "moons", maps: int = 6, width: int = 64, depth: int = 2, run: Run = RUN
) -> Model:
    """MAF on two moons; target: 0.02 nats from the truth.

    Args:
        data: name or path of a data set of vectors, which may come with vectors that are given.
        maps: number of autoregressive maps; every second one takes the features in reverse order.
        width: units of each hidden layer of a map's network.
        depth: number of hidden layers of a map's network.
        run: length, folder and device of the run.
    """
    source, space = loaded("maf", data, run, Reals, axes="d", given=True)
    hidden = (width,) * depth
    given = width_of_context("maf", source)
    turns = [
        Autoregressive(space.dims, hidden=hidden, flip=i % 2 == 1, context=given)
        for i in range(maps)
    ]
    return fitted_flow(turns, source, space, run)
