"""FrankenGAN: a chain of BicycleGANs, each of whose answers is the next one's question, in styles that agree.

A house is not drawn at once: first its windows are placed, then walls get their bricks, then frames
their paint. Each stage is a small task with pairs of its own, and between two stages a person can put
in a picture or a style, from which the others go on. But stages whose styles are drawn apart make a
house of parts that do not belong together; so styles are drawn for all stages at once.

    y_0 = x,   y_i = G_i(y_i-1, z_i),   i = 1 .. S             x is the question, y_1 .. y_S the answer
    each stage plays BicycleGAN on true pairs (y_i-1, y_i), apart from all others

    independent     z_i = mode_(i, k_i) + t e_i,   e_i ~ N(0, I)
    synchronised    z_i = mode_(i, k) + t e,       one k and one e for all stages

k is drawn from the modes, each of which has a style for every stage: those of an exemplar, E_i(y_i), or
zeros. Rows that are siblings, such as the walls of one house, share the whole draw. Stages are trained
apart, and their codes have no common meaning: one e is the same draw in each of them, and looks agree
where the modes are styles of exemplars.

Source: Kelly, Guerrero, Steed, Wonka, Mitra, "FrankenGAN: guided detail synthesis for building mass
    models using style-synchronized GANs", ACM Transactions on Graphics 37 (6), 2018, arXiv:1806.07179;
    how styles are drawn as in the authors' code (github.com/twak/chordatlas), whose joint styles have a
    mixture of isotropic normals for each network, and are drawn once for a building.
Departs: one chain of pictures of one size, where the authors' system branches (roofs, windows, doors),
    enlarges pictures, fits boxes to labels, and shows stages further maps of sizes and distances; all
    stages learn in one run, each from its own loss; modes are equally likely, and synchronised stages
    share their noise too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Pixels, Player, Refused, at_least
from ..functional.adversarial.sides import Sides
from .bicyclegan import BicycleDeal, BicycleGAN


@dataclass(frozen=True)
class ChainDecoding:
    """How the styles of all stages are drawn.

    Args:
        synchronised: whether all stages share one mode and one noise, or draw their own.
        modes: styles around which is drawn, (modes, stages, latent), such as `model.encode(x)` of
            exemplars; one of zeros by default.
        temperature: deviation from a mode, at least 0; by default 1, or 0 if modes are given.
        styles: styles that are given by hand, latent numbers by the stage's number, from 0.
    """

    synchronised: bool = True
    modes: Tensor | None = field(default=None, repr=False, compare=False)
    temperature: float | None = None
    styles: Mapping[int, Sequence[float] | Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        at_least(0, "ChainDecoding", temperature=self.temperature)


DRAWN = ChainDecoding()


class FrankenGAN(GenerativeModel):
    """Draws several pictures for a picture, each from the one before it, stacked along the channels.

    Args:
        stages: games on pictures of one size and one number of levels; the questions of each are the
            answers of the one before it, and all have styles of one size.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]
    sampling_options = ChainDecoding

    def __init__(self, stages: Sequence[BicycleGAN]):
        super().__init__()
        _check(stages)
        first = stages[0].space
        self.channels = [stage.space.shape[0] for stage in stages]
        self.space = Pixels((sum(self.channels), *first.shape[1:]), first.levels)
        self.context_space = stages[0].context_space
        self.stages = tuple(stages)
        self.parts = nn.ModuleList(stages)
        self.style_shape = (len(stages), stages[0].latent)  # of the styles of one row

    # pictures and styles

    def pictures(self, x: Tensor) -> tuple[Tensor, ...]:
        """The picture of each stage, (n, c, h, w), of stacked ones."""
        return x.split(self.channels, 1)

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean style of each picture, (n, stages, latent), whatever question it may answer."""
        pairs = zip(self.stages, self.pictures(x), strict=True)
        return torch.stack([stage.encode(y) for stage, y in pairs], 1)

    def decode(self, z: Tensor, context: Tensor) -> Tensor:
        """The answers of all stages in styles (n, stages, latent); with gradients, not on the grid."""
        return self._chain(context, z, {}, lambda stage, y: y)

    @torch.no_grad()
    def assemble(
        self, context: Tensor, z: Tensor, pictures: Mapping[int, Tensor] | None = None
    ) -> Tensor:
        """The answers of all stages, (n, *space.shape); where one is given by hand, later ones go on from it.

        Args:
            context: the questions, (n, *context_space.shape).
            z: styles, (n, stages, latent), such as `draw_styles` draws.
            pictures: answers that are given, (n, c, h, w), by the stage's number, from 0.
        """
        pictures = pictures or {}
        for number, y in pictures.items():
            self._check_stage(number, "a picture")
            self.stages[number].space.check(y, f"FrankenGAN: the picture of stage {number}")
        return self._chain(context, z, pictures, lambda stage, y: stage.space.quantise(y))

    def _chain(
        self,
        context: Tensor,
        z: Tensor,
        pictures: Mapping[int, Tensor],
        finish: Callable[[BicycleGAN, Tensor], Tensor],
    ) -> Tensor:
        wanted = (len(context), *self.style_shape)
        if z.shape != wanted:
            raise Refused(f"FrankenGAN: z has shape {tuple(z.shape)}; {wanted} is wanted")
        y, found = context, list[Tensor]()
        for number, stage in enumerate(self.stages):
            if number in pictures:
                y = pictures[number].to(context)
            else:
                y = finish(stage, stage.translate(y, z[:, number]))
            found.append(y)
        return torch.cat(found, 1)

    @torch.no_grad()
    def draw_styles(self, n: int, decoding: ChainDecoding = DRAWN, siblings: int = 1) -> Tensor:
        """Styles of all stages, (n, stages, latent).

        Args:
            n: number of rows.
            decoding: how they are drawn.
            siblings: number of rows, one after another, that share their styles.
        """
        at_least(1, "FrankenGAN: draw_styles", siblings=siblings)
        draws = -(-n // siblings)
        each = 1 if decoding.synchronised else self.style_shape[0]  # draws of a row
        z = self.noise(draws, each, self.style_shape[1]).expand(draws, *self.style_shape)
        if (modes := decoding.modes) is not None:
            if modes.shape[1:] != self.style_shape or not len(modes):
                came, wanted = tuple(modes.shape), ("modes", *self.style_shape)
                raise Refused(f"ChainDecoding: modes have shape {came}; {wanted} is wanted")
            k = torch.randint(len(modes), (draws, each), device=z.device).expand(draws, len(z[0]))
            noise = (decoding.temperature or 0.0) * z
            z = modes.to(z)[k, torch.arange(self.style_shape[0], device=z.device)] + noise
        elif decoding.temperature is not None:
            z = decoding.temperature * z
        z = z.repeat_interleave(siblings, 0)[:n].clone()
        for number, style in decoding.styles.items():
            self._check_stage(number, "a style")
            if len(style) != self.style_shape[1]:
                raise Refused(
                    f"ChainDecoding: the style of stage {number} has {len(style)} numbers; "
                    f"{self.style_shape[1]} are wanted"
                )
            z[:, number] = torch.as_tensor(style).to(z)
        return z

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: ChainDecoding = DRAWN,
    ) -> Tensor:
        """(n, *space.shape), one for each row of context, in styles of their own."""
        context = self.context_given(n, context)
        z = self.draw_styles(len(context), decoding)
        if not len(context):  # there are no statistics of no rows
            return self.noise(0, *self.space.shape)
        return self.assemble(context, z)

    def _check_stage(self, number: int, what: str) -> None:
        if number not in range(len(self.stages)):
            raise Refused(
                f"FrankenGAN: {what} of stage {number} is given; there are stages 0 to "
                f"{len(self.stages) - 1}"
            )

    # the games

    def deal(self, x: Tensor, context: Tensor) -> tuple[BicycleDeal, ...]:
        """What each stage deals for itself, from its own true pairs."""
        pictures = self.pictures(x)
        pairs = zip(pictures, (context, *pictures), strict=False)
        return tuple(stage.deal(*pair) for stage, pair in zip(self.stages, pairs, strict=True))

    def judged(self, dealt: tuple[BicycleDeal, ...]) -> Sides:
        """The scores that the first stage's critic gives to what that has dealt."""
        return self.stages[0].judged(dealt[0])

    def hand(self, k: int, loss: Callable[..., Losses], *dealt: tuple[Any, ...]) -> Losses:
        """A loss of stage k, of what it has dealt itself."""
        return loss(*dealt[k])

    def players(self) -> dict[str, Player]:
        """All players of all stages: the generator of stage 1 is generator_1."""
        return {
            f"{name}_{k}": player._replace(loss=partial(self.hand, k, player.loss))
            for k, stage in enumerate(self.stages)
            for name, player in stage.players().items()
        }


def _check(stages: Sequence[BicycleGAN]) -> None:
    if not stages:
        raise Refused("FrankenGAN: there are no stages; at least one is wanted")
    first = stages[0]
    for number, stage in enumerate(stages):
        before, asked = stages[number - 1].space, stage.context_space
        if number and asked != before:
            raise Refused(
                f"FrankenGAN: stage {number} is asked {asked}; {before} is wanted, which stage "
                f"{number - 1} answers"
            )
        alike = (*stage.space.shape[1:], stage.space.levels, stage.latent)
        if alike != (wanted := (*first.space.shape[1:], first.space.levels, first.latent)):
            raise Refused(
                f"FrankenGAN: height, width, levels and latent of stage {number} are {alike}; "
                f"{wanted} are wanted, as of stage 0"
            )
