"""Distributions whose density is known: the class of all toys, and helpers for their figures."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ..core import Reals, Space

TAU = 2 * math.pi
PAIRS = 2**16  # of a point and a centre, looked at in one go: few enough to stay in the cache


class Toy(ABC):
    """A distribution with a sampler and a density, on the reals unless `space` is overridden."""

    @property
    def dims(self) -> int:
        """The number of values of one row."""
        return 2

    @property
    def classes(self) -> int:
        """The number of parts of the mixture; 0 if there is only one."""
        return 0

    @property
    def modes(self) -> tuple[Tensor, float] | None:
        """Centres, (k, dims), and the standard deviation around each; None without such."""
        return None

    @property
    def space(self) -> Space:
        """The space of one row."""
        return Reals((self.dims,))

    @abstractmethod
    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        """x, (n, dims), and the part each comes from, (n,) int64."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), nats, (n,), computed in double precision."""

    @property
    @abstractmethod
    def entropy(self) -> float:
        """-E log p(x), nats."""


def uniform(noise: Generator, *shape: int) -> Tensor:
    """Uniform noise in [0, 1), of single precision whatever the default."""
    return torch.rand(shape, generator=noise, dtype=torch.float32)


def normal(noise: Generator, *shape: int) -> Tensor:
    """Standard normal noise, of single precision whatever the default."""
    return torch.randn(shape, generator=noise, dtype=torch.float32)


def log_mixture(x: Tensor, centres: Tensor, weights: Tensor, std: Tensor) -> Tensor:
    """log of the sum of weights N(x; centres, std^2 I), (n,)."""
    constants = weights.log() - centres.shape[1] * (std.log() + 0.5 * math.log(TAU))
    parts = []
    at_once = max(1, PAIRS // len(centres))
    for rows in x.double().split(at_once):
        squares = sum((rows[:, i, None] - centres[:, i]) ** 2 for i in range(centres.shape[1]))
        parts.append((constants - squares / (2 * std**2)).logsumexp(1))
    return torch.cat(parts).to(x.dtype)


def entropy_of(
    log_prob: Callable[[Tensor], Tensor], around: Tensor, air: float, step: float
) -> float:
    """-E log p by a sum over a lattice that reaches `air` farther than the points `around`."""
    around = around.double()
    low, high = around.min(0).values - air, around.max(0).values + air
    axes = [
        torch.arange(a, b, step, dtype=torch.float64)
        for a, b in zip(low.tolist(), high.tolist(), strict=True)
    ]
    total = 0.0
    for first in axes[0].split(max(1, 2**17 // math.prod(len(axis) for axis in axes[1:]))):
        log_p = log_prob(torch.cartesian_prod(first, *axes[1:]).reshape(-1, len(axes)))
        total -= (log_p.exp() * log_p).sum().item()
    return total * step ** len(axes)
