"""DDIM: fewer steps back, with as much fresh noise as one likes.

A denoiser knows nothing of chains: what it has learned from q(x_t | x_0) alone serves every process
with these marginals. Some of them need no fresh noise and can be walked in few, long steps. From a
time t to an earlier s of a subsequence of 1 .. T, with z ~ N(0, I),

    x_s  = sqrt(abar_s) x0hat + sqrt(1 - abar_s - var) eps + sqrt(var) z
    eps  = (x_t - sqrt(abar_t) x0hat) / sqrt(1 - abar_t)             x0hat = model.denoise(x_t, t)
    var  = eta^2 variance of q(x_s | x_t, x_0)

eta = 1 on all steps is DDPM's own chain; eta = 0 is an ordinary differential equation.

Source: Song, Meng, Ermon, "Denoising diffusion implicit models", 2021, arXiv:2010.02502, equations
    12 and 16, appendix D.2 (the subsequences).
Departs: the subsequence always begins at T and ends at 1; eps follows x0hat where that is clipped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..functional.noise import even, posterior


class Denoiser(Protocol):
    """What is needed of a model."""

    abar: Tensor
    steps: int

    def denoise(self, x: Tensor, t: Tensor) -> Tensor: ...

    def now(self, x: Tensor, t: int) -> Tensor: ...


@dataclass(frozen=True)
class DDIM:
    """A sampler of few evaluations.

    Args:
        evaluations: of the network; T are enough.
        eta: fresh noise, in [0, 1]: from 0, none, to 1, as much as the posterior has.
        spacing: gives the times from T down to 1: `even` or `quadratic` of
            `functional.noise`.
    """

    evaluations: int = 50
    eta: float = 0.0
    spacing: Callable[[int, int], Sequence[int]] = even

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise ValueError(f"DDIM: evaluations is {self.evaluations}; at least 1 is wanted")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"DDIM: eta is {self.eta}; it must be in [0, 1]")

    def __call__(self, model: Denoiser, x: Tensor) -> Tensor:
        """x_0 from x_T, both (n, *shape)."""
        abar = model.abar
        times = self.spacing(model.steps, self.evaluations)
        for t, s in zip(times, [*times[1:], 0], strict=True):
            start = model.denoise(x, model.now(x, t))
            eps = (x - abar[t].sqrt() * start) / (1 - abar[t]).sqrt()
            variance = self.eta**2 * posterior(abar[s], abar[t]).variance
            x = abar[s].sqrt() * start + (1 - abar[s] - variance).clamp(min=0).sqrt() * eps
            if variance > 0:
                x = x + variance.sqrt() * torch.randn_like(x)
        return x
