"""RNN-RBM on the chorales of Bach, as piano rolls in quarter notes."""

from ...autoregressive import RNNRBM
from ...core import Model
from ...nn.recurrent import Cell
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=2_000, batch=16, lr=1e-2, clip=50.0, ema=0.99, evaluate_every=200)
ROWS, BETAS = 16, 50  # validation pieces, and rungs, of the estimate while it learns


def rnnrbm(
    data: str = "chorales",
    hidden: int = 150,
    width: int = 300,
    cell: Cell = "lstm",
    dropout: float = 0.3,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """RNN-RBM on chorales; target: the published 6.27 nats a step, by annealing.

    Args:
        data: name of a data set of piano rolls; the default is read from the folder GENUS_DATA,
            chorale_toys is generated.
        hidden: hidden units of the Boltzmann machine of each step.
        width: dimension of the recurrent state.
        cell: kind of recurrent cell: "elman", "gru" or "lstm".
        dropout: share of input bits and of hidden units set to zero in a round of training, in [0, 1).
        decay: weight decay of AdamW.
        run: length, folder and device of the run.
    """
    source, space = loaded("rnnrbm", data, run)
    model = RNNRBM(space, hidden, width, cell, dropout)
    x, steps = (part[:ROWS] for part in source.validation.everything())

    def estimate(model: Model) -> dict[str, float]:
        like = next(model.parameters())
        log_p = model.annealed_log_prob(x.to(like), steps.to(like.device), BETAS)
        return {"nats": -log_p.mean().item()}

    optimizers, falling = adamw(run.lr, decay), warmed(cosine, 0.02)
    return fitted(model, source, run, optimizers, schedule=falling, evaluate=estimate, picture=None)
