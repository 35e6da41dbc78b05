"""What every game of a generator G against a critic D repeats.

z ~ N(0, I),   x = G(z)           one pass of G in a round, for both players
critic, then generator            each moves what it owns, by a loss of (x, G(z))
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Player
from ..functional.adversarial.objectives import TwoPlayerObjective
from ..functional.adversarial.sides import Sides, sides


class RealAndFake(NamedTuple):
    """What both losses are given, as many rows of each side."""

    x: Tensor  # of the data
    fake: Tensor  # G(z)


class TwoPlayers(GenerativeModel):
    """A mix-in: it samples by the generator, deals both sides, and names the players.

    A model has the attributes below, and gives `critic_loss(x, fake)` and `generator_loss(x, fake)`.
    """

    latent: int  # the size of z
    generator: nn.Module  # z, (n, latent), to n rows of as many numbers as x has
    critic: nn.Module  # x, (n, *shape), to a score of each row
    objective: TwoPlayerObjective  # of the scores

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape), from z, (n, latent); on Pixels, not yet on the grid."""
        return self.space.squash(self.generator(z).reshape(-1, *self.space.shape))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape)."""
        n = self.sample_count(n, context)
        return self.space.quantise(self.decode(self.noise(n, self.latent)))

    def deal(self, x: Tensor) -> tuple[Tensor, ...]:
        """x and G(z), both (n, *shape): one pass of the generator for both players."""
        return RealAndFake(x, self.decode(self.noise(len(x), self.latent)))

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """The critic's scores of x and G(z), the first two that were dealt."""
        return sides(self.objective.critic, self.critic(dealt[0]), self.critic(dealt[1]))

    def critic_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """What the critic wants small."""
        raise NotImplementedError(f"{type(self).__name__} has no critic_loss")

    def generator_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """What the generator wants small."""
        raise NotImplementedError(f"{type(self).__name__} has no generator_loss")

    def players(self) -> dict[str, Player]:
        """The critic, then the generator."""
        return {
            "critic": Player([self.critic], self.critic_loss, role="critic"),
            "generator": Player([self.generator], self.generator_loss, role="generator"),
        }
