"""Toys: endless data whose truth is known.

    moons         two half circles of unit radius, one turned over         density, entropy
    ring          8 normals on the unit circle                             density, entropy, modes
    grid          25 normals on a square grid                              density, entropy, modes
    spirals       two arms of one and a half turns around one centre       density, entropy
    rings         three circles around one centre                          density, entropy
    checkerboard  the black fields of a board of 4 x 4                     density, entropy
    pinwheel      five twisted normals                                     density, entropy
    swiss_roll    a roll of one and a half turns                           density, entropy
    mixture1d     three normals on a line                                  density, entropy

Entropies that have no formula are sums over a lattice, right to 2e-7 nats.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Generator, Tensor

from ..endless import draws
from ..sets import Data
from ..sources import Source
from ..truth import TAU, Toy, entropy_of, log_mixture, normal, uniform
from .curves import Moons, Rings, Spirals, SwissRoll


@dataclass(frozen=True)
class Normals(Toy):
    """A mixture of round normals.

    Args:
        centres: centre of each normal.
        stds: standard deviation of each.
        shares: probability of each; they sum to one.
    """

    centres: tuple[tuple[float, ...], ...]
    stds: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def dims(self) -> int:
        return len(self.centres[0])

    @property
    def classes(self) -> int:
        return len(self.centres)

    @property
    def modes(self) -> tuple[Tensor, float] | None:
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
        x = self._centres[part] + self._stds[part, None] * normal(noise, n, self.dims)
        return x.float(), part

    def log_prob(self, x: Tensor) -> Tensor:
        return log_mixture(x, self._centres, self._shares, self._stds)

    @cached_property
    def entropy(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        air = 10 * max(self.stds)
        return entropy_of(self.log_prob, self._centres, air, min(self.stds) / 2)


@dataclass(frozen=True)
class Checkerboard(Toy):
    """Uniform on those fields of the square [-4, 4] x [-4, 4] whose row and column are both odd or even."""

    field: float = 2.0

    @property
    def classes(self) -> int:
        return 8

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        part = torch.randint(8, (n,), generator=noise)
        row = part // 2
        corner = torch.stack([2 * (part % 2) + row % 2, row], 1) - 2
        return self.field * (corner + uniform(noise, n, 2)), part

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
    def classes(self) -> int:
        return self.arms

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        part = torch.randint(self.arms, (n,), generator=noise)
        along, across = normal(noise, 2, n)
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
        return entropy_of(self._untwisted, torch.zeros(1, 2), 1 + 10 * self.long, self.wide / 2)


def _rotate(x: Tensor, angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos * x[:, 0] - sin * x[:, 1], sin * x[:, 0] + cos * x[:, 1]], 1)


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
    "rings": Rings,
    "checkerboard": Checkerboard,
    "pinwheel": Pinwheel,
    "swiss_roll": SwissRoll,
    "mixture1d": partial(Normals, ((-2.0,), (0.0,), (2.5,)), (0.5, 0.25, 1.0), (0.3, 0.2, 0.5)),
}


def toy(name: str) -> Data:
    """A toy by its name, one of `TOYS`."""
    return draws(name, TOYS[name]())


SETS = {name: Source(partial(toy, name)) for name in TOYS}
