"""PixelCNN: masked convolutions give the chances of all pixels at once.

    p(x) = prod_i p(x_i | x_1, ..., x_i-1)       pixels row by row, in a pixel red, green, blue

    h = A(x),  h = h + C(relu B(relu D(relu h))) for each block,  logits = F(relu E(relu h))

The mask A of the first convolution hides from a pixel itself and what follows, the mask B of all
others just what follows: no path leads from x_j to the logits of an x_i before or at its place. The
channels of a coloured pixel are hidden from each other in the same way, in every layer.

Not all that comes before a pixel is seen, however deep the network is. The window of B, 3 x 3, grows
to the right by one column for each row up; A's, of side k, reaches k // 2 columns to the right at once:
what is r rows above and more than r - 1 + k // 2 columns to the right is in a blind spot.
`GatedPixelCNN` has none.

To draw, each convolution keeps the rows that its window sees: a value costs one step of each layer.

Source: van den Oord, Kalchbrenner, Kavukcuoglu, "Pixel recurrent neural networks", 2016,
    arXiv:1601.06759: masks A and B, the residual block, the softmax over levels.
Departs: bits have one logit, and the image is seen as values in [-1, 1].
"""

from collections.abc import Generator

from torch import Tensor, nn
from torch.nn.functional import relu

from ...core import Space
from ..stepwise import Stepwise
from .masked_conv import MaskedConv2d, PixelHead, PixelMemory
from .raster import by_value, check_widths, image_shape, numbers, raster, signed


class PixelCNN(Stepwise):
    """A distribution on images of bits or pixels.

    Args:
        space: Bits or Pixels of (channels, height, width).
        blocks: residual blocks.
        width: channels of the 3 x 3 convolutions, a multiple of the image's; blocks have twice as many
            at their ends.
        first: side of the first window, in pixels; odd.
        head: channels of the two layers at the end, a multiple of the image's.
    """

    blind_spot = True

    def __init__(
        self, space: Space, blocks: int = 7, width: int = 32, first: int = 7, head: int = 64
    ):
        super().__init__()
        channels, self.height, self.columns = image_shape(space, "PixelCNN")
        check_widths("PixelCNN", channels, first, width, head)
        self.space, self.blocks, self.width = space, blocks, width
        self.first, self.head = first, head
        reach = first // 2
        self.input = MaskedConv2d(
            channels, 2 * width, reach, reach, reach, strict=True, groups=channels
        )
        self.residual = nn.ModuleList(
            MaskedBlock(2 * width, width, channels) for _ in range(blocks)
        )
        self.output = PixelHead(2 * width, head, channels * numbers(space), channels)

    @property
    def order(self) -> Tensor:
        return raster(self.space.shape)

    def logits(self, x: Tensor) -> Tensor:
        h = self.input(signed(self.space, x))
        for block in self.residual:
            h = block(h)
        return by_value(self.space, self.output(h).to(x.dtype))

    def unroll(self, n: int) -> Generator[Tensor, Tensor, None]:
        seen, blocks = self.input.begin(n, self.columns), list(self.residual)
        kept = [block.begin(n, self.columns) for block in blocks]
        ended = self.output.begin(n, self.columns)
        value = self.input.weight.new_zeros(n, 1)
        while True:
            h = self.input.step(value, seen)
            for block, memory in zip(blocks, kept, strict=True):
                h = block.step(h, memory)
            index = yield self.output.step(h, ended)
            value = signed(self.space, self.space.values(index[:, None], value.dtype))


class MaskedBlock(nn.Module):
    """(n, d, h, w) -> (n, d, h, w): what a narrow 3 x 3 window sees is added.

    Args:
        d: channels at both ends.
        width: channels in between.
        groups: values of a pixel.
    """

    def __init__(self, d: int, width: int, groups: int):
        super().__init__()
        self.narrow = MaskedConv2d(d, width, 0, 0, 0, groups=groups)
        self.window = MaskedConv2d(width, width, 1, 1, 1, groups=groups)
        self.widen = MaskedConv2d(width, d, 0, 0, 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.widen(relu(self.window(relu(self.narrow(relu(x))))))

    def begin(self, n: int, width: int) -> tuple[PixelMemory, PixelMemory, PixelMemory]:
        """Room for the rows of n images, of `width` pixels each."""
        narrow, window, widen = (
            layer.begin(n, width) for layer in (self.narrow, self.window, self.widen)
        )
        return narrow, window, widen

    def step(self, x: Tensor, memory: tuple[PixelMemory, PixelMemory, PixelMemory]) -> Tensor:
        """(n, d / groups) -> (n, d / groups)."""
        h = self.narrow.step(relu(x), memory[0])
        h = self.window.step(relu(h), memory[1])
        return self.widen.step(relu(h), memory[2], plus=x)
