"""Reflow: pairs of noise and of what a model made of it, for a second model that goes straight.

The lines of a first rectified flow cross, where data and noise were drawn apart; so its paths must
bend. Its own pairs (x_0, x_1), each the end of one path, are lines that a second flow can nearly
follow: it is straighter, and a few steps, or one, go as far.

    eps ~ N(0, I)     x_0 = the first model's sampler, from eps     loss = |eps - x_0 - u(x_t, t)|^2

Source: Liu, Gong, Liu, "Flow straight and fast: learning to generate and transfer data with rectified
    flow", 2023, arXiv:2209.03003, section 2.2, algorithm 1.
Departs: pairs are drawn once, before the second round, and used again and again. The second model's
    bound counts noise drawn apart from x_0, which it has not learned to take away: it means little.
"""

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...core import Refused, Space
from ..diffusion import Diffusion
from ..sampler import Sampler

AT_ONCE = 500  # rows that are sampled together


@dataclass
class Pairs:
    """A source of batches (x_0, eps), for `Diffusion.loss`: x_0 is the end of the path from eps.

    Args:
        space: space of x_0. On Pixels it is not laid on the grid: the path ends where it ends.
        x: (n, *shape).
        eps: (n, *shape), of variance 1.
    """

    space: Space
    x: Tensor
    eps: Tensor
    context_space: Space | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.x.shape != self.eps.shape or self.x.shape[1:] != self.space.shape:
            raise Refused(
                f"Pairs: x is {tuple(self.x.shape)}, eps {tuple(self.eps.shape)}; both must be "
                f"(n, *{self.space.shape})"
            )

    @classmethod
    @torch.no_grad()
    def of(
        cls, model: Diffusion, count: int, sampler: Sampler | None = None, seed: int = 0
    ) -> "Pairs":
        """Noise, and where a model's sampler takes it.

        Args:
            model: in evaluation mode.
            count: number of pairs.
            sampler: one that adds no noise, of many evaluations, for the ends must be right; the
                model's own if it is None.
            seed: seed of the noise.
        """
        go = sampler or model.sampler
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            eps = model.noise(count, *model.space.shape)
            ends = [go(model, model.path.spread * part) for part in eps.split(AT_ONCE)]
        return cls(model.space, torch.cat(ends).cpu(), eps.cpu())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content."""
        whole = hashlib.sha256(repr(self.space).encode())
        for part in (self.x, self.eps):
            whole.update(part.cpu().contiguous().numpy().tobytes())
        return whole.hexdigest()

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, ...]:
        """`size` pairs, drawn by the seed and the number."""
        place = torch.Generator().manual_seed(1_000_003 * seed + number)
        rows = torch.randint(len(self.x), (size,), generator=place)
        return self.x[rows], self.eps[rows]

    def everything(self) -> tuple[Tensor, ...]:
        """All pairs."""
        return self.x, self.eps
