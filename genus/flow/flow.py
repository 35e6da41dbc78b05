"""Flow: a distribution that is easy, seen through bijections that are put in a list.

    z = f_k( ... f_1(x)),   log p(x) = log p_base(z) + sum_i log |det df_i|

NICE, MAF, neural spline flows, planar and radial flows differ in what is in the list alone. The base
is a standard normal, or anything that has a density and samples: a mixture, another flow.

Source: Papamakarios, Nalisnick, Rezende, Mohamed, Lakshminarayanan, "Normalizing flows for
    probabilistic modeling and inference", 2021, arXiv:1912.02762, equations 3 and 6; each bijection
    names its own.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from ..core import GenerativeModel, HasLogProb, Model, Reals, Space
from ..functional.densities.densities import log_normal
from .bijection import PART, Bijection, Chain, parted


class Flow(GenerativeModel):
    """A density on arrays of any shape.

    Args:
        space: Reals(shape).
        steps: bijections of (n, *shape); the first is next to the data.
        base: what z follows, with log_prob and sample on the same space; a standard normal without.
    """

    def __init__(
        self, space: Space, steps: Sequence[Bijection], base: GenerativeModel | None = None
    ):
        super().__init__()
        check_space(space, base, "Flow")
        self.space, self.steps, self.base = space, tuple(steps), base
        self.chain = Chain(steps)

    def prepare(self, x: Tensor) -> None:
        """Lets each step take what it starts from out of rows of the data, (n, *shape)."""
        self.space.check(x, "Flow")
        self.chain.prepare(x)

    def encode_with_logdet(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,)."""
        return self.chain.encode_with_logdet(x)

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, *shape)."""
        return self.chain.encode_with_logdet(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape)."""
        return self.chain.decode(z)

    def log_prob(self, x: Tensor) -> Tensor:
        """(n,) nats."""
        return parted(self._log_prob, PART, x)

    def _log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.encode_with_logdet(x)
        base = log_normal(z) if self.base is None else cast(HasLogProb, self.base).log_prob(z)
        return base + logdet

    def sample_with_log_prob(self, n: int) -> tuple[Tensor, Tensor]:
        """x, (n, *shape), as a function of what is learned, with its gradient; and log p(x), (n,).

        What learns from a density that can be evaluated, rather than from data, learns by these:
        E_p[log p(x) - log target(x)] is a divergence.
        """
        return drawn(self.chain, self.base, self.noise(n, *self.space.shape), None)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """(n, *shape)."""
        z = self.noise(n, *self.space.shape) if self.base is None else self.base.sample(n)
        return parted(self.decode, PART, z)


def drawn(
    chain: Chain, base: Model | None, z: Tensor, context: Tensor | None
) -> tuple[Tensor, Tensor]:
    """x and its log-density, with the gradient of the way that x comes."""
    if base is not None:
        raise ValueError(
            f"sample_with_log_prob: base is {type(base).__name__}, whose samples have no gradient; "
            f"a flow without a base is wanted, from a standard normal"
        )
    x, logdet = chain.decode_with_logdet(z, context)
    return x, log_normal(z) - logdet


def check_space(space: Space, base: Model | None, who: str) -> None:
    """Raises ValueError, in the name of `who`, if no flow can live here."""
    if not isinstance(space, Reals):
        raise ValueError(
            f"{who}: space is {space}; it must be Reals, since a flow has a density. Make pixels "
            f"real: space.dequantise(x), or Dequantised(Flow(Reals(space.shape), ...), space), from "
            f"genus.density"
        )
    if base is not None and not ("log_prob" in base.promises() and base.space == space):
        raise ValueError(
            f"{who}: base is {type(base).__name__} on {base.space}; it must have log_prob, on {space}"
        )
