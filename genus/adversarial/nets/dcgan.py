"""DCGAN: a convolutional generator against a convolutional critic.

Strided convolutions let both networks learn their own way up and down in size, and batch
normalisation keeps the gradients of a deep generator alive. With generator G and critic D (a logit,
high for data),

    z ~ N(0, I)
    critic      minimises  E softplus(-D(x)) + E softplus(D(G(z)))
    generator   minimises  E softplus(-D(G(z)))                       (the non-saturating form)

Batch normalisation makes a row depend on its batch. To sample, the statistics are those of a fixed
reference batch of z that goes through the generator together with the z wanted: what comes out is
a function of z and the weights, be they the last ones or an average over rounds.

Source: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
    generative adversarial networks", 2016, arXiv:1511.06434, section 3 and figure 1; losses:
    arXiv:1406.2661.
Departs: z is normal, not uniform. The number of layers follows from the size of the image; heights
    and widths that the coarsest map does not reach by doubling are those of the next larger map,
    which the generator crops and the critic pads with zeros; other normalisations can be had, and
    constraints on weights.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ...core import Losses, Pixels, Refused, Space, require_images
from ...functional.adversarial.objectives import non_saturating
from ...nn.constraints import constrain
from ..two_players import TwoPlayers
from .normalisation import normalisation
from .reference import REFERENCE, Referenced


def levels(shape: Sequence[int], coarsest: int) -> tuple[int, tuple[int, int], list[int]]:
    """Halvings from the image to the coarsest map, that map's sides, and the margins of the image."""
    _, height, breadth = shape
    steps = (min(height, breadth) // coarsest).bit_length() - 1
    if steps < 1:
        raise Refused(
            f"DCGAN: shape is {tuple(shape)}; height and width must be at least {2 * coarsest}, "
            f"which is twice coarsest"
        )
    grid = (-(-height >> steps), -(-breadth >> steps))
    tall, wide = (grid[0] << steps) - height, (grid[1] << steps) - breadth
    return steps, grid, [wide // 2, wide - wide // 2, tall // 2, tall - tall // 2]


def start(*networks: nn.Module) -> None:
    """Draws the networks' first weights: of convolutions N(0, 0.02^2); then the reference latents."""
    modules = [module for network in networks for module in network.modules()]
    convolutions = [m for m in modules if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    for layer in convolutions:
        layer.reset_parameters()  # for the biases
    for layer in convolutions:
        nn.init.normal_(layer.weight, std=0.02)
    for module in modules:
        if isinstance(module, Referenced):
            module.reference.normal_()


class DCGANGenerator(Referenced):
    """(n, latent) to (n, *shape), any real numbers: a tanh that keeps them in range is the caller's.

    Args:
        latent: the size of z.
        shape: (c, h, w) of the image.
        width: channels of the layer next to the image; they double at each halving of the size.
        coarsest: halving stops before the shorter side would fall below this. The paper's 4 leaves
            images of 8 pixels one hidden layer; 2 gives them another.
        norm: norm of the hidden layers: batch, running, layer, instance or none; see
            `normalisation`.
        constraint: one of `genus.nn.constraints` on the weights: spectral, weight, equalised or None.
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        width: int = 64,
        coarsest: int = 4,
        norm: str = "batch",
        constraint: str | None = None,
    ):
        super().__init__(latent, REFERENCE if norm == "batch" else 0)
        self.shape, self.width, self.coarsest = tuple(shape), width, coarsest
        self.norm, self.constraint = norm, constraint
        steps, self.grid, self.margins = levels(shape, coarsest)
        widths = [width << i for i in reversed(range(steps))]  # from the grid to the image
        plain = norm == "none"  # a normalised layer has a bias of its own

        def hidden(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, normalisation(norm, channels, REFERENCE), nn.ReLU()]

        layers = hidden(nn.ConvTranspose2d(latent, widths[0], self.grid, bias=plain), widths[0])
        for coarse, fine in pairwise(widths):
            conv = nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1, bias=plain)
            layers += hidden(conv, fine)
        layers += [nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers)
        start(self)
        constrain(self, constraint)

    def make(self, z: Tensor) -> Tensor:
        return pad(self.layers(z[:, :, None, None]), [-margin for margin in self.margins])  # crops


class DCGANCritic(nn.Module):
    """(n, *shape) to scores, (n,), or to more numbers than one, (n, outputs).

    Args:
        shape: (c, h, w) of the image.
        width: channels of the layer next to the image; they double at each halving of the size.
        coarsest: halving stops before the shorter side would fall below this.
        norm: norm of all hidden layers but the first: batch, by which rows meet in evaluation too,
            running, layer, instance or none.
        constraint: that on the weights: spectral, weight, equalised or None.
        outputs: how many numbers become of a row.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 64,
        coarsest: int = 4,
        norm: str = "batch",
        constraint: str | None = None,
        outputs: int = 1,
    ):
        super().__init__()
        self.shape, self.width, self.coarsest = tuple(shape), width, coarsest
        self.norm, self.constraint, self.outputs = norm, constraint, outputs
        steps, grid, self.margins = levels(shape, coarsest)
        widths = [width << i for i in range(steps)]  # from the image to the grid
        layers = [nn.Conv2d(shape[0], width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for fine, coarse in pairwise(widths):
            conv = nn.Conv2d(fine, coarse, 4, stride=2, padding=1, bias=norm == "none")
            layers += [conv, normalisation(norm, coarse), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], outputs, grid)  # grid -> one
        start(self)
        constrain(self, constraint)

    def map(self, x: Tensor) -> Tensor:
        """The last hidden layer, (n, channels, *grid)."""
        return self.body(pad(x, self.margins))

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (n, d)."""
        return self.map(x).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.map(x)).flatten(1 if self.outputs > 1 else 0)


class DCGAN(TwoPlayers):
    """A game of two on images.

    Args:
        space: Pixels((channels, height, width)).
        latent: the size of z.
        width: channels of the layer next to the image; they double at each halving of the size.
        coarsest: halving stops before the shorter side would fall below this. The paper's 4 leaves
            images of 8 pixels one hidden layer; 2 gives them another.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]
    objective = non_saturating

    def __init__(self, space: Space, latent: int = 100, width: int = 64, coarsest: int = 4):
        super().__init__()
        self.space = space = require_images(space, "DCGAN", least=2 * coarsest)
        self.latent, self.width, self.coarsest = latent, width, coarsest
        with torch.random.fork_rng(devices=()):
            self.generator = DCGANGenerator(latent, space.shape, width, coarsest)
            self.critic = DCGANCritic(space.shape, width, coarsest)
        start(self.generator, self.critic)  # both at once, as the first figures were measured

    def critic_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """Real and fake rows in batches of their own, so that their statistics do not mix."""
        return self.objective.critic(self.critic(x), self.critic(fake))

    def generator_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """The fake rows alone."""
        scores = self.critic(fake)
        return self.objective.generator(scores.new_empty(0), scores)
