"""Dequantiser: noise that fills the bins of a picture, and looks at the picture first.

A flow from standard normal noise to the unit cube, each of whose bijections may see a context that a
network makes of the picture. It is run in one direction alone, from the noise to u, and log q comes
with it, so that no bijection has to be undone. With eps ~ N(0, I) and h = embed(x),

    v = f(eps; h),   u = Phi(v),   log q(u | x) = log N(eps) - log |det df/deps| - log N(v)

Phi is the normal distribution function: where f is the identity, u is uniform and log q is 0.

Source: Ho, Chen, Srinivas, Duan, Abbeel, "Flow++: improving flow-based generative models with
    variational dequantization and architecture design", 2019, arXiv:1902.00275, section 3.1.
Departs: Phi in the place of a logistic function, so that learning begins at uniform noise; bijections
    are those that one puts in the list, not the paper's mixtures with attention.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.special import ndtr

from ...functional.densities.densities import log_normal
from ..bijection import Bijection, Chain


class Dequantiser(nn.Module):
    """q(u | x), u in the unit cube, of the shape of the picture x: `Dequantised(..., noise=...)`.

    Args:
        steps: bijections of (n, *shape), from the noise on; some were built for a context.
        embed: pictures, (n, *shape), to the context of the steps: (n, k), or, for
            convolutional ones, a picture of k channels, (n, k, height, width).
    """

    def __init__(self, steps: Sequence[Bijection], embed: nn.Module):
        super().__init__()
        self.steps, self.embed = tuple(steps), embed
        self.chain = Chain(steps)

    def sample_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """u in [0, 1], of the shape of x, and log q(u | x), (n,) nats, both with gradients."""
        noise = torch.randn_like(x)
        v, logdet = self.chain.encode_with_logdet(noise, self.embed(x))
        return ndtr(v), log_normal(noise) - logdet - log_normal(v)
