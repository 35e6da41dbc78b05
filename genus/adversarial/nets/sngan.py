"""The residual networks of SNGAN, for images of 32 pixels and others that halve.

A block of the generator doubles the sides by repeating each pixel before a convolution; one of the
critic halves them by the mean of four pixels after one. Repeating and taking the mean are linear, so
each is merged with its convolution: of 3 x 3 weights become 4 x 4, which meet the coarse map alone.

    mean of 2 x 2 after w    =  w' with stride 2,             w'(i, j) = 1/4 sum_ab w(i - a, j - b)
    w after repeating 2 x 2  =  4 w' transposed, with stride 2                   a, b in {0, 1}

That is the same function of the same weights for 16/36 of the arithmetic.

Source: Miyato and others, "Spectral normalization for generative adversarial networks", 2018,
    arXiv:1802.05957, table 3 and figure 8; the first weights and the first block of the critic are
    those of the authors' code.
Departs: the generator has as many blocks as the image can be halved; the critic halves while the
    shorter side stays at least 5 pixels, and at least once; the shortcuts' 1 x 1 convolutions are on the coarse side of a change of
    size, which is the same function; the critic's last layer has a bias; z of any size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, pad

from ...errors import Refused
from ...nn.constraints import constrain
from .normalisation import normalisation
from .reference import REFERENCE, Referenced

RESIDUAL = 2**0.5  # Xavier's gain of convolutions before or after a ReLU; of the others it is 1


def spread(weight: Tensor) -> Tensor:
    """The sum of four copies of a window, moved by 0 or 1: (d, e, 3, 3) -> (d, e, 4, 4)."""
    w = pad(weight, (1, 1, 1, 1))
    return w[..., 1:, 1:] + w[..., 1:, :-1] + w[..., :-1, 1:] + w[..., :-1, :-1]


def halved(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """The mean of 2 x 2 pixels of what a 3 x 3 convolution makes of x."""
    return conv2d(x, spread(conv.weight) / 4, conv.bias, stride=2, padding=1)


def doubled(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """What a 3 x 3 convolution makes of x with each pixel repeated 2 x 2."""
    weight = spread(conv.weight).transpose(0, 1).flip(2, 3)
    return conv_transpose2d(x, weight, conv.bias, stride=2, padding=1)


def window(d_in: int, d_out: int, size: int, gain: float) -> nn.Conv2d:
    """A convolution that keeps the sides."""
    conv = nn.Conv2d(d_in, d_out, size, padding=size // 2)
    nn.init.xavier_uniform_(conv.weight, gain)
    nn.init.zeros_(conv.bias)  # pyright: ignore[reportArgumentType]
    return conv


def dense(d_in: int, d_out: int) -> nn.Linear:
    layer = nn.Linear(d_in, d_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def halvings(shape: Sequence[int], coarsest: int) -> int:
    """How often both sides of an image can be halved and stay whole, and at least `coarsest`."""
    _, height, breadth = shape
    steps = 0
    while not height % 2 and not breadth % 2 and min(height, breadth) >= 2 * coarsest:
        height, breadth, steps = height // 2, breadth // 2, steps + 1
    if not steps:
        raise Refused(
            f"SNGAN: shape is {tuple(shape)}; height and width must be even, and at least "
            f"{2 * coarsest}, which is twice coarsest"
        )
    return steps


class Up(nn.Module):
    """(n, width, h, w) -> (n, width, 2 h, 2 w)."""

    def __init__(self, width: int, norm: str):
        super().__init__()
        self.norms = nn.ModuleList(normalisation(norm, width, REFERENCE) for _ in range(2))
        self.doubling = window(width, width, 3, RESIDUAL)
        self.keeping = window(width, width, 3, RESIDUAL)
        self.shortcut = window(width, width, 1, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        h = doubled(self.doubling, self.norms[0](x).relu())
        h = self.keeping(self.norms[1](h).relu())
        return h + interpolate(self.shortcut(x), scale_factor=2)


class Down(nn.Module):
    """(n, d_in, h, w) -> (n, width, h / 2, w / 2), or with the same sides.

    Args:
        d_in, width: channels of what comes in and of what goes out.
        halving: True halves the sides.
        first: True if x is an image, not a hidden map: then no ReLU comes before it.
    """

    def __init__(self, d_in: int, width: int, halving: bool, first: bool = False):
        super().__init__()
        self.halving, self.first = halving, first
        self.before = window(d_in, width, 3, RESIDUAL)
        self.after = window(width, width, 3, RESIDUAL)
        self.shortcut = window(d_in, width, 1, 1.0) if halving else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.before(x if self.first else x.relu()).relu()
        if not self.halving:
            return x + self.after(h)
        return halved(self.after, h) + self.shortcut(avg_pool2d(x, 2))


class ResNetGenerator(Referenced):
    """(n, latent) to (n, *shape), any real numbers: a tanh that keeps them in range is the caller's.

    Args:
        latent: the size of z; the paper's is 128.
        shape: (c, h, w) of the image; height and width must be even.
        width: channels of all hidden maps; the paper's are 256.
        coarsest: sides are halved, from the image's, while they are even and stay at least this.
        norm: norm of the hidden maps: batch, running, layer, instance or none; see
            `normalisation`.
        constraint: one of `genus.nn.constraints` on the weights: spectral, weight, equalised or None.
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        width: int = 256,
        coarsest: int = 4,
        norm: str = "batch",
        constraint: str | None = None,
    ):
        super().__init__(latent, REFERENCE if norm == "batch" else 0)
        self.shape, self.width, self.coarsest = tuple(shape), width, coarsest
        self.norm, self.constraint = norm, constraint
        channels, height, breadth = shape
        steps = halvings(shape, coarsest)
        self.grid = (height >> steps, breadth >> steps)
        self.first = dense(latent, width * self.grid[0] * self.grid[1])
        self.blocks = nn.Sequential(*(Up(width, norm) for _ in range(steps)))
        self.norm_last = normalisation(norm, width, REFERENCE)
        self.last = window(width, channels, 3, 1.0)
        constrain(self, constraint)

    def make(self, z: Tensor) -> Tensor:
        h = self.first(z).reshape(-1, self.width, *self.grid)
        h = self.blocks(h.contiguous(memory_format=torch.channels_last))
        return self.last(self.norm_last(h).relu()).contiguous()


class ResNetCritic(nn.Module):
    """(n, *shape) to scores, (n,).

    Args:
        shape: (c, h, w) of the image; height and width must be even.
        width: channels of all hidden maps; the paper's are 128.
        constraint: that on the weights: spectral, which is the paper's, weight, equalised or None.
    """

    def __init__(self, shape: Sequence[int], width: int = 128, constraint: str | None = "spectral"):
        super().__init__()
        self.shape, self.width, self.constraint = tuple(shape), width, constraint
        channels, *sides = shape
        steps = halvings(shape, min(5, min(sides) // 2))
        blocks = [Down(channels, width, halving=True, first=True)]
        blocks += [Down(width, width, halving=True) for _ in range(steps - 1)]
        blocks += [Down(width, width, halving=False) for _ in range(2)]
        self.blocks = nn.Sequential(*blocks)
        self.head = dense(width, 1)
        constrain(self, constraint)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (n, width): sums over the last map."""
        x = x.contiguous(memory_format=torch.channels_last)
        return self.blocks(x).relu().sum((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)).flatten()
