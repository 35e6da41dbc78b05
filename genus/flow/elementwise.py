"""Bijections of single numbers, each with numbers of its own that a network decides.

    Shift     z = x + t                  volume is kept (NICE)
    Affine    z = x e^s + t              s = bound tanh(a / bound), so that no scale explodes
    Spline    z = a spline of x          as many bends as there are bins

Zeros make each of them the identity.

Source: Dinh, Krueger, Bengio, "NICE: non-linear independent components estimation", 2015,
    arXiv:1410.8516; Dinh, Sohl-Dickstein, Bengio, "Density estimation using Real NVP", 2017,
    arXiv:1605.08803; Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", 2019,
    arXiv:1906.04032.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..errors import at_least, positive
from .splines import knots, spline, spline_inverse


class Elementwise(Protocol):
    """A bijection of one number, given `count` numbers that may be anything."""

    @property
    def count(self) -> int:
        """How many numbers decide it."""
        ...

    def encode(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """z and log dz/dx, of the shape of x; raw has one axis more, of `count`."""
        ...

    def decode(self, z: Tensor, raw: Tensor) -> Tensor:
        """x."""
        ...


@dataclass(frozen=True)
class Shift:
    """z = x + t."""

    count: int = 1

    def encode(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """x + t, and zeros."""
        return x + raw[..., 0], x.new_zeros(x.shape)

    def decode(self, z: Tensor, raw: Tensor) -> Tensor:
        """z - t."""
        return z - raw[..., 0]


@dataclass(frozen=True)
class Affine:
    """z = x e^s + t.

    Args:
        bound: bound of |s|, above 0.
    """

    bound: float = 3.0
    count: int = 2

    def __post_init__(self) -> None:
        positive("Affine", bound=self.bound)

    def encode(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """x e^s + t, and s."""
        a, t = raw.unbind(-1)
        s = (a * (1 / self.bound)).tanh() * self.bound
        return torch.addcmul(t, x, s.exp()), s

    def decode(self, z: Tensor, raw: Tensor) -> Tensor:
        """(z - t) e^-s."""
        a, t = raw.unbind(-1)
        return (z - t) * ((a * (1 / self.bound)).tanh() * -self.bound).exp()


@dataclass(frozen=True)
class Spline:
    """A rational-quadratic spline on [-bound, bound], the identity outside, or a circle.

    Args:
        bins: number of bins, at least 2.
        bound: end of it, above 0: some standard deviations of what comes in.
        circular: x is an angle in [-bound, bound], whose ends are one point.
    """

    bins: int = 8
    bound: float = 5.0
    circular: bool = False

    def __post_init__(self) -> None:
        at_least(2, "Spline", bins=self.bins)
        positive("Spline", bound=self.bound)

    @property
    def count(self) -> int:
        """Widths, heights and slopes."""
        return 3 * self.bins - (0 if self.circular else 1)

    def encode(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """z and log dz/dx."""
        return spline(x, knots(raw, self.bound, self.circular))

    def decode(self, z: Tensor, raw: Tensor) -> Tensor:
        """x."""
        return spline_inverse(z, knots(raw, self.bound, self.circular))[0]
