"""Priors of a latent that are learnt: a mixture of normals, and a mixture of guesses.

    MixturePrior    p(z) = sum_k pi_k N(z; m_k, s_k^2)
    VampPrior       p(z) = 1/K sum_k q(z | u_k)             the u_k are K inputs that are learnt

The best prior of all is the mean of q(z | x) over the data, which a VampPrior approaches by few inputs, and
which a mixture of as many normals can approach as well, but has to learn from further away.

Source: Tomczak, Welling, "VAE with a VampPrior", 2018, arXiv:1705.07120, equation 9.
Departs: inputs are held in the range of x by a smooth function, and not by a clipped one.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..core import Bits, Pixels, Reals, Refused, Space, at_least, require


@runtime_checkable
class LatentPrior(Protocol):
    """A distribution of z: log_prob(z), (n,), and sample(n), (n, latent)."""

    def log_prob(self, z: Tensor) -> Tensor: ...

    def sample(self, n: int) -> Tensor: ...


class MixturePrior(nn.Module):
    """A mixture of normal distributions with diagonal covariances.

    Args:
        latent: the size of z.
        components: number of normal distributions.
    """

    def __init__(self, latent: int, components: int = 10):
        super().__init__()
        at_least(1, "MixturePrior", latent=latent, components=components)
        self.latent, self.components = latent, components
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(torch.randn(components, latent))
        self.log_stds = nn.Parameter(torch.zeros(components, latent))

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (n,) nats."""
        return log_mixture(z, self.logits.log_softmax(0), self.means, self.log_stds)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """(n, latent)."""
        which = self.logits.softmax(0).multinomial(n, replacement=True) if n else self.none()
        return self.means[which] + self.log_stds[which].exp() * torch.randn_like(self.means[which])

    def none(self) -> Tensor:
        return torch.zeros(0, dtype=torch.int64, device=self.logits.device)


class VampPrior(nn.Module):
    """The mean of the encoder's guesses for inputs that are learnt.

    Args:
        space: space of x.
        count: number K of inputs.
    """

    def __init__(self, space: Space, count: int = 100):
        super().__init__()
        require("VampPrior", space, Bits, Reals, Pixels)
        at_least(1, "VampPrior", count=count)
        self.space, self.count = space, count
        self.held = nn.Parameter(0.5 * torch.randn(count, *space.shape))

    @torch.no_grad()
    def begin_at(self, x: Tensor) -> None:
        """Takes rows of data, (n, *space.shape), as the first inputs, each again while there are too few."""
        if not len(x):
            raise Refused("VampPrior.begin_at: x has no rows; at least 1 is wanted")
        rows = x[torch.arange(self.count, device=x.device) % len(x)].to(self.held)
        match self.space:
            case Bits():
                self.held.copy_(rows.clamp(0.05, 0.95).logit())
            case Pixels():
                self.held.copy_(rows.clamp(-0.95, 0.95).atanh())
            case _:
                self.held.copy_(rows)

    def inputs(self) -> Tensor:
        """u, (count, *space.shape), in the range of x."""
        match self.space:
            case Bits():
                return self.held.sigmoid()
            case Pixels():
                return self.held.tanh()
            case _:
                return self.held

    def log_prob(self, z: Tensor, means: Tensor, log_stds: Tensor) -> Tensor:
        """log p(z), (n,) nats, by the guesses for the inputs, (count, latent) each."""
        share = means.new_zeros(self.count).log_softmax(0)
        return log_mixture(z, share, means, log_stds)

    @torch.no_grad()
    def sample(self, n: int, means: Tensor, log_stds: Tensor) -> Tensor:
        """(n, latent)."""
        which = torch.randint(self.count, (n,), device=means.device)
        return means[which] + log_stds[which].exp() * torch.randn_like(means[which])


def log_mixture(z: Tensor, log_share: Tensor, means: Tensor, log_stds: Tensor) -> Tensor:
    """log of a mixture of normal distributions, (n,), of z, (n, d), by (k,), (k, d) and (k, d).

    Squares are multiplied out, for three matrix products in the place of n * k * d numbers; in float32 that costs about
    d * (width of all / width of the narrowest)^2 * 1e-7 nats.
    """
    middle = means.detach().mean(0)
    z, means, precision = z - middle, means - middle, (-2 * log_stds).exp()
    squares = z.square() @ precision.T - 2 * z @ (means * precision).T
    squares = squares + (means.square() * precision).sum(1)
    constant = log_share - log_stds.sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)
    return (constant - 0.5 * squares).logsumexp(1)
