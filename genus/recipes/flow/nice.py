"""NICE: couplings that shift, so that volume is kept but for one scale of each feature at the end.

Source: Dinh, Krueger, Bengio, "NICE: non-linear independent components estimation", 2015,
    arXiv:1410.8516.

Departs: the base is normal, not logistic; features are standardised first.
"""

from ...core import Model, Reals
from ...flow import Coupling, Shift, Standard
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow

RUN = Run(rounds=4000, batch=256, lr=2e-3, clip=1.0, ema=0.99)


def nice(
    data: str = "moons", couplings: int = 8, width: int = 64, depth: int = 2, run: Run = RUN
) -> Model:
    """NICE on two moons, which keeps volume; target: 0.1 nats from the truth.

    Args:
        data: name or path of a data set of vectors.
        couplings: number of couplings; each transforms half of the features.
        width: units of each hidden layer of a coupling's network.
        depth: number of hidden layers of a coupling's network.
        run: length, folder and device of the run.
    """
    source, space = loaded("nice", data, run, Reals, axes="d")
    d, hidden = space.dims, (width,) * depth
    turns = [Coupling(d, Shift(), hidden, flip=i % 2 == 1) for i in range(couplings)]
    return fitted_flow([*turns, Standard((d,), learned=True)], source, space, run)
