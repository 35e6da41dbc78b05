"""VQ-VAE: an autoencoder whose latent is a grid of codes, each a number of a vector in a codebook.

The encoder gives a vector for each place of a coarse grid, which the nearest vector of the codebook replaces.
What is left of a picture is a short sequence of numbers, which a model of sequences can learn to write. The
choice of the nearest has no gradient, so the encoder gets the decoder's, as if nothing had been replaced.

    k_j   = argmin_i |z_j - e_i|,   z = encoder(x),   q(k | x) = 1 for these k and 0 for all others
    z_q   = z + sg(e_k - z)                                sg: a constant, for the gradient
    loss  = -log p(x | z_q) + beta sum_j |z_j - sg(e_kj)|^2  [+ sum_j |sg(z_j) - e_kj|^2]

The codebook follows the term in brackets, or else moving means of the vectors that chose each code, k-means:

    N_i <- g N_i + (1 - g) n_i,    m_i <- g m_i + (1 - g) sum_(j: k_j = i) z_j,    e_i = m_i / N_i

A code that hardly any vector chooses would never move again, so it restarts at a vector of the batch. Once
the autoencoder has learnt, with a uniform prior of codes, it stands still, and a prior learns the codes of
data. As q puts all its mass on k(x), the bound is one term of a sum of positive ones:

    elbo(x) = log p(x | k(x)) + log p(k(x))  <=  log sum_k p(x | k) p(k)  =  log p(x)

The weight p(x, k) / q(k | x) is not p(x) in expectation, for q is 0 where p is not: there is no log_weight.

Source: van den Oord, Vinyals, Kavukcuoglu, "Neural discrete representation learning", 2017, arXiv:1711.00937,
    equations 1-3; sections 3.2-4.1, appendix A.1 (means). Restarts: Dhariwal and others, "Jukebox: a
    generative model for music", 2020, arXiv:2005.00341, section 3.2.
Departs: terms of the codes are summed over places, not averaged, to weigh the same on any grid; e_i is kept
    and not m_i = N_i e_i, which is the same with no division by zero; N_i and n_i are over the mean use of a
    code, so that N_i begins at 1; convolutions that halve are 3x3, so that any side can be halved.
"""

import copy
import math
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import pad

from ...core import (
    Bits,
    GenerativeModel,
    Losses,
    Model,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    Tokens,
    at_least,
    in_range,
    require,
)
from ..amortised import check_likelihood
from ..likelihoods import NOISY, Likelihood, NoiseDecoding, fitting
from ..priors import LatentPrior

AT_ONCE = 1 << 22  # distances that are held at once
ROWS = 256  # rows of x that are encoded at once, where many are given


class VQVAE(GenerativeModel):
    """An autoencoder with discrete codes, and a prior of these.

    Without a prior the autoencoder learns. With one it stands still, and the prior learns.

    Args:
        space: Pixels, Bits or Reals of (channels, height, width).
        vocabulary: number of vectors in the codebook, at least 2.
        size: the size of each.
        width: channels of the networks.
        halvings: number of times that the sides are halved, rounded up, from a picture to its grid.
        blocks: number of residual blocks of each network, on the grid.
        likelihood: p(x | k), by the decoder's numbers; the one that fits the space if none is given.
        prior: distribution of the codes: any module with log_prob(codes), (n,), and sample(n), (n, h * w), on
            `code_space`; uniform if none is given.
        beta: factor on the commitment, by which vectors are held to their codes, at least 0.
        learned: whether the codebook follows a gradient, in the place of moving means.
        decay: factor g of the moving means and of the use of codes, in (0, 1).
        restart: share of the mean use below which a code restarts, in [0, 1); 0 restarts none.
    """

    sampling_options = NoiseDecoding
    codebook: Tensor
    counts: Tensor
    came: Tensor
    spare: Tensor

    def __init__(
        self,
        space: Space,
        vocabulary: int = 512,
        size: int = 64,
        width: int = 64,
        halvings: int = 2,
        blocks: int = 2,
        likelihood: Likelihood | None = None,
        prior: nn.Module | None = None,
        beta: float = 0.25,
        learned: bool = False,
        decay: float = 0.99,
        restart: float = 0.05,
    ):
        super().__init__()
        require("VQVAE", space, Pixels, Bits, Reals, axes="channels, height, width")
        at_least(2, "VQVAE", vocabulary=vocabulary)
        at_least(1, "VQVAE", size=size, width=width, halvings=halvings)
        at_least(0, "VQVAE", blocks=blocks, beta=beta)
        in_range("VQVAE", "(0, 1)", decay=decay)
        in_range("VQVAE", "[0, 1)", restart=restart)
        self.space, self.vocabulary, self.size = space, vocabulary, size
        self.width, self.halvings, self.blocks = width, halvings, blocks
        self.beta, self.learned, self.decay, self.restart = beta, learned, decay, restart
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("VQVAE", self.likelihood, space)
        channels, *picture = space.shape
        levels = [tuple(-(-side // 2**i) for side in picture) for i in range(halvings + 1)]
        self.grid = levels[-1]
        self.encoder = _encoder(channels, size, width, halvings, blocks)
        numbers = self.likelihood.numbers * channels
        self.decoder = _decoder(size, numbers, width, levels[:-1], blocks)
        vectors = torch.randn(vocabulary, size)
        if learned:
            self.codebook = nn.Parameter(vectors)
        else:
            self.register_buffer("codebook", vectors)
        self.register_buffer("counts", torch.ones(vocabulary))  # N, over its mean
        self.register_buffer(
            "came", torch.zeros(vocabulary, size + 1)
        )  # sums of z and 1: a round's
        self.register_buffer("spare", torch.zeros(vocabulary, size))  # vectors to restart at
        self.prior = prior
        self._check_prior()

    @torch.no_grad()
    def _check_prior(self) -> None:
        if self.prior is None:
            return
        came, wanted = getattr(self.prior, "space", self.code_space), self.code_space
        if not isinstance(self.prior, LatentPrior) or came != wanted:
            raise Refused(
                f"VQVAE: the prior is {type(self.prior).__name__} of {came}; a module with "
                f"log_prob(codes) and sample(n), of {wanted}, is wanted"
            )
        wanted.check(self.prior.sample(2), "VQVAE's prior")

    @property
    def code_space(self) -> Tokens:
        """The space of the codes of one x, place after place."""
        return Tokens(self.vocabulary, math.prod(self.grid))

    def train(self, mode: bool = True) -> "VQVAE":
        """With a prior, the autoencoder is used, and not trained."""
        super().train(mode)
        for net in (self.encoder, self.decoder):
            net.train(mode and self.prior is None)
        return self

    def with_prior(self, prior: nn.Module) -> "VQVAE":
        """A copy of the autoencoder, with a prior that is to learn its codes, as in the constructor."""
        other = copy.deepcopy(self)
        other.prior = prior
        other._check_prior()
        return other.train(self.training)

    # codes

    def nearest(self, z: Tensor) -> Tensor:
        """The number of the nearest vector of the codebook, (m,), to each of (m, size)."""
        with torch.no_grad(), torch.autocast(z.device.type, enabled=False):
            far = 0.5 * self.codebook.square().sum(1)  # |z - e|^2 / 2 without what z alone decides
            parts = z.to(far).split(max(1, AT_ONCE // self.vocabulary))
            return torch.cat([(far - part @ self.codebook.T).argmin(1) for part in parts])

    def codes(self, x: Tensor) -> Tensor:
        """The codes of x, int64, (n, h * w)."""
        return self.nearest(_rows(self.encoder(x))).unflatten(0, (len(x), self.code_space.length))

    def vectors(self, codes: Tensor) -> Tensor:
        """The codebook's vectors of codes, (n, h * w), on the grid, (n, size, h, w)."""
        return self.codebook[codes].movedim(2, 1).unflatten(2, self.grid)

    def encode(self, x: Tensor) -> Tensor:
        """The vectors of the codes of x, (n, size, h, w)."""
        return self.vectors(self.codes(x))

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape), for the codes nearest to z, (n, size, h, w)."""
        codes = self.nearest(_rows(z)).unflatten(0, (len(z), self.code_space.length))
        return self.likelihood.mean(self.decoder(self.vectors(codes)))

    @torch.no_grad()
    def usage(self, x: Tensor) -> Tensor:
        """The share of each code among those of x, (vocabulary,)."""
        codes = torch.cat([self.codes(part).flatten() for part in x.split(ROWS)])
        return codes.bincount(minlength=self.vocabulary) / len(codes)

    def perplexity(self, x: Tensor) -> float:
        """How many codes, all used alike, would be as various as those of x: from 1 to vocabulary."""
        share = self.usage(x).double()
        return math.exp(-torch.special.xlogy(share, share).sum().item())

    # scores and samples

    def log_prior(self, codes: Tensor) -> Tensor:
        """log p(k), (n,) nats."""
        if isinstance(self.prior, LatentPrior):
            return self.prior.log_prob(codes)
        return self.counts.new_full((len(codes),), -codes.shape[1] * math.log(self.vocabulary))

    def elbo(self, x: Tensor) -> Tensor:
        """log p(x, k(x)), (n,) nats: of all k that could have led to x, the share of one."""
        codes = self.codes(x)
        numbers = self.decoder(self.vectors(codes))
        return self.likelihood.log_prob(x, numbers) + self.log_prior(codes)

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, decoding: NoiseDecoding = NOISY
    ) -> Tensor:
        """x, (n, *space.shape): codes of the prior, and draws of p(x | k), unless `decoding` takes means."""
        n = self.sample_count(n, context)
        if isinstance(self.prior, LatentPrior):
            codes = self.prior.sample(n)
        else:
            codes = torch.randint(self.vocabulary, (n, self.code_space.length)).to(
                self.counts.device
            )
        numbers = self.decoder(self.vectors(codes))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)

    # learning

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Begins the codebook at vectors of rows of x, (n, *space.shape): call it once, before training."""
        z = torch.cat([_rows(self.encoder(part)) for part in x.split(ROWS)])
        begin = torch.arange(self.vocabulary, device=z.device) % len(z)
        self.codebook.copy_(z[torch.randperm(len(z), device=z.device)[begin]])

    def players(self) -> dict[str, Player]:
        """The autoencoder, after whose move the codebook follows; with a prior, the prior alone."""
        if self.prior is not None:
            return {"model": Player([self.prior], self.loss)}
        return {"model": Player([self], self.loss, after=self.follow)}

    def loss(self, x: Tensor) -> Losses:
        if self.prior is not None:
            with torch.no_grad():
                codes = self.codes(x)
            if isinstance(self.prior, Model):
                return self.prior.loss(codes)
            return {"nll": -self.log_prior(codes).mean()}
        z = _rows(self.encoder(x))
        codes = self.nearest(z)
        if self.training:
            self._note(z.detach().to(self.codebook), codes)
        e = self.codebook[codes]
        z_q = straight_through(z, e).unflatten(0, (len(x), *self.grid)).movedim(3, 1)
        numbers = self.decoder(z_q)
        losses = {
            "reconstruction": -self.likelihood.log_prob(x, numbers).mean(),
            "commitment": self.beta * (z - e.detach()).square().sum() / len(x),
        }
        if self.learned:
            losses["codebook"] = (z.detach() - e).square().sum() / len(x)
        return losses

    @torch.no_grad()
    def _note(self, z: Tensor, codes: Tensor) -> None:
        """Adds the vectors of a batch, or of a part of one, to what came in this round."""
        hits = (codes == torch.arange(self.vocabulary, device=z.device)[:, None]).to(z)
        with torch.autocast(z.device.type, enabled=False):
            self.came.add_(hits @ pad(z, (0, 1), value=1.0))
        if self.restart:
            self.spare.copy_(z[torch.randint(len(z), (self.vocabulary,), device=z.device)])

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the codebook by what came in this round, and restarts codes that are out of use."""
        if dist.is_available() and dist.is_initialized():  # the ranks keep one codebook
            dist.all_reduce(self.came)
            dist.broadcast(self.spare, 0)
        came = self.came * (self.vocabulary / self.came[:, -1].sum().clamp(min=1))
        sums, n = came[:, :-1], came[:, -1]
        self.counts.mul_(self.decay).add_((1 - self.decay) * n)
        if not self.learned:
            least = torch.finfo(n.dtype).tiny
            step = (1 - self.decay) * (sums - n[:, None] * self.codebook)
            self.codebook.add_(step / self.counts.clamp(min=least)[:, None])
        if self.restart:
            dead = self.counts < self.restart
            self.codebook.copy_(torch.where(dead[:, None], self.spare, self.codebook))
            self.counts.masked_fill_(dead, 1)
        self.came.zero_()


def straight_through(z: Tensor, e: Tensor) -> Tensor:
    """e, whose gradient is handed to z as it comes."""
    return z + (e - z).detach()


def _rows(z: Tensor) -> Tensor:
    """Vectors on a grid, (n, size, h, w), one below another, (n * h * w, size)."""
    return z.flatten(2).movedim(1, 2).flatten(0, 1)


class _Residual(nn.Sequential):
    """x + f(x), of pictures of `width` channels."""

    def __init__(self, width: int):
        inside = nn.Conv2d(width, width, 3, padding=1)
        super().__init__(nn.ReLU(), inside, nn.ReLU(), nn.Conv2d(width, width, 1))

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


class _Doubled(nn.ConvTranspose2d):
    """Sides twice as long, or less by one: as they were before they were halved."""

    def __init__(self, d_in: int, d_out: int, sides: tuple[int, ...]):
        super().__init__(d_in, d_out, 4, stride=2, padding=1)
        self.sides = sides

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(input, output_size)[..., : self.sides[0], : self.sides[1]]


def _encoder(channels: int, size: int, width: int, halvings: int, blocks: int) -> nn.Sequential:
    """Pictures, (n, channels, h, w), to vectors on a grid, (n, size, h', w')."""
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 2, 1)]
    for _ in range(halvings - 1):
        layers += [nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1)]
    layers += [_Residual(width) for _ in range(blocks)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(width, size, 1))


def _decoder(
    size: int, channels: int, width: int, levels: Sequence[tuple[int, ...]], blocks: int
) -> nn.Sequential:
    """Vectors on a grid, (n, size, h', w'), to (n, channels, h, w), by the sides of levels, finest first."""
    layers: list[nn.Module] = [nn.Conv2d(size, width, 3, padding=1)]
    layers += [_Residual(width) for _ in range(blocks)]
    for i in reversed(range(len(levels))):
        layers += [nn.ReLU(), _Doubled(width, width if i else channels, levels[i])]
    return nn.Sequential(*layers)
