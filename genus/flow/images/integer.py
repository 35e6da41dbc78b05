"""IDF: a flow on the levels of pixels themselves, which moves none of their probability.

A coupling adds to one half a whole number that the other half decides, modulo the number of levels:
the grid is mapped onto itself, one to one, and a map of a finite set has no volume to correct for.
So the probability is exact, needs no dequantisation, and is what a lossless code would pay. The whole
number is a network's, rounded; its gradient is taken as if it were not. With L levels, k in 0 .. L - 1,

    coupling   b <- b + round(t(a))  mod L
    level      squeeze, couplings, and half of the channels done, the others for the next level
    density    P(x) = P(top) prod_levels P(done | more),  each a mixture of discretised logistics

Source: Hoogeboom, Peters, van den Berg, Welling, "Integer discrete flows and lossless compression",
    2019, arXiv:1905.07376, section 3.
Departs: the paper adds on the whole numbers without end, where some mass lies off the grid; modulo
    L the P(x) sum to one, and every sample is a picture. Halves are equal, where the published code
    moves a quarter, and are drawn anew for each coupling. Networks have three convolutions in the
    place of dense blocks. Each place has a mixture of its own, to which the prior's network adds.
"""

import math

import torch
from torch import Tensor, nn

from ...core import GenerativeModel, Pixels, Refused, Space, at_least, in_range, require_images
from ...functional.densities.densities import log_discretised_logistic_mixture
from ..bijection import Bijection, Chain
from ..linear import Permutation
from .glow import ConvNet
from .squeeze import squeeze, unsqueeze

GAIN = 0.01  # half ranges that a network's 1 shifts by: whole steps should come slowly
SHARPEST = -7.0  # least log scale of a logistic, in units of half the range


class IntegerCoupling(Bijection):
    """Adds to half of the channels whole numbers that the other half decides, modulo the levels.

    Args:
        channels: channels of x, at least 2: the first half, rounded down, is kept.
        levels: L: x holds 0 .. L - 1, as floats.
        width: channels of the network's hidden layers.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    def __init__(self, channels: int, levels: int, width: int = 64, dropout: float = 0.0):
        super().__init__()
        at_least(2, "IntegerCoupling", channels=channels)
        self.channels, self.levels = channels, levels
        self.width, self.dropout = width, dropout
        half = channels // 2
        self.sizes = [half, channels - half]
        self.net = ConvNet(half, channels - half, width, dropout=dropout)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, channels, h, w) of whole numbers, and zeros: no probability is moved."""
        kept, moved = x.split(self.sizes, 1)
        moved = (moved + self.steps(kept)).remainder(self.levels)
        return torch.cat([kept, moved], 1), x.new_zeros(len(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, channels, h, w) of whole numbers."""
        kept, moved = z.split(self.sizes, 1)
        return torch.cat([kept, (moved - self.steps(kept)).remainder(self.levels)], 1)

    def steps(self, kept: Tensor) -> Tensor:
        """round(t), with the gradient of t."""
        half_range = (self.levels - 1) / 2
        t = GAIN * half_range * self.net(kept / half_range - 1)
        return t.round().detach() + (t - t.detach())


class Prior(nn.Module):
    """P(k | given) of whole numbers: a mixture of discretised logistics for each of them.

    Args:
        space: space of them, as pixels.
        components: logistics of each mixture.
        given: channels of what it is given, of the same sides; 0 for nothing.
        width: channels of the hidden layers of the network that sees them.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(self, space: Pixels, components: int, given: int, width: int, dropout: float):
        super().__init__()
        channels, *sides = space.shape
        self.space, self.components = space, components
        self.table = nn.Parameter(torch.zeros(channels, *sides, 3, components))
        with torch.no_grad():
            self.table[..., 1, :] = (2 * torch.arange(components) + 1) / components - 1
            self.table[..., 2, :] = -math.log(2 * components)
        d_out = channels * 3 * components
        self.net = ConvNet(given, d_out, width, dropout=dropout) if given else None

    def mixture(self, given: Tensor | None, n: int) -> tuple[Tensor, ...]:
        """Logits, means in [-1, 1] and log scales of the logistics, (n, *shape, components) each."""
        if self.net is None or given is None:
            raw = self.table.expand(n, *self.table.shape)
        else:
            out = self.net(self.space.values(given, given.dtype))
            raw = self.table + out.unflatten(1, (-1, 3, self.components)).movedim((2, 3), (-2, -1))
        logits, mean, log_scale = raw.unbind(-2)
        return logits, mean, log_scale.clamp(min=SHARPEST)

    def log_prob(self, k: Tensor, given: Tensor | None) -> Tensor:
        """(n,) nats."""
        x = self.space.values(k, k.dtype)
        mixture = self.mixture(given, len(k))
        return log_discretised_logistic_mixture(x, *mixture, levels=self.space.levels)

    def sample(self, given: Tensor | None, n: int) -> Tensor:
        """(n, *shape) of whole numbers."""
        logits, mean, log_scale = self.mixture(given, n)
        chosen = torch.distributions.Categorical(logits=logits).sample()[..., None]
        mean, log_scale = mean.gather(-1, chosen)[..., 0], log_scale.gather(-1, chosen)[..., 0]
        drawn = mean + log_scale.exp() * torch.rand_like(mean).logit()
        return self.space.indices(drawn).to(mean)


class IntegerLevel(nn.Module):
    """Squeezes, couples, and hands half of the channels to the level inside.

    Args:
        space: space of a picture that comes in.
        scales: levels from here on.
        couplings, components, width, dropout: those of the model.
    """

    def __init__(
        self,
        space: Pixels,
        scales: int,
        couplings: int,
        components: int,
        width: int,
        dropout: float,
    ):
        super().__init__()
        channels, height, breadth = space.shape
        shape = (4 * channels, height // 2, breadth // 2)
        steps: list[Bijection] = []
        for i in range(couplings):
            steps += [
                Permutation(shape[0], seed=i),
                IntegerCoupling(shape[0], space.levels, width, dropout),
            ]
        self.chain, self.inside = Chain(steps) if steps else None, None
        given = 0
        if scales > 1:
            shape = (2 * channels, *shape[1:])
            inside = Pixels(shape, space.levels)
            self.inside = IntegerLevel(inside, scales - 1, couplings, components, width, dropout)
            given = shape[0]
        self.prior = Prior(Pixels(shape, space.levels), components, given, width, dropout)

    def encode(self, k: Tensor) -> tuple[Tensor, Tensor]:
        """z, of the shape of k, and log P, (n,)."""
        y = squeeze(k) if self.chain is None else self.chain.encode_with_logdet(squeeze(k))[0]
        if self.inside is None:
            return unsqueeze(y), self.prior.log_prob(y, None)
        more, done = y.chunk(2, 1)
        log_p = self.prior.log_prob(done, more)
        more, log_p_more = self.inside.encode(more)
        return unsqueeze(torch.cat([more, done], 1)), log_p + log_p_more

    def decode(self, z: Tensor) -> Tensor:
        y = squeeze(z)
        if self.inside is not None:
            more, done = y.chunk(2, 1)
            y = torch.cat([self.inside.decode(more), done], 1)
        return self._uncoupled(y)

    def sample(self, n: int) -> Tensor:
        """(n, *space.shape) of whole numbers."""
        if self.inside is None:
            y = self.prior.sample(None, n)
        else:
            more = self.inside.sample(n)
            y = torch.cat([more, self.prior.sample(more, n)], 1)
        return self._uncoupled(y)

    def _uncoupled(self, y: Tensor) -> Tensor:
        return unsqueeze(y if self.chain is None else self.chain.decode(y))


class IDF(GenerativeModel):
    """An exact flow on pictures: their levels are moved about, and their probability stays whole.

    Args:
        space: Pixels((channels, height, width)), both sides divisible by 2 ** scales.
        scales: times that what is left is squeezed, at least 1.
        couplings: at each scale; with none, the priors of the scales are the whole model. Rounding
            bends the gradient, and more couplings are not better.
        width: channels of the hidden layers of each network.
        components: logistics in the mixture of each number.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    space: Pixels

    def __init__(
        self,
        space: Space,
        scales: int = 2,
        couplings: int = 1,
        width: int = 64,
        components: int = 5,
        dropout: float = 0.0,
    ):
        super().__init__()
        pixels = require_images(space, "IDF")
        at_least(0, "IDF", couplings=couplings)
        at_least(1, "IDF", scales=scales, width=width, components=components)
        if any(side % 2**scales for side in space.shape[1:]):
            raise Refused(
                f"IDF: images are {space.shape[1]} x {space.shape[2]}, scales is {scales}; both "
                f"sides must divide by {2**scales}: take fewer scales, or pad the images"
            )
        in_range("IDF", "[0, 1)", dropout=dropout)
        self.space, self.scales, self.couplings = pixels, scales, couplings
        self.width, self.components, self.dropout = width, components, dropout
        self.level = IntegerLevel(pixels, scales, couplings, components, width, dropout)

    def log_prob(self, x: Tensor) -> Tensor:
        """(n,) nats: of a probability."""
        return self.level.encode(self._whole(x))[1]

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, *space.shape), pixels on the same grid."""
        return self.space.values(self.level.encode(self._whole(x))[0], x.dtype)

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *space.shape): `encode` undone, to the last bit."""
        return self.space.values(self.level.decode(self._whole(z)), z.dtype)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape)."""
        if not (n := self.sample_count(n, context)):
            return self.noise(0, *self.space.shape)
        k = self.level.sample(n)
        return self.space.values(k, k.dtype)

    def _whole(self, x: Tensor) -> Tensor:
        return self.space.indices(x).to(x.dtype)
