"""Translation by the first transformer: an encoder and a decoder, of attention alone."""

from ...autoregressive import EncoderDecoder
from ...core import Model, Tokens
from ...measure.structure.translating import Translations
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import TEXTS, context_of, fitted, loaded

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
        width: numbers of a word.
        depth: blocks of the encoder, and of the decoder.
        heads: of the attention; width / heads must be even.
        dropout: the share of what is added that is dropped in training, in [0, 1).
        run: how long, where to, on what.
    """
    source, space = loaded("translation_transformer", data, run, TEXTS)
    read = context_of("translation_transformer", source, Tokens, "dates and reordering")
    model = EncoderDecoder(space, read, width, depth, heads, dropout=dropout)
    look = Translations(source.validation)
    return fitted(model, source, run, schedule=SCHEDULE, evaluate=look, picture=None)
