"""What every game of a generator G against a critic D repeats.

z ~ N(0, I),   x = G(z)           one pass of G in a round, for both players
critic, then generator            each moves what it owns, by a loss of (x, G(z))

Where each x comes with a context c, x = G(z, c) with the c of the same row of data, and losses are of
(x, G(z, c), c).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Player
from ..core.model import given
from ..functional.adversarial.objectives import TwoPlayerObjective
from ..functional.adversarial.sides import Sides, sides


class RealAndFake(NamedTuple):
    """What both losses are given, as many rows of each side."""

    x: Tensor  # of the data
    fake: Tensor  # G(z)


class GivenSides(NamedTuple):
    """What both losses are given where there are contexts, as many rows of each side."""

    x: Tensor  # of the data
    fake: Tensor  # G(z, c)
    context: Tensor  # c of both


class TwoPlayers(GenerativeModel):
    """A mix-in: it samples by the generator, deals both sides, and names the players.

    A model has the attributes below, and gives `critic_loss(x, fake)` and `generator_loss(x, fake)`.
    """

    latent: int  # the size of z
    generator: (
        nn.Module
    )  # z, (n, latent), and contexts if there are any, to n rows of as many numbers as x has
    critic: nn.Module  # x, (n, *shape), to a score of each row
    objective: TwoPlayerObjective  # of the scores

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, *shape), from z, (n, latent), and contexts; on Pixels, not yet on the grid."""
        self.check_context(context)
        made = self.generator(z, *given(context))
        return self.space.squash(made.reshape(-1, *self.space.shape))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape), one for each row of context if there is one."""
        n = self.sample_count(n, context)
        return self.space.quantise(self.decode(self.noise(n, self.latent), *given(context)))

    def deal(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, ...]:
        """x and G(z), both (n, *shape), and contexts: one pass of the generator for both players."""
        fake = self.decode(self.noise(len(x), self.latent), *given(context))
        return RealAndFake(x, fake) if context is None else GivenSides(x, fake, context)

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """The critic's scores of x and G(z), the first two that were dealt, with contexts if there are any."""
        context = dealt[2:] if isinstance(dealt, GivenSides) else ()
        real, fake = (self.critic(rows, *context) for rows in dealt[:2])
        return sides(self.objective.critic, real, fake)

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
