"""BigGAN: a game given classes, with the hinge, whose samples can be truncated: fewer kinds for better ones.

    critic      minimises  E (1 - D(x, c))+ + E (1 + D(G(z, c), c))+
    generator   minimises  -E D(G(z, c), c) + beta sum_W |W W^T without its diagonal|^2      in every k-th round
    samples     G(z, c),   z ~ N(0, I), each number within [-threshold, threshold]

Latents from the middle of their law are those that the generator has practised most. A lower threshold takes these
alone: samples look better, and more alike. Not every generator bears it; that term on the weights makes maps smooth in
all directions, so that more do.

Source: Brock, Donahue, Simonyan, "Large scale GAN training for high fidelity natural image synthesis", ICLR 2019,
    arXiv:1809.11096, section 3.1, equation 3, and appendix D; networks: `nets.biggan`.
Departs: z outside of the threshold is not drawn again, but drawn by the inverse of the distribution, which is the same
    law. Vectors of classes are left out of that term, as in the authors' code.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core import Classes, Losses, Pixels, Player, Refused, Space, at_least, require_images
from ...functional.adversarial.objectives import hinge
from ...functional.adversarial.sides import Sides, sides
from ..nets.biggan import BigGANCritic, BigGANGenerator, truncated
from ..two_players import TwoPlayers


@dataclass(frozen=True)
class Truncation:
    """Where latents may lie.

    Args:
        threshold: the largest size of a number of z, above 0; infinity truncates nothing.
    """

    threshold: float = math.inf

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise Refused(f"Truncation: threshold is {self.threshold}; it must be above 0")


WHOLE = Truncation()


class BigGAN(TwoPlayers):
    """A game of two on images with a class.

    Args:
        space: Pixels((channels, height, width)), of even sides.
        classes: number of classes, at least 2.
        latent: the size of z.
        width: channels of the generator's maps.
        critic_width: channels of the critic's maps.
        shared: numbers of a class in the generator.
        coarsest: shortest side, in pixels, of the generator's first map.
        critic_rounds: the generator plays in every so many rounds, the critic in all; the paper's is 2.
        orthogonal: the weight beta, at least 0; the paper's is 0.0001.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]
    generator: BigGANGenerator  # pyright: ignore[reportIncompatibleVariableOverride]
    objective = hinge
    sampling_options = Truncation

    def __init__(
        self,
        space: Space,
        classes: int,
        latent: int = 128,
        width: int = 256,
        critic_width: int = 256,
        shared: int = 128,
        coarsest: int = 4,
        critic_rounds: int = 2,
        orthogonal: float = 1e-4,
    ):
        super().__init__()
        self.space = require_images(space, "BigGAN", least=2)
        at_least(2, "BigGAN", classes=classes)
        at_least(
            1,
            "BigGAN",
            width=width,
            critic_width=critic_width,
            shared=shared,
            coarsest=coarsest,
            critic_rounds=critic_rounds,
        )
        at_least(0, "BigGAN", orthogonal=orthogonal)
        self.context_space, self.classes, self.latent = Classes(classes), classes, latent
        self.width, self.critic_width, self.shared = width, critic_width, shared
        self.coarsest, self.critic_rounds, self.orthogonal = coarsest, critic_rounds, orthogonal
        shape = self.space.shape
        self.generator = BigGANGenerator(latent, shape, classes, width, shared, coarsest)
        self.critic = BigGANCritic(shape, classes, critic_width)

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """The critic's scores of both sides that were dealt."""
        x, fake, context = dealt
        return sides(self.objective.critic, self.critic(x, context), self.critic(fake, context))

    def critic_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both sides of the hinge."""
        return self.objective.critic(self.critic(x, context), self.critic(fake, context))

    def generator_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The other half, and the term on the weights."""
        scores = self.critic(fake, context)
        terms = self.objective.generator(scores.new_empty(0), scores)
        if self.orthogonal:
            terms["orthogonal"] = self.orthogonal * self.leaning()
        return terms

    def leaning(self) -> Tensor:
        """Sum over the generator's weights W of |W W^T without its diagonal|^2, a number."""
        total = self.generator.first.bias.new_zeros(())
        for name, weight in self.generator.named_parameters():
            if weight.dim() > 1 and not name.startswith("embed"):
                products = weight.flatten(1) @ weight.flatten(1).T
                total = total + products.square().sum() - products.diagonal().square().sum()
        return total

    def players(self) -> dict[str, Player]:
        """The critic, then the generator, which waits for `critic_rounds`."""
        critic, generator = super().players().values()
        return {"critic": critic, "generator": generator._replace(every=self.critic_rounds)}

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Truncation = WHOLE,
    ) -> Tensor:
        """(n, *shape), one for each class of context."""
        context = self.context_given(n, context)
        z = self.noise(len(context), self.latent)
        if decoding.threshold < math.inf:
            z = truncated(torch.special.ndtr(z.double()), decoding.threshold).to(z)
        made = self.generator(z, context, decoding.threshold)
        return self.space.quantise(self.space.squash(made))
