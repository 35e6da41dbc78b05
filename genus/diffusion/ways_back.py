"""What every diffusion can do once it has learnt, by its denoiser, its path and a sampler."""

from abc import abstractmethod

import torch
from torch import Tensor

from ..core import GenerativeModel, See
from ..functional.diffusion.paths import Path
from .denoiser import Denoises
from .inpainting import RePaint, inpaint
from .sampler import Sampler, Watched

REPAINT = RePaint()


class WaysBack(GenerativeModel):
    """A model that samples from a denoiser: it has a `path` and a `sampler`, and gives the denoiser."""

    path: Path
    sampler: Sampler

    @abstractmethod
    def given(self, context: Tensor | None) -> Denoises:
        """The denoiser for these rows of context, or for rows without one."""

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        sampler: Sampler | None = None,
    ) -> Tensor:
        """(n, *space.shape), by the sampler given, or else the model's own."""
        start = self._start(n, context)
        return self.space.quantise((sampler or self.sampler)(self.given(context), start))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at x_t at each evaluation."""
        start = self._start(n, context)
        return self.space.quantise(self.sampler(Watched(self.given(context), see), start))

    def inpaint(self, x: Tensor, known: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest drawn, by `RePaint`.

        Args:
            x: rows; what is not known may hold any finite numbers.
            known: true where x is known, (*space.shape).
            context: contexts of a conditional model, one row for each x.
        """
        self.check_context(context)
        return self.space.quantise(inpaint(self.given(context), x, known, REPAINT))

    def _start(self, n: int | None, context: Tensor | None) -> Tensor:
        """The noise from which the way back begins, (n, *space.shape)."""
        n = self.sample_count(n, context)
        return self.path.spread * self.noise(n, *self.space.shape)
