"""IAF: inverse autoregressive maps in alternating order; sampling takes one pass for each.

It is MAF in the other direction. One pass samples and scores, which suits its original use: a
posterior that is sampled in every round. Here it learns from data, by maximum likelihood, and each
x must be inverted, in as many steps as x has features: training is slow, sampling is fast.

Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, "Improving variational inference with
    inverse autoregressive flow", 2016, arXiv:1606.04934.

Departs: it learns from data, through the solved x; scales are e^s with a bounded s, not gates.
"""

from ...core import Model, Reals
from ...flow import Autoregressive, Inverse
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow

RUN = Run(rounds=4000, batch=256, lr=2e-3, clip=1.0, ema=0.99)


def iaf(
    data: str = "moons", maps: int = 6, width: int = 64, depth: int = 2, run: Run = RUN
) -> Model:
    """IAF on two moons; target: 0.02 nats from the truth, as MAF, the other way round.

    Args:
        data: name or path of a data set of vectors.
        maps: number of autoregressive maps; every second one takes the features in reverse order.
        width: units of each hidden layer of a map's network.
        depth: number of hidden layers of a map's network.
        run: length, folder and device of the run.
    """
    source, space = loaded("iaf", data, run, Reals, axes="d")
    d, hidden = space.dims, (width,) * depth
    turns = [Inverse(Autoregressive(d, hidden=hidden, flip=i % 2 == 1)) for i in range(maps)]
    return fitted_flow(turns, source, space, run)
