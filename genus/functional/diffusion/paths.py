"""Paths from data to noise: how much of each is in x_t, for a time t in [0, 1].

    x_t = alpha(t) x_0 + sigma(t) eps,   eps ~ N(0, I),   log_snr(t) = log(alpha(t) / sigma(t))

A path is all that a denoiser, a bound and a sampler need to know of a diffusion: it falls from data
(alpha 1, sigma 0) to noise, and every solver walks back along it. `first` and `last` are the times
between which a network is evaluated; at last, x_t is normal noise of deviation `spread`.

    VP          alpha^2 = exp(-int beta), beta linear      sigma^2 = 1 - alpha^2
    SubVP       the same alpha                             sigma   = 1 - alpha^2
    Cosine      alpha   = cos(pi t / 2)                    sigma   = sin(pi t / 2)
    Sigmoid     alpha^2 = a sigmoid of t, from 1 to 0      sigma^2 = 1 - alpha^2
    VE          alpha   = 1                                sigma geometric in t
    LinearVE    alpha   = 1                                sigma = t times the largest
    Straight    alpha   = 1 - t                            sigma = t

A chain of small steps is a path too: `diffusion.noise.ChainPath`.

Source: Song and others, "Score-based generative modeling through stochastic differential
    equations", 2021, arXiv:2011.13456, equations 29 to 33 and appendix C (VE, VP, sub-VP); Nichol,
    Dhariwal, 2021, arXiv:2102.09672, equation 17; Chen, "On the importance of noise scheduling",
    2023, arXiv:2301.10972 (sigmoid); Karras and others, 2022, arXiv:2206.00364, table 1; Lipman and
    others, "Flow matching for generative modeling", 2023, arXiv:2210.02747, equation 20 with
    sigma_min 0, and t turned round.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import Refused

LEAST = 1e-5  # of alpha and of sigma, in their logarithms


class Path(ABC):
    """What becomes of x_0. Times are tensors of any shape, in [first, last]."""

    first: float
    last: float = 1.0

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """What is left of x_0."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """The deviation of the noise."""

    @abstractmethod
    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """d alpha / dt and d sigma / dt."""

    @abstractmethod
    def time(self, log_snr: Tensor) -> Tensor:
        """The t at which alpha / sigma is exp(log_snr)."""

    def log_snr(self, t: Tensor) -> Tensor:
        """log(alpha / sigma)."""
        return self.alpha(t).clamp(min=LEAST).log() - self.sigma(t).clamp(min=LEAST).log()

    @property
    def spread(self) -> float:
        """The deviation of x_last, were x_0 of deviation 1."""
        t = torch.tensor(self.last, dtype=torch.float64)
        return math.hypot(self.alpha(t), self.sigma(t))

    def falling(self, times: Tensor) -> list[float]:
        """The times, (count,), as a sampler may use them."""
        return times.tolist()

    def _bounded(self) -> None:
        if not 0 < self.first < self.last:
            raise Refused(
                f"{type(self).__name__}: first is {self.first}; it must lie between 0 and "
                f"{self.last}, because without noise there is nothing to learn"
            )


@dataclass(frozen=True)
class VP(Path):
    """The variance of x_t stays 1; beta, the rate of noise, rises linearly.

    Args:
        least, most: beta at t = 0 and at t = 1.
        first: the smallest time.
    """

    least: float = 0.1
    most: float = 20.0
    first: float = 1e-3

    def __post_init__(self) -> None:
        self._bounded()
        if not 0 < self.least <= self.most:
            raise Refused(f"{type(self).__name__}: least is {self.least}, most {self.most}")

    def beta(self, t: Tensor) -> Tensor:
        """The rate at which noise comes in."""
        return self.least + (self.most - self.least) * t

    def total(self, t: Tensor) -> Tensor:
        """The integral of beta up to t."""
        return self.least * t + (self.most - self.least) * t.square() / 2

    def alpha(self, t: Tensor) -> Tensor:
        return (-self.total(t) / 2).exp()

    def sigma(self, t: Tensor) -> Tensor:
        return (-torch.expm1(-self.total(t))).sqrt()

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha, half = self.alpha(t), self.beta(t) / 2
        return -half * alpha, half * alpha.square() / self.sigma(t)

    def time(self, log_snr: Tensor) -> Tensor:
        return self._reached(torch.nn.functional.softplus(2 * log_snr) - 2 * log_snr)

    def _reached(self, total: Tensor) -> Tensor:
        """The t at which the integral of beta is `total`."""
        gain = self.most - self.least
        return 2 * total / (self.least + (self.least**2 + 2 * gain * total).sqrt())


@dataclass(frozen=True)
class SubVP(VP):
    """As VP, with less noise: the variance stays below 1, and likelihoods come out better."""

    def sigma(self, t: Tensor) -> Tensor:
        return -torch.expm1(-self.total(t))

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha, beta = self.alpha(t), self.beta(t)
        return -beta / 2 * alpha, beta * alpha.square()

    def time(self, log_snr: Tensor) -> Tensor:
        """alpha / (1 - alpha^2) = r is solved by alpha = 2 r / (1 + sqrt(1 + 4 r^2))."""
        r = log_snr.exp()
        alpha = 2 * r / (1 + (1 + 4 * r.square()).sqrt())
        return self._reached(-2 * alpha.log())


@dataclass(frozen=True)
class Cosine(Path):
    """A quarter of a circle.

    Args:
        first: the smallest time.
    """

    first: float = 1e-3

    def __post_init__(self) -> None:
        self._bounded()

    def alpha(self, t: Tensor) -> Tensor:
        return (math.pi / 2 * t).cos()

    def sigma(self, t: Tensor) -> Tensor:
        return (math.pi / 2 * t).sin()

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return -math.pi / 2 * self.sigma(t), math.pi / 2 * self.alpha(t)

    def time(self, log_snr: Tensor) -> Tensor:
        return 2 / math.pi * torch.atan(torch.exp(-log_snr))


@dataclass(frozen=True)
class Sigmoid(Path):
    """alpha^2 falls as a sigmoid does: f(t) = sigmoid(-(start + t (end - start)) / heat), from 1 to 0.

    Args:
        start, end: the part of the sigmoid that is used.
        heat: softness of it, above 0.
        first: the smallest time.
    """

    start: float = -3.0
    end: float = 3.0
    heat: float = 1.0
    first: float = 1e-3

    def __post_init__(self) -> None:
        self._bounded()
        if self.start >= self.end or self.heat <= 0:
            raise Refused(
                f"Sigmoid: start is {self.start}, end {self.end}, heat {self.heat}; start must lie "
                f"below end, heat above 0"
            )

    def _ends(self) -> tuple[float, float]:
        return tuple(1 / (1 + math.exp(x / self.heat)) for x in (self.start, self.end))  # pyright: ignore[reportReturnType]

    def _raw(self, t: Tensor) -> Tensor:
        return torch.sigmoid(-(self.start + t * (self.end - self.start)) / self.heat)

    def alpha(self, t: Tensor) -> Tensor:
        high, low = self._ends()
        return ((self._raw(t) - low) / (high - low)).clamp(0, 1).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        high, low = self._ends()
        return ((high - self._raw(t)) / (high - low)).clamp(0, 1).sqrt()

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        (high, low), raw = self._ends(), self._raw(t)
        slope = raw * (1 - raw) * (self.end - self.start) / self.heat / (high - low) / 2
        return -slope / self.alpha(t).clamp(min=LEAST), slope / self.sigma(t).clamp(min=LEAST)

    def time(self, log_snr: Tensor) -> Tensor:
        high, low = self._ends()
        raw = low + (high - low) * torch.sigmoid(2 * log_snr)
        return (-self.heat * torch.logit(raw) - self.start) / (self.end - self.start)


@dataclass(frozen=True)
class VE(Path):
    """x_0 stays as it is, and noise grows by the same factor in equal times.

    Args:
        least, most: deviations of the noise, at the first time and at t = 1; the largest about as
            large as the data are wide in all.
        first: the smallest time.
    """

    least: float = 0.01
    most: float = 50.0
    first: float = 1e-3

    def __post_init__(self) -> None:
        self._bounded()
        if not 0 < self.least < self.most:
            raise Refused(f"VE: least is {self.least}, most {self.most}; 0 < least < most")

    @property
    def growth(self) -> float:
        """The logarithm of how much noise grows from the first time to the last."""
        return math.log(self.most / self.least) / (1 - self.first)

    def alpha(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        return self.most * (self.growth * (t - 1)).exp()

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(t), self.growth * self.sigma(t)

    def time(self, log_snr: Tensor) -> Tensor:
        return 1 + (-log_snr - math.log(self.most)) / self.growth


@dataclass(frozen=True)
class LinearVE(Path):
    """x_0 stays as it is, and the deviation of the noise is `most` t: EDM's.

    Args:
        least, most: deviations of the noise, at the first time and at t = 1.
    """

    least: float = 0.002
    most: float = 80.0

    def __post_init__(self) -> None:
        if not 0 < self.least < self.most:
            raise Refused(f"LinearVE: least is {self.least}, most {self.most}; 0 < least < most")

    @property
    def first(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.least / self.most

    def alpha(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        return self.most * t

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(t), torch.full_like(t, self.most)

    def time(self, log_snr: Tensor) -> Tensor:
        return (-log_snr).exp() / self.most


@dataclass(frozen=True)
class Straight(Path):
    """The straight line from x_0 to the noise, at constant speed: flow matching's.

    Args:
        first: the smallest time.
    """

    first: float = 1e-3

    def __post_init__(self) -> None:
        self._bounded()

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        return t

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return -torch.ones_like(t), torch.ones_like(t)

    def time(self, log_snr: Tensor) -> Tensor:
        return torch.sigmoid(-log_snr)
