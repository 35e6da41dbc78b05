"""Residual flow: blocks that add a contraction to x, free in everything else.

Source: Chen, Behrmann, Duvenaud, Jacobsen, "Residual flows for invertible generative modeling", 2019,
    arXiv:1906.02735.

Departs: for vectors the determinant is exact in training too, by default; a learned scale stands
    between blocks, as in the paper's models of images.
"""

from ...core import Model, Reals
from ...flow import Bijection, Residual, Standard
from ...train import Run
from .._fitted import loaded
from ._vectors import fitted_flow

RUN = Run(rounds=4000, batch=256, lr=2e-3, clip=1.0, ema=0.99)


def residual_flow(
    data: str = "moons",
    blocks: int = 8,
    width: int = 64,
    depth: int = 2,
    bound: float = 0.98,
    roulette: bool = False,
    run: Run = RUN,
) -> Model:
    """Residual flow on two moons; target: 0.01 nats from the truth.

    Args:
        data: name or path of a data set of vectors.
        blocks: number of residual blocks.
        width: units of each hidden layer of a block's network.
        depth: number of hidden layers of a block's network.
        bound: Lipschitz bound of each block's network, in (0, 1).
        roulette: whether training takes an unbiased estimate of the determinant, for many features;
            otherwise it is exact.
        run: length, folder and device of the run.
    """
    source, space = loaded("residual_flow", data, run, Reals, axes="d")
    d = space.dims
    steps: list[Bijection] = []
    for _ in range(blocks):
        steps += [Residual(d, (width,) * depth, bound, roulette), Standard((d,), learned=True)]
    return fitted_flow(steps, source, space, run)
