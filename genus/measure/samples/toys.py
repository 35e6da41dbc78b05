"""Toys with separate bumps: which of them a model has found, and how cleanly.

    modes           bumps with at least one sample of high quality: within 3 standard deviations
    modes_firmly    bumps with at least 20 of them
    high_quality    share of samples of high quality
    mode_kl         KL(histogram of samples over bumps || uniform), each sample given to its nearest
    width           standard deviation of samples of high quality around their own mean in each bump,
                    over the true one: counts do not see bumps that have shrunk

Source: Srivastava, Valkov, Russell, Gutmann, Sutton, "VEEGAN: reducing mode collapse in GANs using
    implicit variational learning", 2017, arXiv:1705.07761. Lin, Khetan, Fanti, Oh,
    "PacGAN: the power of two samples in generative adversarial networks", 2018, arXiv:1712.04086.
"""

import math
from typing import Any, Literal

import torch
from torch import Tensor

from ...functional.densities.distances import kl_histograms
from ...functional.densities.estimates import mean_error
from ...functional.densities.neighbours import nearest
from ..figures import Figure

NEAR = 3.0  # standard deviations from the middle of a bump, for high quality
FIRM = 20  # samples of high quality that hold a bump firmly


def mode_values(x: Tensor, modes: Tensor, std: float) -> dict[str, tuple[float, float | None]]:
    """Each measure's value and standard error; no width if no mode has two samples of high quality.

    Args:
        x: samples, (n, d).
        modes: centres of the bumps, (k, d), all of the same weight.
        std: standard deviation of each bump, in each direction.
    """
    distance, mode = nearest(x.double(), modes.double())
    good = distance <= NEAR * std
    counts = torch.bincount(mode[good], minlength=len(modes))
    everyone = torch.bincount(mode, minlength=len(modes)).double()
    width = _width(x.double()[good], mode[good], len(modes), std)
    return {
        "modes": (float((counts > 0).sum()), None),
        "modes_firmly": (float((counts >= FIRM).sum()), None),
        "high_quality": mean_error(good.double()),
        "mode_kl": (kl_histograms(everyone, torch.ones_like(everyone)).item(), None),
        **({"width": width} if width else {}),
    }


def _width(x: Tensor, mode: Tensor, k: int, std: float) -> tuple[float, float] | None:
    """Standard deviation of rows (n, d) within their modes, in each direction, over `std`; its error."""
    counts = torch.bincount(mode, minlength=k)
    free = int((counts - 1).clamp(min=0).sum())  # each mean takes one row
    if not free:
        return None
    means = x.new_zeros(k, x.shape[1]).index_add(0, mode, x) / counts.clamp(min=1)[:, None]
    squares = (x - means[mode]).square().mean(1) * len(x) / free
    value, error = mean_error(squares)
    width = math.sqrt(value)
    return width / std, error / (2 * width * std) if width else 0.0


UNITS: dict[str, tuple[str, Literal["lower", "higher", "floor"]]] = {
    "modes": ("modes", "higher"),
    "modes_firmly": ("modes", "higher"),
    "high_quality": ("share", "higher"),
    "mode_kl": ("nats", "lower"),
    "width": ("", "floor"),
}


def mode_figures(
    fake: Tensor, real: Tensor, modes: Tensor, std: float, protocol: dict[str, Any]
) -> list[Figure]:
    """All figures of this file, each with its floor: that of as many real rows."""
    values = mode_values(fake, modes, std)
    floors = mode_values(real[: len(fake)], modes, std)
    known = {**protocol, "samples": len(fake), "floor_rows": min(len(fake), len(real))}
    return [
        Figure(
            name,
            value,
            UNITS[name][0],
            known,
            sign="~",
            error=error,
            floor=floors[name][0] if name in floors else None,
            better=UNITS[name][1],
            estimator={"name": "samples"},
        )
        for name, (value, error) in values.items()
    ]
