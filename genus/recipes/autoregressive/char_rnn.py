"""CharRNN on tinyshakespeare."""

from ...autoregressive import CharRNN
from ...core import Model, Tokens
from ...measure.structure.texts import read
from ...nn.recurrent import Cell
from ...train import Run, adam
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=1300, batch=64, lr=4e-3, clip=64.0, ema=0.99, autocast=True)
SCHEDULE = warmed(cosine, 0.02)


def char_rnn(
    data: str = "tinyshakespeare?window=64",
    width: int = 384,
    layers: int = 2,
    cell: Cell = "lstm",
    skips: bool = False,
    dropout: float = 0.1,
    run: Run = RUN,
) -> Model:
    """A stacked LSTM on tinyshakespeare; target: below Kneser-Ney's 1.52 nats a character.

    Args:
        data: name or path of a text; the default is read from the folder GENUS_DATA. A window is what
            a gradient runs through.
        width: dimension of a layer's state.
        layers: number of recurrent layers.
        cell: kind of recurrent cell: elman, gru or lstm.
        skips: whether every layer sees the input, and the output sees every layer.
        dropout: share of the numbers between layers set to zero in a round of training, in [0, 1).
        run: length, folder and device of the run.
    """
    source, space = loaded("char_rnn", data, run, Tokens)
    model = CharRNN(space, width, layers, cell, skips, dropout)
    optimizers, look = adam(run.lr, (0.9, 0.99)), read(source.validation)
    return fitted(model, source, run, optimizers, schedule=SCHEDULE, evaluate=look, picture=None)
