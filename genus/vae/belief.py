"""What is believed of a layer of latents: normal distributions, and how two of them are joined."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


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


def joined(first: Belief, second: Belief) -> Belief:
    """The normal distribution that is proportional to the product of two, at any distance of their deviations."""
    gap = 2 * (second.log_std - first.log_std)  # log of the ratio of precisions
    share = gap.sigmoid()
    mean = second.mean + share * (first.mean - second.mean)
    return Belief(mean, second.log_std + 0.5 * logsigmoid(-gap))
