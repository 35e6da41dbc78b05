"""Noise of diffusion: how much of x_0 is left after t of T small steps. All in float64.

    q(x_t | x_(t-1)) = N(sqrt(1 - beta_t) x_(t-1), beta_t I)
    q(x_t | x_0)     = N(sqrt(abar_t) x_0, (1 - abar_t) I)      abar_t = prod_(s <= t) (1 - beta_s)

A schedule is a function of T: it gives beta_1 .. beta_T, (T,). A spacing is a function of T and of
a count: it gives the times that a fast sampler looks at.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

MOST = 0.999  # of beta: even the last step leaves something to undo


@dataclass(frozen=True)
class Linear:
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
class Cosine:
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


def even(steps: int, count: int) -> list[int]:
    """At most `count` times from T down to 1, evenly spaced."""
    return _falling(torch.linspace(steps, 1, count, dtype=torch.float64))


def quadratic(steps: int, count: int) -> list[int]:
    """At most `count` times from T down to 1, closer where there is less noise."""
    return _falling(torch.linspace(steps**0.5, 1, count, dtype=torch.float64) ** 2)


def _falling(times: Tensor) -> list[int]:
    return sorted(set(times.round().long().tolist()), reverse=True)


def alpha_bars(betas: Tensor) -> Tensor:
    """abar_0 .. abar_T, (T + 1,): the share of variance that x_0 still has. abar_0 is 1."""
    return torch.cat([betas.new_ones(1), (1 - betas).cumprod(0)])


class Posterior(NamedTuple):
    """q(x_s | x_t, x_0) = N(on_start x_0 + on_noisy x_t, variance I)."""

    on_start: Tensor
    on_noisy: Tensor
    variance: Tensor


def posterior(abar_s: Tensor, abar_t: Tensor) -> Posterior:
    """What x_t and x_0 say of an x_s between them: Ho et al., equations 6-7, for any s < t."""
    alpha = abar_t / abar_s  # of one step from s to t
    return Posterior(
        on_start=abar_s.sqrt() * (1 - alpha) / (1 - abar_t),
        on_noisy=alpha.sqrt() * (1 - abar_s) / (1 - abar_t),
        variance=(1 - alpha) * (1 - abar_s) / (1 - abar_t),
    )


def back_variance(abar_s: Tensor, abar_t: Tensor, share: float) -> Tensor:
    """The variance of a step back from t to s, between its bounds on a log scale.

    The best variance is the posterior's (share 0) if x_0 is one point, and that of the step there
    (share 1) if x_0 is N(0, I).

    Source: Ho et al., section 3.2; Nichol, Dhariwal, 2021, arXiv:2102.09672, equation 15, where the
        share is learned.
    """
    lower = posterior(abar_s, abar_t).variance
    return lower ** (1 - share) * (1 - abar_t / abar_s) ** share


def _positive(steps: int) -> int:
    if steps < 1:
        raise ValueError(f"noise schedule: steps is {steps}; at least 1 is wanted")
    return steps
