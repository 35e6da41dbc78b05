"""Flow: a distribution that is easy, seen through bijections that are put in a list.

    z = f_k( ... f_1(x)),   log p(x) = log p_base(z) + sum_i log |det df_i|

NICE, MAF, neural spline flows, planar and radial flows differ in what is in the list alone. The base
is a standard normal, or anything that has a density and samples: a mixture, another flow.

Maps and base may be decided by a context:

    z = f(x; h),   h = embed(context),   log p(x | context) = log p_base(z | context) + log |det df|

The context is made a vector once for each row, and each bijection that takes one sees it: the
network of a coupling reads it beside the half that is kept, that of an autoregressive map beside the
features that come before. It decides the map without being moved by it, so that the Jacobian is
triangular as it was.

Source: Papamakarios, Nalisnick, Rezende, Mohamed, Lakshminarayanan, "Normalizing flows for
    probabilistic modeling and inference", 2021, arXiv:1912.02762, equations 3 and 6; Winkler, Worrall,
    Hoogeboom, Welling, "Learning likelihoods with conditional normalizing flows", 2019,
    arXiv:1912.00042 (a base and maps that are given x); each bijection names its own.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..core import (
    GenerativeModel,
    HasLogProb,
    Model,
    Reals,
    Refused,
    See,
    Space,
    check_embedding,
    given,
    promise,
    require,
)
from ..functional.densities.densities import log_normal
from .bijection import PART, Bijection, Chain, parted


class Flow(GenerativeModel):
    """A density on arrays of any shape, or one for each context.

    Args:
        space: Reals(shape).
        steps: bijections of (n, *shape), the first next to the data. With a context, some take
            one of k features.
        base: what z follows, with log_prob and sample on the same space: one for all contexts, or
            one that is given the same context; a standard normal without.
        context_space: what the density is given; None if it is given nothing.
        embed: makes a context, (n, *context_space.shape), (n, k) floats.
    """

    def __init__(
        self,
        space: Space,
        steps: Sequence[Bijection],
        base: GenerativeModel | None = None,
        context_space: Space | None = None,
        embed: nn.Module | None = None,
    ):
        super().__init__()
        check_space(space, base, "Flow")
        check_embedding("Flow", context_space, embed)
        if base is not None and base.context_space not in (None, context_space):
            raise Refused(f"Flow: base is given {base.context_space}; it must be {context_space}")
        self.space, self.steps, self.base = space, tuple(steps), base
        self.context_space, self.embed = context_space, embed
        self.chain = Chain(steps)

    def features(self, context: Tensor | None) -> Tensor | None:
        """What the bijections see of a context, (n, k); None without one."""
        self.check_context(context)
        return None if self.embed is None else self.embed(context)

    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Lets each step take what it starts from out of rows of the data, (n, *shape)."""
        self.space.check(x, "Flow")
        if context is not None and self.context_space is not None:
            self.context_space.check(context, "Flow's context")
        self.chain.prepare(x, self.features(context))

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,)."""
        return self.chain.encode_with_logdet(x, self.features(context))

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """z, (n, *shape)."""
        return self.encode_with_logdet(x, context)[0]

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, *shape)."""
        return self.chain.decode(z, self.features(context))

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n,) nats."""
        return parted(self._log_prob, PART, x, *given(context))

    def _log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        z, logdet = self.encode_with_logdet(x, context)
        if self.base is None:
            return log_normal(z) + logdet
        return cast(HasLogProb, self.base).log_prob(z, *given(self._for_base(context))) + logdet

    def sample_with_log_prob(
        self, n: int | None = None, context: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """x, (n, *shape), as a function of what is learned, with its gradient; and log p(x), (n,).

        What learns from a density that can be evaluated, rather than from data, learns by these:
        E_p[log p(x) - log target(x)] is a divergence.
        """
        z = self.noise(self.sample_count(n, context), *self.space.shape)
        return drawn(self.chain, self.base, z, self.features(context))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape)."""
        return parted(self.decode, PART, self._drawn(n, context), *given(context))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at z, and after each bijection."""
        z = self._drawn(n, context)
        see(z)
        return self.chain.decode_watched(see, z, self.features(context))

    def _drawn(self, n: int | None, context: Tensor | None) -> Tensor:
        """z, (n, *shape)."""
        n = self.sample_count(n, context)
        if self.base is None:
            return self.noise(n, *self.space.shape)
        if (for_base := self._for_base(context)) is not None:
            return self.base.sample(context=for_base)
        return self.base.sample(n)

    def _for_base(self, context: Tensor | None) -> Tensor | None:
        """The context, if the base is given one."""
        return context if self.base is not None and self.base.context_space else None


def drawn(
    chain: Chain, base: Model | None, z: Tensor, context: Tensor | None
) -> tuple[Tensor, Tensor]:
    """x and its log-density, with the gradient of the way that x comes."""
    if base is not None:
        raise Refused(
            f"sample_with_log_prob: base is {type(base).__name__}, whose samples have no gradient; "
            f"a flow without a base is wanted, from a standard normal"
        )
    x, logdet = chain.decode_with_logdet(z, context)
    return x, log_normal(z) - logdet


DEQUANTISE = (
    "make pixels real: Dequantised(Flow(Reals(space.shape), ...), space), from genus.density"
)


def check_space(space: Space, base: Model | None, who: str) -> None:
    """Raises Refused, in the name of `who`, if no flow can live here."""
    require(who, space, Reals, mend=DEQUANTISE)
    if base is not None and not (promise(base, HasLogProb) and base.space == space):
        raise Refused(
            f"{who}: base is {type(base).__name__} on {base.space}; it must have log_prob, on {space}"
        )
