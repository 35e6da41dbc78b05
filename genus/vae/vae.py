"""VAE: a latent normal, a decoder, and an encoder that guesses which z led to x.

To score x one would have to try every z. The encoder names the few that could have led to it, and
pays for its guess with the KL to the prior; what it leaves of log p(x) is a lower bound, tight where
the guess is the true posterior. Both networks climb that one bound.

    p(z) = N(0, I)        p(x | z) = likelihood(decoder(z))        q(z | x) = N(m(x), s(x)^2)
    elbo(x) = E_q log p(x | z) - KL(q(z | x) || p(z))  <=  log p(x)
    KL      = 1/2 sum (m^2 + s^2 - 1 - 2 log s)
    w(x, z) = p(x | z) p(z) / q(z | x),   E_q w = p(x),   E_q log w = elbo

Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114, equations 3, 10
    and appendix B. Weights w: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders",
    2016, arXiv:1509.00519.
Departs: pixels have a discretised logistic, in the place of a normal, so their score is a
    probability; the deviation of a normal is one number for all of x, not one for each from the
    decoder, which could put infinite density on a point.
"""

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Refused, Space, at_least
from ..functional.densities.densities import kl_normal, log_normal
from ..nn import MLP
from .likelihoods import NOISY, Likelihood, Logistic, NoiseDecoding, fitting

HIDDEN = (256, 256)  # of the networks, where none are given


class VAE(GenerativeModel):
    """A latent-variable model.

    Args:
        space: Bits, Reals or Pixels.
        latent: the size of z.
        encoder: x, (n, *space.shape), to the numbers of q(z | x), (n, 2 * latent); an MLP of
            flat x if none is given.
        decoder: z, (n, latent), to the likelihood's numbers, (n, numbers * c, ...) for an x
            of c channels; an MLP if none is given.
        likelihood: what these numbers mean; the one that fits the space if none is given.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        likelihood: Likelihood | None = None,
    ):
        super().__init__()
        at_least(1, "VAE", latent=latent)
        self.space, self.latent = space, latent
        self.likelihood = fitting(space) if likelihood is None else likelihood
        _check_likelihood(self.likelihood, space)
        numbers = self.likelihood.numbers * space.dims
        self.encoder = MLP(space.dims, 2 * latent, HIDDEN) if encoder is None else encoder
        self.decoder = MLP(latent, numbers, HIDDEN) if decoder is None else decoder
        self._check_networks()

    @torch.no_grad()
    def _check_networks(self) -> None:
        """One pass through both: they must fit the space and each other."""
        channels, *sides = self.space.shape
        wanted = (2, self.likelihood.numbers * channels, *sides)
        numbers = self.numbers(self.noise(2, self.latent))
        if numbers.shape != wanted:
            came, wish = ("x".join(map(str, shape[1:])) for shape in (numbers.shape, wanted))
            raise Refused(f"VAE: the decoder gives {came} numbers a row; wanted are {wish}")
        guess = self._encoded(self.noise(2, *self.space.shape))
        if guess.shape != (2, 2 * self.latent):
            raise Refused(
                f"VAE: the encoder gives {guess[0].numel()} numbers a row; wanted are "
                f"{2 * self.latent}, means and log deviations of z"
            )

    def _encoded(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1) if isinstance(self.encoder, MLP) else x)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of q(z | x), each (n, latent)."""
        mean, log_std = self._encoded(x).chunk(2, dim=1)
        return mean, log_std

    def numbers(self, z: Tensor) -> Tensor:
        """What the likelihood makes of z, (n, numbers * c, ...)."""
        out = self.decoder(z)
        if isinstance(self.decoder, MLP):
            out = out.unflatten(1, (-1, *self.space.shape[1:]))
        return out

    def encode(self, x: Tensor) -> Tensor:
        """The mean of q(z | x), (n, latent)."""
        return self.posterior(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape): in the range of x, but not on its grid."""
        return self.likelihood.mean(self.numbers(z))

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The halves of -elbo, each (n,) nats: what reconstruction costs, and what the guess costs."""
        mean, log_std = self.posterior(x)
        z = mean + log_std.exp() * torch.randn_like(mean)
        return -self.likelihood.log_prob(x, self.numbers(z)), kl_normal(mean, log_std)

    def elbo(self, x: Tensor) -> Tensor:
        """The bound from one draw of z, (n,) nats; its KL is exact."""
        reconstruction, kl = self.terms(x)
        return -reconstruction - kl

    def log_weight(self, x: Tensor) -> Tensor:
        """log w of one draw of z, (n,) nats."""
        mean, log_std = self.posterior(x)
        z = mean + log_std.exp() * torch.randn_like(mean)
        joint = self.likelihood.log_prob(x, self.numbers(z)) + log_normal(z)
        return joint - log_normal(z, mean, log_std)

    def loss(self, x: Tensor) -> Losses:
        reconstruction, kl = self.terms(x)
        return {"reconstruction": reconstruction.mean(), "kl": kl.mean()}

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape): draws of p(x | z), unless `decoding` takes its means."""
        numbers = self.numbers(self.noise(self.sample_count(n, context), self.latent))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)


def _check_likelihood(likelihood: Likelihood, space: Space) -> None:
    usual = fitting(space)
    if type(likelihood) is not type(usual):
        raise Refused(
            f"VAE: the likelihood is {type(likelihood).__name__}, the space is {space}; "
            f"{type(usual).__name__} fits it"
        )
    if isinstance(likelihood, Logistic) and likelihood.levels != space.cardinality:
        raise Refused(
            f"VAE: the likelihood has {likelihood.levels} levels, the space {space.cardinality}; "
            f"they must be the same"
        )
