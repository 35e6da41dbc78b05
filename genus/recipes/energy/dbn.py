"""A deep belief network on bits, learnt layer by layer."""

from dataclasses import replace

from ...core import Bits, Model
from ...data import Data
from ...energy import DBN, RBM
from ...errors import RefusedType, at_least
from ...train import Run
from ...train.schedules import linear
from .._fitted import fitted, loaded
from .._stages import in_two
from .rbm import optimizers_of

RUN = Run(rounds=12_000, batch=128, lr=0.2)


def dbn(
    data: str = "digits",
    hidden: tuple[int, ...] = (100, 200),
    steps: int = 1,
    chains: int = 128,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """DBN on digits as bits; target: 22.5 nats by weights and annealed importance sampling.

    Args:
        data: name or path of a data set of bits, or of pixels, which are drawn as bits.
        hidden: units of the hidden layers, from below; at least two.
        steps: number of Gibbs steps of a chain in a round.
        chains: number of persistent chains.
        decay: share of the weights that each round takes away, over its learning rate.
        run: length, folder and device of the run, whose rounds or minutes the layers share in equal parts;
            lr is that of plain gradient descent, and falls to 0 for each layer.
    """
    at_least(2, "dbn: hidden", layers=len(hidden))
    layers, resume = list[RBM](), run.resume
    for height in range(1, len(hidden)):
        left = len(hidden) + 1 - height
        parts = (1 / left, 1 - 1 / left)
        before, run = in_two(replace(run, resume=resume), f"layer{height}", parts)
        model = _raised(data, hidden[:height], layers, steps, chains, decay, before)
        top = model.top if isinstance(model, DBN) else model
        if not isinstance(top, RBM):
            raise RefusedType(f"dbn: a layer is a {type(top).__name__}")
        layers.append(top)
    return _raised(data, hidden, layers, steps, chains, decay, run)


def _raised(
    data: str,
    hidden: tuple[int, ...],
    layers: list[RBM],
    steps: int,
    chains: int,
    decay: float,
    run: Run,
) -> Model:
    """The stack of these layers, of which the last is learnt on the others, which stand still."""
    source, space = loaded("dbn", data, run, Bits, view=Data.binarised)
    if not layers:
        model = RBM(space, hidden[0], steps, chains)
    else:
        model = DBN(space, hidden, steps, chains)
        model.stand_on(layers)
    model.prepare(source.train.everything()[0])
    return fitted(model, source, run, optimizers_of(space, run, decay), schedule=linear)
