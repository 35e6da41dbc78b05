"""What every game repeats whose critic also tells classes apart.

G(z, c) is a row of class c. The critic gives several numbers of a row, of which each game makes two things, by its
`Odds`: how real the row is, and which class it is of.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...core import Classes, Losses, Pixels, Player, Reals, Refused, Space, at_least, require
from ...functional.adversarial.objectives import TwoPlayerObjective, non_saturating
from ...functional.adversarial.penalties import Penalty
from ...functional.adversarial.sides import Sides, sides
from ..odds import Odds
from ..two_players import TwoPlayers


class ClassGame(TwoPlayers):
    """A mix-in: games of two, given a class.

    A model has the attributes below, and gives `critic_loss(x, fake, context)` and `generator_loss(x, fake, context)`.
    """

    odds: Odds
    context_space: Classes  # pyright: ignore[reportIncompatibleVariableOverride]
    penalties: tuple[Penalty, ...]  # further terms of the critic's loss
    objective: TwoPlayerObjective = non_saturating

    def split(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Log odds of being real, (n,), and logits of the classes, (n, count), of the critic's numbers."""
        return self.odds(numbers), self.odds.classes(numbers)

    def real(self, x: Tensor) -> Tensor:
        """Log odds of being real, (n,)."""
        return self.odds(self.critic(x))

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """The critic's probabilities of the classes, (n, count), of real rows."""
        return self.odds.classes(self.critic(x)).softmax(1)

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """The log odds of both sides that were dealt."""
        x, fake, _ = dealt
        return sides(self.objective.critic, self.real(x), self.real(fake))

    def penalty_terms(self, x: Tensor, fake: Tensor) -> Losses:
        """What the critic pays for its slope and the like, each under its own name."""
        return {one.name: one.weight * one.function(self.real, x, fake) for one in self.penalties}

    def players(self) -> dict[str, Player]:
        """The critic, then the generator."""
        return {
            "critic": Player([self.critic, self.odds], self.critic_loss, role="critic"),
            "generator": Player([self.generator], self.generator_loss, role="generator"),
        }

    def critic_loss(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor, fake: Tensor, context: Tensor
    ) -> Losses:
        """What the critic wants small."""
        raise NotImplementedError(f"{type(self).__name__} has no critic_loss")

    def generator_loss(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor, fake: Tensor, context: Tensor
    ) -> Losses:
        """What the generator wants small."""
        raise NotImplementedError(f"{type(self).__name__} has no generator_loss")


def told(logits: Tensor, classes: Tensor) -> Tensor:
    """-E log of the probability of the right class: nats."""
    return cross_entropy(logits, classes)


def check_game(model: ClassGame, classes: int, latent: int, wanted: int) -> None:
    """Raises Refused unless space, penalties and the critic's numbers are what the game takes.

    Args:
        model: game, with its networks.
        classes: number of classes.
        latent: the size of z.
        wanted: how many numbers of a row the critic is to give.
    """
    who = type(model).__name__
    require(who, model.space, Reals, Pixels)
    at_least(2, who, classes=classes)
    at_least(1, who, latent=latent)
    for one in model.penalties:
        if one.player != "critic" or one.every != 1:
            raise Refused(
                f"{who}: the penalty {one.name} is of the {one.player}, every {one.every} rounds; one of the "
                f"critic, in every round, is wanted"
            )
    with torch.no_grad():
        rows = _rows(model.space, model)
        numbers = model.critic(rows)
    if numbers.shape != (2, wanted):
        raise Refused(
            f"{who}: the critic gives {tuple(numbers.shape[1:])} numbers a row; {wanted} are wanted, with "
            f"{classes} classes"
        )


def _rows(space: Space, model: ClassGame) -> Tensor:
    return space.squash(model.noise(2, *space.shape))
