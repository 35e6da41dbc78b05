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

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, interpolate, leaky_relu, relu

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

DROPPED = 3  # levels of the decoder, from the coarsest on, that have dropout


class UNetGenerator(nn.Module):
    """Halves an image down to one pixel and doubles it again, each level seeing its twin's features.

    (n, d_in, h, w) -> (n, d_out, h, w).

    Args:
        d_in, d_out: channels.
        side: the shorter side, in pixels, at least 4.
        width: channels after the first halving; they double three times at most.
        drop: the probability of a zero in the dropout, which is always on: it is the noise.
    """

    def __init__(self, d_in: int, d_out: int, side: int, width: int, drop: float):
        super().__init__()
        self.d_in, self.d_out, self.side, self.width, self.drop = d_in, d_out, side, width, drop
        levels = side.bit_length() - 1
        widths = [d_in, *(width * min(2**i, 8) for i in range(levels))]
        self.downs = nn.ModuleList(
            nn.Conv2d(finer, coarser, 4, stride=2, padding=1) for finer, coarser in pairwise(widths)
        )
        ups = zip(reversed(widths[2:]), reversed(widths[1:-1]), strict=True)
        self.ups = nn.ModuleList(
            nn.Conv2d(coarser if i == 0 else 2 * coarser, finer, 3, padding=1)
            for i, (coarser, finer) in enumerate(ups)
        )
        self.last = nn.Conv2d(2 * width, d_out, 3, padding=1)
        self.norms = nn.ModuleList(nn.InstanceNorm2d(d, affine=True) for d in widths[2:-1])
        self.up_norms = nn.ModuleList(
            nn.InstanceNorm2d(d, affine=True) for d in reversed(widths[1:-1])
        )

    def forward(self, x: Tensor) -> Tensor:
        size, h = x.shape[2:], self.downs[0](x)
        skips = [h]
        for i, down in enumerate(self.downs[1:]):
            h = down(leaky_relu(h, 0.2))
            if i < len(self.norms):  # not at the coarsest: one pixel would be normalised to zero
                h = self.norms[i](h)
            skips.append(h)
        h = skips.pop()
        for i, (up, norm) in enumerate(zip(self.ups, self.up_norms, strict=True)):
            skip = skips.pop()
            h = norm(up(interpolate(relu(h), skip.shape[2:])))
            if i < DROPPED:
                h = dropout(h, self.drop, training=True)
            h = torch.cat([h, skip], 1)
        return self.last(interpolate(relu(h), size))


class PatchCritic(nn.Module):
    """Scores patches of an image beside its context: (n, c, h, w) twice -> a map of logits.

    Args:
        d_in: channels of both together.
        side: the shorter side, in pixels.
        width: channels of the first layer.
    """

    def __init__(self, d_in: int, side: int, width: int):
        super().__init__()
        self.d_in, self.side, self.width = d_in, side, width
        same = nn.ZeroPad2d((1, 2, 1, 2))  # a 4 x 4 convolution keeps the size
        halvings = max(1, min(3, side.bit_length() - 4))
        layers: list[nn.Module] = [nn.Conv2d(d_in, width, 4, stride=2, padding=1)]
        for i in range(halvings):
            before, after = width << i, width << i + 1
            last = i + 1 == halvings
            if last:
                layers.append(same)
            layers += [
                nn.LeakyReLU(0.2),
                nn.Conv2d(before, after, 4, stride=1 if last else 2, padding=0 if last else 1),
                nn.InstanceNorm2d(after, affine=True),
            ]
        layers += [same, nn.LeakyReLU(0.2), nn.Conv2d(width << halvings, 1, 4)]
        self.net = nn.Sequential(*layers)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        return self.net(torch.cat([y, x], 1))


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
