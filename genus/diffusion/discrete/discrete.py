"""Discrete diffusion: values are masked or scrambled, a few at a time; a network puts them right again.

There is no small step between two tokens, but there is a small chance of a change. Noise replaces each
value on its own, until nothing of x_0 is left; a network that sees all of x_t predicts each value,
and in each step back a few of its predictions are taken. Under the mask the bound is that of a
model that fills in places in any order, with as many in one step as the steps are long.

    q(x_t | x_0)    places are replaced with probability 1 - a_t             categories
    p(x_s | x_t)    = prod_i sum_x0 q(x_s | x_t, x0) p(x0 | x_t),            p(x_1) = pi, at t = 1
    -elbo           = sum_(k = 1..T) E KL(q(x_s | x_t, x_0) || p(x_s | x_t))     t = k/T, s = (k - 1)/T

At s = 0 the term is -log p(x_0 | x_t). The bound is exact up to what it costs that places are put right
apart from each other within one step; with T many, under the mask, that is nothing.

Source: Austin and others, "Structured denoising diffusion models in discrete state-spaces", 2021,
    arXiv:2107.03006, equations 1 to 4; Hoogeboom and others, "Argmax flows and multinomial diffusion",
    2021, arXiv:2102.05379, section 4; Sahoo and others, "Simple and effective masked diffusion language
    models", 2024, arXiv:2406.07524, section 3.
Departs: the bound alone is learned, without an added cross-entropy; in a batch the times are spread
    evenly; T is finite, where the last takes its limit. See `categories`.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from ...core import Bits, GenerativeModel, Losses, Pixels, Refused, See, Space, Tokens, require
from ..denoiser import spread_evenly
from .categories import Absorbing, Kept, Kernel, straight

MASK = Absorbing()


class DiscreteDiffusion(GenerativeModel):
    """A kit: any network that takes states, (n, d) int64, and t, (n,), and gives logits of each place.

    Args:
        net: the network, such as `genus.diffusion.TimeTransformer` or `genus.diffusion.TimeTokens`; it gives (n, d, values).
        space: Tokens, Bits or Pixels, of d = space.dims values each.
        steps: T, at least 1.
        kernel: noise on values: `Absorbing()` or `Multinomial()` of `categories`.
        kept: a function from t to a_t: `straight` or `quarter_circle` of `categories`.
        evaluations: network evaluations for samples; None takes all T steps.
    """

    levels: Tensor  # a_t, (T + 1,), from t = 0

    def __init__(
        self,
        net: nn.Module,
        space: Space,
        steps: int = 1000,
        kernel: Kernel = MASK,
        kept: Kept = straight,
        evaluations: int | None = None,
    ):
        super().__init__()
        require("DiscreteDiffusion", space, Tokens, Bits, Pixels)
        if steps < 1 or not 1 <= (evaluations or steps) <= steps:
            raise Refused(
                f"DiscreteDiffusion: steps is {steps}, evaluations {evaluations}; at least 1 step is "
                f"wanted, and from 1 to {steps} evaluations"
            )
        self.net, self.space, self.steps = net, space, steps
        self.kernel, self.kept, self.evaluations = kernel, kept, evaluations
        levels = kept(torch.arange(steps + 1, dtype=torch.float64) / steps)
        if levels[0] != 1 or levels[-1] != 0 or (levels.diff() >= 0).any():
            raise Refused("DiscreteDiffusion: kept must fall from 1 at t = 0 to 0 at t = 1")
        self.register_buffer("levels", levels.to(torch.get_default_dtype()), persistent=False)

    @property
    def values(self) -> int:
        """How many one place can have."""
        match self.space:
            case Tokens():
                return self.space.vocabulary
            case Pixels():
                return self.space.levels
        return 2

    # x as numbers of values

    def indices(self, x: Tensor) -> Tensor:
        """Each value's number, (n, d) int64, from x, (n, *space.shape)."""
        return self.space.indices(x).flatten(1)

    def from_indices(self, k: Tensor) -> Tensor:
        """x, (n, *space.shape): `indices` undone."""
        return self.space.values(k.unflatten(1, self.space.shape), self.levels.dtype)

    # the chain back

    def predicted(self, x_t: Tensor, k: Tensor) -> Tensor:
        """log p(x_0 | x_t), (n, d, values), place by place, for x_t, (n, d), after k steps, (n,)."""
        logits = self.net(x_t, k.to(self.levels.dtype) / self.steps)
        return self.kernel.predicted(logits, x_t)

    def back(self, x_t: Tensor, k: Tensor, to: Tensor) -> Tensor:
        """p(x_s | x_t), (n, d, states), place by place: from after k steps, (n,), to after `to`, (n,)."""
        a_s, a_t = self.levels[to, None], self.levels[k, None]
        return self.kernel.back(self.predicted(x_t, k), x_t, a_s, a_t)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape)."""
        return self._sampled(self.sample_count(n, context))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at x_t at each evaluation; what is masked is blank."""

        def look(x: Tensor) -> None:
            blank = 0.5 if isinstance(self.space, Bits) else getattr(self.space, "end", None) or 0
            shown = self.from_indices(x.clamp(max=self.values - 1))
            see(shown.masked_fill((x == self.values).reshape(shown.shape), blank))

        return self._sampled(self.sample_count(n, context), look)

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest drawn.

        Under the mask the network sees what is known as it is; under other noise, as noisy as the rest.

        Args:
            x: rows; what is not known may hold any values.
            known: true where x is known, (*space.shape).
        """
        real, kept = self.indices(x), known.expand(self.space.shape).flatten()

        def put_back(x_t: Tensor, k: int) -> Tensor:
            seen = real
            if not isinstance(self.kernel, Absorbing):
                seen = self.kernel.noisy(real, self.levels[k : k + 1, None], self.values)
            return torch.where(kept, seen, x_t)

        return self._sampled(len(x), put_back=put_back)

    def _sampled(
        self,
        n: int,
        look: Callable[[Tensor], None] | None = None,
        put_back: Callable[[Tensor, int], Tensor] | None = None,
    ) -> Tensor:
        """(n, *space.shape), with looks at x_t, (n, d), and with what is put in its place after k steps."""
        device = self.levels.device
        empty = torch.zeros(n, self.space.dims, dtype=torch.int64, device=device)
        x = self.kernel.noisy(empty, self.levels[-1:, None], self.values)
        for k, to in self._stops():
            x = x if put_back is None else put_back(x, k)
            if look is not None:
                look(x)
            late, early = (torch.full((n,), step, device=device) for step in (k, to))
            p = self.back(x, late, early)
            x = p.flatten(0, 1).multinomial(1).view_as(x)
        return self.from_indices(x if put_back is None else put_back(x, 0))

    def _stops(self) -> list[tuple[int, int]]:
        """From which step to which each evaluation leads."""
        count = self.evaluations or self.steps
        stops = [round(self.steps * i / count) for i in range(count, -1, -1)]
        return [*pairwise(stops)]

    # the bound

    def cost(self, x: Tensor, k: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x_0) || p(x_s | x_t)), (n,), nats, of one x_t after k steps, (n,)."""
        real, a_s, a_t = self.indices(x), self.levels[k - 1, None], self.levels[k, None]
        x_t = self.kernel.noisy(real, a_t, self.values)
        return self.kernel.cost(real, self.predicted(x_t, k), x_t, a_s, a_t).sum(1)

    def elbo(self, x: Tensor) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: a random one, from one step for each row."""
        u = spread_evenly(self.levels.new_empty(len(x)))
        k = (1 + self.steps * u).long().clamp(max=self.steps)
        return -self.steps * self.cost(x, k)

    def costs(self, x: Tensor) -> Tensor:
        """All T terms, (n, T), in nats, at one evaluation each: -elbo is their sum."""
        every = torch.arange(1, self.steps + 1, device=x.device)
        return torch.stack([self.cost(x, k.expand(len(x))) for k in every], dim=1)

    def loss(self, x: Tensor) -> Losses:
        """The bound, nats for each of x's numbers."""
        return {"bound": -self.elbo(x).mean() / self.space.dims}
