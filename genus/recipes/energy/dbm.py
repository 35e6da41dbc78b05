"""A deep Boltzmann machine on bits, with greedy pre-training."""

from ...core import Bits, Model
from ...data import Data
from ...energy import DBM, DBMStart
from ...errors import RefusedType
from ...train import Run
from ...train.schedules import linear
from .._fitted import fitted, loaded
from .._stages import in_two
from .rbm import optimizers_of

RUN = Run(rounds=12_000, batch=128, lr=0.1)
FIRST = 1 / 4  # share of the rounds that pre-training takes
FASTER = 2.0  # its learning rate over that of the whole


def dbm(
    data: str = "digits",
    hidden: tuple[int, int] = (100, 100),
    steps: int = 5,
    chains: int = 128,
    updates: int = 10,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """DBM on digits as bits; target: 22.5 nats by weights and annealed importance sampling.

    Args:
        data: name or path of a data set of bits, or of pixels, which are drawn as bits.
        hidden: units of both hidden layers.
        steps: number of Gibbs steps of a chain in a round.
        chains: number of persistent chains.
        updates: number of updates of mean field in a round.
        decay: share of the weights that each round takes away, over its learning rate.
        run: length, folder and device of the run, of which pre-training, in its folder `start`, has a quarter;
            lr is that of plain gradient descent after it, and falls to 0.
    """
    before, run = in_two(run, "start", (FIRST, 1 - FIRST), 1 / FASTER)
    source, space = loaded("dbm", data, before, Bits, view=Data.binarised)
    start = DBMStart(space, hidden, chains=chains)
    start.prepare(source.train.everything()[0])
    start = fitted(start, source, before, optimizers_of(space, before, decay), schedule=linear)
    if not isinstance(start, DBMStart):
        raise RefusedType(f"dbm: pre-training made a {type(start).__name__}")
    source, space = loaded("dbm", data, run, Bits, view=Data.binarised)
    model = DBM(space, hidden, steps, chains, updates)
    model.put_together(start)
    return fitted(model, source, run, optimizers_of(space, run, decay), schedule=linear)
