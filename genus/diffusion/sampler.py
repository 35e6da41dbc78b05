"""The way back along a path: what all samplers share, and DDIM.

A sampler is a function of a denoiser and of noise: it calls the denoiser at falling times, and from
each x_t and its x0hat makes an x_s with less noise. What it knows of a diffusion is the path alone,
so that each sampler serves each denoiser: of whatever parametrisation, guided or masked.

    x_s  = alpha_s x0hat + sqrt(sigma_s^2 - var) epshat + sqrt(var) z          z ~ N(0, I)
    epshat = (x_t - alpha_t x0hat) / sigma_t
    var  = eta^2 variance of q(x_s | x_t, x_0)

eta = 1 is a Markov chain (DDPM's own, on all of its steps); eta = 0, DDIM, is an ordinary
differential equation, walked by steps that are exact while x0hat stays what it is.

Source: Song, Meng, Ermon, "Denoising diffusion implicit models", 2021, arXiv:2010.02502, equations
    12 and 16, appendix D.2 (the subsequences).
Departs: the times always begin at the path's last and end at its first; epshat follows x0hat where
    that is clipped.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from ..core import See
from ..errors import at_least, in_range
from ..functional.diffusion.paths import Path
from ..functional.diffusion.spacings import Level, Spacing, even, level, levels
from .denoiser import Denoises


class Sampler(Protocol):
    """x_0, (n, *shape), from x at time `start`, the path's last if it is None."""

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor: ...


def now(x: Tensor, at: Level) -> Tensor:
    """The same time for all rows of x, (n,)."""
    return torch.full((len(x),), at.t, dtype=x.dtype, device=x.device)


# --- one step -------------------------------------------------------------------------------


def fresh_variance(at: Level, to: Level) -> float:
    """The variance of q(x_s | x_t, x_0), from t = at to s = to: zero where x_s is x_0."""
    step = at.sigma**2 - (at.alpha / to.alpha) ** 2 * to.sigma**2
    return to.sigma**2 * step / at.sigma**2


def mean_toward(x: Tensor, start: Tensor, at: Level, to: Level, variance: float = 0.0) -> Tensor:
    """The mean of x_s given x_t and x0hat, where fresh noise of this variance is still to come."""
    kept = math.sqrt(max(to.sigma**2 - variance, 0.0)) / at.sigma
    return kept * x + (to.alpha - kept * at.alpha) * start


def toward(x: Tensor, start: Tensor, at: Level, to: Level, variance: float = 0.0) -> Tensor:
    """x_s from x_t and x0hat, with fresh noise of this variance in the place of as much of the old."""
    x = mean_toward(x, start, at, to, variance)
    return x + math.sqrt(variance) * torch.randn_like(x) if variance > 0 else x


class Watched:
    """A denoiser with looks at what it is called with.

    Args:
        model: denoiser.
        see: what is shown x_t over the size of (alpha, sigma), which is about that of the data,
            (n, *shape).
    """

    def __init__(self, model: Denoises, see: See):
        self.model, self.see = model, see

    @property
    def path(self) -> Path:
        return self.model.path

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """x0hat, (n, *shape), for t (n,)."""
        if len(x):
            self.look(x, t[0].item())
        return self.model.denoise(x, t)

    def look(self, x: Tensor, t: float) -> None:
        """Shows x_t, (n, *shape)."""
        at = level(self.path, t)
        self.see(x / math.hypot(at.alpha, at.sigma))


@dataclass(frozen=True)
class DDIM:
    """A sampler of few evaluations.

    Args:
        evaluations: network evaluations; a chain's T are enough.
        eta: fresh noise, in [0, 1]: from 0, none, to 1, as much as the posterior has.
        spacing: spacing of the times: one of `functional.diffusion.spacings`.
    """

    evaluations: int = 50
    eta: float = 0.0
    spacing: Spacing = even

    def __post_init__(self) -> None:
        at_least(1, "DDIM", evaluations=self.evaluations)
        in_range("DDIM", "[0, 1]", eta=self.eta)

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape)."""
        begin = model.path.last if start is None else start
        times = self.spacing(model.path, self.evaluations, begin)
        for at, to in pairwise(levels(model.path, times)):
            variance = self.eta**2 * fresh_variance(at, to)
            x = toward(x, model.denoise(x, now(x, at)), at, to, variance)
        return x
