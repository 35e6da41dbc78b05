"""Autoencoder: a code, and what can be read from it; with noise, a denoising autoencoder.

It is no generative model, and is here to show why: nothing says where codes lie, so draws from a simple distribution
of codes fall into places from which nothing was ever decoded, the more of them the more units a code has.

    z = f(x~),   x~ = x, or x with noise       loss = -E log p(x | z)

With noise the code has to hold what is left of x, in the place of a copy: a mask for bits, of which a share is
drawn anew, and normal noise for pixels and real numbers.

Source: Rumelhart, Hinton, Williams, "Learning internal representations by error propagation", 1986; Vincent,
    Larochelle, Bengio, Manzagol, "Extracting and composing robust features with denoising autoencoders", 2008.
Departs: codes are normalised over a batch to mean 0 and variance 1, and `sample` decodes draws of N(0, I): of the
    right place and width, which is the best that can be said of them.
"""

import torch
from torch import Tensor, nn

from ..core import Bits, GenerativeModel, Losses, Refused, Space, at_least
from ..nn import MLP
from .amortised import HIDDEN, check_likelihood
from .likelihoods import NOISY, Likelihood, NoiseDecoding, fitting


class Autoencoder(GenerativeModel):
    """A code without a prior.

    Args:
        space: Bits, Reals or Pixels.
        latent: size of the code z.
        encoder: x, (n, *space.shape), to z, (n, latent); an MLP of flat x if none is given.
        decoder: z to the likelihood's numbers, (n, numbers * c, ...) for an x of c channels; an MLP if none is given.
        likelihood: what these numbers mean; the one that fits the space if none is given.
        corruption: for bits, the share that is drawn anew by a coin, at most 1; otherwise the standard deviation of normal
            noise in the units of x. 0 for a plain autoencoder.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        likelihood: Likelihood | None = None,
        corruption: float = 0.0,
    ):
        super().__init__()
        at_least(1, "Autoencoder", latent=latent)
        at_least(0, "Autoencoder", corruption=corruption)
        self.space, self.latent = space, latent
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("Autoencoder", self.likelihood, space)
        if isinstance(space, Bits) and corruption > 1:
            raise Refused(
                f"Autoencoder: corruption is {corruption}; of bits a share is wanted, at most 1"
            )
        self.corruption = corruption
        numbers = self.likelihood.numbers * space.dims
        self.encoder = MLP(space.dims, latent, HIDDEN) if encoder is None else encoder
        self.decoder = MLP(latent, numbers, HIDDEN) if decoder is None else decoder
        self.normal = nn.BatchNorm1d(latent, affine=False)
        self._check_networks()

    @torch.no_grad()
    def _check_networks(self) -> None:
        code = self._encoded(self.noise(2, *self.space.shape))
        if code.shape != (2, self.latent):
            raise Refused(
                f"Autoencoder: the encoder gives {code[0].numel()} numbers a row; {self.latent} are wanted"
            )
        channels, *sides = self.space.shape
        wanted = (2, self.likelihood.numbers * channels, *sides)
        if (came := self._numbers(code)).shape != wanted:
            came, wish = ("x".join(map(str, shape[1:])) for shape in (came.shape, wanted))
            raise Refused(f"Autoencoder: the decoder gives {came} numbers a row; wanted are {wish}")

    def _encoded(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1) if isinstance(self.encoder, MLP) else x)

    def _numbers(self, z: Tensor) -> Tensor:
        out = self.decoder(z)
        if isinstance(self.decoder, MLP):
            out = out.unflatten(1, (-1, *self.space.shape[1:]))
        return out

    def corrupted(self, x: Tensor) -> Tensor:
        """x with noise, of its own shape."""
        if not self.corruption:
            return x
        if not isinstance(self.space, Bits):
            return x + self.corruption * torch.randn_like(x)
        anew = torch.rand_like(x) < self.corruption
        return torch.where(anew, (torch.rand_like(x) < 0.5).to(x.dtype), x)

    def loss(self, x: Tensor) -> Losses:
        z = self.normal(self._encoded(self.corrupted(x)))
        return {"reconstruction": -self.likelihood.log_prob(x, self._numbers(z)).mean()}

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, latent), of x without noise: of mean 0 and variance 1 over the training rows."""
        return self.normal(self._encoded(x))

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape): in the range of x, but not on its grid."""
        return self.likelihood.mean(self._numbers(z))

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """What codes of N(0, I) would be read as, (n, *space.shape)."""
        numbers = self._numbers(self.noise(self.sample_count(n, context), self.latent))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)
