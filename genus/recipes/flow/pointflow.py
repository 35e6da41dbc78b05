"""PointFlow: shapes as distributions of points."""

from ...core import Model, Reals
from ...flow import (
    LU,
    ConcatSquash,
    Continuous,
    Coupling,
    Flow,
    Permutation,
    PointFlow,
    PointNet,
    Spline,
    Standard,
)
from ...flow.bijection import Bijection
from ...functional.numerics.integrators import Midpoint
from ...measure import scores
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=2000, batch=32, lr=1e-2, clip=1.0, ema=0.99, evaluate_every=500)
FIRST = 100  # clouds to standardise points with
COUPLINGS = 4  # of the distribution of shapes
JUDGED = 50  # clouds whose bound is looked at on the way


def pointflow(
    data: str = "shapes",
    latent: int = 16,
    maps: int = 6,
    bins: int = 8,
    continuous: bool = False,
    width: int = 64,
    scored: int = 128,
    run: Run = RUN,
) -> Model:
    """PointFlow on ellipsoids and boxes; target: 1-NNA of at most 0.7; 0.5 is perfect, 1 the worst.

    Args:
        data: name or path of a data set of clouds of points.
        latent: dimension of z, which tells one shape from another.
        maps: number of spline couplings (or continuous flows) that move the points.
        bins: number of bins of each spline, also of those of the distribution of shapes.
        continuous: whether points are moved by continuous flows, as in the paper, instead of couplings.
        width: units of each hidden layer of a network that moves points.
        scored: number of points of each cloud that are scored in a round.
        run: length, folder and device of the run.
    """
    source, space = loaded("pointflow", data, run, Reals, axes="points, d")
    d = space.shape[1]
    steps: list[Bijection] = [Standard((d,))]
    for i in range(maps):
        if continuous:
            steps.append(Continuous(ConcatSquash(d, width, latent), Midpoint(8)))
        else:
            hidden, flip = (width, width), i % 2 == 1
            steps += [LU(d), Coupling(d, Spline(bins), hidden, flip, context=latent)]
    prior = [
        step
        for i in range(COUPLINGS)
        for step in (
            Permutation(latent, seed=i),
            Coupling(latent, Spline(bins), flip=i % 2 == 1),
        )
    ]
    encoder = PointNet(d, 2 * latent)
    model = PointFlow(space, latent, steps, encoder, Flow(Reals((latent,)), prior), scored)
    model.prepare(*source.train.batch(0, FIRST, run.seed))
    return fitted(model, source, run, evaluate=scores(source.validation, rows=JUDGED))
