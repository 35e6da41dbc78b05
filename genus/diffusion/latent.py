"""Latent diffusion: a diffusion of what an autoencoder makes of x.

Most numbers of an image matter little to what it shows. An autoencoder keeps the few that do, and a
diffusion learns how they are distributed, at a fraction of the cost of learning it of x; the
autoencoder's own prior need not fit. The two are trained one after the other.

    z = encode(x) / s          s the deviation of all numbers of encode(x) together, measured
    x = decode(s z)

Source: Rombach, Blattmann, Lorenz, Esser, Ommer, "High-resolution image synthesis with latent diffusion
    models", 2022, arXiv:2112.10752, sections 3.1 and 3.2, appendix G (the scale).
Departs: any model with encode and decode; of a variational one, z is the mean, not a draw; the scale is
    measured on as many rows as are given, not on one batch.
"""

import torch
from torch import Tensor

from ..core import Bits, GenerativeModel, Losses, Pixels, Player, Reals, Refused, See, require
from .ddpm import DDPM
from .diffusion import Diffusion
from .sampler import Sampler


class LatentDiffusion(GenerativeModel):
    """An autoencoder, which stays as it is, and a diffusion in its latent space, which learns.

    Args:
        autoencoder: a trained model that keeps `encode` and `decode`, of Pixels, Reals or Bits.
        diffusion: diffusion on Reals of the shape of what the autoencoder encodes to.
    """

    scale: Tensor  # s, (): what `prepare` measures

    def __init__(self, autoencoder: GenerativeModel, diffusion: Diffusion | DDPM):
        super().__init__()
        if missing := {"encode", "decode"} - autoencoder.promises():
            raise Refused(
                f"LatentDiffusion: the autoencoder, a {type(autoencoder).__name__}, has no "
                f"{' and no '.join(sorted(missing))}; a model with both is wanted"
            )
        require("LatentDiffusion's autoencoder", autoencoder.space, Pixels, Reals, Bits)
        if diffusion.context_space is not None:
            raise Refused(
                f"LatentDiffusion: the diffusion is conditioned on {diffusion.context_space}; an "
                f"unconditional one is wanted"
            )
        self.autoencoder, self.diffusion = autoencoder, diffusion
        self.space = autoencoder.space
        self.register_buffer("scale", torch.ones(()))
        self._check_shapes()

    @torch.no_grad()
    def _check_shapes(self) -> None:
        """One pass: the diffusion must be of what the autoencoder encodes to."""
        was = self.autoencoder.training
        z = self.autoencoder.eval().encode(self.noise(2, *self.space.shape).clamp(-1, 1))  # pyright: ignore[reportCallIssue]
        self.autoencoder.train(was)
        if self.diffusion.space != Reals(tuple(z.shape[1:])):
            raise Refused(
                f"LatentDiffusion: the diffusion is of {self.diffusion.space}, the autoencoder "
                f"encodes to {tuple(z.shape[1:])}; Reals of that shape are wanted"
            )

    def train(self, mode: bool = True) -> "LatentDiffusion":
        """The autoencoder is used, never trained."""
        super().train(mode)
        self.autoencoder.eval()
        return self

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Measures the scale, on rows of x, (n, *space.shape): call it once, before training."""
        self.autoencoder.eval()
        z = self.scale * self.encode(x)
        self.scale.copy_(z.std())

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, *diffusion.space.shape), of deviation 1 over all."""
        return self.autoencoder.encode(x) / self.scale  # pyright: ignore[reportCallIssue]

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *space.shape), as the autoencoder gives it: in the range of x, but not on its grid."""
        return self.autoencoder.decode(self.scale * z)  # pyright: ignore[reportCallIssue]

    def players(self) -> dict[str, Player]:
        return {"model": Player([self.diffusion], self.loss)}

    def loss(self, x: Tensor) -> Losses:
        """The diffusion's own, of z."""
        with torch.no_grad():
            z = self.encode(x)
        return self.diffusion.loss(z)

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, sampler: Sampler | None = None
    ) -> Tensor:
        """(n, *space.shape)."""
        n = self.sample_count(n, context)
        return self._finished(self.diffusion.sample(n, sampler=sampler))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at what each noisy z decodes to."""

        def look(z: Tensor) -> None:
            see(self.decode(z))

        n = self.sample_count(n, context)
        return self._finished(self.diffusion.sample_watched(look, n))

    def _finished(self, z: Tensor) -> Tensor:
        """x on its grid, (n, *space.shape)."""
        x = self.decode(z)
        return x.round() if isinstance(self.space, Bits) else self.space.quantise(x)
