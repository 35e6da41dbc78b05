"""Neural spline flows: couplings, or autoregressive maps, that bend each feature by a spline.

Source: Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", 2019, arXiv:1906.04032.

Departs: perceptrons in the place of residual networks; features are standardised first.
"""

from ...core import Model, Reals
from ...flow import LU, Autoregressive, Coupling, Permutation, Spline
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow, width_of_context

RUN = Run(rounds=4000, batch=256, lr=2e-3, clip=1.0, ema=0.99)


def nsf(
    data: str = "checkerboard",
    autoregressive: bool = False,
    maps: int = 4,
    bins: int = 8,
    width: int = 64,
    depth: int = 2,
    run: Run = RUN,
) -> Model:
    """Neural spline flow on a checkerboard; target: 0.16 nats from the truth.

    With `--compile` a round is six times as fast, which pays from about 4,000 rounds, and sooner the second time.

    Args:
        data: name or path of a data set of vectors, which may come with vectors that are given.
        autoregressive: whether each feature depends on all before it; otherwise half of them on the
            other half, if there are two.
        maps: number of spline maps, each after an LU map that mixes the features.
        bins: number of bins of each spline.
        width: units of each hidden layer of a map's network.
        depth: number of hidden layers of a map's network.
        run: length, folder and device of the run.
    """
    source, space = loaded("nsf", data, run, Reals, axes="d", given=True)
    d = space.dims
    hidden, given = (width,) * depth, width_of_context("nsf", source)
    kind = Autoregressive if autoregressive or d == 1 else Coupling  # one number has no halves
    steps = []
    for i in range(maps):
        bend = kind(d, Spline(bins), hidden, flip=i % 2 == 1, context=given)
        steps += [Permutation(d, seed=i), LU(d), bend]
    return fitted_flow(steps, source, space, run)
