"""Document completion: how well half of the words of a document tell the other half.

    p(w) = sum_k theta_k beta_kw         theta: what a model expects the shares to be, given every other word
    perplexity = exp(-mean of log p over all words of the other half)

The shares are never fitted to the words that are scored. So models whose bounds differ in how tight they
are, or in what they leave out, can be compared, of any library: all it takes are topics, and shares.

Source: Wallach, Murray, Salakhutdinov, Mimno, "Evaluation methods for topic models", 2009, document
    completion.
Departs: shares are point estimates, and halves are the words at even and at odd places.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...core import Model, Refused
from ...data import Split
from ..scoring import scores

ROWS = 1000  # documents at once


@runtime_checkable
class HasTopics(Protocol):
    """A model of documents that have shares of topics."""

    @property
    def topic_words(self) -> Tensor: ...

    def encode(self, x: Tensor) -> Tensor: ...


class Completion(NamedTuple):
    """The words that were scored in each document."""

    log_p: Tensor  # the sum over the words of a document, nats, (n,) float64
    words: Tensor  # their number, (n,) int64

    @property
    def nats(self) -> float:
        """The mean of -log p of a word."""
        return -(self.log_p.sum() / self.words.sum()).item()

    @property
    def error(self) -> float:
        """The standard error of `nats`, over documents."""
        away = self.log_p + self.nats * self.words
        return (away.square().sum().sqrt() / self.words.sum()).item()

    @property
    def perplexity(self) -> float:
        """The number of equally likely words that would be as hard to tell."""
        return math.exp(self.nats)


def completion(
    x: Tensor,
    topic_words: Tensor | ArrayLike,
    shares: Callable[[Tensor], Tensor | ArrayLike],
    end: int | None = None,
) -> Completion:
    """Scores the words of documents at odd places, given those at even places, counted from 0.

    Args:
        x: documents, (n, length) int64.
        topic_words: probability of each token in each topic, (topics, vocabulary).
        shares: function from documents, (n, half of length), to shares of the topics, (n, topics).
        end: token after the last word of a document.

    Raises:
        Refused: no document has two words.
    """
    beta = _double(topic_words).T
    log_p, counts = list[Tensor](), list[Tensor]()
    for part in x.split(ROWS):
        given, wanted = part[:, ::2], part[:, 1::2]
        theta = _double(shares(given))
        chances = torch.bmm(beta[wanted.cpu()], theta[:, :, None])[:, :, 0]
        ended = torch.zeros_like(wanted) if end is None else (wanted == end).cumsum(1)
        there = (ended == 0).cpu()
        log_p.append(chances.log().where(there, 0.0).sum(1))
        counts.append(there.sum(1))
    found = Completion(torch.cat(log_p), torch.cat(counts))
    if not found.words.any():
        raise Refused(
            f"completion: none of {len(x)} documents has two words; one at least is wanted"
        )
    return found


def completes(split: Split) -> Callable[[Model], dict[str, float]]:
    """Figures for `fit(evaluate=...)`, of a model with topics on the documents of a split.

    perplexity    by completion
    nats          mean of -log p(x), or of what bounds it

    Args:
        split: documents, tokens.
    """
    x, end = split.everything()[0], getattr(split.space, "end", None)
    others = scores(split)

    def figures(model: Model) -> dict[str, float]:
        if not isinstance(model, HasTopics):
            return others(model)
        rows = x.to(model.topic_words.device)
        found = completion(rows, model.topic_words, model.encode, end)
        return {"perplexity": found.perplexity} | others(model)

    return figures


def _double(x: Tensor | ArrayLike) -> Tensor:
    return torch.as_tensor(x if isinstance(x, Tensor) else np.asarray(x)).cpu().double()
