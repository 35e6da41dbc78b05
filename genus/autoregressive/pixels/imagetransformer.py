"""ImageTransformer: each value of an image looks at all that came before it.

    h_i = e(x_(i-1)) + p_i + w(x near i, before i)       i in raster order, colours of a pixel in turn
    h   = h + attention(norm(h)),   h = h + perceptron(norm(h)),   logits_i = W norm(h_i)

A convolution sees as far as it is deep; attention sees every earlier value in one step, and learns
where to look. That costs a time that grows with the square of the number of values, when all are
there; when they come one after another, the keys and values of those before are kept, and a value
costs one look at each.

Where a value stands is learned: a vector for its row, one for its column, one for its colour. Pixels
close by, above and to the left, also enter directly; attention would have to find them.

Source: Parmar and others, "Image Transformer", 2018, arXiv:1802.05751 (values in raster order, colours
    in turn, learned coordinates); Chen and others, "Generative pretraining from pixels", 2020 (norms
    before attention and perceptron, attention to all that came before).
Departs: attention is not local, and is turned by the distance of two values (rotary positions). The
    pixels close by are in neither paper; pytorch-generative's ImageGPT begins with a masked 3 x 3
    convolution. The vectors of row, column and colour are added, and do not share the width.
"""

import torch
from torch import Tensor, nn

from ...core import Bits, Refused, Space, check_embedding
from ...nn.transformer import CausalTransformer
from ..stepwise import Steps, Stepwise, level_count
from .masked_conv import MaskedConv2d
from .raster import image_shape, numbers, raster, signed


class ImageTransformer(Stepwise):
    """A distribution on images of bits or pixels.

    Args:
        space: Bits or Pixels, of (channels, height, width).
        width: size of the vector that stands for a value; a multiple of twice the heads.
        layers: blocks of attention and perceptron.
        heads: attention heads.
        window: rows above and columns beside whose pixels enter directly; 0 for none.
        dropout: share of residuals and of attention weights set to zero in a round of training.
        context_space: what the distribution is given; None if it is given nothing.
        embed: makes a context, (n, *context_space.shape), (n, context) floats.
        context: dimension of the context.
    """

    def __init__(
        self,
        space: Space,
        width: int = 64,
        layers: int = 4,
        heads: int = 4,
        window: int = 3,
        dropout: float = 0.0,
        context_space: Space | None = None,
        embed: nn.Module | None = None,
        context: int = 0,
    ):
        super().__init__()
        self.space, self.width, self.layers, self.heads = space, width, layers, heads
        self.window, self.dropout = window, dropout
        check_embedding("ImageTransformer", context_space, embed, context)
        self.context_space, self.embed, self.context = context_space, embed, context
        self.net = _Network(
            "ImageTransformer", space, width, layers, heads, window, dropout, context
        )

    @property
    def order(self) -> Tensor:
        return raster(self.space.shape)

    def logits(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.net(x, self.features(context))

    def unroll(self, n: int, context: Tensor | None = None) -> Steps:
        return self.net.unroll(n, self.features(context))


class _Network(nn.Module):
    """The logits of each value of an image, from those before it in raster order."""

    order: Tensor  # (d,)

    def __init__(
        self,
        who: str,
        space: Space,
        width: int,
        layers: int,
        heads: int,
        window: int,
        dropout: float,
        context: int = 0,
    ):
        super().__init__()
        self.space, self.window, self.levels = space, window, level_count(space, who)
        self.shape = channels, height, across = image_shape(space, who)
        if window < 0:
            raise Refused(f"{who}: window is {window}; 0 or more is wanted")
        self.register_buffer("order", raster(space.shape), persistent=False)
        self.start = nn.Parameter(0.1 * torch.randn(width))
        self.before = nn.Parameter(0.1 * torch.randn(self.levels, width))
        self.rows = nn.Parameter(0.1 * torch.randn(height, 1, 1, width))
        self.columns = nn.Parameter(0.1 * torch.randn(across, 1, width))
        self.colours = nn.Parameter(0.1 * torch.randn(channels, width))
        self.near = None
        if window:  # without a bias, which would do what `colours` does
            self.near = MaskedConv2d(
                channels, width, window, window, window, strict=True, bias=False
            )
        self.conditioning = nn.Linear(context, width, bias=False) if context else None
        self.look = CausalTransformer(width, layers, heads, dropout=dropout)
        self.out = nn.Linear(width, numbers(space))

    # all at once

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, *shape, levels), or of bits (n, *shape)."""
        came = self.before[self.space.indices(x.flatten(1)[:, self.order[:-1]])]
        h = torch.cat([self.start.expand(len(x), 1, -1), came], 1) + self.places()
        if self.conditioning is not None and context is not None:
            h = h + self.conditioning(context)[:, None]
        if self.near is not None:
            near = self.near(signed(self.space, x))
            h = h + near.flatten(2).mT.repeat_interleave(self.shape[0], 1)  # of all its colours
        out = self.out(self.look(h))  # in raster order
        logits = torch.empty_like(out).index_copy(1, self.order, out)
        return logits.reshape(x.shape if isinstance(self.space, Bits) else (*x.shape, self.levels))

    def places(self) -> Tensor:
        """Where each value stands, in raster order, (d, width)."""
        return (self.rows + self.columns + self.colours).flatten(0, 2)

    # one after another

    def unroll(self, n: int, context: Tensor | None = None) -> Steps:
        places, memory = self.places(), self.look.begin(n, self.space.dims)
        if self.conditioning is not None and context is not None:
            places = places + self.conditioning(context)[:, None]  # (n, d, width)
        colours, _, across = self.shape
        window = self.near.begin(n, across) if self.near is not None else None
        near = places.new_zeros(n, 1)
        pixel = places.new_zeros(n, colours)  # the last one
        h = self.start.expand(n, -1)
        for place in range(self.space.dims):
            colour = place % colours
            h = h + places[..., place, :]
            if self.near is not None and window is not None:
                near = near if colour else self.near.step(pixel, window)
                h = h + near
            index = yield self.out(self.look.step(h, memory))
            pixel[:, colour] = signed(self.space, self.space.values(index, pixel.dtype))
            h = self.before[index]
