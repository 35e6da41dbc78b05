"""Convolutional networks from an image to a vector and back."""

from collections.abc import Sequence

from torch import Tensor, nn

from .mlp import MLP

COARSEST = 4  # halving stops at sides of at most this, in pixels


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width at each level, halved (rounding up) until both are at most `COARSEST`."""
    levels = [(height, width)]
    while max(levels[-1]) > COARSEST:
        levels.append(((levels[-1][0] + 1) // 2, (levels[-1][1] + 1) // 2))
    return levels


class ConvResidual(nn.Module):
    """x + conv(silu(conv(silu(x)))): (n, width, h, w) -> (n, width, h, w).

    Args:
        width: channels.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    def __init__(self, width: int, dropout: float = 0.0):
        super().__init__()
        self.width, self.dropout = width, dropout
        self.net = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class ConvEncoder(nn.Sequential):
    """An image to a vector: (n, c, h, w) -> (n, d_out). Channels double where the sides halve.

    Args:
        shape: (c, h, w) of the image.
        d_out: the size of the vector.
        width: channels at the image's own size.
        hidden: widths of dense layers between the coarsest level and the vector.
        dropout: share of the inputs of a dense layer set to zero in a round of training.
        blocks: residual blocks at each level, at least 0.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        d_out: int,
        width: int = 32,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        blocks: int = 0,
    ):
        channels, *side = shape
        levels = sizes(*side)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        layers += [ConvResidual(width) for _ in range(blocks)]
        for i in range(len(levels) - 1):
            layers += [nn.SiLU(), nn.Conv2d(width << i, width << i + 1, 3, stride=2, padding=1)]
            layers += [ConvResidual(width << i + 1) for _ in range(blocks)]
        height, breadth = levels[-1]
        last = width << len(levels) - 1
        layers += [nn.SiLU(), nn.Flatten(), nn.Dropout(dropout)]
        layers += [MLP(last * height * breadth, d_out, hidden, dropout)]
        super().__init__(*layers)
        self.shape, self.d_out, self.width = tuple(shape), d_out, width
        self.hidden, self.dropout, self.blocks = tuple(hidden), dropout, blocks

    def features(self, x: Tensor) -> Tensor:
        """What the last layer is given, (n, d): the last dense layer, or the coarsest level."""
        *before, dense = self
        for layer in before:
            x = layer(x)
        assert isinstance(dense, MLP)
        return dense.features(x)


class ConvDecoder(nn.Sequential):
    """A vector to an image: (n, d_in) -> (n, c, h, w). `ConvEncoder` turned round.

    Args:
        d_in: the size of the vector.
        shape: (c, h, w) of the image.
        width: channels at the image's own size.
        hidden: widths of dense layers between the vector and the coarsest level.
        blocks: residual blocks at each level, at least 0.
    """

    def __init__(
        self,
        d_in: int,
        shape: tuple[int, int, int],
        width: int = 32,
        hidden: Sequence[int] = (),
        blocks: int = 0,
    ):
        channels, *side = shape
        levels = sizes(*side)
        height, breadth = levels[-1]
        last = width << len(levels) - 1
        layers: list[nn.Module] = [
            MLP(d_in, last * height * breadth, hidden),
            nn.Unflatten(1, (last, height, breadth)),
            *(ConvResidual(last) for _ in range(blocks)),
        ]
        for i in reversed(range(len(levels) - 1)):
            conv = nn.Conv2d(width << i + 1, width << i, 3, padding=1)
            layers += [nn.SiLU(), nn.Upsample(levels[i]), conv]
            layers += [ConvResidual(width << i) for _ in range(blocks)]
        layers += [nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1)]
        super().__init__(*layers)
        self.d_in, self.shape, self.width, self.hidden = d_in, tuple(shape), width, tuple(hidden)
        self.blocks = blocks
