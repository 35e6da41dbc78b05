"""What games repeat whose critic classifies: it learns from few labels, and its rows can be asked for by class.

p(y | x) = softmax of the critic's logits,       y = -1: the class of a row is not known
mistakes = - mean over rows whose class is known of log p(y | x)
x ~ p(x | y) ~ p(x) p(y | x),  p(x) that of G(z): draws of G(z), until one is kept with probability p(y | x)
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from ...core import Classes, GenerativeModel, Losses, Player, Refused
from ...functional.adversarial.objectives import TwoPlayerObjective
from ...functional.adversarial.sides import Sides, sides

UNKNOWN: Final = -1  # the label of a row whose class is not known
TRIES = 200  # draws of a row of a class, after which the likeliest of them is taken


class PartlyLabelledDeal(NamedTuple):
    """What each loss is given, as many rows of each side."""

    x: Tensor  # of the data
    fake: Tensor  # G(z)
    y: Tensor  # classes of x, (n,), int64; -1 where they are not known


class Classifying(GenerativeModel):
    """A mix-in: it classifies, samples by class, deals labels, counts mistakes, and names the players.

    A model has the attributes below, and gives `critic_loss(x, fake, y)` and `generator_loss(x, fake, y)`.
    """

    latent: int  # the size of z
    classes: int  # K
    generator: nn.Module  # z, (n, latent), to n rows of as many numbers as x has
    critic: nn.Module  # x, (n, *shape), to logits of the classes, (n, K)
    score: nn.Module  # these logits to how real a row is, (n,), high for data
    objective: TwoPlayerObjective  # of these scores

    def generated(self, n: int) -> Tensor:
        """n rows G(z), (n, *shape); on Pixels, not yet on the grid."""
        x = self.generator(self.noise(n, self.latent))
        return self.space.squash(x.reshape(-1, *self.space.shape))

    def class_logits(self, x: Tensor) -> Tensor:
        """The critic's numbers of rows, (n, K)."""
        logits = self.critic(x)
        if logits.shape != (len(x), self.classes):
            came, wanted = tuple(logits.shape), (len(x), self.classes)
            raise Refused(f"{type(self).__name__}: the critic gives {came}; {wanted} is wanted")
        return logits

    def classify(self, x: Tensor) -> Tensor:
        """p(y | x), probabilities of the classes, (n, K)."""
        return self.class_logits(x).softmax(1)

    def check_given(self, context: Tensor) -> None:
        """As of any model, but that -1 leaves the class open."""
        super().check_given(context.masked_fill(context == UNKNOWN, 0))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape), of the classes that are given, (n,), or of any where there is none, or -1.

        A row of a class comes from p(x | y), unless none of `TRIES` draws was kept: then it is the one of
        them that the critic finds likeliest to be of the class.
        """
        if isinstance(self.context_space, Classes) and context is None and n is not None:
            context = self.noise(n).new_full((n,), UNKNOWN, dtype=torch.int64)
        n = self.sample_count(n, context)
        x = self.space.quantise(self.generated(n))
        if context is None or not n:
            return x
        labels = self.checked(context)
        best, done = self.chance(x, labels), labels < 0
        done |= torch.rand_like(best) < best
        for _ in range(TRIES - 1):
            if done.all():
                break
            other = self.space.quantise(self.generated(n))
            chance = self.chance(other, labels)
            kept = torch.rand_like(chance) < chance
            take = ~done & (kept | (chance > best))
            x = torch.where(take.view(-1, *[1] * (x.dim() - 1)), other, x)
            best, done = torch.where(take, chance, best), done | kept
        return x

    def chance(self, x: Tensor, y: Tensor) -> Tensor:
        """p(y | x) of each row and its class, (n,); of the first class where that is -1."""
        return self.classify(x).gather(1, y.clamp(min=0)[:, None])[:, 0]

    def checked(self, y: Tensor) -> Tensor:
        """Labels, (n,), if they are ones: Refused otherwise."""
        if y.is_floating_point() or y.dim() != 1 or ((y < UNKNOWN) | (y >= self.classes)).any():
            raise Refused(
                f"{type(self).__name__}: labels are {y.dtype} in {y.min().item()} .. {y.max().item()}; "
                f"int64 of shape (n,) in 0 .. {self.classes - 1} is wanted, or -1 where it is not known"
            )
        return y

    def mistakes(self, logits: Tensor, y: Tensor) -> Tensor:
        """The mean of -log p(y | x) over rows whose class is known, nats, (); 0 if it is of none."""
        known = y >= 0
        log_p = logits.log_softmax(1).gather(1, y.clamp(min=0)[:, None])[:, 0]
        return -log_p.masked_fill(~known, 0.0).sum() / known.sum().clamp(min=1)

    # the game

    def deal(self, x: Tensor, y: Tensor | None = None) -> PartlyLabelledDeal:
        """x, as many rows G(z), and labels of x, (n,), all of them -1 if none are given."""
        y = torch.full((len(x),), UNKNOWN, device=x.device) if y is None else y
        return PartlyLabelledDeal(x, self.generated(len(x)), y)

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """How real x and G(z) are, the first two that were dealt."""
        real, fake = (self.score(self.class_logits(rows)) for rows in dealt[:2])
        return sides(self.objective.critic, real, fake)

    def critic_loss(self, x: Tensor, fake: Tensor, y: Tensor) -> Losses:
        """What the critic wants small."""
        raise NotImplementedError(f"{type(self).__name__} has no critic_loss")

    def generator_loss(self, x: Tensor, fake: Tensor, y: Tensor) -> Losses:
        """What the generator wants small."""
        raise NotImplementedError(f"{type(self).__name__} has no generator_loss")

    def players(self) -> dict[str, Player]:
        """The critic, then the generator."""
        return {
            "critic": Player([self.critic, self.score], self.critic_loss, role="critic"),
            "generator": Player([self.generator], self.generator_loss, role="generator"),
        }
