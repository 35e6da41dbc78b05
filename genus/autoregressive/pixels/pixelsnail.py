"""PixelSNAIL: convolutions see what is close by, attention all that came before.

    r = x + gated convolutions of x                                      close by: 2 x 2 windows
    q = W_q [r, b],  [k, v] = W [image, r, b],  y_i = sum_(j<i) softmax_j(q_i . k_j) v_j
    x = x + elu(W_o elu(elu(W_r elu(r)) + elu(W_a elu(y))))              for each block

A stack of convolutions finds strokes and edges soon, but what is far away reaches a pixel through
many layers. Attention reaches it in one, and its keys hold the pixels themselves, and where they
stand (b, the background: row and column); so a pixel is looked at only by those after it, and the
first one, which has none to look at, sees a vector that is learned.

A pixel's colours come one after another, by a last layer that sees the colours before.

Source: Chen, Mishra, Rohaninejad, Abbeel, "PixelSNAIL: an improved autoregressive generative model",
    2017, arXiv:1712.09763: blocks of gated residual convolutions and causal attention, keys of input
    and features, queries of features, a background of positions.
Departs: several heads, whose keys are as long as their values. The first layer is one masked window,
    not two streams: what it misses, attention sees. Each block is added to what it was given, as in
    pytorch-generative's. Weights are not normalised. The last layer of a mixture of logistics may use
    the colours before in any way, not just to move the means.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from ...core import Bits, Refused, Space, check_embedding
from ...functional.densities.densities import log_logistic_mixture_bins, log_logistic_mixture_levels
from ..stepwise import Steps, Stepwise, level_count, log_chances
from .masked_conv import MaskedConv2d
from .raster import image_shape, numbers, raster, signed
from .snail import SnailBlock

FIRST = 3  # rows above, and columns beside, that the first layer sees


class PixelSNAIL(Stepwise):
    """A distribution on images of bits or pixels.

    Args:
        space: Bits or Pixels, of (channels, height, width).
        width: channels of the convolutions.
        blocks: each is some residual layers and a look at all that came before.
        residuals: gated residual layers of a block.
        look: numbers of a query, a key and a value, all heads together; a multiple of heads.
        heads: attention heads.
        mixture: logistics that weigh a pixel's levels; without, each level has a logit of its own.
        dropout: share of channels set to zero in a round of training, in [0, 1).
        context_space: what the distribution is given; None if it is given nothing.
        embed: makes a context, (n, *context_space.shape), (n, context) floats.
        context: dimension of the context.
    """

    def __init__(
        self,
        space: Space,
        width: int = 64,
        blocks: int = 4,
        residuals: int = 2,
        look: int = 32,
        heads: int = 2,
        mixture: int | None = None,
        dropout: float = 0.0,
        context_space: Space | None = None,
        embed: nn.Module | None = None,
        context: int = 0,
    ):
        super().__init__()
        self.space, self.width, self.blocks, self.residuals = space, width, blocks, residuals
        self.look, self.heads, self.mixture, self.dropout = look, heads, mixture, dropout
        check_embedding("PixelSNAIL", context_space, embed, context)
        self.context_space, self.embed, self.context = context_space, embed, context
        self.net = _Network(
            "PixelSNAIL", space, width, blocks, residuals, look, heads, mixture, dropout, context
        )

    @property
    def order(self) -> Tensor:
        return raster(self.space.shape)

    def logits(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.net.logits(self.net(x, self.features(context)))

    def log_probs(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.net.log_probs(x, self.net(x, self.features(context)))

    def unroll(self, n: int, context: Tensor | None = None) -> Steps:
        return self.net.unroll(n, self.features(context))


# --- the network ------------------------------------------------------------------------------


class _Network(nn.Module):
    """The outputs for each value of an image, from those before it."""

    positions: Tensor  # (h w, 2)

    def __init__(
        self,
        who: str,
        space: Space,
        width: int,
        blocks: int,
        residuals: int,
        look: int,
        heads: int,
        mixture: int | None,
        dropout: float,
        context: int = 0,
    ):
        super().__init__()
        self.space, self.mixture, self.levels = space, mixture, level_count(space, who)
        self.shape = colours, height, across = image_shape(space, who)
        if mixture is not None and (isinstance(space, Bits) or mixture < 1):
            raise Refused(
                f"{who}: mixture is {mixture} and the space {space}; at least one logistic is "
                f"wanted, and none for bits: leave it out"
            )
        if look % heads:
            raise Refused(f"{who}: look is {look}; it must be a multiple of heads, {heads}")
        axes = [torch.linspace(-0.5, 0.5, k) if k > 1 else torch.zeros(1) for k in (height, across)]
        self.register_buffer("positions", torch.cartesian_prod(*axes), persistent=False)
        self.first = MaskedConv2d(colours, width, FIRST, FIRST, FIRST, strict=True)
        self.conditioning = nn.Linear(context, width, bias=False) if context else None
        self.blocks = nn.ModuleList(
            SnailBlock(width, residuals, look, heads, colours, dropout) for _ in range(blocks)
        )
        self.last = _Last(width, colours, 3 * mixture if mixture else numbers(space))

    # all at once

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The outputs for each value: (n, c, h, w, numbers)."""
        image = signed(self.space, x)
        h = self.first(image).contiguous(memory_format=torch.channels_last)  # as attention has it
        if self.conditioning is not None and context is not None:
            h = h + self.conditioning(context)[:, :, None, None]
        pixels = image.flatten(2).mT  # (n, h w, c)
        for block in self.blocks:
            h = block(h, pixels, self.positions)
        out = self.last(h.flatten(2).mT, pixels)  # (n, h w, c, numbers)
        return out.transpose(1, 2).unflatten(2, self.shape[1:])

    def logits(self, out: Tensor) -> Tensor:
        """(n, *shape, levels), or of bits (n, *shape)."""
        if self.mixture is not None:
            out = log_logistic_mixture_levels(*out.chunk(3, -1), self.levels)
        return out[..., 0] if isinstance(self.space, Bits) else out

    def log_probs(self, x: Tensor, out: Tensor) -> Tensor:
        """log p of each value, nats, (n, *shape)."""
        if self.mixture is None:
            return log_chances(self.space, x, self.logits(out))
        return log_logistic_mixture_bins(x, *out.chunk(3, -1), self.levels)

    # one after another

    def unroll(self, n: int, context: Tensor | None = None) -> Steps:
        colours, height, across = self.shape
        first = self.first.begin(n, across)
        memories = [block.begin(n, across, self.positions) for block in self.blocks]
        pixel = self.positions.new_zeros(n, colours)
        shift = None if self.conditioning is None or context is None else self.conditioning(context)
        for _ in range(height * across):
            h = self.first.step(pixel, first)
            if shift is not None:
                h = h + shift
            for block, memory in zip(self.blocks, memories, strict=True):
                h = block.step(h, pixel, memory)
            for colour in range(colours):
                out = self.last.step(h, pixel, colour)
                if self.mixture is not None:
                    out = log_logistic_mixture_levels(*out.chunk(3, -1), self.levels)
                index = yield out
                pixel[:, colour] = signed(self.space, self.space.values(index, pixel.dtype))


class _Last(nn.Module):
    """The outputs for each colour of a pixel, given its features and the colours before it."""

    def __init__(self, width: int, colours: int, numbers: int):
        super().__init__()
        self.colours = nn.Parameter(0.1 * torch.randn(colours, width))
        self.before = None
        if colours > 1:  # what each colour, but the last, adds to each
            self.before = nn.Parameter(torch.randn(colours - 1, colours, width) / width**0.5)
        self.out = nn.Linear(width, numbers)

    def forward(self, h: Tensor, pixels: Tensor) -> Tensor:
        """(n, h w, width), (n, h w, c) -> (n, h w, c, numbers)."""
        h = h[:, :, None] + self.colours
        if self.before is not None:
            later = torch.ones_like(self.before[..., 0]).triu(1)[..., None]
            h = h + torch.einsum("npi,icd->npcd", pixels[..., :-1], self.before * later)
        return self.out(elu(h))

    def step(self, h: Tensor, pixel: Tensor, colour: int) -> Tensor:
        """Of one colour, (n, width), (n, c) -> (n, numbers)."""
        h = h + self.colours[colour]
        if self.before is not None and colour:
            h = h + pixel[:, :colour] @ self.before[:colour, colour]
        return self.out(elu(h))
