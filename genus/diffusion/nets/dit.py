"""The transformer of an image and a time: a denoiser of images that has no convolution.

An image is cut into squares, each a token with a place. In every block the time (and a context)
scales and shifts what attention and the perceptron see, and opens the gate through which each
adds to the token; all gates begin closed, so that the network begins as the identity.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention, silu

from ...errors import Refused
from ...nn.embedding import time_embedding, with_context


class DiTBlock(nn.Module):
    """Attention and a perceptron, both gated by the time: (n, tokens, width) -> the same.

    Args:
        width: numbers of a token and of the embedded time.
        heads: number of attention heads; width must be a multiple.
        growth: width of the perceptron's hidden layer, in widths of a token.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(self, width: int, heads: int, growth: int = 4, dropout: float = 0.0):
        super().__init__()
        self.width, self.heads, self.growth, self.dropout = width, heads, growth, dropout
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.look = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, growth * width),
            nn.GELU(approximate="tanh"),
            nn.Dropout(dropout),
            nn.Linear(growth * width, width),
        )
        self.modulate = closed(nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift, gate, scale_, shift_, gate_ = self.modulate(time)[:, None].chunk(6, dim=2)
        x = x + gate * self._attend(self.norm(x) * (1 + scale) + shift)
        return x + gate_ * self.think(self.norm(x) * (1 + scale_) + shift_)

    def _attend(self, x: Tensor) -> Tensor:
        parts = self.look(x).unflatten(2, (3, self.heads, -1))  # (n, tokens, 3, heads, d)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v)  # (n, heads, tokens, d)
        return self.output(seen.transpose(1, 2).flatten(2))


class DiT(nn.Module):
    """An image and a time in [0, 1] -> an image: (n, channels, h, w), of the size it was built for.

    Source: Peebles, Xie, "Scalable diffusion models with transformers", 2023, arXiv:2212.09748,
        section 3.2 (adaLN-Zero blocks, patches, places as sines and cosines).
    Departs: sizes need not be multiples of the patch: zeros are added below and to the right.

    Args:
        shape: shape of the image: channels, height, width.
        width: numbers of a token; a multiple of 4 and of heads.
        depth: blocks.
        heads: attention heads.
        patch: the side of a square, in pixels.
        dropout: share of hidden units set to zero in a round of training.
        context: dimension of the context, which is a third argument; 0 for none.
    """

    places: Tensor  # (tokens, width)

    def __init__(
        self,
        shape: tuple[int, int, int],
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        patch: int = 2,
        dropout: float = 0.0,
        context: int = 0,
    ):
        super().__init__()
        if width % heads or width % 4 or depth < 1 or patch < 1:
            raise Refused(
                f"DiT: width is {width}, heads {heads}, depth {depth}, patch {patch}; width must be "
                f"a multiple of 4 and of heads, depth and patch at least 1"
            )
        self.shape, self.width, self.depth, self.heads = tuple(shape), width, depth, heads
        self.patch, self.dropout, self.context = patch, dropout, context
        channels, *sides = shape
        self.squares = [math.ceil(side / patch) for side in sides]  # down and across
        self.register_buffer("places", places(*self.squares, width), persistent=False)
        self.time = time_embedding(width, width)
        self.conditioning = nn.Linear(context, width, bias=False) if context else None
        self.enter = nn.Linear(channels * patch**2, width)
        self.stack = nn.ModuleList(DiTBlock(width, heads, dropout=dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = closed(nn.Linear(width, 2 * width))
        self.leave = closed(nn.Linear(width, channels * patch**2))

    def forward(self, x: Tensor, t: Tensor, context: Tensor | None = None) -> Tensor:
        time = silu(with_context(self.time(t), self.conditioning, context))
        h = self.enter(self._cut(x)) + self.places
        for block in self.stack:
            h = block(h, time)
        scale, shift = self.modulate(time)[:, None].chunk(2, dim=2)
        return self._joined(self.leave(self.norm(h) * (1 + scale) + shift))

    def _cut(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, tokens, c patch^2)."""
        (down, across), p = self.squares, self.patch
        x = pad(x, (0, across * p - x.shape[3], 0, down * p - x.shape[2]))
        x = x.unflatten(3, (across, p)).unflatten(2, (down, p))  # (n, c, down, p, across, p)
        return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)

    def _joined(self, tokens: Tensor) -> Tensor:
        """`_cut` undone."""
        (down, across), p, (channels, height, width) = self.squares, self.patch, self.shape
        x = tokens.unflatten(2, (channels, p, p)).unflatten(1, (down, across))
        x = x.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        return x[:, :, :height, :width]


def places(down: int, across: int, width: int) -> Tensor:
    """Rows and columns as sines and cosines, (down * across, width): half of the features each."""
    exponents = torch.arange(width // 4, dtype=torch.float64) / (width // 4)
    frequencies = torch.exp(-math.log(10_000) * exponents)

    def waves(count: int) -> Tensor:
        angles = torch.arange(count, dtype=torch.float64)[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)  # (count, width / 2)

    rows = waves(down)[:, None].expand(down, across, -1)
    columns = waves(across)[None].expand(down, across, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1).to(torch.get_default_dtype())


def closed(layer: nn.Linear) -> nn.Linear:
    """A layer that gives 0 at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
