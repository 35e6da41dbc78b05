"""RNN-NADE on the chorales of Bach, as piano rolls in quarter notes."""

from ...autoregressive import RNNNADE
from ...core import Model
from ...nn.recurrent import Cell
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=700, batch=16, lr=2e-2, clip=50.0, ema=0.99, evaluate_every=100)


def rnnnade(
    data: str = "chorales",
    hidden: int = 150,
    width: int = 300,
    cell: Cell = "lstm",
    dropout: float = 0.3,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """RNN-NADE on chorales; target: the published 5.56 nats a step.

    Args:
        data: name of a data set of piano rolls; the default is read from the folder GENUS_DATA,
            chorale_toys is generated.
        hidden: units of the hidden layer of each key of a step.
        width: dimension of the recurrent state.
        cell: kind of recurrent cell: "elman", "gru" or "lstm".
        dropout: share of input bits and of hidden units set to zero in a round of training, in [0, 1).
        decay: weight decay of AdamW.
        run: length, folder and device of the run.
    """
    source, space = loaded("rnnnade", data, run)
    model = RNNNADE(space, hidden, width, cell, dropout)
    optimizers, falling = adamw(run.lr, decay), warmed(cosine, 0.02)
    return fitted(model, source, run, optimizers, schedule=falling, picture=None)
