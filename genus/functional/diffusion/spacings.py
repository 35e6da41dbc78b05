"""The times at which a sampler evaluates a denoiser, on its way back along a path.

A spacing is a function of a path, of a count and of the time to start from: it gives at most so many
times, falling, the last of them the path's first; `WithoutLast` stops one short of that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ...errors import positive
from .paths import Path

Spacing = Callable[[Path, int, float], Sequence[float]]


class Level(NamedTuple):
    """How much of data and of noise there is at a time."""

    t: float
    alpha: float
    sigma: float

    @property
    def log_snr(self) -> float:
        """log(alpha / sigma), bounded where one of them is 0."""
        return math.log(max(self.alpha, 1e-5)) - math.log(max(self.sigma, 1e-5))


CLEAN = Level(0.0, 1.0, 0.0)  # x_0 itself


def level(path: Path, t: float) -> Level:
    """The path at t, computed in float64."""
    time = torch.tensor(t, dtype=torch.float64)
    return Level(t, path.alpha(time).item(), path.sigma(time).item())


def levels(path: Path, times: Sequence[float]) -> list[Level]:
    """The path at all of the times, and x_0 at the end."""
    return [*(level(path, t) for t in times), CLEAN]


def even(path: Path, count: int, start: float) -> list[float]:
    """At most `count` times, evenly spaced."""
    return path.falling(torch.linspace(start, path.first, count, dtype=torch.float64))


def quadratic(path: Path, count: int, start: float) -> list[float]:
    """At most `count` times, closer where there is less noise."""
    ends = start**0.5, path.first**0.5
    return path.falling(torch.linspace(*ends, count, dtype=torch.float64) ** 2)


def by_log_snr(path: Path, count: int, start: float) -> list[float]:
    """At most `count` times, evenly spaced in log(alpha / sigma)."""
    low, high = level(path, start).log_snr, level(path, path.first).log_snr
    times = path.time(torch.linspace(low, high, count, dtype=torch.float64))
    times = times.clamp(path.first, start)
    times[0] = start
    return path.falling(times)


@dataclass(frozen=True)
class Karras:
    """At most `count` times: (sigma / alpha)^(1 / rho) falls evenly.

    Source: Karras and others, 2022, arXiv:2206.00364, equation 5.

    Args:
        rho: above 0; the larger, the shorter the steps where there is little noise.
        most: largest sigma / alpha: a start beyond it is as if it were here.
    """

    rho: float = 7.0
    most: float = 80.0

    def __post_init__(self) -> None:
        positive("Karras", rho=self.rho, most=self.most)

    def __call__(self, path: Path, count: int, start: float) -> list[float]:
        high = min(math.exp(-level(path, start).log_snr), self.most)
        low = math.exp(-level(path, path.first).log_snr)
        roots = torch.linspace(
            high ** (1 / self.rho), low ** (1 / self.rho), count, dtype=torch.float64
        )
        times = path.time(-self.rho * roots.log()).clamp(path.first, start)
        times[0] = start
        return path.falling(times)


@dataclass(frozen=True)
class WithoutLast:
    """At most `count` times: those of a spacing of one more, but for its last.

    The last step, to x_0, then begins where there is still some noise. With few steps that is the
    better use of an evaluation; with many it makes no difference.

    Args:
        spacing: spacing of the times.
    """

    spacing: Spacing = even

    def __call__(self, path: Path, count: int, start: float) -> list[float]:
        times = list(self.spacing(path, count + 1, start))
        return times[:-1] or times
