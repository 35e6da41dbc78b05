"""Inpainting: what is missing from x, drawn to fit what is known, by a model that never saw a gap.

The known part is noised as the path does it, so that at each time the network sees an x_t that could
have come from the whole; at the end the known part is as it was. The missing part is drawn from
p(x_0 | x_t) at each step, which sees what is known only through its noise. So it is too loosely tied to
what is known, even by a perfect network; to noise it again and draw it anew, several times, ties it
better. On normal data, a quarter of the way from the true mean to the mean of the gap on its own is left
by one draw a step, and 3 % by five; but each step back loses a little variance, and repeats add that
up: more of them want shorter steps.

    x0hat   = known where it is known, the model's elsewhere
    x_s     = toward x0hat, by any sampler; then, in RePaint, r - 1 times:
    x_t     = alpha_t / alpha_s x_s + sqrt(sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2) z,   and again x_s

Source: Lugmayr and others, "RePaint: inpainting using denoising diffusion probabilistic models", 2022,
    arXiv:2201.09865, equation 8 and algorithm 1; Song and others, 2021, arXiv:2011.13456, appendix I.2
    (replacement).
Departs: the known part of x_t follows from x0hat, so that its noise is the sampler's own, not drawn
    anew at each step, and any solver may be used, also one that looks back; the jump back is one step of
    the spacing.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import Refused, at_least, in_range
from ..functional.diffusion.paths import Path
from ..functional.diffusion.spacings import Level, Spacing, even, level, levels
from .denoiser import Denoises
from .sampler import Sampler, fresh_variance, now, toward


class Inpainting:
    """A denoiser given a part of x_0: any sampler fills the gap with it, from `inpaint`'s start.

    Args:
        model: denoiser of the whole.
        x: (n, *shape); what is missing may hold any finite numbers.
        known: true where x is known; a tensor of booleans that broadcasts to x.
    """

    def __init__(self, model: Denoises, x: Tensor, known: Tensor):
        if known.dtype != torch.bool:
            raise Refused(f"Inpainting: known is {known.dtype}; booleans are wanted")
        self.model, self.x, self.known = model, x, known

    @property
    def path(self) -> Path:
        return self.model.path

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """x0hat, (n, *shape), for t (n,)."""
        return torch.where(self.known, self.x, self.model.denoise(x, t))


@torch.no_grad()
def inpaint(model: Denoises, x: Tensor, known: Tensor, sampler: Sampler) -> Tensor:
    """x with what is missing drawn anew, (n, *shape): of pixels, not yet on their grid.

    Args:
        model: a diffusion, or a denoiser: guided, or given a context.
        x: (n, *shape); what is missing may hold any finite numbers.
        known: true where x is known; a tensor of booleans that broadcasts to x.
        sampler: any but a chain's own, `Ancestral`; `RePaint` ties the parts best.
    """
    filling = Inpainting(model, x, known)
    last, eps = level(model.path, model.path.last), torch.randn_like(x)
    start = torch.where(known, last.alpha * x + last.sigma * eps, model.path.spread * eps)
    return sampler(filling, start)


@dataclass(frozen=True)
class RePaint:
    """A sampler that takes each step several times: after it, noise is put back, and it is taken again.

    With no part of x known this is a sampler too, slower than others and no better.

    Args:
        evaluations: network evaluations; `repeats` of them for each step.
        repeats: times that each step is taken, from 1, which is DDIM.
        eta: fresh noise in each step, in [0, 1], as in `DDIM`.
        spacing: spacing of the times: one of `functional.diffusion.spacings`.
    """

    evaluations: int = 250
    repeats: int = 5
    eta: float = 1.0
    spacing: Spacing = even

    def __post_init__(self) -> None:
        at_least(1, "RePaint", evaluations=self.evaluations)
        if not 1 <= self.repeats <= self.evaluations:
            raise Refused(
                f"RePaint: repeats is {self.repeats}, evaluations {self.evaluations}; repeats must "
                f"be at least 1, and at most as many as there are evaluations"
            )
        in_range("RePaint", "[0, 1]", eta=self.eta)

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape)."""
        begin = model.path.last if start is None else start
        times = self.spacing(model.path, self.evaluations // self.repeats, begin)
        for at, to in pairwise(levels(model.path, times)):
            variance = self.eta**2 * fresh_variance(at, to)
            for again in reversed(range(self.repeats)):
                x = toward(x, model.denoise(x, now(x, at)), at, to, variance)
                if again:
                    x = noised(x, to, at)
        return x


def noised(x: Tensor, at: Level, to: Level) -> Tensor:
    """x at a level with more noise, (n, *shape): a draw of q(x_t | x_s)."""
    share = to.alpha / at.alpha
    variance = max(to.sigma**2 - (share * at.sigma) ** 2, 0.0)
    return share * x + variance**0.5 * torch.randn_like(x)
