"""What a denoising network predicts. All are one another's linear functions, given x_t.

    x_t = alpha x_0 + sigma eps

    Epsilon         eps                            x0hat = (x_t - sigma out) / alpha
    Start           x_0                            x0hat = out
    Velocity        v = alpha eps - sigma x_0      x0hat = (alpha x_t - sigma out) / (alpha^2 + sigma^2)
    Slope           u = eps - x_0                  x0hat = (x_t - sigma out) / (alpha + sigma)
    Score           grad log q(x_t | x_0)          x0hat = (x_t + sigma^2 out) / alpha
    Preconditioned  x0hat = c_skip y + c_out out(c_in y, ln(s) / 4)     y = x_t / alpha, s = sigma / alpha

The squared error of each is that of x_0 in units of its own, and this is what they differ in: how
much a network cares for each amount of noise, and how much of x_t it has to copy.

Source: Ho, Jain, Abbeel, 2020, arXiv:2006.11239, equations 11 to 14 (eps); Salimans, Ho, "Progressive
    distillation", 2022, arXiv:2202.00512, appendix D (v); Lipman and others, 2023, arXiv:2210.02747
    (u); Song and others, 2021, arXiv:2011.13456, equation 7 (score, weighed by sigma^2); Karras and
    others, "Elucidating the design space of diffusion-based generative models", 2022,
    arXiv:2206.00364, equation 7 and table 1.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ...errors import positive


class NetworkInput(NamedTuple):
    """What a network is shown."""

    x: Tensor  # (n, *shape)
    t: Tensor  # (n,)


class Parametrisation(Protocol):
    """alpha and sigma have one number a row, and as many axes as x."""

    def network_input(self, x: Tensor, t: Tensor, alpha: Tensor, sigma: Tensor) -> NetworkInput:
        """What the network is shown of x_t, (n, *shape), and of t, (n,)."""
        ...

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """x0hat, (n, *shape), from what the network gave for x_t."""
        ...

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """What the network should give, (n, *shape), for this x_0 and this noise."""
        ...

    def weight(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Of its squared error."""
        ...


class _Plain:
    """The network is shown x_t and t as they are, and all its errors weigh the same."""

    def network_input(self, x: Tensor, t: Tensor, alpha: Tensor, sigma: Tensor) -> NetworkInput:
        return NetworkInput(x, t)

    def weight(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        return torch.ones_like(alpha)


@dataclass(frozen=True)
class Epsilon(_Plain):
    """The noise. Where almost nothing is left of x_0, its errors are magnified."""

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (x - sigma * out) / alpha

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return eps


@dataclass(frozen=True)
class Start(_Plain):
    """x_0 itself."""

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return out

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return x


@dataclass(frozen=True)
class Velocity(_Plain):
    """v: the noise where there is little, x_0 where there is much."""

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (alpha * x - sigma * out) / (alpha.square() + sigma.square())

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return alpha * eps - sigma * x


@dataclass(frozen=True)
class Slope(_Plain):
    """u = eps - x_0: dx_t / dt on a straight path."""

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (x - sigma * out) / (alpha + sigma)

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return eps - x


@dataclass(frozen=True)
class Score(_Plain):
    """The gradient of log q(x_t | x_0) = -eps / sigma; its errors are weighed by sigma^2.

    The network's own output is divided by sigma, so that it stays about 1 in size.
    """

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (x + sigma * out) / alpha

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return -eps


@dataclass(frozen=True)
class Preconditioned:
    """EDM's: what goes in and what should come out have variance 1 at each amount of noise.

        c_skip = d^2 / (s^2 + d^2)     c_out = s d / sqrt(s^2 + d^2)     c_in = 1 / sqrt(s^2 + d^2)

    Args:
        deviation: d, the data's standard deviation, above 0.
    """

    deviation: float = 0.5

    def __post_init__(self) -> None:
        positive("Preconditioned", deviation=self.deviation)

    def network_input(self, x: Tensor, t: Tensor, alpha: Tensor, sigma: Tensor) -> NetworkInput:
        # c_in y = x / sqrt(sigma^2 + alpha^2 d^2), also where alpha is 0
        scale = (sigma.square() + (alpha * self.deviation).square()).sqrt()
        return NetworkInput(x / scale, (sigma / alpha.clamp(min=1e-5)).log().reshape(-1) / 4)

    def start(self, out: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        d2 = self.deviation**2
        total = sigma.square() + alpha.square() * d2
        return (alpha * d2 * x + sigma * self.deviation * total.sqrt() * out) / total

    def target(self, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        d2 = self.deviation**2
        total = sigma.square() + alpha.square() * d2
        # (x_0 - c_skip y) / c_out, with y = x_0 + s eps
        return (sigma * x - alpha * d2 * eps) / (self.deviation * total.sqrt())

    def weight(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Of the network's error, 1: of x_0's, 1 / c_out^2."""
        return torch.ones_like(alpha)
