"""A restricted Boltzmann machine with persistent chains, on bits."""

import torch

from ...core import Bits, Model
from ...data import load
from ...energy import RBM
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import linear

RUN = Run(rounds=12_000, batch=128, lr=0.3)


def rbm(
    data: str = "digits", hidden: int = 100, steps: int = 1, chains: int = 128, run: Run = RUN
) -> Model:
    """RBM on digits as bits: 22.0 nats by annealed importance sampling; independent bits have 27.2.

    Args:
        data: name or path of a data set of bits, or of pixels, which are drawn as bits.
        hidden: units in the hidden layer.
        steps: Gibbs steps of a chain in a round.
        chains: persistent chains; 0 begins a chain at the data in every round.
        run: how long, where to, on what; lr is that of plain gradient descent, and falls to 0.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not isinstance(source.space, Bits):
        source = source.binarised()
    model = RBM(source.space, hidden, steps, chains)
    model.prepare(source.train.everything()[0])
    return fit(
        model,
        source.train,
        run,
        optimizers=lambda name, parameters: torch.optim.SGD(parameters, run.lr),
        schedule=linear,
        evaluate=scores(source.validation),
        picture=picture,
    )
