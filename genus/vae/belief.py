"""What is believed of a layer of latents: normal distributions, and how two of them are joined."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..functional.densities.densities import kl_normal, log_normal


class Belief(NamedTuple):
    """Independent normal distributions of a layer."""

    mean: Tensor  # (n, latent of the layer)
    log_std: Tensor  # (n, latent of the layer)

    def draw(self, noisy: bool = True) -> Tensor:
        """A draw, or the mean."""
        if not noisy:
            return self.mean
        return self.mean + self.log_std.exp() * torch.randn_like(self.mean)

    def repeated(self, k: int) -> "Belief":
        return self if k == 1 else Belief(self.mean.repeat(k, 1), self.log_std.repeat(k, 1))

    @staticmethod
    def standard(like: Tensor) -> "Belief":
        return Belief(torch.zeros_like(like), torch.zeros_like(like))


class Rung(NamedTuple):
    """A layer on one way through all of them: its latent, and both distributions of it."""

    z: Tensor
    q: Belief
    p: Belief

    def log_ratio(self) -> Tensor:
        """log q(z) - log p(z), (n,) nats."""
        return log_normal(self.z, *self.q) - log_normal(self.z, *self.p)

    def kl(self) -> Tensor:
        """KL(q || p), (n,) nats: that of both in the unit of p, which is then N(0, I)."""
        return kl_normal(self.standard(self.q.mean), self.q.log_std - self.p.log_std)

    def standard(self, z: Tensor) -> Tensor:
        """z in the unit of p."""
        return (z - self.p.mean) * (-self.p.log_std).exp()


def joined(first: Belief, second: Belief) -> Belief:
    """The normal distribution that is proportional to the product of two, at any distance of their deviations."""
    gap = 2 * (second.log_std - first.log_std)  # log of the ratio of precisions
    share = gap.sigmoid()
    mean = second.mean + share * (first.mean - second.mean)
    return Belief(mean, second.log_std + 0.5 * logsigmoid(-gap))
