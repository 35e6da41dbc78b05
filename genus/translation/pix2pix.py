"""Pix2Pix: one image into another, from pairs, judged by a critic that sees both.

A loss of pixels alone is least at the mean of all answers, and that is a blur. The critic looks at
patches of the answer beside the question: it cannot be fooled by a blur, and leaves the rest, where
things are, to the pixels. The noise that makes answers differ is the generator's dropout.

    y = G(x, z), z the dropout;   r = D(x, y_true),  f = D(x, y): a map of logits, one for each patch
    critic      minimises  objective.critic(r, f) / 2
    generator   minimises  objective.generator(r, f) + l1 |y_true - y|

In this file the batch is (y_true, x): what is drawn comes first, what is given second.

Source: Isola, Zhu, Zhou, Efros, "Image-to-image translation with conditional adversarial networks",
    2017, arXiv:1611.07004, equations 1-4, sections 3.2-3.3 and appendix 6.1.
Departs: instance normalisation, which the paper's batch normalisation is with its batches of 1, so
    rows do not meet; in the decoder, nearest-neighbour doubling and a 3 x 3 convolution in the place
    of a transposed one, so any size fits; patches are smaller where images are: the critic halves
    three times from 64 pixels on, which sees 70 x 70 as in the paper, and once at 8.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import (
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    in_range,
    require,
    require_images,
)
from ..functional.adversarial.objectives import Objective, non_saturating
from ..functional.adversarial.sides import Sides, sides
from .patch import PatchCritic
from .unet import UNetGenerator


class Pix2PixDeal(NamedTuple):
    """What each loss is given."""

    x: Tensor  # the true answer
    context: Tensor  # the question
    fake: Tensor  # the answer of G


class Pix2Pix(GenerativeModel):
    """Draws an image for an image of the same height and width.

    Args:
        space: space of the answers, Pixels((channels, height, width)), sides of at least 4.
        context_space: space of the questions, Pixels or Reals((channels, height, width)).
        width: channels of the first layer of both networks; the paper's is 64.
        drop: the probability of a zero in the dropout.
        l1: the weight of the absolute difference, the range of pixels being 2.
        objective: the game that both play on patches.
        game: False leaves the critic out: only the absolute difference is learnt.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        space: Pixels,
        context_space: Space,
        width: int = 64,
        drop: float = 0.5,
        l1: float = 100.0,
        objective: Objective = non_saturating,
        game: bool = True,
    ):
        super().__init__()
        _check(space, context_space, drop)
        self.space, self.context_space, self.width = space, context_space, width
        self.drop, self.l1, self.objective, self.game = drop, l1, objective, game
        channels, height, breadth = space.shape
        side, given = min(height, breadth), context_space.shape[0]
        self.generator = UNetGenerator(given, channels, side, width, drop)
        self.critic = PatchCritic(channels + given, side, width)
        for weight in self.parameters():
            if weight.dim() == 4:  # of a convolution
                nn.init.normal_(weight, std=0.02)

    def translate(self, context: Tensor) -> Tensor:
        """An answer in [-1, 1], (n, *space.shape), with gradients and not on the grid."""
        return self.generator(context).tanh()

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape), one for each row of context."""
        context = self.context_given(n, context)
        if not len(context):  # there are no statistics of no rows
            return self.noise(0, *self.space.shape)
        return self.space.quantise(self.translate(context))

    def deal(self, x: Tensor, context: Tensor) -> Pix2PixDeal:
        """The true answer, the question and G's answer: one pass for both players."""
        return Pix2PixDeal(x, context, self.translate(context))

    def promises(self) -> set[str]:
        return super().promises() - (set() if self.game else {"judged"})

    def judged(self, dealt: Pix2PixDeal) -> Sides:
        """The critic's scores of true and of fake answers, a map by its mean."""
        x, context, fake = dealt
        return sides(self.objective.critic, self.critic(x, context), self.critic(fake, context))

    def critic_loss(self, x: Tensor, context: Tensor, fake: Tensor) -> Losses:
        """Half of the objective's, so that the critic learns at half the speed."""
        terms = self.objective.critic(self.critic(x, context), self.critic(fake, context))
        return {name: value / 2 for name, value in terms.items()}

    def generator_loss(self, x: Tensor, context: Tensor, fake: Tensor) -> Losses:
        """What fools the critic, and what is near to the true answer."""
        terms: Losses = {"l1": self.l1 * (x - fake).abs().mean()}
        if self.game:
            scores = self.critic(fake, context)
            real = self.critic(x, context) if self.objective.relative else scores.new_empty(0)
            terms |= self.objective.generator(real, scores)
        return terms

    def players(self) -> dict[str, Player]:
        """The critic, if there is a game, and the generator."""
        generator = {"generator": Player([self.generator], self.generator_loss, role="generator")}
        if not self.game:
            return generator
        return {"critic": Player([self.critic], self.critic_loss, role="critic"), **generator}


def _check(space: Space, context_space: Space, drop: float) -> None:
    require_images(space, "Pix2Pix", least=4)
    axes = "channels, height, width"
    require("Pix2Pix: context_space", context_space, Pixels, Reals, axes=axes)
    if context_space.shape[1:] != space.shape[1:]:
        raise Refused(
            f"Pix2Pix: context_space is {context_space}; images of {space.shape[1]} x "
            f"{space.shape[2]} are wanted, as the answers are"
        )
    in_range("Pix2Pix", "[0, 1)", drop=drop)
