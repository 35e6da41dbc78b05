"""Heun: each step of DDIM, and once more with what has been seen at its end.

The way back is an ordinary differential equation in how much there is of data and of noise,

    dx = x0hat(x, t) d alpha + epshat(x, t) d sigma,     epshat = (x - alpha x0hat) / sigma

whose Euler step is DDIM's. Heun's step takes the mean of the guesses at both of its ends:

    x' = x + (alpha_s - alpha_t) x0hat_t + (sigma_s - sigma_t) epshat_t
    x_s = x + (alpha_s - alpha_t) (x0hat_t + x0hat_s') / 2 + (sigma_s - sigma_t) (epshat_t + epshat_s') / 2

so that errors fall with the square of the steps. Where alpha is 1 (`LinearVE`) this is EDM's algorithm;
where alpha = 1 - t and sigma = t (`Straight`), it is Heun's method for the velocity epshat - x0hat; no
path's rates are needed, so a chain of steps, and a path that is steep at its ends, are served alike.
With churn, noise is put in before a step, up to a level from which the step then leads further down:

    shat = s (1 + min(churn / steps, sqrt(2) - 1)) if least <= s <= most,     s = sigma / alpha

Source: Karras, Aittala, Aila, Laine, "Elucidating the design space of diffusion-based generative
    models", 2022, arXiv:2206.00364, algorithms 1 and 2, equation 5 (the times).
Departs: on paths other than EDM's as above; churn never leads beyond where the way begins, nor to times
    that a chain does not have; with an even number of evaluations the first step is DDIM's.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ...errors import Refused, at_least, positive
from ...functional.diffusion.paths import Path
from ...functional.diffusion.spacings import Karras, Level, Spacing, level, levels
from ..denoiser import Denoises
from ..sampler import mean_toward, now

KARRAS = Karras()


@dataclass(frozen=True)
class Heun:
    """A sampler of second order: two evaluations in a step, one in the last.

    Args:
        evaluations: network evaluations, at most; n times take 2 n - 1.
        spacing: EDM's times; on a `Straight` path `functional.diffusion.spacings.even` is the field's.
        churn: fresh noise in all, at least 0: EDM's S_churn.
        least, most: the sigma / alpha between which there is churn: S_min and S_max.
        louder: factor on the fresh noise's deviation: S_noise.
    """

    evaluations: int = 35
    spacing: Spacing = KARRAS
    churn: float = 0.0
    least: float = 0.0
    most: float = math.inf
    louder: float = 1.0

    def __post_init__(self) -> None:
        at_least(1, "Heun", evaluations=self.evaluations)
        at_least(0, "Heun", churn=self.churn)
        positive("Heun", louder=self.louder)
        if not 0 <= self.least <= self.most:
            raise Refused(f"Heun: least is {self.least}, most {self.most}; 0 <= least <= most")

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape)."""
        begin = model.path.last if start is None else start
        times = self.spacing(model.path, self.evaluations // 2 + 1, begin)
        plain = 1 - self.evaluations % 2  # steps of one evaluation at the beginning
        for i, (at, to) in enumerate(pairwise(levels(model.path, times))):
            high = self._raised(model.path, at, len(times), begin)
            x, at = self._stirred(x, at, high), high
            guess = model.denoise(x, now(x, at))
            there = mean_toward(x, guess, at, to)
            if i >= plain and to.sigma > 0:
                again = model.denoise(there, now(x, to))
                clean, eps = (guess + again) / 2, (_eps(x, guess, at) + _eps(there, again, to)) / 2
                there = x + (to.alpha - at.alpha) * clean + (to.sigma - at.sigma) * eps
            x = there
        return x

    def _raised(self, path: Path, at: Level, steps: int, begin: float) -> Level:
        """The level that churn leads to."""
        growth = min(self.churn / steps, math.sqrt(2) - 1)
        if growth == 0 or not self.least <= math.exp(-at.log_snr) <= self.most:
            return at
        log_snr = torch.tensor(at.log_snr - math.log1p(growth), dtype=torch.float64)
        (t,) = path.falling(path.time(log_snr).clamp(max=begin).reshape(1))
        return level(path, t) if t > at.t else at

    def _stirred(self, x: Tensor, at: Level, high: Level) -> Tensor:
        """x with the noise that brings it from one level to a higher one."""
        if high is at:
            return x
        kept = high.alpha / at.alpha
        deviation = math.sqrt(high.sigma**2 - kept**2 * at.sigma**2)
        return kept * x + self.louder * deviation * torch.randn_like(x)


def _eps(x: Tensor, guess: Tensor, at: Level) -> Tensor:
    """epshat, (n, *shape)."""
    return (x - at.alpha * guess) / at.sigma
