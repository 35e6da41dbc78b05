"""PointFlow: shapes as distributions of points."""

import torch

from ...core import Model, Reals
from ...data import load
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
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine

RUN = Run(rounds=2000, batch=32, lr=1e-2, clip=1.0, ema=0.99, evaluate_every=500)
CLOUDS = 100  # to standardise points with
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
    """PointFlow on ellipsoids and boxes: 1-NNA 0.6 to 0.7; real shapes have 0.51, one Gaussian 1.00.

    Args:
        data: name or path of a data set of clouds of points.
        latent: numbers that say which shape it is.
        maps: spline couplings that move the points, each after an LU map; or continuous flows.
        bins: of each spline, also of those that make the distribution of shapes.
        continuous: continuous flows, as in the paper, in the place of couplings.
        width: units of a hidden layer of each network that moves points.
        scored: points of each cloud that a round scores.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not (isinstance(source.space, Reals) and len(source.space.shape) == 2):
        raise ValueError(f"pointflow: {data} is of {source.space}; Reals((points, d)) is wanted")
    d = source.space.shape[1]
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
    model = PointFlow(source.space, latent, steps, encoder, Flow(Reals((latent,)), prior), scored)
    model.prepare(*source.train.batch(0, CLOUDS, run.seed))
    evaluate = scores(source.validation, rows=JUDGED)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate, picture=picture)
