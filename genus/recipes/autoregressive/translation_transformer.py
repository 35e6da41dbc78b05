"""Translation by the first transformer: an encoder and a decoder, of attention alone."""

from ...autoregressive import EncoderDecoder
from ...core import Model, Tokens
from ...measure.structure.translating import Translations
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=1500, batch=64, lr=6e-3, clip=1.0, evaluate_every=500)
SCHEDULE = warmed(cosine, 0.05)


def translation_transformer(
    data: str = "reordering",
    width: int = 60,
    depth: int = 2,
    heads: int = 6,
    dropout: float = 0.0,
    run: Run = RUN,
) -> Model:
    """Transformer on a made-up pair of languages; target: 0.99 of unseen sentences right.

    Args:
        data: name of a data set of translations.
        width: dimension of a word's embedding.
        depth: number of blocks of the encoder, and of the decoder.
        heads: number of attention heads; width / heads must be even.
        dropout: share of residuals set to zero in a round of training, in [0, 1).
        run: length, folder and device of the run.
    """
    source, space = loaded("translation_transformer", data, run, Tokens)
    read = context_of("translation_transformer", source, Tokens, "dates and reordering")
    model = EncoderDecoder(space, read, width, depth, heads, dropout=dropout)
    look = Translations(source.validation)
    return fitted(model, source, run, schedule=SCHEDULE, evaluate=look, picture=None)
