"""Gated PixelCNN: two stacks of convolutions, which together see all that comes before a pixel.

    p(x) = prod_i p(x_i | x_1, ..., x_i-1)       pixels row by row, in a pixel red, green, blue

    v = W * v,  v' = g(v)                      the vertical stack: all rows above
    s = U * h + L v,  h' = h + O g(s)          the horizontal stack: left in its row, and v
    g(a, b) = tanh(a / 2) sigmoid(b)           the gate, of two halves of the channels

The vertical stack's windows are not masked: they end in their own row, but the first of them in the
row above, so that v knows rows above and nothing else, to all sides. The horizontal stack sees its
own row to the left, and v by a link; no pixel is in a blind spot, once the layers reach far enough. A
gate lets units depend on products of what they see. A context adds to what is gated, alike at all
pixels:

    g(W_1 * x + V_1 c, W_2 * x + V_2 c)

To draw, the vertical stack is computed once for each row, for all its pixels, and the horizontal one
pixel by pixel; each layer keeps the rows, or the row so far, that its window sees.

Source: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu, "Conditional image
    generation with PixelCNN decoders", 2016, arXiv:1606.05328: gates, the two stacks, and the bias
    that is given by a context and does not depend on the place.
Departs: the first layer's horizontal stack has no residual connection, for its input is not yet
    known; what the context adds to v is seen by the link too; the tanh is of a / 2, which is
    2 sigmoid(a) - 1, so that both halves of the gate are one call. Bits have one logit.
"""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...core import Refused, Space, check_embedding
from ..stepwise import Stepwise
from .masked_conv import MaskedConv2d, PixelHead, PixelMemory, RowConv2d, RowMemory
from .raster import by_value, check_widths, image_shape, numbers, raster, signed


class GatedPixelCNN(Stepwise):
    """A distribution on images of bits or pixels.

    Args:
        space: Bits or Pixels of (channels, height, width).
        layers: gated layers after the first.
        width: channels of both stacks, a multiple of the image's.
        first: side of the first layer's window, in pixels; odd.
        size: side of the other layers' windows, in pixels; odd.
        head: channels of the two layers at the end, a multiple of the image's.
        context_space: what the distribution is given; None if it is given nothing.
        embed: makes a context, (n, *context_space.shape), (n, context) floats.
        context: dimension of the context.
    """

    def __init__(
        self,
        space: Space,
        layers: int = 6,
        width: int = 32,
        first: int = 7,
        size: int = 3,
        head: int = 64,
        context_space: Space | None = None,
        embed: nn.Module | None = None,
        context: int = 0,
    ):
        super().__init__()
        check_embedding("GatedPixelCNN", context_space, embed, context)
        self.context_space, self.embed, self.context = context_space, embed, context
        self.net = GatedStacks(space, layers, width, first, size, head, context)
        self.space, self.layers, self.width = space, layers, width
        self.first, self.size, self.head = first, size, head

    @property
    def order(self) -> Tensor:
        return raster(self.space.shape)

    def logits(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return by_value(self.space, self.net(signed(self.space, x), self.features(context)))

    def unroll(self, n: int, context: Tensor | None = None) -> Generator[Tensor, Tensor, None]:
        yield from self.net.unroll(n, self.space, self.features(context))


# --- the network ------------------------------------------------------------------------------


class GatedStacks(nn.Module):
    """Images in, (n, c, h, w), numbers for the chances of each value out, (n, c * k, h, w).

    Args:
        space: space of the images.
        layers, width, first, size, head: those of `GatedPixelCNN`.
        context: dimension of the context; 0 for none.
    """

    def __init__(
        self,
        space: Space,
        layers: int,
        width: int,
        first: int,
        size: int,
        head: int,
        context: int = 0,
    ):
        super().__init__()
        self.shape = image_shape(space, "GatedPixelCNN")
        channels = self.shape[0]
        check_widths("GatedPixelCNN", channels, first, width, head)
        if size % 2 == 0:
            raise Refused(f"GatedPixelCNN: size is {size}; it must be odd")
        self.input = GatedLayer(channels, width, first, True, channels)
        self.inner = nn.ModuleList(
            GatedLayer(width, width, size, False, channels) for _ in range(layers)
        )
        self.output = PixelHead(width, head, channels * numbers(space), channels)
        self.shift = nn.Linear(context, 4 * width * (1 + layers), bias=False) if context else None

        self.to(memory_format=torch.channels_last)  # a fifth off a training step

    def layers(self) -> list["GatedLayer"]:
        """From the first to the last."""
        return [layer for layer in (self.input, *self.inner) if isinstance(layer, GatedLayer)]

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        v, h = x, x
        for layer, shift in zip(self.layers(), self.shifts(context), strict=True):
            v, h = layer(v, h, shift)
        return self.output(h).to(x.dtype)

    def unroll(
        self, n: int, space: Space, context: Tensor | None = None
    ) -> Generator[Tensor, Tensor, None]:
        """One value after another: gives (n, k), is sent numbers of levels, (n,)."""
        channels, height, width = self.shape
        layers, shifts = self.layers(), self.shifts(context)
        kept = [layer.begin(n, width) for layer in layers]
        ended = self.output.begin(n, width)
        value = self.input.rows.weight.new_zeros(n, 1)
        above = value.new_zeros(n, width, channels)
        for _ in range(height):
            v = above
            for layer, memory, shift in zip(layers, kept, shifts, strict=True):
                v = layer.row(v, memory, shift)
            above = torch.zeros_like(above)
            for place in range(width * channels):
                h = value
                for layer, memory in zip(layers, kept, strict=True):
                    h = layer.step(h, place, memory)
                index = yield self.output.step(h, ended)
                value = signed(space, space.values(index[:, None], value.dtype))
                above[:, place // channels, place % channels] = value[:, 0]

    def shifts(self, context: Tensor | None) -> list[Tensor | None]:
        """What a context adds to each layer, (n, 4 * width)."""
        count = 1 + len(self.inner)
        if self.shift is None or context is None:
            return [None] * count
        return list(self.shift(context).chunk(count, 1))


@dataclass
class GatedMemory:
    """What a layer keeps."""

    rows: RowMemory
    left: PixelMemory
    out: PixelMemory
    link: Tensor  # what the vertical stack adds to this row, (n, w, 2 * width)


class GatedLayer(nn.Module):
    """A layer of both stacks.

    Args:
        d_in: channels that come in.
        width: channels that go out.
        size: side of the window, in pixels.
        strict: True for the first layer, which does not see the row, nor the pixel, itself.
        groups: values of a pixel.
    """

    def __init__(self, d_in: int, width: int, size: int, strict: bool, groups: int):
        super().__init__()
        reach = size // 2
        self.width, self.strict, self.groups = width, strict, groups
        rows = reach if strict else reach + 1
        self.rows = RowConv2d(d_in, 2 * width, rows, reach, reach, strict)
        self.link = nn.Conv2d(2 * width, 2 * width, 1)
        self.left = MaskedConv2d(d_in, 2 * width, 0, reach, 0, strict, groups, bias=False)
        self.out = MaskedConv2d(width, width, 0, 0, 0, groups=groups)

    def forward(self, v: Tensor, h: Tensor, shift: Tensor | None = None) -> tuple[Tensor, Tensor]:
        v, s = self.rows(v), self.left(h)
        if shift is not None:
            v = v + shift[:, : 2 * self.width, None, None]
            s = s + shift[:, 2 * self.width :, None, None]
        out = self.out(gate(s + self.link(v), self.groups))
        return gate(v), out if self.strict else h + out

    def begin(self, n: int, width: int) -> GatedMemory:
        """Room for the rows of n images, of `width` pixels each."""
        parts = self.rows.begin(n, width), self.left.begin(n, width), self.out.begin(n, width)
        return GatedMemory(*parts, link=self.rows.weight.new_zeros(n, width, 2 * self.width))

    def row(self, v: Tensor, memory: GatedMemory, shift: Tensor | None = None) -> Tensor:
        """The vertical stack's next row, (n, w, d_in) -> (n, w, width), and what it is to add to h's."""
        v = self.rows.row(v, memory.rows)
        if shift is not None:
            v = v + shift[:, None, : 2 * self.width]
        weight, bias = self.link.weight[:, :, 0, 0], self.link.bias
        memory.link = nn.functional.linear(v, weight, bias)
        if shift is not None:
            memory.link = memory.link + shift[:, None, 2 * self.width :]
        return gate(v, axis=2)

    def step(self, h: Tensor, place: int, memory: GatedMemory) -> Tensor:
        """The horizontal stack's next value: (n, d_in / groups) -> (n, width / groups)."""
        column, part = divmod(place, self.groups)
        size = 2 * self.width // self.groups
        plus = memory.link[:, column, part * size : (part + 1) * size]
        g = gate(self.left.step(h, memory.left, plus))
        return self.out.step(g, memory.out, None if self.strict else h)


def gate(x: Tensor, groups: int = 1, axis: int = 1) -> Tensor:
    """tanh(a / 2) sigmoid(b), of the first and second half of each group of channels."""
    if groups == 1:
        first, second = x.sigmoid().chunk(2, axis)
        return (2 * first - 1) * second
    first, second = x.sigmoid().unflatten(axis, (groups, 2, -1)).unbind(axis + 1)
    return ((2 * first - 1) * second).flatten(axis, axis + 1)
