"""Scores of rows: each depends on its row, its context and the seed, and on no other row.

    log_prob             log p(x) itself
    log_weight           log of the mean of some weights w, E[w] = p(x): a bound in expectation
    elbo                 the mean of some draws of a bound
    annealed_log_prob    log of the mean of some estimates of p(x)
    energy               -log p(x) up to a constant
    unnormalised_log_weight     log of the mean of some weights w, E[w] = Z p(x), up to the constant log Z

A model is scored by the first of these that it promises. What is exact is computed in blocks of one
size. What is random is drawn many times for one row at once, from a stream that the content of the row
seeds: equal rows have equal scores, wherever they stand and whatever stands beside them.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import Refused, RefusedType, at_least
from . import seeds
from .parts import device_of, rows_of, whole
from .promises import (
    HasAnnealedLogProb,
    HasElbo,
    HasEnergy,
    HasLogProb,
    HasLogWeight,
    HasUnnormalisedLogWeight,
    promise,
)
from .spaces import Attributes, Classes, Pixels, Space, Tokens

BLOCK = 3  # number of the block, as `rows_of` counts them, whose size all blocks have
ANNEALING = {"betas": 500, "chains": 10}  # of each estimate by annealed importance sampling
Kind = Literal["exact", "weight", "bound", "energy"]


class RowDraws(NamedTuple):
    """The draws of the scores of rows.

    Args:
        kind: exact, a single log p(x); weight, log w with E[w] = p(x), or Z p(x) of an energy; bound, draws whose mean is at
            most log p(x); energy, a single -energy, which is log p(x) up to a constant.
        draws: (n, k), float64, nats; the higher, the likelier.
        name: column of the score: log_p, elbo or energy.
    """

    kind: Kind
    draws: Tensor
    name: str

    @property
    def value(self) -> Tensor:
        """The score of each row, (n,), nats; the higher, the likelier."""
        if self.kind == "weight":
            return self.draws.logsumexp(1) - math.log(self.draws.shape[1])
        return self.draws.mean(1)


def score_draws(
    model: nn.Module, x: Tensor, context: Tensor | None = None, *, draws: int = 16, seed: int = 0
) -> RowDraws:
    """The draws of the scores of rows, by the best of what a model promises.

    The model is in evaluation mode meanwhile; its mode and the random streams stay as they were.

    Args:
        model: model that scores.
        x: rows of its space, (n, *space.shape).
        context: contexts of a conditional model, (n, ...).
        draws: number of draws of a random score, for each row.
        seed: random seed.

    Raises:
        RefusedType: the model has no score.
    """
    at_least(1, "score", draws=draws)
    kind, name, score = _score_of(model)
    rows = (x,) if context is None else (x, context)
    with settled(model):
        if kind in ("exact", "energy"):
            return RowDraws(kind, _by_blocks(model, score, rows, seed)[:, None], name)
        return RowDraws(kind, _row_by_row(model, score, rows, draws, seed), name)


def can_score(model: nn.Module) -> bool:
    """Whether a model says how likely a row is."""
    kinds = (
        HasLogProb,
        HasLogWeight,
        HasElbo,
        HasAnnealedLogProb,
        HasEnergy,
        HasUnnormalisedLogWeight,
    )
    return any(promise(model, kind) is not None for kind in kinds)


def _score_of(model: nn.Module) -> tuple[Kind, str, Callable[..., Tensor]]:
    """What a score is, its name, and the function of rows that gives it."""
    if exact := promise(model, HasLogProb):
        return "exact", "log_p", exact.log_prob
    if weighted := promise(model, HasLogWeight):
        return "weight", "elbo", weighted.log_weight
    if bounded := promise(model, HasElbo):
        return "bound", "elbo", bounded.elbo
    if annealed := promise(model, HasAnnealedLogProb):
        return "weight", "log_p", partial(annealed.annealed_log_prob, **ANNEALING)
    if known := promise(model, HasEnergy):
        energy = known.energy
        return "energy", "energy", lambda *rows: -energy(*rows)
    if unnormalised := promise(model, HasUnnormalisedLogWeight):
        return "weight", "energy", unnormalised.unnormalised_log_weight
    raise RefusedType(
        f"score: {type(model).__name__} cannot say how likely a row is; a model with log_prob, elbo or "
        f"energy is wanted: a density, an autoregressive model, a flow, a VAE, a diffusion or an RBM"
    )


def _by_blocks(
    model: nn.Module, score: Callable[..., Tensor], rows: tuple[Tensor, ...], seed: int
) -> Tensor:
    space: Any = model.space
    size, found = rows_of(space, BLOCK), list[Tensor]()
    for begin in range(0, len(rows[0]), size):
        part = [x[begin : begin + size] for x in rows]
        block = (on_model(model, whole(x, size)) for x in part)
        seeds.seed(seed, device_of(model))  # a log_prob may have probes
        found.append(score(*block)[: len(part[0])].cpu().double())
    return torch.cat(found) if found else torch.empty(0, dtype=torch.float64)


def _row_by_row(
    model: nn.Module, score: Callable[..., Tensor], rows: tuple[Tensor, ...], draws: int, seed: int
) -> Tensor:
    found, device = torch.empty(len(rows[0]), draws, dtype=torch.float64), device_of(model)
    for i in range(len(rows[0])):
        seeds.seed(seeds.mix(seed, content_of(rows[0][i])), device)
        copies = (on_model(model, x[i : i + 1]).expand(draws, *x.shape[1:]) for x in rows)
        found[i] = score(*copies).cpu().double()
    return found


def content_of(x: Tensor) -> int:
    """A number of 64 bits that the values of x decide."""
    data = x.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def on_model(model: nn.Module, x: Tensor) -> Tensor:
    """x on the model's device, real numbers in its precision."""
    at = next(chain(model.parameters(), model.buffers()), None)
    if at is None:
        return x
    both = x.is_floating_point() and at.is_floating_point()
    return x.to(at) if both else x.to(at.device)


@contextmanager
def settled(model: nn.Module) -> Iterator[None]:
    """A context with the model in evaluation mode, random streams of its own and no gradients."""
    was, device = model.training, device_of(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            model.train(was)


def rows_given(space: Space, rows: Any, who: str) -> Tensor:
    """Rows of an array as a space has them, (n, *space.shape).

    Args:
        space: space of the rows.
        rows: tensor, or what numpy makes an array of; uint8 are levels of `Pixels`.
        who: what the rows are, for messages.

    Raises:
        Refused: they are not of the space.
    """
    try:
        x = rows if isinstance(rows, Tensor) else torch.as_tensor(np.asarray(rows))
    except (TypeError, ValueError):
        raise RefusedType(f"{who} is {type(rows).__name__}; numbers are wanted") from None
    if x.shape[1:] != space.shape or x.dim() != len(space.shape) + 1:
        raise Refused(f"{who} has shape {tuple(x.shape)}; (n, *{space.shape}) is wanted")
    if isinstance(space, Pixels) and x.dtype == torch.uint8:
        x = space.values(x)
    elif not x.is_floating_point():
        x = x.long() if isinstance(space, Tokens | Classes | Attributes) else x.float()
    if len(x) and (fault := space.fault(x)):
        raise Refused(f"{who} {fault}; its space is {space}")
    return x
