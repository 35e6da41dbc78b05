"""Which way a critic's scores are high for data, whatever its objective is."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor


class Sides(NamedTuple):
    """A critic's scores of the two sides of a game, high for data, without gradients."""

    real: Tensor  # (n,), of rows of the data
    fake: Tensor  # (m,), of rows that were generated
    logits: bool  # True if they are log odds of being real


@runtime_checkable
class HasJudged(Protocol):
    """Plays a game of two sides, and gives its critic's scores of what `deal` has dealt."""

    def judged(self, dealt: Any) -> Sides: ...


def sides(
    critic: Callable[[Tensor, Tensor], dict[str, Tensor]], real: Tensor, fake: Tensor
) -> Sides:
    """Scores of both sides, one number a row, turned so that they are high for data.

    The loss falls where scores of real rows go; and they are logits if it pulls at them as a
    cross-entropy does.

    Args:
        critic: an objective's loss of the critic, from its scores of real and of fake rows.
        real: the scores of real rows: (n, ...), of which a map counts by its mean.
        fake: the scores of fake rows: (m, ...).
    """
    real, fake = real.detach(), fake.detach()
    with torch.enable_grad():
        scores = real.requires_grad_(), fake.requires_grad_()
        loss = torch.stack([*critic(*scores).values()]).sum()
        up, down = torch.autograd.grad(loss, scores, materialize_grads=True)
    sign = 1.0 if up.sum() <= down.sum() else -1.0
    logits = _cross_entropy(real.detach(), fake.detach(), up, down)
    return Sides(sign * _by_row(real), sign * _by_row(fake), logits)


def _by_row(scores: Tensor) -> Tensor:
    scores = scores.detach().double()
    return scores.flatten(1).mean(1) if scores.dim() > 1 else scores


def _cross_entropy(real: Tensor, fake: Tensor, up: Tensor, down: Tensor) -> bool:
    """Whether the pulls at the scores are those of a cross-entropy of logits, up to one factor."""
    one = torch.cat(
        [-(-real).sigmoid().flatten() / real.numel(), fake.sigmoid().flatten() / fake.numel()]
    )
    other = torch.cat([up.flatten(), down.flatten()])
    scale = (one * other).sum() / one.square().sum().clamp(min=1e-30)
    return bool(scale > 0 and (other - scale * one).norm() <= 1e-3 * other.norm())
