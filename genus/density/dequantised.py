"""Dequantised: a density on the reals as a model of pixels.

The probability of a picture is the mass of its bin. Uniform noise in the bin bounds it from below,
so that a density can be compared, in bits, with models that count levels. With w the bin's width,

    P(x) = integral over |y_i - x_i| < w / 2 of p(y) dy = E_u[ w^d p(x + w u) ],  u_i ~ U(-1/2, 1/2)
    elbo(x) = log p(x + w u) + d log w                  E elbo <= log P(x)       by Jensen

and, as u is drawn from the bin, exp(elbo) is also an unbiased estimate of P(x): the log_weight.
Where the density is happier on an unbounded space, pixels are squeezed and seen through a logit:

    s = a + (1 - 2 a) (y + 1 + w / 2) / (2 + w)         z = log s - log(1 - s)
    log p(y) = log p(z) + sum_i log( (1 - 2 a) / (2 + w) ) - log s_i - log(1 - s_i)

Source: Theis, van den Oord, Bethge, "A note on the evaluation of generative models", 2016,
    arXiv:1511.01844, section 3.1; the logit is that of Dinh, Sohl-Dickstein, Bengio, "Density
    estimation using Real NVP", 2017, arXiv:1605.08803, section 4.1.
Departs: what the density leaves outside the grid's box belongs to no bin: the P(x) sum to one less
    that leak, which is nothing for a density that fills the box and never gained by the score.
    `sample` moves it to the nearest edge, so a sample's true probability is at least P(x), and the
    bound holds for it too. The paper's a is 0.05; here it is free, and smaller leaks less.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..core import GenerativeModel, Pixels, Player, Reals, Space, Terms

WRAPPED = {
    "elbo",
    "log_weight",
    "encode",
    "decode",
    "fit",
}  # beside sample: if the density has them


class Dequantised(GenerativeModel):
    """A distribution on pixels, from a density on the reals.

    Args:
        density: a model of Reals(space.shape) with log_prob, or else elbo; it is what learns.
        space: the pixels.
        squeeze: a, in [0, 0.5), the margin before the logit, as a share of the range; 0 leaves
            the logit out, and the density sees pixels in [-1 - w / 2, 1 + w / 2].
    """

    space: Pixels

    def __init__(self, density: GenerativeModel, space: Space, squeeze: float = 0.0):
        super().__init__()
        if not isinstance(space, Pixels):
            raise ValueError(f"Dequantised: space is {space}; Pixels are wanted")
        if density.space != Reals(space.shape):
            raise ValueError(
                f"Dequantised: the density is made for {density.space}; build it for "
                f"{Reals(space.shape)}"
            )
        if not {"log_prob", "elbo"} & density.promises():
            raise ValueError(
                f"Dequantised: {type(density).__name__} scores nothing; a density with log_prob "
                f"or elbo is wanted"
            )
        if not 0 <= squeeze < 0.5:
            raise ValueError(f"Dequantised: squeeze is {squeeze}; it must be in [0, 0.5)")
        self.density, self.space, self.squeeze = density, space, squeeze

    def promises(self) -> set[str]:
        inner = self.density.promises()
        kept = {"sample", "elbo"} | (WRAPPED & inner)
        return kept | {"log_weight"} if "log_prob" in inner else kept

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
        if self.squeeze:
            a, w = self.squeeze, self.space.bin
            z = (z.sigmoid() - a) * (2 + w) / (1 - 2 * a) - 1 - w / 2
        return self.space.quantise(z)

    # scores

    def elbo(self, x: Tensor) -> Tensor:
        """A lower bound of log P(x) in expectation, from one draw of the noise, (n,)."""
        return self._score(x, "log_prob" if "log_prob" in self.density.promises() else "elbo")

    def log_weight(self, x: Tensor) -> Tensor:
        """One draw of what is P(x) in expectation, as its logarithm, (n,)."""
        return self._score(x, "log_prob" if "log_prob" in self.density.promises() else "log_weight")

    def _score(self, x: Tensor, name: str) -> Tensor:
        z, logdet = self.to_reals(self.space.dequantise(x))
        return getattr(self.density, name)(z) + logdet + self.space.dims * math.log(self.space.bin)

    # learning: the density's own game, played on dequantised data

    def deal(self, *batch: Tensor) -> tuple[Tensor, ...]:
        (x,) = batch
        return self.density.deal(self.to_reals(self.space.dequantise(x))[0])

    def players(self) -> dict[str, Player]:
        return self.density.players()

    def loss(self, *batch: Tensor) -> Terms:
        return self.density.loss(*self.deal(*batch))

    def fit(self, x: Tensor) -> Iterator[Terms]:
        """The density's fit, on one draw of the noise: the same in every call, so as to go on."""
        with torch.random.fork_rng([x.device] if x.is_cuda else []):
            torch.manual_seed(0)
            y = self.space.dequantise(x)
        yield from self.density.fit(self.to_reals(y)[0])

    # samples and latents

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        return self.to_pixels(self.density.sample(n))

    def encode(self, x: Tensor) -> Tensor:
        """The latent of the bin's centre."""
        return self.density.encode(self.to_reals(x)[0])

    def decode(self, z: Tensor) -> Tensor:
        """The pixels nearest to what the density decodes; from there no gradient comes back."""
        return self.to_pixels(self.density.decode(z))
