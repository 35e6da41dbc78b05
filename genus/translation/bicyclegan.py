"""BicycleGAN: one image into many, by a style that each answer shows.

A question has many answers. A generator that is given noise beside the question soon leaves the noise
out: an answer that fools the critic fools it without. Here style and answer are tied to each other in
both directions: the style that is read from the true answer must bring that answer back, and from the
answer to a drawn style that style must be read.

    E(y) = (m, log s^2),   z_y = m + s e,   e ~ N(0, I)        y -> z_y -> G(x, z_y)     encoded, cVAE-GAN
                           z ~ N(0, I)                         z -> G(x, z) -> m'        drawn, cLR-GAN
    r_k = D_k(y),  f_k = D_k(G):  maps of scores of patches, k = 1 of encoded and 2 of drawn styles

    D_k         minimises  (r_k - 1)^2 / 2 + f_k^2 / 2
    G and E     minimise   (f_1 - 1)^2 + (f_2 - 1)^2 + l1 |y - G(x, z_y)| + kl KL(E(y) || N(0, I))
    G alone     also       latent |m' - z|,   m' the mean of E(G(x, z)), E being held fast

Squares and sizes are means, and the first are summed over two scales: each D_k also looks at images of
half the size. E may not learn from the last term: it could agree with G on a code that hides in the
answer. The first half of a batch is encoded, and styles are drawn for its questions too; D_2 meets
these answers beside the true ones of the second half. An odd batch has its middle row in both.

In this file the batch is (y, x): what is drawn comes first, what is given second.

Source: Zhu, Zhang, Pathak, Darrell, Efros, Wang, Shechtman, "Toward multimodal image-to-image
    translation", NIPS 2017, arXiv:1711.11586, sections 3.2 to 3.4 and 4; halves, scales, weights and
    the frozen E as in the authors' code (github.com/junyanz/BicycleGAN).
Departs: networks are those of Pix2Pix, without dropout, and a residual encoder that begins as PyTorch
    does; critics move before G and E, not after them; odd batches are played, which the code refuses.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d

from ..core import (
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    at_least,
    require,
    require_images,
)
from ..functional.adversarial.objectives import TwoPlayerObjective, least_squares
from ..functional.adversarial.sides import Sides, sides
from ..functional.densities.densities import kl_normal
from .patch import PatchCritic
from .style import StyleDecoding, StyleEncoder
from .unet import Inject, UNetGenerator

SCALES = 2  # at which critics look, where images are large enough


FREE = StyleDecoding()


class EncodedHalf(NamedTuple):
    """The half of a batch whose styles are read from the answers."""

    x: Tensor  # the true answers
    context: Tensor  # the questions
    fake: Tensor  # G's answers with these styles
    mean: Tensor  # of the styles
    log_var: Tensor


class DrawnHalf(NamedTuple):
    """The half of a batch beside which answers with drawn styles stand."""

    x: Tensor  # the true answers
    context: Tensor  # their questions
    fake: Tensor  # G's answers, to the questions of the other half
    asked: Tensor  # these questions
    z: Tensor  # the styles


class BicycleDeal(NamedTuple):
    """What each loss is given."""

    encoded: EncodedHalf
    drawn: DrawnHalf


class BicycleGAN(GenerativeModel):
    """Draws an image for an image of the same height and width, in a style that is drawn or given.

    Args:
        space: space of the answers, Pixels((channels, height, width)), sides of at least 4.
        context_space: space of the questions, Pixels or Reals((channels, height, width)).
        latent: the size of z.
        width: channels of the first layer of all networks; the paper's is 64.
        inject: where z enters the generator: at the input, or before each halving.
        conditional: whether critics see the question beside the answer; the paper's do not.
        fool: weight of what fools the critics: 2 undoes the halves in `least_squares`.
        l1: weight of the absolute difference from the true answer, the range of pixels being 2.
        kl: weight of the divergence of encoded styles from N(0, I), nats of a row.
        latent_l1: weight of the absolute difference of a drawn style from the one that E reads.
        objective: the game that is played on patches.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]
    sampling_options = StyleDecoding

    def __init__(
        self,
        space: Pixels,
        context_space: Space,
        latent: int = 8,
        width: int = 64,
        inject: Inject = "all",
        conditional: bool = False,
        fool: float = 2.0,
        l1: float = 10.0,
        kl: float = 0.01,
        latent_l1: float = 0.5,
        objective: TwoPlayerObjective = least_squares,
    ):
        super().__init__()
        _check(space, context_space, inject)
        at_least(1, "BicycleGAN", latent=latent, width=width)
        at_least(0, "BicycleGAN", fool=fool, l1=l1, kl=kl, latent_l1=latent_l1)
        self.space, self.context_space, self.latent, self.width = (
            space,
            context_space,
            latent,
            width,
        )
        self.inject, self.conditional, self.objective = inject, conditional, objective
        self.fool, self.l1, self.kl, self.latent_l1 = fool, l1, kl, latent_l1
        channels, asked, side = space.shape[0], context_space.shape[0], min(space.shape[1:])
        self.generator = UNetGenerator(asked, channels, side, width, 0.0, latent, inject)
        shown = channels + asked * conditional
        self.drawn_critics = _critics(shown, side, width)
        self.encoded_critics = _critics(shown, side, width)
        for weight in self.parameters():
            if weight.dim() == 4:  # of a convolution
                nn.init.normal_(weight, std=0.02)
        self.encoder = StyleEncoder(channels, side, width, latent)

    # both ways

    def translate(self, context: Tensor, z: Tensor) -> Tensor:
        """Answers in [-1, 1], (n, *space.shape), in styles (n, latent); with gradients, not on the grid."""
        if z.shape != (len(context), self.latent):
            wanted = (len(context), self.latent)
            raise Refused(f"BicycleGAN: z has shape {tuple(z.shape)}; {wanted} is wanted")
        return self.space.squash(self.generator(context, z))

    def decode(self, z: Tensor, context: Tensor) -> Tensor:
        """`translate`, the style first."""
        return self.translate(context, z)

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean style of each picture, (n, latent), whatever question it may answer."""
        return self.encoder(x)[0]

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: StyleDecoding = FREE,
    ) -> Tensor:
        """(n, *space.shape), one for each row of context, in styles of their own unless one is given."""
        context = self.context_given(n, context)
        z = decoding.draw(self.noise(len(context), self.latent))
        if not len(context):  # there are no statistics of no rows
            return self.noise(0, *self.space.shape)
        return self.space.quantise(self.translate(context, z))

    # the game

    def deal(self, x: Tensor, context: Tensor) -> BicycleDeal:
        """Both halves of a batch, and G's answers in encoded and in drawn styles, in one pass."""
        half = (len(x) + 1) // 2
        first, asked = x[:half], context[:half]
        mean, log_var = self.encoder(first)
        z = self.noise(half, self.latent)
        encoded = mean + (log_var / 2).exp() * self.noise(half, self.latent)
        fakes = self.translate(torch.cat([asked, asked]), torch.cat([encoded, z])).chunk(2)
        return BicycleDeal(
            EncodedHalf(first, asked, fakes[0], mean, log_var),
            DrawnHalf(x[-half:], context[-half:], fakes[1], asked, z),
        )

    def shown(self, half: EncodedHalf | DrawnHalf) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """What critics are shown of true answers and of G's."""
        asked = half.asked if isinstance(half, DrawnHalf) else half.context
        if self.conditional:
            return (half.x, half.context), (half.fake, asked)
        return (half.x,), (half.fake,)

    def judged(self, dealt: BicycleDeal) -> Sides:
        """The scores of true answers and of those in drawn styles, at the full size, a map by its mean."""
        critic = self.drawn_critics[0]
        real, fake = (critic(*side) for side in self.shown(dealt.drawn))
        return sides(self.objective.critic, real, fake)

    def drawn_critic_loss(self, encoded: EncodedHalf, drawn: DrawnHalf) -> Losses:
        """The objective's, of answers in drawn styles."""
        return self._told_apart(self.drawn_critics, drawn)

    def encoded_critic_loss(self, encoded: EncodedHalf, drawn: DrawnHalf) -> Losses:
        """The objective's, of answers in encoded styles."""
        return self._told_apart(self.encoded_critics, encoded)

    def _told_apart(self, critics: nn.ModuleList, half: EncodedHalf | DrawnHalf) -> Losses:
        scores = at_each_scale(critics, *self.shown(half))
        return _summed(self.objective.critic(real, fake) for real, fake in scores)

    def generator_loss(self, encoded: EncodedHalf, drawn: DrawnHalf) -> Losses:
        """What fools both critics, ties answers to styles, and styles to N(0, I) and to answers."""
        halves = {"drawn": (self.drawn_critics, drawn), "encoded": (self.encoded_critics, encoded)}
        terms: Losses = {}
        for name, (critics, half) in halves.items():
            for term, value in self._fooled(critics, half).items():
                terms[f"{term}_{name}"] = self.fool * value
        terms["l1"] = self.l1 * (encoded.x - encoded.fake).abs().mean()
        terms["kl"] = self.kl * kl_normal(encoded.mean, encoded.log_var / 2).mean()
        terms["latent"] = self.latent_l1 * (self.read(drawn.fake) - drawn.z).abs().mean()
        return terms

    def read(self, x: Tensor) -> Tensor:
        """The mean styles of pictures, (n, latent), by an encoder that is held fast: it gets no gradient."""
        held = {name: weight.detach() for name, weight in self.encoder.named_parameters()}
        return functional_call(self.encoder, held, (x,))[0]

    def _fooled(self, critics: nn.ModuleList, half: EncodedHalf | DrawnHalf) -> Losses:
        real, fake = self.shown(half)
        if self.objective.relative:
            scores = at_each_scale(critics, real, fake)
        else:
            scores = ((f.new_empty(0), f) for (f,) in at_each_scale(critics, fake))
        return _summed(self.objective.generator(r, f) for r, f in scores)

    def players(self) -> dict[str, Player]:
        """The critic of drawn styles, that of encoded ones, and generator and encoder together."""
        both = [self.generator, self.encoder]
        return {
            "drawn_critic": Player([*self.drawn_critics], self.drawn_critic_loss, role="critic"),
            "encoded_critic": Player([*self.encoded_critics], self.encoded_critic_loss),
            "generator": Player(both, self.generator_loss, role="generator"),
        }


def at_each_scale(critics: nn.ModuleList, *sides: tuple[Tensor, ...]) -> Iterator[list[Tensor]]:
    """The scores of each side by a critic of full size, by one of half the size, and so on.

    Args:
        critics: critics, the one of full size first.
        sides: what they are shown of each side, (n, c, h, w) each.
    """
    for number, critic in enumerate(critics):
        if number:
            sides = tuple(tuple(map(halved, side)) for side in sides)
        yield [critic(*side) for side in sides]


def halved(x: Tensor) -> Tensor:
    """Pictures of half the size, means over 3 x 3 pixels: (n, c, h, w) -> (n, c, h / 2, w / 2), rounded up."""
    return avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


def _critics(d_in: int, side: int, width: int) -> nn.ModuleList:
    """A critic of each scale whose sides are at least 4."""
    count = min(SCALES, side.bit_length() - 2)
    return nn.ModuleList(PatchCritic(d_in, side >> k, max(1, width >> k)) for k in range(count))


def _summed(terms: Iterable[Losses]) -> Losses:
    """Losses of one name, added."""
    total: Losses = {}
    for losses in terms:
        total = {name: value + total.get(name, 0) for name, value in losses.items()}
    return total


def _check(space: Space, context_space: Space, inject: str) -> None:
    require_images(space, "BicycleGAN", least=4)
    require(
        "BicycleGAN: context_space", context_space, Pixels, Reals, axes="channels, height, width"
    )
    if context_space.shape[1:] != space.shape[1:]:
        raise Refused(
            f"BicycleGAN: context_space is {context_space}; images of {space.shape[1]} x "
            f"{space.shape[2]} are wanted, as the answers are"
        )
    if inject not in ("input", "all"):
        raise Refused(f"BicycleGAN: inject is '{inject}'; input or all is wanted")
