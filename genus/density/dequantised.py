"""Dequantised: a density on the reals as a model of pixels.

The probability of a picture is the mass of its bin. Uniform noise in the bin bounds it from below,
so that a density can be compared, in bits, with models that count levels. With w the bin's width,

    P(x) = integral over |y_i - x_i| < w / 2 of p(y) dy = E_u[ w^d p(x + w u) ],  u_i ~ U(-1/2, 1/2)
    elbo(x) = log p(x + w u) + d log w                  E elbo <= log P(x)       by Jensen

and, as u is drawn from the bin, exp(elbo) is also an unbiased estimate of P(x): the log_weight.
Uniform noise wants a density that is flat over each bin. Where the noise may look at the picture,
u ~ q(u | x) in the unit cube, the density keeps the shape that it has, and the bound is the tighter the
nearer q comes to p(u | x); with y = x + w (u - 1/2),

    elbo(x) = log p(y) + d log w - log q(u | x)         E_q elbo <= log P(x), E_q exp(elbo) = P(x)

Where the density is happier on an unbounded space, pixels are squeezed and seen through a logit:

    s = a + (1 - 2 a) (y + 1 + w / 2) / (2 + w)         z = log s - log(1 - s)
    log p(y) = log p(z) + sum_i log( (1 - 2 a) / (2 + w) ) - log s_i - log(1 - s_i)

Source: Theis, van den Oord, Bethge, "A note on the evaluation of generative models", 2016,
    arXiv:1511.01844, section 3.1; noise that looks: Ho, Chen, Srinivas, Duan, Abbeel, "Flow++: improving
    flow-based generative models with variational dequantization and architecture design", 2019,
    arXiv:1902.00275, section 3.1; the logit is that of Dinh, Sohl-Dickstein, Bengio, "Density
    estimation using Real NVP", 2017, arXiv:1605.08803, section 4.1.
Departs: what the density leaves outside the grid's box belongs to no bin: the P(x) sum to one less
    that leak, which is nothing for a density that fills the box and never gained by the score.
    `sample` moves it to the nearest edge, so a sample's true probability is at least P(x), and the
    bound holds for it too. The paper's a is 0.05; here it is free, and smaller leaks less.
"""

import math
from collections.abc import Iterator
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..core import (
    GenerativeModel,
    HasElbo,
    HasLogProb,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    See,
    Space,
    given,
    promise,
    require,
)
from ..errors import RefusedType

WRAPPED = {
    "elbo",
    "log_weight",
    "encode",
    "decode",
    "fit",
    "sample_watched",
}  # if the density has them


@runtime_checkable
class HasNoise(Protocol):
    """A distribution on the unit cube that looks at the picture, q(u | x), through which one learns."""

    def sample_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """u in [0, 1], of the shape of x, and log q(u | x), (n,) nats, both with gradients."""
        ...


class Dequantised(GenerativeModel):
    """A distribution on pixels, from a density on the reals; for each context, if that is given one.

    Args:
        density: a model of Reals(space.shape) with log_prob, or else elbo; it is what learns.
        space: the pixels.
        squeeze: a, in [0, 0.5), the margin before the logit, as a share of the range; 0 leaves
            the logit out, and the density sees pixels in [-1 - w / 2, 1 + w / 2].
        dequantiser: q(u | x), such as `genus.flow.Dequantiser`, which learns with the density and sees
            the picture alone; without, the noise is uniform.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        density: GenerativeModel,
        space: Space,
        squeeze: float = 0.0,
        dequantiser: nn.Module | None = None,
    ):
        super().__init__()
        self.space = _checked("Dequantised", density, space, squeeze, dequantiser)
        self.context_space = density.context_space
        self.density: Any = density
        self.squeeze, self.dequantiser = squeeze, dequantiser

    def promises(self) -> set[str]:
        inner = self.density.promises()
        kept = {"sample", "elbo"} | (WRAPPED & inner)
        if "log_prob" in inner:
            kept = kept | {"log_weight"}
        return kept if self.dequantiser is None else kept - {"fit"}

    # between pixels and what the density sees

    def to_reals(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """What the density sees of y, (n, *shape), and log |det| of that map, (n,)."""
        if not self.squeeze:
            return y, y.new_zeros(len(y))
        a, w = self.squeeze, self.space.bin
        slope = (1 - 2 * a) / (2 + w)
        z = torch.logit(a + slope * (y + 1 + w / 2))
        each = math.log(slope) - logsigmoid(z) - logsigmoid(-z)
        return z, each.flatten(1).sum(1)

    def to_pixels(self, z: Tensor) -> Tensor:
        """`to_reals` undone, on the grid: what is off the grid goes to the nearest level."""
        return self.space.quantise(self._loosened(z))

    def _loosened(self, z: Tensor) -> Tensor:
        """`to_reals` undone, (n, *shape)."""
        if not self.squeeze:
            return z
        a, w = self.squeeze, self.space.bin
        return (z.sigmoid() - a) * (2 + w) / (1 - 2 * a) - 1 - w / 2

    def _dequantise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """One draw from the bin of each pixel, and log q of its noise, (n,)."""
        if self.dequantiser is None:
            return self.space.dequantise(x), x.new_zeros(len(x))
        u, log_q = cast(HasNoise, self.dequantiser).sample_with_log_prob(x)
        return x + self.space.bin * (u - 0.5), log_q

    # scores

    def elbo(self, x: Tensor, *context: Tensor) -> Tensor:
        """A lower bound of log P(x) in expectation, from one draw of the noise, (n,)."""
        return self._score("elbo", x, *context)

    def log_weight(self, x: Tensor, *context: Tensor) -> Tensor:
        """One draw of what is P(x) in expectation, as its logarithm, (n,)."""
        return self._score("log_weight", x, *context)

    def _score(self, name: str, x: Tensor, *context: Tensor) -> Tensor:
        log_p, log_q = self._terms(name, x, *context)
        return log_p - log_q

    def _terms(self, name: str, x: Tensor, *context: Tensor) -> tuple[Tensor, Tensor]:
        """log p(y) and the bins' log volume, and log q(u | x): (n,) each."""
        y, log_q = self._dequantise(x)
        z, logdet = self.to_reals(y)
        exact = promise(self.density, HasLogProb) is not None
        log_p = getattr(self.density, "log_prob" if exact else name)(z, *context)
        return log_p + logdet + self.space.dims * math.log(self.space.bin), log_q

    # learning: the density's own game, played on dequantised data

    def deal(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """With uniform noise, what the density deals of dequantised data; else the batch."""
        if self.dequantiser is not None:
            return batch
        x, *context = batch
        return self.density.deal(self.to_reals(self.space.dequantise(x))[0], *context)

    def players(self) -> dict[str, Player]:
        """The density's own, or, where the noise learns too, one that owns both."""
        if self.dequantiser is None:
            return self.density.players()
        return {"model": Player([self.density, self.dequantiser], self.loss)}

    def loss(self, *batch: Tensor) -> Losses:
        """The density's own; where the noise learns too, both parts of the bound, in nats."""
        if self.dequantiser is None:
            return self.density.loss(*self.deal(*batch))
        log_p, log_q = self._terms("elbo", *batch)
        return {"density": -log_p.mean(), "noise": log_q.mean()}

    def fit(self, x: Tensor, *context: Tensor) -> Iterator[Losses]:
        """The density's fit, on one draw of the noise: the same in every call, to continue."""
        with torch.random.fork_rng([x.device] if x.is_cuda else []):
            torch.manual_seed(0)
            y = self.space.dequantise(x)
        yield from self.density.fit(self.to_reals(y)[0], *context)

    # latents

    def encode(self, x: Tensor, *context: Tensor) -> Tensor:
        """The latent of the bin's centre."""
        return self.density.encode(self.to_reals(x)[0], *context)

    def decode(self, z: Tensor, *context: Tensor) -> Tensor:
        """The pixels nearest to what the density decodes; from there no gradient comes back."""
        return self.to_pixels(self.density.decode(z, *context))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape)."""
        n = self.sample_count(n, context)
        if context is None:
            return self.to_pixels(self.density.sample(n))
        return self.to_pixels(self.density.sample(context=context))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with the density's looks, as pixels that are not on the grid."""

        def look(z: Tensor) -> None:
            see(self._loosened(z))

        return self.to_pixels(self.density.sample_watched(look, n, *given(context)))


def _checked(
    who: str,
    density: GenerativeModel,
    space: Space,
    squeeze: float,
    dequantiser: nn.Module | None,
) -> Pixels:
    pixels = require(who, space, Pixels)
    if density.space != Reals(space.shape):
        raise Refused(
            f"{who}: the density is built for {density.space}; build it for {Reals(space.shape)}"
        )
    if not (promise(density, HasLogProb) or promise(density, HasElbo)):
        raise Refused(
            f"{who}: {type(density).__name__} has neither log_prob nor elbo; a density with one "
            f"of them is wanted"
        )
    if not 0 <= squeeze < 0.5:
        raise Refused(f"{who}: squeeze is {squeeze}; it must be in [0, 0.5)")
    if dequantiser is not None and not isinstance(dequantiser, HasNoise):
        raise RefusedType(
            f"{who}: dequantiser is {type(dequantiser).__name__}; a module with sample_with_log_prob is wanted"
        )
    if dequantiser is not None and len(density.players()) != 1:
        raise Refused(
            f"{who}: {type(density).__name__} has {len(density.players())} players; a density that "
            f"plays alone is wanted beside noise that learns"
        )
    return pixels
