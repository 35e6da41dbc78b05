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
Departs: z is normal, not uniform; the number of layers follows from the size of the image; heights
    and widths that the coarsest map does not reach by doubling are those of the next larger map,
    which the generator crops and the critic pads with zeros.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ..core import GenerativeModel, Pixels, Player, Space, Terms
from ..functional.adversarial import non_saturating
from ..nn import ReferenceNorm

REFERENCE = 128  # rows whose statistics normalise the generator's layers when it samples


def up(d_in: int, d_out: int) -> nn.Sequential:
    """(n, d_in, h, w) -> (n, d_out, 2h, 2w)."""
    conv = nn.ConvTranspose2d(d_in, d_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, ReferenceNorm(d_out, REFERENCE), nn.ReLU())


def down(d_in: int, d_out: int) -> nn.Sequential:
    """(n, d_in, h, w) -> (n, d_out, h/2, w/2)."""
    conv = nn.Conv2d(d_in, d_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, ReferenceNorm(d_out), nn.LeakyReLU(0.2))


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
    reference: Tensor

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
        channels, height, breadth = space.shape
        steps = (min(height, breadth) // coarsest).bit_length() - 1  # halvings, image to grid
        self.grid = (-(-height >> steps), -(-breadth >> steps))
        tall, wide = (self.grid[0] << steps) - height, (self.grid[1] << steps) - breadth
        self.margins = (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2)
        widths = [width << i for i in range(steps)]  # from the image to the grid
        self.generator = nn.Sequential(
            nn.ConvTranspose2d(latent, widths[-1], self.grid, bias=False),  # 1 x 1 -> grid
            ReferenceNorm(widths[-1], REFERENCE),
            nn.ReLU(),
            *(up(coarse, fine) for coarse, fine in pairwise(reversed(widths))),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )
        self.critic = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            *(down(fine, coarse) for fine, coarse in pairwise(widths)),
            nn.Conv2d(widths[-1], 1, self.grid),  # grid -> one logit
            nn.Flatten(0),
        )
        for weight in self.parameters():
            if weight.dim() == 4:  # of a convolution
                nn.init.normal_(weight, std=0.02)
        self.register_buffer("reference", torch.randn(REFERENCE, latent))

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape), from z, (n, latent); not yet on the grid of levels."""
        if not self.training:
            z = torch.cat([self.reference, z])
        x = self.generator(z[:, :, None, None])
        x = pad(x, [-margin for margin in self.margins]).tanh()  # crops
        return x if self.training else x[REFERENCE:]

    def score(self, x: Tensor) -> Tensor:
        """The critic's logits, (n,)."""
        return self.critic(pad(x, self.margins))

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
