"""DPM-Solver++: DDIM's step, toward a better guess.

With lambda = log(alpha / sigma) as the time, the way back has a solution in which x0hat alone is
unknown; the rest is exact:

    x_s = sigma_s / sigma_t x_t + sigma_s int_(lambda_t)^(lambda_s) e^lambda x0hat(lambda) d lambda

DDIM takes x0hat to stay what it is at t. Taking it to be linear in lambda, from what it was at another
time u, costs nothing more where it was evaluated anyway: x_s is where DDIM's step leads with D in the
place of x0hat,

    D = x0hat_t + (x0hat_t - x0hat_u) / (2 r),   r = (lambda_t - lambda_u) / h,   h = lambda_s - lambda_t
        2M   u is the time before t: one evaluation in a step
        2S   u is halfway from t to s (r = -1/2): two evaluations in a step

The last step, to no noise at all, is of first order. The equation with fresh noise (eta = 1) has the
same solution with e^(2 lambda) in the integral, and the same D.

Source: Lu, Zhou, Bao, Chen, Li, Zhu, "DPM-Solver++: fast solver for guided sampling of diffusion
    probabilistic models", 2022, arXiv:2211.01095, equation 9, algorithms 1 (2S) and 2 (2M), and
    appendix A (the stochastic solver, 2M).
Departs: eta between 0 and 1 is between the two equations, as in DDIM; 2S with an even number of
    evaluations begins with a step of DDIM.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ...errors import Refused, at_least, in_range
from ...functional.diffusion.paths import Path
from ...functional.diffusion.spacings import Level, Spacing, by_log_snr, level, levels
from ..denoiser import Denoises
from ..sampler import fresh_variance, now, toward


@dataclass(frozen=True)
class DPMSolver:
    """A sampler of second order: DPM-Solver++(2M), or (2S).

    Args:
        evaluations: network evaluations, at most.
        singlestep: True evaluates halfway (2S, 2 n - 1 evaluations for n times), instead of
            remembering the step before (2M, n evaluations).
        eta: fresh noise, in [0, 1], for 2M: 0 is the ordinary equation, 1 the stochastic one.
        spacing: the paper's times; on a path that ends without any data (`Cosine`, `Straight`),
            where that begins far out, `functional.diffusion.spacings.Karras(rho=40)` is closer to the solution.
    """

    evaluations: int = 20
    singlestep: bool = False
    eta: float = 0.0
    spacing: Spacing = by_log_snr

    def __post_init__(self) -> None:
        at_least(1, "DPMSolver", evaluations=self.evaluations)
        in_range("DPMSolver", "[0, 1]", eta=self.eta)
        if self.singlestep and self.eta > 0:
            raise Refused(f"DPMSolver: eta is {self.eta}; with singlestep it must be 0")

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape)."""
        begin = model.path.last if start is None else start
        return (self._single if self.singlestep else self._multi)(model, x, begin)

    def _multi(self, model: Denoises, x: Tensor, begin: float) -> Tensor:
        times = self.spacing(model.path, self.evaluations, begin)
        before: tuple[Level, Tensor] | None = None
        for at, to in pairwise(levels(model.path, times)):
            guess = model.denoise(x, now(x, at))
            best = guess
            if before is not None and to.sigma > 0:
                best = halfway(guess, before[1], at, before[0], to)
            x = toward(x, best, at, to, self.eta**2 * fresh_variance(at, to))
            before = at, guess
        return x

    def _single(self, model: Denoises, x: Tensor, begin: float) -> Tensor:
        times = self.spacing(model.path, self.evaluations // 2 + 1, begin)
        plain = 1 - self.evaluations % 2  # steps of one evaluation at the beginning
        for i, (at, to) in enumerate(pairwise(levels(model.path, times))):
            best = guess = model.denoise(x, now(x, at))
            if i >= plain and to.sigma > 0:
                middle = between(model.path, at, to)
                if to.t < middle.t < at.t:  # a chain may have no time there
                    other = model.denoise(toward(x, guess, at, middle), now(x, middle))
                    best = halfway(guess, other, at, middle, to)
            x = toward(x, best, at, to)
        return x


def halfway(guess: Tensor, other: Tensor, at: Level, other_at: Level, to: Level) -> Tensor:
    """x0hat in the middle of a step, (n, *shape), were it linear in lambda: from two of its values."""
    r = (at.log_snr - other_at.log_snr) / (to.log_snr - at.log_snr)
    return guess + (guess - other) / (2 * r)


def between(path: Path, at: Level, to: Level) -> Level:
    """The level whose lambda is in the middle, or the nearest that there is."""
    log_snr = torch.tensor((at.log_snr + to.log_snr) / 2, dtype=torch.float64)
    return level(path, path.falling(path.time(log_snr).reshape(1))[0])
