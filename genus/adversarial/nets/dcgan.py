"""DCGAN: a convolutional generator against a convolutional critic.

Strided convolutions let both networks learn their own way up and down in size, and batch
normalisation keeps the gradients of a deep generator alive. With generator G and critic D (a logit,
high for data),

    z ~ N(0, I)
    critic      minimises  E softplus(-D(x)) + E softplus(D(G(z)))
    generator   minimises  E softplus(-D(G(z)))                       (the non-saturating form)

Batch normalisation makes a row depend on its batch. To sample, the statistics are those of a fixed
reference batch of z that goes through the generator together with the z asked for: what comes out is
a function of z and the weights, be they the last ones or an average over rounds.

Source: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
    generative adversarial networks", 2016, arXiv:1511.06434, section 3 and figure 1; losses:
    arXiv:1406.2661.
Departs: z is normal, not uniform; and as `genus.nn.dcgan` says of the networks.
"""

import torch
from torch import Tensor

from ...core import GenerativeModel, Pixels, Player, Space, Terms
from ...functional.adversarial.objectives import non_saturating
from .dcgan_nets import DCGANCritic, DCGANGenerator, start


class DCGAN(GenerativeModel):
    """A game of two on images.

    Args:
        space: Pixels((channels, height, width)).
        latent: the size of z.
        width: channels of the layer next to the image; they double at each halving of the size.
        coarsest: halving stops before the shorter side would fall below this. The paper's 4 leaves
            images of 8 pixels one hidden layer; 2 gives them another.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, space: Space, latent: int = 100, width: int = 64, coarsest: int = 4):
        super().__init__()
        least = 2 * coarsest
        if not (
            isinstance(space, Pixels) and len(space.shape) == 3 and min(space.shape[1:]) >= least
        ):
            raise ValueError(
                f"DCGAN: space is {space}; it must be Pixels((channels, height, width)), height and "
                f"width at least {least}, which is twice coarsest"
            )
        self.space, self.latent, self.width, self.coarsest = space, latent, width, coarsest
        with torch.random.fork_rng(devices=()):
            self.generator = DCGANGenerator(latent, space.shape, width, coarsest)
            self.critic = DCGANCritic(space.shape, width, coarsest)
        start(self.generator, self.critic)  # both at once, as the first figures were measured

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape), from z, (n, latent); not yet on the grid of levels."""
        return self.generator(z).tanh()

    def score(self, x: Tensor) -> Tensor:
        """The critic's logits, (n,)."""
        return self.critic(x)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """(n, *shape)."""
        return self.space.quantise(self.decode(self.noise(n, self.latent)))

    def deal(self, x: Tensor) -> tuple[Tensor, ...]:
        """x and G(z), both (n, *shape): one pass of the generator for both players."""
        return x, self.decode(self.noise(len(x), self.latent))

    def critic_loss(self, x: Tensor, fake: Tensor) -> Terms:
        """Real and made rows in batches of their own, so that their statistics do not mix."""
        return non_saturating.critic(self.score(x), self.score(fake))

    def generator_loss(self, x: Tensor, fake: Tensor) -> Terms:
        """The made rows alone."""
        scores = self.score(fake)
        return non_saturating.generator(scores.new_empty(0), scores)

    def players(self) -> dict[str, Player]:
        """The critic, then the generator."""
        return {
            "critic": Player([self.critic], self.critic_loss),
            "generator": Player([self.generator], self.generator_loss),
        }
