"""ArtGAN: a critic that tells the class and draws each row again, and a generator that learns from both.

    h = T(x),   l = C(h): K logits,   x~ = R(h)                   T, C, R: the critic's trunk, classes, and redrawing
    s(x)        = log sum_k exp(l_k)                              log odds of being of any class, against a logit of 0
    critic      minimises  -E log p(y | x) + E softplus(-s(x)) + E softplus(s(G)) + 1/2 |x~ - x|^2
    generator   minimises  -E log p(c | G) + E softplus(-s(G))                    + 1/2 |G~ - G|^2      p = softmax(l)

The class that was asked for reaches the generator through the critic. Redrawing makes the critic look at all of a row
and not only at what tells classes apart; and a generator whose rows can be redrawn is drawn to where rows of data are.

Source: Tan, Chan, Aguirre, Tanaka, "Improved ArtGAN for conditional synthesis of natural image and artwork", IEEE
    Transactions on Image Processing 28, 2019, arXiv:1708.09533, and the authors' code (github.com/cs-chan/ArtGAN).
Departs: one move of the generator in each round, where the code has one to five by how well the critic does; squares
    are means over numbers and rows, as in the code; penalties on the critic's slope can be added.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...core import Classes, Losses, Refused, Space, at_least
from ...functional.adversarial.penalties import Penalty
from ..odds import OddsOfAnyClass
from .classes import ClassGame, check_game, told


class RedrawingCritic(nn.Module):
    """A trunk that two heads share: (n, *shape) to logits of the classes, (n, classes).

    Args:
        trunk: x to a hidden layer, (n, width), or any other.
        classes: the hidden layer to logits, (n, classes).
        drawing: the hidden layer to as many numbers as x has.
    """

    def __init__(self, trunk: nn.Module, classes: nn.Module, drawing: nn.Module):
        super().__init__()
        self.trunk, self.classes, self.drawing = trunk, classes, drawing

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer, (n, d)."""
        return self.trunk(x).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.trunk(x))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and what is drawn again, before it is kept in range."""
        h = self.trunk(x)
        return self.classes(h), self.drawing(h)


class ArtGAN(ClassGame):
    """A game of two on rows with a class.

    Args:
        space: space of x, Reals or Pixels.
        classes: number of classes, at least 2.
        generator: z, (n, latent), and classes, (n,), to n rows of as many numbers as x has.
        critic: trunk, classes and redrawing.
        latent: the size of z.
        redrawn: weight of the squares, at least 0; the source's is 1.
        penalties: further terms of the critic's loss, on its log odds of being real.
    """

    critic: RedrawingCritic  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        space: Space,
        classes: int,
        generator: nn.Module,
        critic: RedrawingCritic,
        latent: int,
        redrawn: float = 1.0,
        penalties: Sequence[Penalty] = (),
    ):
        super().__init__()
        self.space, self.context_space = space, Classes(classes)
        self.classes, self.latent, self.redrawn = classes, latent, redrawn
        self.odds = OddsOfAnyClass()
        self.generator, self.critic, self.penalties = generator, critic, tuple(penalties)
        at_least(0, "ArtGAN", redrawn=redrawn)
        check_game(self, classes, latent, classes)
        self._check_drawing()

    @torch.no_grad()
    def _check_drawing(self) -> None:
        _, again = self.critic.both(self.noise(2, *self.space.shape))
        if again[0].numel() != self.space.dims:
            raise Refused(
                f"ArtGAN: the critic draws {again[0].numel()} numbers a row; {self.space.dims} are wanted"
            )

    def seen(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log odds, logits, and half the mean square of what redrawing misses."""
        numbers, again = self.critic.both(x)
        missed = (self.space.squash(again.reshape(x.shape)) - x).square().mean()
        return *self.split(numbers), 0.5 * self.redrawn * missed

    def critic_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:
        """Classes and redrawing of real rows, and both sides."""
        real, classes, missed = self.seen(x)
        terms = self.objective.critic(real, self.real(fake))
        terms |= {"classes": told(classes, context), "redrawn": missed}
        return terms | self.penalty_terms(x, fake)

    def generator_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:
        """All three of fake rows."""
        made, classes, missed = self.seen(fake)
        terms = self.objective.generator(made.new_empty(0), made)
        return terms | {"classes": told(classes, context), "redrawn": missed}
