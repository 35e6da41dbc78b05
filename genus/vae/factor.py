"""FactorVAE: a VAE whose units of z a critic cannot tell from units that were drawn apart.

To shuffle each unit of z over the rows of a batch is to draw from the product of what the units do alone. A critic
learns to tell draws of q(z) from shuffled ones, and where it can do no better its logit is the log ratio of both,
whose mean is the total correlation. The VAE pays for it, so that its units vary independently of each other.

    critic : loss = -1/2 E log D(z) - 1/2 E log(1 - D(z')),   z ~ q(z),  z' ~ prod_i q(z_i),   D = sigmoid(critic)
    model  : loss = -E_q log p(x | z) + KL(q(z | x) || p(z)) + gamma E critic(z)

z' is shuffled from other rows than those that z comes from: the two halves of a batch.

Source: Kim, Mnih, "Disentangling by factorising", 2018, arXiv:1802.05983, algorithm 2.
Departs: the two batches of a round are the halves of one, and the model learns from both; the critic has one logit
    for two classes, and learning rates are those of the run, the same for both.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core import Losses, Player, Space, at_least
from ..functional.densities.densities import kl_normal
from ..nn import MLP
from .amortised import Amortised
from .likelihoods import Likelihood
from .warmup import WarmUp

CRITIC = (256, 256, 256)


class DrawnCodes(NamedTuple):
    """What both players look at."""

    x: Tensor
    z: Tensor  # a draw of each row's guess, (n, latent)
    kl: Tensor  # (n,) nats


class FactorVAE(Amortised):
    """A latent-variable model whose units vary alone.

    Args:
        space, latent, encoder, decoder, likelihood: as in `Amortised`.
        gamma: factor on the total correlation in the loss, at least 0.
        warm_up: rounds until the KL has its full weight; 0 gives it from the first round on.
        hidden: widths of the critic's hidden layers.
    """

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        likelihood: Likelihood | None = None,
        gamma: float = 6.0,
        warm_up: int = 0,
        hidden: tuple[int, ...] = CRITIC,
    ):
        at_least(0, "FactorVAE", gamma=gamma, warm_up=warm_up)
        super().__init__(space, latent, encoder, decoder, likelihood, None)
        self.gamma, self.warm_up, self.hidden = gamma, warm_up, hidden
        self.critic, self.warming = MLP(latent, 1, hidden), WarmUp(warm_up)

    def log_ratio(self, z: Tensor) -> Tensor:
        """The critic's log q(z) - sum_i log q(z_i), (n,) nats."""
        return self.critic(z).squeeze(1)

    # the game

    def deal(self, *batch: Tensor) -> DrawnCodes:
        """The draws of z, which the model learns through and the critic looks at."""
        (x,) = batch
        guess = self.guess(x)
        return DrawnCodes(x, guess.noisy(), kl_normal(guess.mean, guess.log_std))

    def model_loss(self, x: Tensor, z: Tensor, kl: Tensor) -> Losses:
        """Reconstruction, the KL with its weight, and the total correlation with its own."""
        reconstruction = -self.likelihood.log_prob(x, self.numbers(z))
        return {
            "reconstruction": reconstruction.mean(),
            "kl": self.warming.share(kl) * kl.mean(),
            "total_correlation": self.gamma * self.log_ratio(z).mean(),
        }

    def critic_loss(self, x: Tensor, z: Tensor, kl: Tensor) -> Losses:
        """What it costs the critic to tell draws from shuffled ones."""
        return {"cross_entropy": self.cross_entropy(z.detach())}

    def cross_entropy(self, z: Tensor) -> Tensor:
        """Of the critic, () nats: of one half of the draws as they are, and of the other half shuffled."""
        together, apart = z.chunk(2) if len(z) > 1 else (z, z)
        real, shuffled = self.log_ratio(together), self.log_ratio(shuffle(apart))
        return 0.5 * (softplus(-real).mean() + softplus(shuffled).mean())

    def players(self) -> dict[str, Player]:
        """The model, which moves first since its loss runs through the critic, and the critic."""
        after = self.warming.count if self.warm_up else None
        own = [self.encoder, self.decoder, self.likelihood]
        return {
            "model": Player(own, self.model_loss, after=after),
            "critic": Player([self.critic], self.critic_loss),
        }


def shuffle(z: Tensor) -> Tensor:
    """Each unit of z, (n, d), in another order of the rows."""
    order = torch.rand(z.shape, dtype=z.dtype, device=z.device).argsort(0)
    return z.gather(0, order)
