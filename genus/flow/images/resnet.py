"""A convolutional residual network that keeps height and width."""

from torch import nn

from ...nn import ConvResidual


class ResNet(nn.Sequential):
    """A convolution, residual blocks, a convolution: (n, d_in, h, w) -> (n, d_out, h, w).

    Args:
        d_in, d_out: channels of what comes in and of what goes out.
        width: channels between.
        blocks: number of residual blocks.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self, d_in: int, d_out: int, width: int = 64, blocks: int = 2, dropout: float = 0.0
    ):
        super().__init__(
            nn.Conv2d(d_in, width, 3, padding=1),
            *(ConvResidual(width, dropout) for _ in range(blocks)),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Conv2d(width, d_out, 3, padding=1),
        )
        self.d_in, self.d_out, self.width, self.blocks = d_in, d_out, width, blocks
        self.dropout = dropout
