"""What a VAE may pay for beside its bound: the shape of all guesses together.

    q(z) = mean over x of q(z | x),  the mixture of the guesses of a batch

    TotalCorrelation    KL(q(z) || prod_i q(z_i)),  0 where the units of z vary independently of each other
    MMD                 E k(z, z') + E k(y, y') - 2 E k(z, y),  z ~ q(z), y ~ p(z),  0 where they are the same
                        k(a, b) = c / (c + |a - b|^2),  c = 2 d scale^2

The KL of the bound has three parts: what z tells of x, the total correlation, and how far each unit is from its
prior. To pay for the second one only is to ask for units that vary alone, and to leave what they tell free of charge:
the loss of beta-TCVAE is that with beta 1 and a weight of its own beta less 1. The loss of InfoVAE has beta 1 - alpha
and the weight of MMD alpha + lambda - 1; with beta 0 it is the Wasserstein autoencoder's.

Source: Chen, Li, Grosse, Duvenaud, "Isolating sources of disentanglement in variational autoencoders", 2018,
    arXiv:1802.04942. Zhao, Song, Ermon, "InfoVAE: information maximizing variational autoencoders", 2017,
    arXiv:1706.02262. Kernel and estimate of MMD: Tolstikhin, Bousquet, Gelly, Schölkopf, "Wasserstein
    auto-encoders", 2018, arXiv:1711.01558, algorithm 2.
Departs: the total correlation is that of the batch's own mixture, without the number of all rows, which only shifts
    it by a number and leaves its gradient as it is.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from ..core import Refused, at_least


@runtime_checkable
class GuessPenalty(Protocol):
    """A cost of all guesses of a batch together.

    Args:
        name: what its part of the loss is called.
        weight: factor on it in the loss, at least 0.
        normal: whether it wants guesses that are normal distributions.
    """

    name: ClassVar[str]
    normal: ClassVar[bool]

    @property
    def weight(self) -> float: ...

    def of(self, z: Tensor, mean: Tensor, log_std: Tensor, prior: Tensor) -> Tensor:
        """The cost, ().

        Args:
            z: a draw of each guess, (n, latent).
            mean, log_std: the guesses, each (n, latent).
            prior: as many draws of p(z), (n, latent), without a gradient to a prior that is learnt.
        """
        ...


@dataclass(frozen=True)
class TotalCorrelation:
    """What the units of z tell of each other, in nats, over the guesses of a batch.

    Args:
        weight: factor on it in the loss, at least 0.
    """

    weight: float = 1.0

    name: ClassVar[str] = "total_correlation"
    normal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        at_least(0, "TotalCorrelation", weight=self.weight)

    def of(self, z: Tensor, mean: Tensor, log_std: Tensor, prior: Tensor) -> Tensor:
        """The cost, () nats, as `GuessPenalty` has it."""
        apart = (z[:, None] - mean) * (-log_std).exp()  # draw i and guess j, (n, n, latent)
        each = -0.5 * apart.square() - log_std  # log densities, but for a number that cancels
        n = len(z)
        together = each.sum(2).logsumexp(1) - math.log(n)
        alone = (each.logsumexp(1) - math.log(n)).sum(1)
        return (together - alone).mean()


@dataclass(frozen=True)
class MMD:
    """The maximum mean discrepancy of guesses and prior, from 0 to 2; its estimate may fall below 0.

    Args:
        weight: factor on it in the loss, at least 0.
        scale: deviation of z at whose distances the kernel tells best, above 0; that of the prior, usually.
    """

    weight: float = 10.0
    scale: float = 1.0

    name: ClassVar[str] = "mmd"
    normal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        at_least(0, "MMD", weight=self.weight)
        if not 0 < self.scale < math.inf:
            raise Refused(f"MMD: scale is {self.scale}; a finite number above 0 is wanted")

    def of(self, z: Tensor, mean: Tensor, log_std: Tensor, prior: Tensor) -> Tensor:
        """The cost, (), as `GuessPenalty` has it, without bias: no draw is compared with itself."""
        n, latent = z.shape
        if n < 2:
            raise Refused(f"MMD: {n} row came; 2 or more are wanted in a batch")
        c = 2 * latent * self.scale**2

        def kernel(a: Tensor, b: Tensor) -> Tensor:
            squares = (a[:, None] - b).square().sum(2)
            return c / (c + squares)

        others = 1 - torch.eye(n, dtype=z.dtype, device=z.device)
        within = (kernel(z, z) + kernel(prior, prior)) * others
        return within.sum() / (n * (n - 1)) - 2 * kernel(z, prior).mean()
