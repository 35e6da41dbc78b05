"""A residual perceptron of a vector and a time: the denoiser of vectors."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ...nn.embedding import time_embedding, with_context


class TimeBlock(nn.Module):
    """x + f(x, t), both (n, width); f is 0 at first.

    Args:
        width: numbers of x and of the embedded time.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(self, width: int, dropout: float = 0.0):
        super().__init__()
        self.width, self.dropout = width, dropout
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(width, 2 * width)
        self.inner = nn.Linear(width, 2 * width)
        self.drop = nn.Dropout(dropout)
        self.outer = nn.Linear(2 * width, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        scale, shift = self.modulate(t).chunk(2, dim=1)
        h = self.norm(x) * (1 + scale) + shift
        return x + self.outer(self.drop(silu(self.inner(h))))


class TimeMLP(nn.Module):
    """x of any shape and a time in [0, 1] -> a tensor of x's shape.

    Args:
        features: dimension of x.
        width: hidden features.
        blocks: residual blocks.
        waves: number of sines and cosines of each input that are seen too: they show detail that is
            small beside the whole of x, and the whole should be a few units in size.
        dropout: share of hidden units set to zero in a round of training.
        context: dimension of the context, which is a third argument; 0 for none.
        parts: number of outputs of x's shape, one after another along the first axis of x.
    """

    frequencies: Tensor  # (waves,), from 0.2 to 8 radians for each unit of x

    def __init__(
        self,
        features: int,
        width: int = 128,
        blocks: int = 3,
        waves: int = 0,
        dropout: float = 0.0,
        context: int = 0,
        parts: int = 1,
    ):
        super().__init__()
        self.features, self.width, self.blocks = features, width, blocks
        self.waves, self.dropout, self.context, self.parts = waves, dropout, context, parts
        frequencies = torch.logspace(math.log10(0.2), math.log10(8.0), waves)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.time = time_embedding(64, width)
        self.enter = nn.Linear(features * (1 + 2 * waves), width)
        self.stack = nn.ModuleList(TimeBlock(width, dropout) for _ in range(blocks))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, parts * features))
        self.conditioning = nn.Linear(context, width, bias=False) if context else None

    def forward(self, x: Tensor, t: Tensor, context: Tensor | None = None) -> Tensor:
        flat, time = x.flatten(1), silu(with_context(self.time(t), self.conditioning, context))
        angles = (flat[:, :, None] * self.frequencies).reshape(len(x), self.features * self.waves)
        h = self.enter(torch.cat([flat, angles.sin(), angles.cos()], dim=1))
        for block in self.stack:
            h = block(h, time)
        return self.leave(h).view(len(x), self.parts * x.shape[1], *x.shape[2:])
