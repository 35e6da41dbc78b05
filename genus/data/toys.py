"""Toys: endless data whose truth is known.

    moons         two half circles of unit radius, one turned over         density, entropy
    ring          8 normals on the unit circle                             density, entropy, modes
    grid          25 normals on a square grid                              density, entropy, modes
    spirals       two arms of one and a half turns around one centre       density, entropy
    checkerboard  the black fields of a board of 4 x 4                     density, entropy
    pinwheel      five twisted normals                                     density, entropy
    swiss_roll    a roll of one and a half turns                           density, entropy
    mixture1d     three normals on a line                                  density, entropy

A toy that is a curve with normal noise has p(x) = E_t N(x; c(t), std^2 I): an integral over one
number, done by Gauss-Legendre quadrature in pieces shorter than four std, to ten digits and more.
Entropies are sums over a square lattice of half a std, which are right to 2e-7 nats.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Generator, Tensor

from ..core import Reals, Space

TAU = 2 * math.pi
ROWS = 2048  # points whose density is found at once


class Toy(ABC):
    """A distribution, on the reals unless it says otherwise: how to draw from it, and how probable each point is."""

    dims: int = 2
    classes: int = 0  # parts that a draw can come from; 0 if there is only one
    modes: tuple[Tensor, float] | None = None  # centres, (k, dims), and std around each

    @property
    def space(self) -> Space:
        """What one draw is."""
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


@dataclass(frozen=True)
class Normals(Toy):
    """A mixture of round normals.

    Args:
        centres: one point for each.
        stds: one standard deviation for each.
        shares: how often each is drawn; they sum to one.
    """

    centres: tuple[tuple[float, ...], ...]
    stds: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def dims(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return len(self.centres[0])

    @property
    def classes(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return len(self.centres)

    @property
    def modes(self) -> tuple[Tensor, float] | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self._centres.float(), self.stds[0]) if len(set(self.stds)) == 1 else None

    @cached_property
    def _centres(self) -> Tensor:
        return torch.tensor(self.centres, dtype=torch.float64)

    @cached_property
    def _stds(self) -> Tensor:
        return torch.tensor(self.stds, dtype=torch.float64)

    @cached_property
    def _shares(self) -> Tensor:
        return torch.tensor(self.shares, dtype=torch.float64)

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        part = torch.multinomial(self._shares, n, replacement=True, generator=noise)
        x = self._centres[part] + self._stds[part, None] * _normal(noise, n, self.dims)
        return x.float(), part

    def log_prob(self, x: Tensor) -> Tensor:
        return _log_mixture(x, self._centres, self._shares, self._stds)

    @cached_property
    def entropy(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        air = 10 * max(self.stds)
        return _entropy(self.log_prob, self._centres, air, min(self.stds) / 2)


class Curve(Toy):
    """Normal noise around a curve of one or several arms."""

    arms: int = 1
    noise: float
    ends: tuple[float, float]  # of the parameter t
    length: float  # at most, of one arm

    @property
    def classes(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
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
        t = self.parameter(_uniform(noise, n))
        x = self.point(t, arm.to(t.dtype))
        return x + self.noise * _normal(noise, n, 2), arm

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
        return _log_mixture(x, *self.nodes, torch.tensor(self.noise, dtype=torch.float64))

    @cached_property
    def entropy(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _entropy(self.log_prob, self.nodes[0], 10 * self.noise, self.noise / 2)


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
class Checkerboard(Toy):
    """Uniform on those fields of the square [-4, 4] x [-4, 4] whose row and column are both odd or even."""

    field: float = 2.0
    classes = 8

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        part = torch.randint(8, (n,), generator=noise)
        row = part // 2
        corner = torch.stack([2 * (part % 2) + row % 2, row], 1) - 2
        return self.field * (corner + _uniform(noise, n, 2)), part

    def log_prob(self, x: Tensor) -> Tensor:
        at = (x.double() / self.field).floor()
        inside = ((at >= -2) & (at < 2)).all(1) & (at.sum(1) % 2 == 0)
        return torch.where(inside, x.new_tensor(-self.entropy), -math.inf)

    @property
    def entropy(self) -> float:
        return math.log(8 * self.field**2)


@dataclass(frozen=True)
class Pinwheel(Toy):
    """Normals on the unit circle, long in the direction of the radius, twisted more the farther out.

    A twist by an angle that depends on the radius alone keeps areas, so density and entropy are those of
    the normals before it.

    Source: the look of Johnson, Duvenaud, Wiltschko, Datta, Adams, "Composing graphical models with
        neural networks for structured representations and fast inference", 2016, arXiv:1603.06277.
    Departs: there, the angle depends on the coordinate along the arm, which has no simple density.
    """

    arms: int = 5
    long: float = 0.3
    wide: float = 0.1
    rate: float = 0.25

    @property
    def classes(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.arms

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        part = torch.randint(self.arms, (n,), generator=noise)
        along, across = _normal(noise, 2, n)
        x = torch.stack([1 + self.long * along, self.wide * across], 1)
        angle = self.rate * x.norm(dim=1).exp()
        return _rotate(x, angle + TAU / self.arms * part.to(x.dtype)), part

    def log_prob(self, x: Tensor) -> Tensor:
        return self._untwisted(_rotate(x.double(), -self.rate * x.double().norm(dim=1).exp())).to(x)

    def _untwisted(self, x: Tensor) -> Tensor:
        each = []
        for k in range(self.arms):
            along, across = _rotate(x, x.new_tensor(-TAU / self.arms * k)).unbind(1)
            each.append(-0.5 * (((along - 1) / self.long) ** 2 + (across / self.wide) ** 2))
        level = math.log(self.arms * TAU * self.long * self.wide)
        return torch.stack(each).logsumexp(0) - level

    @cached_property
    def entropy(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _entropy(self._untwisted, torch.zeros(1, 2), 1 + 10 * self.long, self.wide / 2)


def _ring() -> Toy:
    angles = [TAU * k / 8 for k in range(8)]
    centres = tuple((math.cos(a), math.sin(a)) for a in angles)
    return Normals(centres, (0.02,) * 8, (1 / 8,) * 8)


def _grid() -> Toy:
    sides = (-4.0, -2.0, 0.0, 2.0, 4.0)
    return Normals(tuple(itertools.product(sides, sides)), (0.05,) * 25, (1 / 25,) * 25)


TOYS: dict[str, Callable[[], Toy]] = {
    "moons": Moons,
    "ring": _ring,
    "grid": _grid,
    "spirals": Spirals,
    "checkerboard": Checkerboard,
    "pinwheel": Pinwheel,
    "swiss_roll": SwissRoll,
    "mixture1d": partial(Normals, ((-2.0,), (0.0,), (2.5,)), (0.5, 0.25, 1.0), (0.3, 0.2, 0.5)),
}


# --- pieces -----------------------------------------------------------------------------------


def _uniform(noise: Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=noise, dtype=torch.float32)


def _normal(noise: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=noise, dtype=torch.float32)


def _log_mixture(x: Tensor, centres: Tensor, weights: Tensor, std: Tensor) -> Tensor:
    """log of the sum of weights N(x; centres, std^2 I), (n,)."""
    constants = weights.log() - centres.shape[1] * (std.log() + 0.5 * math.log(TAU))
    parts = []
    for rows in x.detach().double().split(ROWS) if not x.requires_grad else (x.double(),):
        squares = sum((rows[:, i, None] - centres[:, i]) ** 2 for i in range(centres.shape[1]))
        parts.append((constants - squares / (2 * std**2)).logsumexp(1))
    return torch.cat(parts).to(x.dtype)


def _entropy(
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


def _rotate(x: Tensor, angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos * x[:, 0] - sin * x[:, 1], sin * x[:, 0] + cos * x[:, 1]], 1)
