"""PixelRNN: an LSTM reads an image from its upper left corner, and predicts each next pixel.

    p(x) = prod_i p(x_i | x_<i)                  p(x_i) = p(R_i) p(G_i | R_i) p(B_i | R_i, G_i)
    [o, f, i, g] = sigma(K_ss * h_before + K_is * x)      (of g, the tanh)
    c = f c_before + i g                         h = o tanh(c)

A masked convolution first sees what is around a pixel and before it. Then come layers of LSTMs, each
added to what came in: their states carry news from one corner of the image to the other in one layer,
where a convolution would take as many layers as the image is wide. The diagonal one sees all pixels
that come before; the one from row to row sees a triangle above, and of its own row a few pixels only,
for which it is faster.

In two scales, every k-th pixel of every k-th row is drawn first, and the others given all of those:

    p(x) = p(small) p(x | small)

Source: van den Oord, Kalchbrenner, Kavukcuoglu, "Pixel recurrent neural networks", 2016,
    arXiv:1601.06759, sections 2 and 3 and equation 3; the row LSTM's kernels are of 3 places.
Departs: forget gates begin open. In two scales the pixels of the small image are not predicted again by
    the large one, so that p(x) sums to one, and its layers see the small image through one convolution and
    one transposed convolution. Under the diagonal LSTMs an image is one column of zeros wider: without
    it the one from the right meets the last pixel of a row only one row later, and no pixel but those
    near it sees the last one of the row above.
"""

from collections.abc import Generator
from itertools import product
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, relu

from ...core import Bits, Pixels, Refused, Space
from ..stepwise import Steps, Stepwise
from .masked_conv import MaskedConv2d
from .pixel_lstm import DiagonalBiLSTM, Memory, PixelLSTM, RowLSTM, colour_mask
from .raster import image_shape, numbers, raster

Kind = Literal["row", "diagonal"]
LSTMS: dict[str, type[PixelLSTM]] = {"row": RowLSTM, "diagonal": DiagonalBiLSTM}


class PixelRNNNet(nn.Module):
    """The logits of all values of an image, each from the values before it.

    Args:
        shape: shape of an image, (colours, height, width).
        levels: numbers that come out for each value.
        hidden: size of each LSTM's state; between layers a pixel has twice as many features.
        layers: LSTM layers.
        kind: row or diagonal.
        kernel: side of the first convolution's window, in pixels; odd.
        context: numbers of each pixel that all layers may see besides; 0 for none.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        levels: int,
        hidden: int,
        layers: int,
        kind: Kind,
        kernel: int,
        context: int = 0,
    ):
        super().__init__()
        self.shape, self.levels = shape, levels
        self.edge = int(
            kind == "diagonal"
        )  # columns of zeros on the right, which show the last one
        colours, features = shape[0], 2 * hidden
        reach = kernel // 2
        self.first = MaskedConv2d(
            colours, features, reach, reach, reach, strict=True, groups=colours
        )
        self.layers = nn.ModuleList(
            LSTMS[kind](features, hidden, colours, context) for _ in range(layers)
        )
        self.inner = nn.Linear(features, features)
        self.last = nn.Linear(features, colours * levels)
        for name, after in (("inner_mask", features), ("last_mask", colours * levels)):
            self.register_buffer(name, colour_mask(features, after, colours), persistent=False)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, *shape, levels), of x (n, *shape) and a context (n, height, width, context)."""
        h = self.first(pad(x, (0, self.edge))).permute(0, 2, 3, 1)
        context = _widened(context, self.edge)
        for layer in self.layers:
            h = layer(h, context)
        h = h[:, :, : self.shape[2]]
        return self.head(h).unflatten(-1, (self.shape[0], self.levels)).permute(0, 3, 1, 2, 4)

    def head(self, h: Tensor) -> Tensor:
        """(..., colours * levels) of what the layers have found, (..., features)."""
        weight = self.inner.weight * self.get_buffer("inner_mask")
        h = linear(relu(h), weight, self.inner.bias)
        return linear(relu(h), self.last.weight * self.get_buffer("last_mask"), self.last.bias)

    def unroll(
        self,
        space: Space,
        n: int,
        context: Tensor | None = None,
        small: Tensor | None = None,
    ) -> Generator[Tensor, Tensor, Tensor]:
        """The logits of one value after another, (n, levels); at last x. See `Stepwise.unroll`.

        Args:
            space: space of x.
            n: rows.
            context: (n, height, width, context), where the network has one.
            small: every k-th pixel of every k-th row, which are given.
        """
        colours, height, width = self.shape
        x = self.last.weight.new_zeros(n, *self.shape)
        every = 1 if small is None else height // small.shape[2]
        wide, context = width + self.edge, _widened(context, self.edge)
        seen = self.first.begin(n, wide)
        memories = [layer.begin(n, wide) for layer in self.layers]
        h = x.new_zeros(n, colours, self.first.d_out // colours)
        value = nothing = x.new_zeros(n, 1)
        for row, column in product(range(height), range(wide)):
            aside = None if context is None else context[:, row, column]
            known = small is not None and row % every == column % every == 0
            for colour in range(colours):
                h[:, colour] = self.first.step(value, seen)
                if column == width:
                    value = nothing
                elif small is not None and known:
                    value = small[:, colour, row // every, column // every, None]
                else:
                    logits = self.head(self.through(h.flatten(1), column, memories, aside))
                    chosen = yield logits.unflatten(1, (colours, self.levels))[:, colour]
                    value = space.values(chosen, x.dtype)[:, None]
                if column < width:
                    x[:, colour, row, column] = value[:, 0]
            if known or column == width:
                self.through(h.flatten(1), column, memories, aside)
            if column == wide - 1:
                for layer, memory in zip(self.layers, memories, strict=True):
                    layer.turn(memory, None if context is None else context[:, row])
        return x

    def through(
        self, h: Tensor, column: int, memories: list[Memory], aside: Tensor | None
    ) -> Tensor:
        """A pixel through all layers, (n, features)."""
        for layer, memory in zip(self.layers, memories, strict=True):
            h = layer.step(h, column, memory, aside)
        return h


class PixelRNN(Stepwise):
    """A distribution on images of bits or pixels.

    Args:
        space: Bits or Pixels of the shape (colours, height, width).
        hidden: numbers of each LSTM's state, which colours must divide; a pixel has twice as many.
        layers: LSTM layers.
        kind: "row" for the Row LSTM, "diagonal" for the Diagonal BiLSTM.
        kernel: side of the first convolution's window, in pixels; odd, at least 3.
    """

    def __init__(
        self,
        space: Bits | Pixels,
        hidden: int = 16,
        layers: int = 1,
        kind: Kind = "diagonal",
        kernel: int = 7,
    ):
        super().__init__()
        levels = _levels(space, hidden, kind, kernel, "PixelRNN")
        self.space, self.hidden, self.layers = space, hidden, layers
        self.kind, self.kernel = kind, kernel
        self.net = PixelRNNNet(space.shape, levels, hidden, layers, kind, kernel)

    @property
    def blind_spot(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The row LSTM sees a triangle: see `triangle`."""
        return self.kind == "row"

    def triangle(self, row: int, column: int) -> Tensor:
        """Which pixels the logits of a pixel may depend on, (height, width) of bool.

        Those of its own row as far as `layers` + kernel // 2 to the left; k rows above, as far as
        k + `layers` + kernel // 2 to the left, and k - 1 + kernel // 2 to the right. With the
        diagonal LSTMs, all that come before.
        """
        _, height, width = self.space.shape
        rows, columns = torch.arange(height)[:, None], torch.arange(width)
        up, right = row - rows, columns - column
        earlier = (up > 0) | ((up == 0) & (right < 0))
        if self.kind == "diagonal":
            return earlier
        reach = self.kernel // 2
        return earlier & (-right <= up + self.layers + reach) & (right <= up - 1 + reach)

    @property
    def order(self) -> Tensor:
        return raster(self.space.shape)

    def logits(self, x: Tensor) -> Tensor:
        """Of each value given those before it: (n, *shape, levels), or of bits (n, *shape)."""
        out = self.net(x)
        return out[..., 0] if isinstance(self.space, Bits) else out

    def unroll(self, n: int) -> Steps:
        yield from self.net.unroll(self.space, n)


class MultiscalePixelRNN(Stepwise):
    """A distribution on images, of which a small one is drawn first.

    The small image is made of every `factor`-th pixel of every `factor`-th row. The LSTMs of the
    other pixels see all pixels above and left of theirs, and all of the small image around them.

    Args:
        space: Bits or Pixels of the shape (colours, height, width); factor divides both sides.
        factor: factor by which the small image is smaller.
        hidden: numbers of each LSTM's state, which colours must divide.
        layers: LSTM layers of either network.
        kind: "row" for the Row LSTM, "diagonal" for the Diagonal BiLSTM.
        kernel: side of the first convolution's window, in pixels; odd, at least 3.
        conditioning: features of the small image that a pixel sees.
    """

    blind_spot = True  # of the small image, below and right of a pixel, what is near is seen

    def __init__(
        self,
        space: Bits | Pixels,
        factor: int = 2,
        hidden: int = 16,
        layers: int = 1,
        kind: Kind = "diagonal",
        kernel: int = 7,
        conditioning: int = 16,
    ):
        super().__init__()
        levels = _levels(space, hidden, kind, kernel, "MultiscalePixelRNN")
        colours, height, width = space.shape
        if factor < 2 or height % factor or width % factor:
            raise Refused(
                f"MultiscalePixelRNN: factor is {factor} and images are {height} x {width}; "
                f"it must be at least 2 and divide both sides"
            )
        self.space, self.factor, self.hidden, self.layers = space, factor, hidden, layers
        self.kind, self.kernel, self.conditioning = kind, kernel, conditioning
        small = (colours, height // factor, width // factor)
        self.small = PixelRNNNet(small, levels, hidden, layers, kind, kernel)
        self.large = PixelRNNNet(space.shape, levels, hidden, layers, kind, kernel, conditioning)
        self.upsample = nn.Sequential(
            nn.Conv2d(colours, conditioning, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(conditioning, conditioning, factor, stride=factor),
        )

    @property
    def order(self) -> Tensor:
        grid = raster(self.space.shape).view(-1, self.space.shape[0])  # (pixels, colours)
        first = torch.zeros(self.space.shape[1:], dtype=torch.bool)
        first[:: self.factor, :: self.factor] = True
        return torch.cat([grid[first.flatten()].flatten(), grid[~first.flatten()].flatten()])

    def logits(self, x: Tensor) -> Tensor:
        """Of each value given those before it: (n, *shape, levels), or of bits (n, *shape)."""
        small = x[:, :, :: self.factor, :: self.factor]
        out = self.large(x, self.context(small)).clone()
        out[:, :, :: self.factor, :: self.factor] = self.small(small)
        return out[..., 0] if isinstance(self.space, Bits) else out

    def context(self, small: Tensor) -> Tensor:
        """What each pixel sees of the small image, (n, height, width, conditioning)."""
        return self.upsample(small).permute(0, 2, 3, 1)

    def unroll(self, n: int) -> Steps:
        small = yield from self.small.unroll(self.space, n)
        yield from self.large.unroll(self.space, n, self.context(small), small)


def _widened(context: Tensor | None, edge: int) -> Tensor | None:
    """The context of a wider image."""
    return None if context is None else pad(context, (0, 0, 0, edge))


def _levels(space: Bits | Pixels, hidden: int, kind: str, kernel: int, who: str) -> int:
    """How many numbers come out for a value."""
    colours = image_shape(space, who)[0]
    if kind not in LSTMS:
        raise Refused(f"{who}: kind is '{kind}'; it must be one of {', '.join(LSTMS)}")
    if hidden % colours:
        raise Refused(
            f"{who}: hidden is {hidden} and there are {colours} colours; they must divide it"
        )
    if kernel < 3 or kernel % 2 == 0:
        raise Refused(f"{who}: kernel is {kernel}; an odd number of at least 3 is wanted")
    return numbers(space)
