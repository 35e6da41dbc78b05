"""Latent Dirichlet allocation: the topics of documents."""

from ...core import Model, Tokens
from ...density import LatentDirichlet
from ...measure.likelihood.completion import completes
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=300)


def lda(
    data: str = "documents",
    topics: int = 10,
    concentration: float = 0.1,
    word_concentration: float = 0.1,
    learns_concentration: bool = False,
    starts: int = 5,
    online: bool = False,
    run: Run = RUN,
) -> Model:
    """LatentDirichlet on documents; target: 49.3 perplexity by completion, 1% above the planted topics'.

    Args:
        data: name of a data set of tokens; speeches are of plays, in the folder GENUS_DATA.
        topics: number of topics.
        concentration: alpha, positive; below 1, a document has few topics.
        word_concentration: eta, positive: how often each word is taken to have been seen in each topic.
        learns_concentration: whether each topic gets an alpha of its own, begun at `concentration`.
        starts: number of random starts, of which the best after a few steps is taken.
        online: whether a round is of some documents, as many as the run's batch, which is online variational
            Bayes; by default it is of all.
        run: length, folder and device of the run; a round is a step of EM, which stops by itself.
    """
    source, space = loaded("lda", data, run, Tokens)
    prior = (concentration, word_concentration, learns_concentration)
    batch = run.batch if online else None
    model = LatentDirichlet(space, topics, *prior, batch, starts=starts)
    look = completes(source.validation)
    return fitted(model, source, run, schedule=None, evaluate=look, picture=None)
