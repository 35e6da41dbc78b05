"""What a critic says of the two sides, overheard while its own loss is found.

A score is what a module that the critic's player owns gives for rows: one number for a row, or a map of
them. The sign under which it is high for data, and whether it is a logit, are read from the slope of the
critic's loss, so that any objective will do.

Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", 2017,
    arXiv:1706.04599, equation 3 (calibration).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...core import Player

BINS = 10  # of equal numbers of rows, for calibration


class Sides(NamedTuple):
    """What the critic says of the two sides, high for data."""

    real: Tensor  # (n,)
    made: Tensor  # (m,)
    sign: float  # by which the critic's own scores were multiplied
    logits: bool  # whether they are log odds of being real


def accuracy(real: Tensor, made: Tensor) -> float:
    """The share of pairs that are in the right order, ties counted half: (n,) and (m,)."""
    above = (real[:, None] > made).double().mean()
    return (above + (real[:, None] == made).double().mean() / 2).item()


def calibration_error(real: Tensor, made: Tensor) -> float:
    """E |share of real rows - mean probability| over bins of equal numbers, of logits (n,) and (m,)."""
    logits = torch.cat([real, made])
    truth = torch.cat([torch.ones_like(real), torch.zeros_like(made)])
    order = logits.argsort()
    probability = logits.sigmoid()
    parts = zip(probability[order].chunk(BINS), truth[order].chunk(BINS), strict=True)
    total = sum(len(p) * (p.mean() - t.mean()).abs().item() for p, t in parts)
    return total / len(logits)


def heard(calls: list[tuple[Tensor, Tensor]], loss: Tensor) -> Sides | None:
    """The two sides among a critic's calls in its own loss; None if they cannot be told.

    Args:
        calls: input and output of each.
        loss: the critic's.
    """
    own = [(x, s) for x, s in calls if not (x.is_leaf and x.requires_grad)]  # others are penalties'
    made = [s for x, s in own if x.requires_grad]
    real = [s for x, s in own if not x.requires_grad]
    if not (real and made):  # the two sides look alike: the first is real
        real, made = [s for _, s in own[:1]], [s for _, s in own[1:2]]
    if not (real and made) or not (real[0].requires_grad and made[0].requires_grad):
        return None
    both = [real[0], made[0]]
    found = torch.autograd.grad(loss, both, retain_graph=True, allow_unused=True)
    up, down = (torch.zeros_like(s) if g is None else g for s, g in zip(both, found, strict=True))
    sign = 1.0 if up.sum() <= down.sum() else -1.0  # the loss falls where real scores go
    r, f = (
        s.detach().flatten(1).mean(1) if s.dim() > 1 else s.detach() for s in (real[0], made[0])
    )
    return Sides(
        sign * r.double(), sign * f.double(), sign, _cross_entropy(real[0], made[0], up, down)
    )


def _cross_entropy(real: Tensor, made: Tensor, up: Tensor, down: Tensor) -> bool:
    """Whether the pulls at the scores are those of a cross-entropy of logits, up to one factor."""
    one = torch.cat(
        [-(-real).sigmoid().flatten() / real.numel(), made.sigmoid().flatten() / made.numel()]
    )
    other = torch.cat([up.flatten(), down.flatten()])
    scale = (one * other).sum() / one.square().sum().clamp(min=1e-30)
    return bool(scale > 0 and (other - scale * one).norm() <= 1e-3 * other.norm())


@contextmanager
def listening(critic: Player, shift: float = 0.0) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Input and output of each call of the modules that the critic owns, if they give scores.

    Args:
        critic: the player.
        shift: is added to the scores of fake rows.
    """
    calls: list[tuple[Tensor, Tensor]] = []

    def hear(module: nn.Module, given: tuple[Any, ...], out: Any) -> Tensor | None:
        if not (
            given and isinstance(given[0], Tensor) and isinstance(out, Tensor) and _scores(out)
        ):
            return None
        made = given[0].requires_grad and not given[0].is_leaf
        calls.append((given[0], out + shift if shift and made else out))
        return calls[-1][1]

    handles = [module.register_forward_hook(hear) for module in critic.owns]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _scores(out: Tensor) -> bool:
    """Whether an output is one number for a row, or a map of them."""
    return out.dim() == 1 or (out.dim() in (2, 4) and out.shape[1] == 1)
