"""A restricted Boltzmann machine with persistent chains, on bits, categories or numbers."""

import torch
from torch import nn

from ...core import Model, Pixels, Reals, Space
from ...data import Data
from ...energy import RBM
from ...train import MakesOptimizers, Run
from ...train.fit import adam
from ...train.schedules import linear
from .._fitted import fitted, loaded

RUN = Run(rounds=12_000, batch=128, lr=0.3)
NUMBERS = 1 / 10  # learning rate of Adam for numbers, over that of plain gradient descent


def rbm(
    data: str = "digits",
    hidden: int = 100,
    steps: int = 1,
    chains: int = 128,
    temperatures: int = 1,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """RBM on digits as bits; target: 22 nats by annealed importance sampling.

    Args:
        data: name or path of a data set of bits, of pixels, which are drawn as bits, of tokens that do not
            end, or of vectors.
        hidden: units of the hidden layer.
        steps: number of Gibbs steps of a chain in a round.
        chains: number of persistent chains; 0 begins each chain at the data in every round.
        temperatures: number of temperatures at which each chain runs; 1 for no tempering.
        decay: share of the weights, but not of the biases, that each round takes away, over its learning rate;
            some holds the machine from learning rows by heart.
        run: length, folder and device of the run; lr is that of plain gradient descent, ten times that of Adam for
            vectors, and falls to 0.
    """
    source, space = loaded("rbm", data, run, view=as_bits)
    model = RBM(space, hidden, steps, chains, temperatures=temperatures)
    model.prepare(source.train.everything()[0])
    return fitted(model, source, run, optimizers_of(space, run, decay), schedule=linear)


def as_bits(source: Data) -> Data:
    """Data whose pixels are drawn as bits; others as they are."""
    return source.binarised() if isinstance(source.space, Pixels) else source


def optimizers_of(space: Space, run: Run, decay: float = 0.0) -> MakesOptimizers:
    """Plain gradient descent, or Adam for numbers, whose precisions want other steps than their means."""

    def sgd(name: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        weights = [p for p in parameters if p.dim() > 1]
        biases = [p for p in parameters if p.dim() < 2]
        groups = [{"params": weights, "weight_decay": decay}, {"params": biases}]
        return torch.optim.SGD(groups, run.lr)

    return adam(NUMBERS * run.lr) if isinstance(space, Reals) else sgd
