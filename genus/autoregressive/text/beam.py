"""Beam search: the likeliest sequence, as far as a few that are continued can show.

    score(y) = log p(y | x) / |y|^penalty

The best so many beginnings are kept, each continued by every word, and the best of these kept again.
One that is as wide as there are sequences finds the best of all; one of width 1 is greedy. A longer
sequence has more factors, each below one: dividing by its length, its end counted, makes up for that.

Source: Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and
    translate", 2015, arXiv:1409.0473, section 4 (a beam for translation); the length's power is of
    Wu and others, "Google's neural machine translation system", 2016, arXiv:1609.08144, section 7.
Departs: the length itself is raised to the power, and what has ended competes with what has not.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ...core import Tokens, at_least


class Memory(Protocol):
    """What a model knows of what it has written so far."""

    def pick(self, rows: Tensor) -> None:
        """Continues with these rows, each for a row of the same context."""
        ...


class Writes(Protocol):
    """A model whose steps may continue from any of its rows."""

    space: Tokens

    def begin(self, context: Tensor) -> Any: ...

    def step(self, came: Tensor, memory: Any) -> Tensor: ...


class Found(NamedTuple):
    """The best sequence of each context, (n, length), and what it is worth, (n,) each."""

    x: Tensor
    score: Tensor
    log_prob: Tensor  # nats


@torch.no_grad()
def beam(model: Writes, context: Tensor, width: int = 4, penalty: float = 0.0) -> Found:
    """The best translation of each row of context that a beam finds.

    Args:
        model: has `begin` and `step`.
        context: (n, ...).
        width: number of beginnings that are kept.
        penalty: the power of the length that log p is divided by; 0 finds the likeliest.
    """
    at_least(1, "beam", width=width)
    at_least(0, "beam", penalty=penalty)
    n, space = len(context), model.space
    memory = model.begin(context.repeat_interleave(width, 0))
    came = torch.full((n * width,), space.vocabulary, device=context.device)
    x = torch.full((n, width, space.length), space.end or 0, device=context.device)
    first = torch.arange(n, device=context.device)[:, None] * width  # rows of each context
    length, ended = x.new_zeros(n, width), x.new_zeros(n, width, dtype=torch.bool)
    log_p = torch.zeros(n, width, device=context.device)
    log_p[:, 1:] = -torch.inf  # all rows are the same yet: only the first of them continues
    for place in range(space.length):
        each = model.step(came, memory).log_softmax(1).reshape(n, width, -1)
        if space.end is not None:
            stays = torch.full_like(each, -torch.inf)
            stays[:, :, space.end] = 0
            each = torch.where(ended[:, :, None], stays, each)
        total = log_p[:, :, None] + each  # (n, width, vocabulary)
        lengths = (length + ~ended)[:, :, None]
        best = (total / lengths**penalty).flatten(1).topk(width, 1).indices
        which, word = best // space.vocabulary, best % space.vocabulary
        log_p = total.flatten(1).gather(1, best)
        length, ended = lengths[:, :, 0].gather(1, which), ended.gather(1, which)
        x = x.gather(1, which[:, :, None].expand_as(x))
        x[:, :, place] = word
        if space.end is not None:
            ended = ended | (word == space.end)
        if bool(ended.all()):
            break
        memory.pick((first + which).flatten())
        came = word.flatten()
    score = log_p / length**penalty
    top = score.argmax(1, keepdim=True)
    return Found(
        x.gather(1, top[:, :, None].expand(-1, -1, space.length))[:, 0],
        score.gather(1, top)[:, 0],
        log_p.gather(1, top)[:, 0],
    )
