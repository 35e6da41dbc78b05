"""What variational autoencoders share: a prior of z, a decoder, and an encoder that guesses z from x.

    p(z) = prior        p(x | z) = likelihood(decoder(z))        q(z | x) = N(m(x), s(x)^2)
    w(x, z) = p(x | z) p(z) / q(z | x),   E_q w = p(x),   E_q log w = elbo(x) <= log p(x)

A model adds its loss. The prior is N(0, I) where none is given, and then KL(q || p) is exact:

    KL = 1/2 sum (m^2 + s^2 - 1 - 2 log s)

Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114, equations 3, 10
    and appendix B. Weights w: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders",
    2016, arXiv:1509.00519.
Departs: pixels have a discretised logistic, in the place of a normal, so their score is a
    probability; the deviation of a normal is one number for all of x, not one for each from the
    decoder, which could put infinite density on a point.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Refused, Space, at_least
from ..functional.densities.densities import kl_normal, log_normal
from ..nn import MLP
from .likelihoods import NOISY, Likelihood, Logistic, LogisticMixture, NoiseDecoding, fitting
from .posteriors import PosteriorFlow
from .priors import LatentPrior, VampPrior

HIDDEN = (256, 256)  # of the networks, where none are given
DRAWS = 16  # of z for each row, for what its units tell


class LatentGuess(NamedTuple):
    """Normal distributions of z, and what a flow behind them sees."""

    mean: Tensor  # (n, latent)
    log_std: Tensor  # (n, latent)
    hint: Tensor  # (n, hints)

    def repeated(self, k: int) -> "LatentGuess":
        """All rows k times, one after the other."""
        return self if k == 1 else LatentGuess(*(part.repeat(k, 1) for part in self))

    def noisy(self) -> Tensor:
        """A draw of each, (n, latent)."""
        return self.mean + self.log_std.exp() * torch.randn_like(self.mean)


class Amortised(GenerativeModel):
    """A model with a latent, which an encoder guesses.

    Args:
        space: Bits, Reals or Pixels.
        latent: the size of z.
        encoder: x, (n, *space.shape), to the numbers of q(z | x), (n, 2 * latent); an MLP of
            flat x if none is given.
        decoder: z, (n, latent), to the likelihood's numbers, (n, numbers * c, ...) for an x
            of c channels; an MLP if none is given.
        likelihood: what these numbers mean; the one that fits the space if none is given.
        prior: distribution of z: a prior of genus.vae, or any module with log_prob(z), (n,), and
            sample(n), (n, latent), such as a flow; N(0, I) if none is given.
        flow: what bends the guess, as `genus.vae.posteriors` says, such as IAF; the encoder then gives its
            `hints` too, (n, 2 * latent + hints). q(z | x) is the normal distribution if none is given.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        latent: int,
        encoder: nn.Module | None,
        decoder: nn.Module | None,
        likelihood: Likelihood | None,
        prior: nn.Module | None,
        flow: nn.Module | None = None,
    ):
        super().__init__()
        at_least(1, type(self).__name__, latent=latent)
        _check_flow(type(self).__name__, flow, prior)
        self.space, self.latent = space, latent
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood(type(self).__name__, self.likelihood, space)
        numbers = self.likelihood.numbers * space.dims
        self.hints = flow.hints if isinstance(flow, PosteriorFlow) else 0
        guess = 2 * latent + self.hints
        self.encoder = MLP(space.dims, guess, HIDDEN) if encoder is None else encoder
        self.decoder = MLP(latent, numbers, HIDDEN) if decoder is None else decoder
        self.prior, self.flow = prior, flow
        self._check_networks()

    @torch.no_grad()
    def _check_networks(self) -> None:
        """One pass through all: they must fit the space and each other."""
        who = type(self).__name__
        channels, *sides = self.space.shape
        wanted = (2, self.likelihood.numbers * channels, *sides)
        numbers = self.numbers(self.noise(2, self.latent))
        if numbers.shape != wanted:
            came, wish = ("x".join(map(str, shape[1:])) for shape in (numbers.shape, wanted))
            raise Refused(f"{who}: the decoder gives {came} numbers a row; wanted are {wish}")
        guess = self._encoded(self.noise(2, *self.space.shape))
        if guess.shape != (2, 2 * self.latent + self.hints):
            also = f", and {self.hints} hints for the flow" if self.hints else ""
            raise Refused(
                f"{who}: the encoder gives {guess[0].numel()} numbers a row; wanted are "
                f"{2 * self.latent + self.hints}: means and log deviations of z{also}"
            )
        if self.prior is None:
            return
        if not isinstance(self.prior, VampPrior | LatentPrior):
            raise Refused(
                f"{who}: the prior is {type(self.prior).__name__}; a module with log_prob(z) and "
                f"sample(n) is wanted"
            )
        drawn = self.draw_prior(2)
        if drawn.shape != (2, self.latent) or self.log_prior(drawn).shape != (2,):
            raise Refused(
                f"{who}: the prior draws z of {tuple(drawn.shape[1:])}; {(self.latent,)} is wanted"
            )

    def _encoded(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1) if isinstance(self.encoder, MLP) else x)

    def guess(self, x: Tensor) -> LatentGuess:
        """q(z | x), of each row."""
        return LatentGuess(*self._encoded(x).split([self.latent, self.latent, self.hints], dim=1))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of q(z | x), each (n, latent), before a flow."""
        guess = self.guess(x)
        return guess.mean, guess.log_std

    def draw(self, guess: LatentGuess, k: int = 1) -> tuple[Tensor, Tensor]:
        """k draws of z for each row, (k n, latent), all rows once before any row again; log q of each, (k n,)."""
        guess = guess.repeated(k)
        z = guess.noisy()
        log_q = log_normal(z, guess.mean, guess.log_std)
        z, log_det = self._bent(z, guess.hint)
        return z, log_q - log_det

    def _bent(self, z: Tensor, hint: Tensor) -> tuple[Tensor, Tensor | float]:
        return self.flow(z, hint) if self.flow is not None else (z, 0.0)

    @torch.no_grad()
    def draw_posterior(self, x: Tensor) -> Tensor:
        """A draw of z for each row, (n, latent)."""
        return self.draw(self.guess(x))[0]

    @torch.no_grad()
    def unit_nats(self, x: Tensor) -> Tensor:
        """What each unit of z tells of x, (latent,) nats, the mean over the rows.

        It is the KL from N(0, I) where that is the prior of a normal guess. Otherwise it is what a normal z of the
        same spreads would tell, 1/2 log of all its variance over that around each row, from a few draws.
        """
        guess = self.guess(x)
        if self.plain:
            return kl_of_units(guess.mean, guess.log_std).mean(0)
        return told(self.draw(guess, DRAWS)[0].unflatten(0, (DRAWS, len(x))))

    @property
    def plain(self) -> bool:
        """Whether guess and prior are the normal distributions whose KL is known."""
        return self.prior is None and self.flow is None

    def numbers(self, z: Tensor) -> Tensor:
        """What the likelihood makes of z, (n, numbers * c, ...)."""
        out = self.decoder(z)
        if isinstance(self.decoder, MLP):
            out = out.unflatten(1, (-1, *self.space.shape[1:]))
        return out

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), (n,) nats."""
        if isinstance(self.prior, VampPrior):
            return self.prior.log_prob(z, *self.posterior(self.prior.inputs()))
        return self.prior.log_prob(z) if isinstance(self.prior, LatentPrior) else log_normal(z)

    @torch.no_grad()
    def draw_prior(self, n: int) -> Tensor:
        """n draws of z, (n, latent)."""
        if isinstance(self.prior, VampPrior):
            return self.prior.sample(n, *self.posterior(self.prior.inputs()))
        return (
            self.prior.sample(n)
            if isinstance(self.prior, LatentPrior)
            else self.noise(n, self.latent)
        )

    def encode(self, x: Tensor) -> Tensor:
        """The mean of q(z | x), (n, latent); behind a flow, where it takes that mean."""
        guess = self.guess(x)
        return self._bent(guess.mean, guess.hint)[0]

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape): in the range of x, but not on its grid."""
        return self.likelihood.mean(self.numbers(z))

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The halves of -elbo, each (n,) nats: what reconstruction costs, and what the guess costs."""
        guess = self.guess(x)
        if self.plain:
            z, kl = guess.noisy(), kl_normal(guess.mean, guess.log_std)
        else:
            z, log_q = self.draw(guess)
            kl = log_q - self.log_prior(z)
        return -self.likelihood.log_prob(x, self.numbers(z)), kl

    def elbo(self, x: Tensor) -> Tensor:
        """The bound from one draw of z, (n,) nats; its KL is exact if the prior is N(0, I)."""
        reconstruction, kl = self.terms(x)
        return -reconstruction - kl

    def log_weight(self, x: Tensor) -> Tensor:
        """log w of one draw of z, (n,) nats."""
        return self.log_weights(x, k=1)[0]

    def log_weights(self, x: Tensor, *, k: int) -> Tensor:
        """log w of k draws of z, (k, n) nats; each x is encoded once."""
        z, log_q = self.draw(self.guess(x), k)
        rows = x if k == 1 else x.repeat(k, *[1] * (x.dim() - 1))
        joint = self.likelihood.log_prob(rows, self.numbers(z)) + self.log_prior(z)
        return (joint - log_q).unflatten(0, (k, len(x)))

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape): draws of p(x | z), unless `decoding` takes its means."""
        numbers = self.numbers(self.draw_prior(self.sample_count(n, context)))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)


def kl_of_units(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL(N(mean, std^2) || N(0, 1)) of each number: (n, d) -> (n, d) nats."""
    return kl_normal(mean.reshape(-1, 1), log_std.reshape(-1, 1)).reshape(mean.shape)


def told(z: Tensor) -> Tensor:
    """What each number of z, (draws, rows, d), would tell of its row if it were normal, (d,) nats."""
    around = z.var(0).mean(0)
    between = (z.mean(0).var(0) - around / len(z)).clamp(min=0)
    return 0.5 * (between / around.clamp(min=torch.finfo(z.dtype).tiny)).log1p()


def check_likelihood(who: str, likelihood: Likelihood, space: Space) -> None:
    usual = fitting(space)
    pixels = isinstance(usual, Logistic) and isinstance(likelihood, Logistic | LogisticMixture)
    if not pixels and not isinstance(likelihood, type(usual)):
        raise Refused(
            f"{who}: the likelihood is {type(likelihood).__name__}, the space is {space}; "
            f"{type(usual).__name__} fits it"
        )
    if (
        isinstance(likelihood, Logistic | LogisticMixture)
        and likelihood.levels != space.cardinality
    ):
        raise Refused(
            f"{who}: the likelihood has {likelihood.levels} levels, the space {space.cardinality}; "
            f"they must be the same"
        )


def _check_flow(who: str, flow: nn.Module | None, prior: nn.Module | None) -> None:
    if flow is None:
        return
    if not isinstance(flow, PosteriorFlow):
        raise Refused(
            f"{who}: the flow is {type(flow).__name__}; a module with hints and forward(z, hint) is wanted, "
            f"such as IAF"
        )
    if isinstance(prior, VampPrior):
        raise Refused(
            f"{who}: the prior is VampPrior, which wants the density of the guess at any z, and the flow "
            f"knows it at its own draws only: leave one of them out"
        )
