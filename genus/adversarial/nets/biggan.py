"""The networks of BigGAN, for images of 32 pixels and others that halve.

A class is a vector e(c), shared by all layers. z comes in parts: the first makes the coarsest map, and each block gets
one of the others beside e(c), which together say by how much its normalised channels are stretched and moved:

    norm(h; c, z_i) = (1 + A v) (h - mean) / deviation + B v,     v = e(c) beside z_i
    D(x, c)         = w . f(x) + b + u(c) . f(x)                  f: the critic's features, u: a vector for each class

In evaluation, mean and deviation are those of a reference batch of the generator's own, as in `reference`. Its latents
are kept as numbers in (0, 1), of which each threshold of truncation makes latents of its own law. So statistics stand
for the law that samples are drawn from, at any threshold.

Source: Brock, Donahue, Simonyan, "Large scale GAN training for high fidelity natural image synthesis", ICLR 2019,
    arXiv:1809.11096, section 3 and appendix B; the blocks for images of 32 pixels as in the authors' code in PyTorch
    (github.com/ajbrock/BigGAN-PyTorch), without attention there.
Departs: statistics in evaluation are of 128 reference rows, in the place of running or standing means; a latent that
    is not divided evenly gives its first parts one number more.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ...core import at_least
from ...nn.constraints import constrain, orthogonal
from .reference import REFERENCE, ReferenceNorm, normalised
from .sngan import ResNetCritic, dense, doubled, halvings, window


class GivenNorm(nn.Module):
    """Batch normalisation whose stretch and shift are given with each row.

    Args:
        channels: number of channels.
        numbers: how many numbers they are linear in.
        rows: reference rows in evaluation.
    """

    def __init__(self, channels: int, numbers: int, rows: int):
        super().__init__()
        self.channels, self.numbers, self.rows = channels, numbers, rows
        self.stretch = nn.Linear(numbers, channels, bias=False)
        self.shift = nn.Linear(numbers, channels, bias=False)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        h = normalised(x, 0 if self.training else self.rows)
        stretch, shift = ((net(v))[:, :, None, None] for net in (self.stretch, self.shift))
        return (1 + stretch) * h + shift


class GivenUp(nn.Module):
    """(n, width, h, w) -> (n, width, 2 h, 2 w), given v, (n, numbers)."""

    def __init__(self, width: int, numbers: int, rows: int):
        super().__init__()
        self.before = GivenNorm(width, numbers, rows)
        self.between = GivenNorm(width, numbers, rows)
        self.doubling, self.keeping = (window(width, width, 3, 1.0) for _ in range(2))
        self.shortcut = window(width, width, 1, 1.0)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        h = doubled(self.doubling, self.before(x, v).relu())
        h = self.keeping(self.between(h, v).relu())
        return h + interpolate(self.shortcut(x), scale_factor=2)


class BigGANGenerator(nn.Module):
    """z, (n, latent), and classes, (n,), to (n, *shape), any real numbers.

    Args:
        latent: the size of z, at least one number for the first map and for each block.
        shape: (c, h, w) of the image; height and width must be even.
        classes: number of classes.
        width: channels of all hidden maps; the paper's are 256 at 32 pixels.
        shared: numbers of a class; the paper's are 128.
        coarsest: sides are halved, from the image's, while they are even and stay at least this.
        rows: reference rows in evaluation.
    """

    chances: Tensor  # (rows, latent), in (0, 1)
    labels: Tensor  # (rows,)

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        classes: int,
        width: int = 256,
        shared: int = 128,
        coarsest: int = 4,
        rows: int = REFERENCE,
    ):
        super().__init__()
        self.latent, self.shape, self.classes = latent, tuple(shape), classes
        self.width, self.shared, self.coarsest, self.rows = width, shared, coarsest, rows
        channels, height, breadth = shape
        steps = halvings(shape, coarsest)
        at_least(1 + steps, "BigGANGenerator", latent=latent)
        self.grid = (height >> steps, breadth >> steps)
        first, *others = (len(part) for part in torch.arange(latent).tensor_split(1 + steps))
        self.parts = (first, *others)
        self.embed = nn.Embedding(classes, shared)
        self.first = dense(first, width * self.grid[0] * self.grid[1])
        self.blocks = nn.ModuleList(GivenUp(width, shared + part, rows) for part in others)
        self.norm_last = ReferenceNorm(width, rows)
        self.last = window(width, channels, 3, 1.0)
        orthogonal(self)
        constrain(self.first, "spectral")
        constrain(self.blocks, "spectral")
        constrain(self.last, "spectral")
        self.register_buffer("chances", torch.rand(rows, latent))
        self.register_buffer("labels", torch.arange(rows) % classes)

    def forward(self, z: Tensor, context: Tensor, threshold: float = math.inf) -> Tensor:
        """Images; in evaluation each by itself, whatever the others are.

        Args:
            z: latents, (n, latent).
            context: classes, (n,) int64.
            threshold: that of the law of z, for the reference rows.
        """
        if self.training or not self.rows:
            return self.make(z, context)
        reference = truncated(self.chances, threshold).to(z)
        rows = torch.cat([reference, z]), torch.cat([self.labels, context])
        return self.make(*rows)[self.rows :]

    def make(self, z: Tensor, context: Tensor) -> Tensor:
        """What becomes of all rows together."""
        first, *others = z.split(self.parts, 1)
        e = self.embed(context)
        h = self.first(first).reshape(-1, self.width, *self.grid)
        h = h.contiguous(memory_format=torch.channels_last)
        for block, part in zip(self.blocks, others, strict=True):
            h = block(h, torch.cat([e, part], 1))
        return self.last(self.norm_last(h).relu()).contiguous()


class BigGANCritic(nn.Module):
    """x, (n, *shape), and classes, (n,), to scores, (n,).

    Args:
        shape: (c, h, w) of the image; height and width must be even.
        classes: number of classes.
        width: channels of all hidden maps.
    """

    def __init__(self, shape: Sequence[int], classes: int, width: int = 256):
        super().__init__()
        self.shape, self.classes, self.width = tuple(shape), classes, width
        self.net = ResNetCritic(shape, width, None)
        self.fits = nn.Embedding(classes, width)
        orthogonal(self)
        constrain(self, "spectral")

    def features(self, x: Tensor) -> Tensor:
        """f(x), (n, width)."""
        return self.net.features(x)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        f = self.features(x)
        return self.net.head(f).flatten() + (self.fits(context) * f).sum(1)


def truncated(chances: Tensor, threshold: float) -> Tensor:
    """Numbers of N(0, 1) within [-threshold, threshold], of numbers in (0, 1): the inverse of its distribution."""
    chances = chances.double()
    edge = torch.special.ndtr(torch.tensor(threshold, dtype=torch.float64, device=chances.device))
    inside = (1 - edge) + chances * (2 * edge - 1)
    return torch.special.ndtri(inside.clamp(1e-12, 1 - 1e-12)).clamp(-threshold, threshold)
