"""ConditionalFlow: a flow whose maps, and whose base, are decided by a context.

    z = f(x; h),   h = embed(context),   log p(x | context) = log p_base(z | context) + log |det df|

The context is made a vector once for each row, and each bijection that was made for one sees it: the
network of a coupling reads it beside the half that is kept, that of an autoregressive map beside the
features that come before. It decides the map without being moved by it, so that the Jacobian is
triangular as it was.

Source: Winkler, Worrall, Hoogeboom, Welling, "Learning likelihoods with conditional normalizing
    flows", 2019, arXiv:1912.00042 (a base and maps that are given x).
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..core import ConditionalModel, GenerativeModel, HasLogProb, Space
from ..functional.densities.densities import log_normal
from .bijection import PART, Bijection, Chain, parted
from .flow import check_space, drawn


class ConditionalFlow(ConditionalModel):
    """A density on arrays of any shape, for each context.

    Args:
        space: Reals(shape).
        context_space: what the density is given.
        steps: bijections of (n, *shape), of which some were made for a context of k features; the
            first is next to the data.
        embed: makes a context, (n, *context_space.shape), (n, k) floats.
        base: what z follows, with log_prob and sample on the same space: one for all contexts, or
            a conditional one on the same context_space; a standard normal without.
    """

    def __init__(
        self,
        space: Space,
        context_space: Space,
        steps: Sequence[Bijection],
        embed: nn.Module,
        base: GenerativeModel | ConditionalModel | None = None,
    ):
        super().__init__()
        check_space(space, base, "ConditionalFlow")
        if isinstance(base, ConditionalModel) and base.context_space != context_space:
            raise ValueError(
                f"ConditionalFlow: base is given {base.context_space}; it must be {context_space}"
            )
        self.space, self.context_space, self.steps = space, context_space, tuple(steps)
        self.embed, self.base = embed, base
        self.chain = Chain(steps)

    def prepare(self, x: Tensor, context: Tensor) -> None:
        """Lets each step take what it starts from out of rows of the data."""
        self.space.check(x, "ConditionalFlow")
        self.context_space.check(context, "ConditionalFlow's context")
        self.chain.prepare(x, self.embed(context))

    def encode_with_logdet(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,)."""
        return self.chain.encode_with_logdet(x, self.embed(context))

    def encode(self, x: Tensor, context: Tensor) -> Tensor:
        """z, (n, *shape)."""
        return self.encode_with_logdet(x, context)[0]

    def decode(self, z: Tensor, context: Tensor) -> Tensor:
        """x, (n, *shape)."""
        return self.chain.decode(z, self.embed(context))

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """(n,) nats."""
        return parted(self._log_prob, PART, x, context)

    def _log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        z, logdet = self.encode_with_logdet(x, context)
        if self.base is None:
            return log_normal(z) + logdet
        given = (context,) if isinstance(self.base, ConditionalModel) else ()
        return cast(HasLogProb, self.base).log_prob(z, *given) + logdet

    def sample_with_log_prob(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """x, (n, *shape), as a function of what is learned, with its gradient; and log p(x), (n,)."""
        z = self.noise(len(context), *self.space.shape)
        return drawn(self.chain, self.base, z, self.embed(context))

    @torch.no_grad()
    def sample(self, context: Tensor) -> Tensor:
        """(n, *shape), one for each row of context."""
        match self.base:
            case None:
                z = self.noise(len(context), *self.space.shape)
            case ConditionalModel():
                z = self.base.sample(context)
            case _:
                z = self.base.sample(len(context))
        return parted(self.decode, PART, z, context)
