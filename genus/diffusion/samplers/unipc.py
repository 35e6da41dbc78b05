"""UniPC: remember several guesses; and when the next one is there, put right the step that led to it.

As DPM-Solver++, with lambda = log(alpha / sigma) as the time, and x0hat a polynomial in lambda through
guesses that were made already. The step is DDIM's, toward a mean of them:

    UniP   D = x0hat_t + sum_m c_m (x0hat_m - x0hat_t)      over the p - 1 times before t
    UniC   the same with one guess more: at s, made where UniP led

The network is evaluated where UniP leads; its guess there corrects the step by UniC, and is the newest
of those that UniP sees next. So an order is gained for no evaluation more: p + 1. The first steps
remember less, and the last ones are of lower order.

Source: Zhao, Bai, Rao, Zhou, Lu, "UniPC: a unified predictor-corrector framework for fast sampling of
    diffusion models", 2023, arXiv:2302.04867, algorithms 1 and 2, theorem 3.1; the coefficients are
    those of `multistep`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from ...errors import at_least
from ...functional.diffusion.spacings import Level, Spacing, by_log_snr, levels
from ..denoiser import Denoises
from ..sampler import mean_toward, now
from .multistep import Growth, bh2, shares

Seen = tuple[Level, Tensor]  # a guess, and where it was made


@dataclass(frozen=True)
class UniPC:
    """A sampler of order `order` + 1, at one evaluation in a step.

    Args:
        evaluations: network evaluations, at most.
        order: p, of UniP: guesses that a step goes by, at least 1; 3 may do better with
            15 evaluations or more, and does worse with few.
        growth: B(h), `multistep.bh1` or `bh2`, where there is one other guess.
        spacing: spacing of the times, as in `DPMSolver`.
    """

    evaluations: int = 10
    order: int = 2
    growth: Growth = bh2
    spacing: Spacing = by_log_snr

    def __post_init__(self) -> None:
        at_least(1, "UniPC", evaluations=self.evaluations)
        at_least(1, "UniPC", order=self.order)

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape)."""
        begin = model.path.last if start is None else start
        where = levels(model.path, self.spacing(model.path, self.evaluations, begin))
        guess = model.denoise(x, now(x, where[0]))
        seen: list[Seen] = []
        for left, (at, to) in zip(range(len(where) - 1, 1, -1), pairwise(where), strict=False):
            seen = [*seen, (at, guess)][-min(self.order, left) :]
            there = mean_toward(x, self._mean(seen, to), at, to)
            guess = model.denoise(there, now(x, to))
            x = mean_toward(x, self._mean(seen, to, guess), at, to)
        return guess

    def _mean(self, seen: Sequence[Seen], to: Level, new: Tensor | None = None) -> Tensor:
        """D, (n, *shape), from what was seen, the last of it where the step begins, and at its end."""
        at, guess = seen[-1]
        h = to.log_snr - at.log_snr
        others = [*seen[:-1], *([] if new is None else [(to, new)])]
        places = [(other.log_snr - at.log_snr) / h for other, _ in others]
        mean = guess
        for share, (_, other) in zip(shares(h, places, self.growth), others, strict=True):
            mean = mean + share * (other - guess)
        return mean
