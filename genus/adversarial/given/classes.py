"""What every game repeats whose critic also tells classes apart.

G(z, c) is a row of class c. The critic gives several numbers of a row, of which each game makes two things: how real
the row is, as log odds s(x), and which class it is of, as logits l(x). A class beside those of the data, which stands
for fake, is no other kind of game: of a softmax over K + 1 logits, of which the last is that of fake,

    -log p(y | x)      =  softplus(-s(x)) - log softmax(l_1 .. l_K)_y        s = log sum_k exp(l_k) - l_(K+1)
    -log p(K + 1 | x)  =  softplus(s(x))
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...core import Classes, Losses, Pixels, Player, Reals, Refused, Space, at_least, require
from ...functional.adversarial.objectives import TwoPlayerObjective, non_saturating
from ...functional.adversarial.penalties import Penalty
from ...functional.adversarial.sides import Sides, sides
from ..two_players import TwoPlayers


class Odds(nn.Module, ABC):
    """Log odds of being real, (n,), of what a critic gives; a module, so that whoever examines a game can see them."""

    @abstractmethod
    def forward(self, numbers: Tensor) -> Tensor: ...

    @abstractmethod
    def classes(self, numbers: Tensor) -> Tensor:
        """The logits of the classes, (n, count)."""


class FirstOdds(Odds):
    """The first number is the log odds, and the others are logits of the classes."""

    def forward(self, numbers: Tensor) -> Tensor:
        return numbers[:, 0]

    def classes(self, numbers: Tensor) -> Tensor:
        return numbers[:, 1:]


class OddsAgainstFake(Odds):
    """All numbers are logits, of which the last is that of being fake."""

    def forward(self, numbers: Tensor) -> Tensor:
        return numbers[:, :-1].logsumexp(1) - numbers[:, -1]

    def classes(self, numbers: Tensor) -> Tensor:
        return numbers[:, :-1]


class OddsOfAnyClass(Odds):
    """All numbers are logits of the classes; that of being fake is 0."""

    def forward(self, numbers: Tensor) -> Tensor:
        return numbers.logsumexp(1)

    def classes(self, numbers: Tensor) -> Tensor:
        return numbers


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
