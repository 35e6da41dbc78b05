"""Predictor-corrector: step down to less noise, then walk about at that noise until it fits.

Going back along a stochastic differential equation leaves errors of discretisation. But at each level
of noise the score is known, so a few steps of Langevin dynamics there pull the samples toward the
level's own distribution, whatever the predictor did.

    a = alpha_t / alpha_s,   g^2 = sigma_t^2 - a^2 sigma_s^2,   score = (alpha x0hat - x) / sigma^2

    predictor   x_s = (2 - a) x_t + g^2 score_t + g z                    reverse diffusion
                x_s ~ q(x_s | x_t, x0hat)                                ancestral
    corrector   x_s <- x_s + eps score_s + sqrt(2 eps) z                 `corrections` times, with
                eps = 2 a^2 (snr |z| / |score_s|)^2

Source: Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, "Score-based generative modeling through
    stochastic differential equations", 2021, arXiv:2011.13456, algorithms 2 to 5 (VE, where a is 1, and
    VP, where a is sqrt(1 - beta)), appendices E to G.
Departs: the paper's a and g are those of its two chains; here, of any path. The a^2 in eps is the
    paper's 1 - beta on VP and 1 on VE. |z| and |score| are means over the batch, as the paper advises: in
    few dimensions a single row's score may be almost 0. An ancestral step has the posterior's variance
    on VP too. The last step, to no noise at all, gives its mean.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from ...errors import Refused, at_least, positive
from ...functional.diffusion.spacings import Level, Spacing, even, levels
from ..denoiser import Denoises
from ..sampler import fresh_variance, now, toward

Predictor = Literal["reverse", "ancestral"]


@dataclass(frozen=True)
class PredictorCorrector:
    """A stochastic sampler: from each time to the next, then some steps of Langevin dynamics there.

    Args:
        evaluations: network evaluations, at most; n times take n + (n - 1) corrections. Where that does
            not come out even, the first correction is shorter by what is missing.
        predictor: `reverse`, the equation backwards, or `ancestral`, a chain's posterior.
        corrections: steps of Langevin dynamics after each step, at least 0.
        snr: r, signal to noise of a correction, above 0: 0.16 is the paper's for images.
        spacing: spacing of the times: one of `functional.diffusion.spacings`.
    """

    evaluations: int = 200
    predictor: Predictor = "reverse"
    corrections: int = 1
    snr: float = 0.16
    spacing: Spacing = even

    def __post_init__(self) -> None:
        at_least(1, "PredictorCorrector", evaluations=self.evaluations)
        if self.predictor not in ("reverse", "ancestral"):
            raise Refused(
                f"PredictorCorrector: predictor is {self.predictor!r}; reverse or ancestral is wanted"
            )
        at_least(0, "PredictorCorrector", corrections=self.corrections)
        positive("PredictorCorrector", snr=self.snr)

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape)."""
        begin = model.path.last if start is None else start
        count = math.ceil((self.evaluations + self.corrections) / (self.corrections + 1))
        where = levels(model.path, self.spacing(model.path, count, begin))
        walks = self.evaluations - count - (count - 2) * self.corrections  # after the first step
        for at, to in pairwise(where):
            guess = model.denoise(x, now(x, at))
            if to.sigma == 0:
                return guess
            x = self.predict(x, guess, at, to)
            rate = (at.alpha / to.alpha) ** 2
            for _ in range(walks):
                x = self.correct(x, model.denoise(x, now(x, to)), to, rate)
            walks = self.corrections
        return x

    def predict(self, x: Tensor, guess: Tensor, at: Level, to: Level) -> Tensor:
        """x_s, (n, *shape), from x_t and x0hat."""
        if self.predictor == "ancestral":
            return toward(x, guess, at, to, fresh_variance(at, to))
        a = at.alpha / to.alpha
        g2 = at.sigma**2 - a**2 * to.sigma**2
        return (2 - a) * x + g2 * score(x, guess, at) + math.sqrt(g2) * torch.randn_like(x)

    def correct(self, x: Tensor, guess: Tensor, at: Level, rate: float) -> Tensor:
        """x_s after a step of Langevin dynamics."""
        slope, z = score(x, guess, at), torch.randn_like(x)
        loud, steep = (one.flatten(1).norm(dim=1).mean() for one in (z, slope))
        eps = 2 * rate * (self.snr * loud / steep).square()
        return x + eps * slope + (2 * eps).sqrt() * z


def score(x: Tensor, guess: Tensor, at: Level) -> Tensor:
    """The gradient of log q(x_t), (n, *shape), from x0hat."""
    return (at.alpha * guess - x) / at.sigma**2
