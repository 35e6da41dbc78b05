"""DGMG on cycles."""

from ...autoregressive import DGMG
from ...core import Graphs, Model
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=250, batch=32, lr=1e-2, clip=1.0, ema=0.99, evaluate_every=50)


def dgmg(data: str = "cycles", width: int = 16, passes: int = 2, run: Run = RUN) -> Model:
    """DGMG on cycles of 10 to 20 nodes; target: 0.9 of its graphs are such rings.

    It takes less than a minute of one core. The published implementation, in DGL, states the same.

    Args:
        data: name of a set of graphs, see genus.data.graphs.
        width: dimension of a node's state.
        passes: number of rounds of messages along all edges after each new node or edge.
        run: length, folder and device of the run.
    """
    source, space = loaded("dgmg", data, run, Graphs)
    model = DGMG(space, width, passes)
    return fitted(model, source, run, schedule=warmed(cosine, 0.02))
