"""The networks of R3GAN: residual blocks of grouped convolutions, without any normalisation.

What normalisation did is done by the first weights: the last convolution of every residual branch
begins as 0, the others so small that what all branches add up to does not grow with their number
(fix-up initialisation). With V blocks and leaky ReLUs of slope 0.2,

    x + c3 a(c2 a(c1 x)):  c1, c2 ~ N(0, g^2 / fan in),  g^2 = 2 / (1 + 0.2^2) / sqrt(V),  c3 = 0

c1 and c3 look at one pixel, c2 at 3 x 3 in groups of channels; between them there are `expansion`
times as many channels. Sides are doubled and halved by the filter (1, 3, 3, 1), which is bilinear.

Source: Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN! A modern GAN
    baseline", 2024, arXiv:2501.05441, section 3 and the authors' code, networks and filters.
Departs: channels are the same at all sizes, as in the authors' setting for CIFAR-10, and fewer; as
    many sizes as the image can be halved.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ...errors import Refused
from .sngan import halvings

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # keeps the size of what goes through a leaky ReLU


def means(x: Tensor, side: int) -> Tensor:
    """Halving as a matrix, (side / 2, side): rows are (1, 3, 3, 1) / 8, two further on in each."""
    rows = torch.arange(side // 2, device=x.device)[:, None]
    gap = (torch.arange(side, device=x.device) - 2 * rows - 0.5).abs()  # 1/2 or 3/2 where not 0
    return torch.where(gap < 1, 3.0, torch.where(gap < 2, 1.0, 0.0)).to(x.dtype) / 8


def enlarge(x: Tensor) -> Tensor:
    """(n, d, h, w) -> (n, d, 2 h, 2 w); what would lie outside is 0."""
    height, breadth = x.shape[2:]
    return 4 * (means(x, 2 * height).T @ (x @ means(x, 2 * breadth)))


def shrink(x: Tensor) -> Tensor:
    """(n, d, 2 h, 2 w) -> (n, d, h, w); what would lie outside is 0."""
    height, breadth = x.shape[2:]
    return means(x, height) @ (x @ means(x, breadth).T)


def begun(layer: Layer, gain: float = 1.0) -> Layer:
    """N(0, gain^2 / fan in)."""
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    return layer


class GroupedBlock(nn.Module):
    """A residual block, (n, width, h, w) to the same.

    Args:
        width: channels.
        expansion: factor of channels inside.
        group: channels of a group inside.
        blocks: number of blocks of the network.
    """

    def __init__(self, width: int, expansion: int, group: int, blocks: int):
        super().__init__()
        inside, gain = expansion * width, GAIN * blocks**-0.25
        self.widen = begun(nn.Conv2d(width, inside, 1), gain)
        groups = inside // group
        self.mix = begun(nn.Conv2d(inside, inside, 3, padding=1, groups=groups), gain)
        self.narrow = begun(nn.Conv2d(inside, width, 1, bias=False), 0.0)
        for bias in (self.widen.bias, self.mix.bias):
            nn.init.zeros_(bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        h = leaky_relu(self.widen(x), SLOPE)
        return x + self.narrow(leaky_relu(self.mix(h), SLOPE))


def plan(
    shape: Sequence[int], coarsest: int, inside: int, group: int
) -> tuple[int, tuple[int, int]]:
    """How many sizes there are, and the sides of the coarsest map."""
    if inside % group:
        raise Refused(
            f"R3GAN: width times expansion is {inside}; group is {group}, and must divide it"
        )
    steps = halvings(shape, coarsest)
    return steps + 1, (shape[1] >> steps, shape[2] >> steps)


class R3GANGenerator(nn.Module):
    """(n, latent) to (n, *shape), any real numbers: a tanh that keeps them in range is the caller's.

    Args:
        latent: the size of z.
        shape: (c, h, w) of the image; height and width must be even.
        width: channels of all maps; the authors' are 768 for CIFAR-10.
        blocks: residual blocks at each size.
        coarsest: sides are halved, from the image's, while they are even and stay at least this.
        expansion: factor of channels inside a block.
        group: channels of a group inside.
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        width: int = 64,
        blocks: int = 2,
        coarsest: int = 4,
        expansion: int = 2,
        group: int = 16,
    ):
        super().__init__()
        self.latent, self.shape, self.width, self.blocks = latent, tuple(shape), width, blocks
        self.coarsest, self.expansion, self.group = coarsest, expansion, group
        sizes, self.grid = plan(shape, coarsest, width * expansion, group)
        self.basis = nn.Parameter(torch.randn(width, *self.grid))
        self.first = begun(nn.Linear(latent, width, bias=False))
        count = sizes * blocks
        self.stages = nn.ModuleList(
            nn.Sequential(*(GroupedBlock(width, expansion, group, count) for _ in range(blocks)))
            for _ in range(sizes)
        )
        self.last = begun(nn.Conv2d(width, shape[0], 1, bias=False))

    def forward(self, z: Tensor) -> Tensor:
        h = self.first(z)[:, :, None, None] * self.basis
        for i, stage in enumerate(self.stages):
            h = stage(enlarge(h) if i else h)
        return self.last(h)


class R3GANCritic(nn.Module):
    """(n, *shape) to scores, (n,).

    Args:
        shape: (c, h, w) of the image; height and width must be even.
        width: channels of all maps; the authors' are 768 for CIFAR-10.
        blocks: residual blocks at each size.
        coarsest: sides are halved while they are even and stay at least this.
        expansion: factor of channels inside a block.
        group: channels of a group inside.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 64,
        blocks: int = 2,
        coarsest: int = 4,
        expansion: int = 2,
        group: int = 16,
    ):
        super().__init__()
        self.shape, self.width, self.blocks = tuple(shape), width, blocks
        self.coarsest, self.expansion, self.group = coarsest, expansion, group
        sizes, grid = plan(shape, coarsest, width * expansion, group)
        count = sizes * blocks
        self.first = begun(nn.Conv2d(shape[0], width, 1, bias=False))
        self.stages = nn.ModuleList(
            nn.Sequential(*(GroupedBlock(width, expansion, group, count) for _ in range(blocks)))
            for _ in range(sizes)
        )
        self.basis = begun(nn.Conv2d(width, width, grid, groups=width, bias=False))
        self.head = begun(nn.Linear(width, 1, bias=False))

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (n, width)."""
        h = self.first(x)
        for i, stage in enumerate(self.stages):
            h = stage(shrink(h) if i else h)
        return self.basis(h).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)).flatten()
