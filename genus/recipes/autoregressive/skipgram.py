"""Skip-gram: word vectors from neighbouring words."""

from ...autoregressive import SkipGram
from ...core import Classes, Model, Refused
from ...train import Run
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=4000, batch=1024, lr=5e-3)


def skipgram(
    data: str = "word_pairs", width: int = 20, negatives: int = 5, run: Run = RUN
) -> Model:
    """Skip-gram on planted analogies; target: 0.99 of them solved, of which one-hot solves none.

    Args:
        data: name of a data set of pairs (neighbour, word).
        width: dimension of a word's vector.
        negatives: number of random words for each pair.
        run: length, folder and device of the run.
    """
    source, space = loaded("skipgram", data, run, Classes)
    if context_of("skipgram", source, Classes, "word_pairs") != space:
        raise Refused(f"skipgram: {data} is of {space} given others; pairs of words are wanted")
    model = SkipGram(space, width, negatives)
    model.prepare(*source.train.everything())
    return fitted(model, source, run, picture=None)
