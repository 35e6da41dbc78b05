"""Sequence to sequence: translation by a recurrent network, with attention or through one vector."""

import torch

from ...autoregressive import Seq2Seq
from ...core import Model, Tokens
from ...data import load
from ...measure.structure.translating import Translations
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=1500, batch=64, lr=4e-3, clip=1.0, evaluate_every=500)


def seq2seq(
    data: str = "reordering",
    width: int = 64,
    embedding: int = 64,
    attention: int | None = 64,
    run: Run = RUN,
) -> Model:
    """Attention on a made-up pair of languages: 99.8 % of unseen sentences right; one vector, 17 %.

    Args:
        data: name of a data set of translations.
        width: numbers of the state of the writer, and of each of the two readers.
        embedding: numbers of a word.
        attention: hidden units of the network that decides where to look; None for one vector.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not (isinstance(source.space, Tokens) and isinstance(source.context_space, Tokens)):
        raise ValueError(
            f"seq2seq: {data} is {source.space} given {source.context_space}; Tokens given Tokens "
            f"are wanted, as in dates and reordering"
        )
    model = Seq2Seq(source.space, source.context_space, width, embedding, attention)
    evaluate = Translations(source.validation)
    return fit(model, source.train, run, schedule=warmed(cosine, 0.05), evaluate=evaluate)
