"""Toys that are curves with normal noise around them.

    p(x) = E_t N(x; c(t), std^2 I)

is an integral over one number, done by Gauss-Legendre quadrature in pieces shorter than four std, to ten
digits and more.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Generator, Tensor

from ..truth import TAU, Toy, entropy_of, log_mixture, normal, uniform


class Curve(Toy):
    """Normal noise around a curve of one or several arms."""

    arms: int = 1
    noise: float
    ends: tuple[float, float]  # of the parameter t
    length: float  # at most, of one arm

    @property
    def classes(self) -> int:
        return self.arms if self.arms > 1 else 0

    @abstractmethod
    def point(self, t: Tensor, arm: Tensor) -> Tensor:
        """c(t) of an arm, (n, 2); both arguments are floats, (n,)."""

    @abstractmethod
    def density(self, t: Tensor) -> Tensor:
        """p(t)."""

    @abstractmethod
    def parameter(self, u: Tensor) -> Tensor:
        """The t below which a share u of the draws lies."""

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        arm = torch.randint(self.arms, (n,), generator=noise)
        t = self.parameter(uniform(noise, n))
        x = self.point(t, arm.to(t.dtype))
        return x + self.noise * normal(noise, n, 2), arm

    @cached_property
    def nodes(self) -> tuple[Tensor, Tensor]:
        """Points of all arms, (m, 2), and their weights, (m,): E_t f(c(t)) is a sum over them."""
        pieces = math.ceil(self.length / (4 * self.noise))
        at, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(16))
        edges = torch.linspace(*self.ends, pieces + 1, dtype=torch.float64)
        half = (edges[1:] - edges[:-1])[:, None] / 2
        t = (edges[:-1, None] + half * (1 + at)).flatten()
        each = (half * weights).flatten() * self.density(t) / self.arms
        arm = torch.arange(self.arms, dtype=t.dtype).repeat_interleave(len(t))
        return self.point(t.repeat(self.arms), arm), each.repeat(self.arms)

    def log_prob(self, x: Tensor) -> Tensor:
        return log_mixture(x, *self.nodes, torch.tensor(self.noise, dtype=torch.float64))

    @cached_property
    def entropy(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        return entropy_of(self.log_prob, self.nodes[0], 10 * self.noise, self.noise / 2)


@dataclass(frozen=True)
class Moons(Curve):
    """Half circles of unit radius around (0, 0) and (1, 0.5), the second turned over."""

    noise: float = 0.1
    arms = 2
    ends = (0.0, math.pi)
    length = math.pi

    def point(self, t: Tensor, arm: Tensor) -> Tensor:
        sign = 1 - 2 * arm
        return torch.stack([sign * t.cos() + arm, sign * t.sin() + 0.5 * arm], 1)

    def density(self, t: Tensor) -> Tensor:
        return torch.full_like(t, 1 / math.pi)

    def parameter(self, u: Tensor) -> Tensor:
        return math.pi * u


@dataclass(frozen=True)
class Spirals(Curve):
    """Two arms from the centre, half a turn apart: radius t / 3 at angle t, p(t) growing with t."""

    noise: float = 0.1
    arms = 2
    ends = (0.0, 3 * math.pi)
    length = 16.0

    def point(self, t: Tensor, arm: Tensor) -> Tensor:
        radius = (1 - 2 * arm) * t / 3
        return torch.stack([radius * t.cos(), radius * t.sin()], 1)

    def density(self, t: Tensor) -> Tensor:
        return 2 * t / self.ends[1] ** 2

    def parameter(self, u: Tensor) -> Tensor:
        return self.ends[1] * u.sqrt()


@dataclass(frozen=True)
class SwissRoll(Curve):
    """Radius t / 5 at angle t, t uniform from 1.5 pi to 4.5 pi."""

    noise: float = 0.1
    ends = (1.5 * math.pi, 4.5 * math.pi)
    length = 19.0

    def point(self, t: Tensor, arm: Tensor) -> Tensor:
        return torch.stack([t * t.cos(), t * t.sin()], 1) / 5

    def density(self, t: Tensor) -> Tensor:
        return torch.full_like(t, 1 / (3 * math.pi))

    def parameter(self, u: Tensor) -> Tensor:
        return self.ends[0] + 3 * math.pi * u


@dataclass(frozen=True)
class Rings(Curve):
    """Circles of radius 1, 2 and 3 around one centre, each as likely."""

    noise: float = 0.1
    arms = 3
    ends = (0.0, TAU)
    length = 3 * TAU

    def point(self, t: Tensor, arm: Tensor) -> Tensor:
        return (arm + 1)[:, None] * torch.stack([t.cos(), t.sin()], 1)

    def density(self, t: Tensor) -> Tensor:
        return torch.full_like(t, 1 / TAU)

    def parameter(self, u: Tensor) -> Tensor:
        return TAU * u
