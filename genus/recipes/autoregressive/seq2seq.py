"""Sequence to sequence: translation by a recurrent network, with attention or through one vector."""

from ...autoregressive import Seq2Seq
from ...core import Model, Tokens
from ...measure.structure.translating import Translations
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=1500, batch=64, lr=4e-3, clip=1.0, evaluate_every=500)
SCHEDULE = warmed(cosine, 0.05)


def seq2seq(
    data: str = "reordering",
    width: int = 64,
    embedding: int = 64,
    attention: int | None = 64,
    run: Run = RUN,
) -> Model:
    """Attention on a made-up pair of languages; target: 0.99 of unseen sentences right.

    Args:
        data: name of a data set of translations.
        width: dimension of the state of the decoder, and of each direction of the encoder.
        embedding: dimension of a word's embedding.
        attention: hidden units of the attention network; None encodes a sentence as one vector.
        run: length, folder and device of the run.
    """
    source, space = loaded("seq2seq", data, run, Tokens)
    read = context_of("seq2seq", source, Tokens, "dates and reordering")
    model = Seq2Seq(space, read, width, embedding, attention)
    look = Translations(source.validation)
    return fitted(model, source, run, schedule=SCHEDULE, evaluate=look, picture=None)
