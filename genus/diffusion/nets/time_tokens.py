"""Networks of sequences of tokens and a time: each place sees all others."""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, silu

from ...nn.embedding import time_embedding
from .dit import DiTBlock
from .time_mlp import TimeBlock


class TimeTokens(nn.Module):
    """A residual perceptron of all places at once: (n, places) int64 and (n,) -> (n, places, d_out).

    Args:
        states: number of values of a position.
        places: number of positions.
        d_out: numbers for each place.
        width: hidden features.
        blocks: residual blocks.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(
        self,
        states: int,
        places: int,
        d_out: int,
        width: int = 256,
        blocks: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.states, self.places, self.d_out = states, places, d_out
        self.width, self.blocks, self.dropout = width, blocks, dropout
        self.time = time_embedding(64, width)
        self.enter = nn.Linear(places * states, width)
        self.stack = nn.ModuleList(TimeBlock(width, dropout) for _ in range(blocks))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, places * d_out))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time = silu(self.time(t))
        h = self.enter(one_hot(x, self.states).to(t.dtype).flatten(1))
        for block in self.stack:
            h = block(h, time)
        return self.leave(h).unflatten(1, (self.places, self.d_out))


class TimeTransformer(nn.Module):
    """A transformer without a mask: (n, places) int64 and (n,) -> (n, places, d_out).

    The time scales and shifts what each layer normalises, and gates what it adds, which is 0 at first.

    Source: Vaswani and others, "Attention is all you need", 2017, arXiv:1706.03762; Peebles, Xie,
        "Scalable diffusion models with transformers", 2023, arXiv:2212.09748, section 3.2 (the time).

    Args:
        states: number of values of a position.
        places: number of positions.
        d_out: numbers for each place.
        width: features of a place.
        blocks: blocks of attention and a perceptron.
        heads: number of attention heads; it must divide the width.
        dropout: share of hidden units set to zero in a round of training.
    """

    def __init__(
        self,
        states: int,
        places: int,
        d_out: int,
        width: int = 64,
        blocks: int = 3,
        heads: int = 4,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.states, self.places, self.d_out = states, places, d_out
        self.width, self.blocks, self.heads, self.dropout = width, blocks, heads, dropout
        self.time = time_embedding(64, width)
        self.enter = nn.Embedding(states, width)
        self.where = nn.Parameter(torch.randn(places, width))
        self.stack = nn.ModuleList(DiTBlock(width, heads, dropout=dropout) for _ in range(blocks))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, d_out))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time, h = silu(self.time(t)), self.enter(x) + self.where
        for block in self.stack:
            h = block(h, time)
        return self.leave(h)
