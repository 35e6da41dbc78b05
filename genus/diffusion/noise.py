"""Noise of diffusion: how much of x_0 is left after t of T small steps. All in float64.

    q(x_t | x_(t-1)) = N(sqrt(1 - beta_t) x_(t-1), beta_t I)
    q(x_t | x_0)     = N(sqrt(abar_t) x_0, (1 - abar_t) I)      abar_t = prod_(s <= t) (1 - beta_s)

A schedule is a function of T: it gives beta_1 .. beta_T, (T,).
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import at_least
from ..functional.diffusion import paths
from ..functional.diffusion.paths import Path

MOST = 0.999  # of beta: even the last step leaves something to undo


@dataclass(frozen=True)
class LinearSchedule:
    """beta_t rises by the same amount at each step.

    Source: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239,
        section 4.
    Departs: fewer steps than 1000 are larger in proportion, so that abar_T stays about the same.

    Args:
        first: beta_1 of 1000 steps.
        last: beta_T of 1000 steps.
    """

    first: float = 1e-4
    last: float = 0.02

    def __call__(self, steps: int) -> Tensor:
        """beta_1 .. beta_T, (T,)."""
        scale = 1000 / _positive(steps)
        betas = torch.linspace(self.first * scale, self.last * scale, steps, dtype=torch.float64)
        return betas.clamp(max=MOST)


@dataclass(frozen=True)
class CosineSchedule:
    """abar_t = f(t) / f(0), with f(t) = cos^2(pi / 2 (t / T + offset) / (1 + offset)).

    Source: Nichol, Dhariwal, "Improved denoising diffusion probabilistic models", 2021,
        arXiv:2102.09672, equation 17, and the bound on beta below it.

    Args:
        offset: the larger, the more noise the first steps add. About the space between two levels
            of a pixel does well: with less, many steps are spent on noise that the levels give away.
    """

    offset: float = 0.008

    def __call__(self, steps: int) -> Tensor:
        """beta_1 .. beta_T, (T,)."""
        t = torch.arange(_positive(steps) + 1, dtype=torch.float64) / steps
        f = torch.cos(math.pi / 2 * (t + self.offset) / (1 + self.offset)) ** 2
        return (1 - f[1:] / f[:-1]).clamp(max=MOST)


@dataclass(frozen=True)
class SigmoidSchedule:
    """abar_t falls as a sigmoid does, from 1 to almost 0.

    Source: Jabri, Fleet, Chen, "Scalable adaptive computation for iterative generation", 2023,
        arXiv:2212.11972, appendix.

    Args:
        start, end: the part of the sigmoid that is used, start below end.
        heat: softness of it, above 0.
    """

    start: float = -3.0
    end: float = 3.0
    heat: float = 1.0

    def __post_init__(self) -> None:
        self.path()

    def path(self) -> paths.Sigmoid:
        """The same in continuous time, which has the formula."""
        return paths.Sigmoid(self.start, self.end, self.heat)

    def __call__(self, steps: int) -> Tensor:
        """beta_1 .. beta_T, (T,)."""
        t = torch.arange(_positive(steps) + 1, dtype=torch.float64) / steps
        abar = self.path().alpha(t).square()
        return (1 - abar[1:] / abar[:-1]).clamp(max=MOST)


def alpha_bars(betas: Tensor) -> Tensor:
    """abar_0 .. abar_T, (T + 1,): the share of variance that x_0 still has. abar_0 is 1."""
    return torch.cat([betas.new_ones(1), (1 - betas).cumprod(0)])


@dataclass(frozen=True)
class ChainPath(Path):
    """A chain of T small steps as a path: time k / T after k of them, log_snr linear between.

    Args:
        betas: the variance of each step, (T,), as a schedule of `diffusion.noise` gives them.
    """

    betas: Tensor
    log_snrs: Tensor = field(init=False, repr=False)  # at t = 1 / T .. 1, (T,), float64

    def __post_init__(self) -> None:
        abar = alpha_bars(self.betas.double())[1:]
        object.__setattr__(self, "log_snrs", (abar.log() - torch.log1p(-abar)) / 2)

    @property
    def steps(self) -> int:
        """T."""
        return len(self.betas)

    @property
    def first(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return 1 / self.steps

    def falling(self, times: Tensor) -> list[float]:
        """Whole steps only: several times that round to one are one."""
        whole = (times * self.steps).round().long().clamp(1, self.steps)
        return [k / self.steps for k in sorted(set(whole.tolist()), reverse=True)]

    def log_snr(self, t: Tensor) -> Tensor:
        return self._between(t)[0]

    def alpha(self, t: Tensor) -> Tensor:
        return torch.sigmoid(2 * self.log_snr(t)).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        return torch.sigmoid(-2 * self.log_snr(t)).sqrt()

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Of the straight piece on which t lies."""
        (log_snr, slope) = self._between(t)
        alpha, sigma = torch.sigmoid(2 * log_snr).sqrt(), torch.sigmoid(-2 * log_snr).sqrt()
        return slope * alpha * sigma.square(), -slope * sigma * alpha.square()

    def time(self, log_snr: Tensor) -> Tensor:
        table = self.log_snrs.to(log_snr.device)
        below = torch.searchsorted(-table, -log_snr.double()).clamp(1, self.steps - 1)
        low, high = table[below - 1], table[below]
        share = (log_snr - low) / (high - low)
        return ((below + share) / self.steps).to(log_snr.dtype)

    def _between(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """log_snr at t, and its slope."""
        table = self.log_snrs.to(t.device)
        place = t.double() * self.steps - 1
        below = place.floor().clamp(0, self.steps - 2).long()
        low, high = table[below], table[below + 1]
        log_snr = torch.lerp(low, high, place - below)
        return log_snr.to(t.dtype), ((high - low) * self.steps).to(t.dtype)


class Posterior(NamedTuple):
    """q(x_s | x_t, x_0) = N(on_start x_0 + on_noisy x_t, variance I)."""

    on_start: Tensor
    on_noisy: Tensor
    variance: Tensor


def posterior(abar_s: Tensor, abar_t: Tensor) -> Posterior:
    """The distribution of an x_s between x_t and x_0: Ho et al., equations 6-7, for any s < t."""
    alpha = abar_t / abar_s  # of one step from s to t
    return Posterior(
        on_start=abar_s.sqrt() * (1 - alpha) / (1 - abar_t),
        on_noisy=alpha.sqrt() * (1 - abar_s) / (1 - abar_t),
        variance=(1 - alpha) * (1 - abar_s) / (1 - abar_t),
    )


def back_variance(abar_s: Tensor, abar_t: Tensor, share: float | Tensor) -> Tensor:
    """The variance of a step back from t to s, between its bounds on a log scale.

    The best variance is the posterior's (share 0) if x_0 is one point, and that of the step there
    (share 1) if x_0 is N(0, I).

    Source: Ho et al., section 3.2; Nichol, Dhariwal, 2021, arXiv:2102.09672, equation 15, where the
        share is learned.
    """
    lower = posterior(abar_s, abar_t).variance
    return lower ** (1 - share) * (1 - abar_t / abar_s) ** share


def _positive(steps: int) -> int:
    at_least(1, "noise schedule", steps=steps)
    return steps
