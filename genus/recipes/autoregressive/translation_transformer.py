"""Translation by the first transformer: an encoder and a decoder, of attention alone."""

import torch

from ...autoregressive import EncoderDecoder
from ...core import Model, Tokens
from ...data import load
from ...measure.structure.translating import Translations
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=1500, batch=64, lr=6e-3, clip=1.0, evaluate_every=500)


def translation_transformer(
    data: str = "reordering",
    width: int = 60,
    depth: int = 2,
    heads: int = 6,
    dropout: float = 0.0,
    run: Run = RUN,
) -> Model:
    """Transformer on a made-up pair of languages: 99.9 % of unseen sentences right; one vector, 17 %.

    Args:
        data: name of a data set of translations.
        width: numbers of a word.
        depth: blocks of the encoder, and of the decoder.
        heads: of the attention; width / heads must be even.
        dropout: the share of what is added that is dropped in training, in [0, 1).
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not (isinstance(source.space, Tokens) and isinstance(source.context_space, Tokens)):
        raise ValueError(
            f"translation_transformer: {data} is {source.space} given {source.context_space}; Tokens "
            f"given Tokens are wanted, as in dates and reordering"
        )
    model = EncoderDecoder(source.space, source.context_space, width, depth, heads, dropout=dropout)
    evaluate = Translations(source.validation)
    return fit(model, source.train, run, schedule=warmed(cosine, 0.05), evaluate=evaluate)
