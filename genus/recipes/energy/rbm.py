"""A restricted Boltzmann machine with persistent chains, on bits."""

import torch
from torch import nn

from ...core import Model
from ...data import Data
from ...energy import RBM
from ...train import Run
from ...train.schedules import linear
from .._fitted import fitted, loaded

RUN = Run(rounds=12_000, batch=128, lr=0.3)


def rbm(
    data: str = "digits", hidden: int = 100, steps: int = 1, chains: int = 128, run: Run = RUN
) -> Model:
    """RBM on digits as bits; target: 22 nats by annealed importance sampling.

    Args:
        data: name or path of a data set of bits, or of pixels, which are drawn as bits.
        hidden: units of the hidden layer.
        steps: number of Gibbs steps of a chain in a round.
        chains: number of persistent chains; 0 begins each chain at the data in every round.
        run: length, folder and device of the run; lr is that of plain gradient descent, and falls to 0.
    """
    source, space = loaded("rbm", data, run, view=Data.binarised)
    model = RBM(space, hidden, steps, chains)
    model.prepare(source.train.everything()[0])

    def sgd(name: str, parameters: list[nn.Parameter]) -> torch.optim.SGD:
        return torch.optim.SGD(parameters, run.lr)

    return fitted(model, source, run, sgd, schedule=linear)
