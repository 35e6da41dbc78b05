"""Accuracy and calibration of a critic's scores, and a way to record and shift the scores.

Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", 2017,
    arXiv:1706.04599, equation 3 (calibration).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ...core import Player

BINS = 10  # of equal numbers of rows, for calibration


def accuracy(real: Tensor, fake: Tensor) -> float:
    """The share of pairs that are in the right order, ties counted half: (n,) and (m,)."""
    above = (real[:, None] > fake).double().mean()
    return (above + (real[:, None] == fake).double().mean() / 2).item()


def calibration_error(real: Tensor, fake: Tensor) -> float:
    """E |share of real rows - mean probability| over bins of equal numbers, of logits (n,) and (m,)."""
    logits = torch.cat([real, fake])
    truth = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    order = logits.argsort()
    probability = logits.sigmoid()
    parts = zip(probability[order].chunk(BINS), truth[order].chunk(BINS), strict=True)
    total = sum(len(p) * (p.mean() - t.mean()).abs().item() for p, t in parts)
    return total / len(logits)


@contextmanager
def recording(critic: Player, shift: float = 0.0) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Records input and output of each call of the critic's modules whose output is scores.

    Args:
        critic: critic of a game.
        shift: number that is added to the scores of fake rows.
    """
    calls: list[tuple[Tensor, Tensor]] = []

    def record(module: nn.Module, given: tuple[Any, ...], out: Any) -> Tensor | None:
        if not (
            given and isinstance(given[0], Tensor) and isinstance(out, Tensor) and _scores(out)
        ):
            return None
        fake = given[0].requires_grad and not given[0].is_leaf
        calls.append((given[0], out + shift if shift and fake else out))
        return calls[-1][1]

    handles = [module.register_forward_hook(record) for module in critic.owns]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _scores(out: Tensor) -> bool:
    """Whether an output is one number for a row, or a map of them."""
    return out.dim() == 1 or (out.dim() in (2, 4) and out.shape[1] == 1)
