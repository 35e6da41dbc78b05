"""The Transformer that looks back: blocks of attention and a perceptron, whole or step by step.

Source: Vaswani and others, "Attention is all you need", 2017, arXiv:1706.03762, section 3.1.
Departs: norms come before attention and perceptron, and once more at the end, and not after each
    sum; the perceptron has a GELU.
"""

import math

from torch import Tensor, nn

from ..errors import Refused
from .attention import CausalAttention, CrossAttention, KeysValues

Memory = tuple[KeysValues, tuple[Tensor, ...]]  # of the places so far; of the source


class CausalBlock(nn.Module):
    """Causal attention, a look at a source if there is one, and a perceptron, each added to x.

    Args:
        width: numbers of a place.
        heads: heads of each attention.
        source: numbers of a place of the source that is looked at; None for no source.
        growth: width of the perceptron's hidden layer, in widths of a token.
        rotary: that of `CausalAttention`.
        dropout: share of residuals and of attention weights set to zero in a round of training.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        source: int | None = None,
        growth: int = 4,
        rotary: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.width, self.heads, self.source = width, heads, source
        self.growth, self.rotary, self.dropout = growth, rotary, dropout
        self.norm = nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, rotary, dropout)
        self.cross_norm = nn.LayerNorm(width) if source else None
        self.cross = CrossAttention(width, heads, source) if source else None
        self.think_norm = nn.LayerNorm(width)
        self.think = nn.Sequential(
            nn.Linear(width, growth * width),
            nn.GELU(),
            nn.Linear(growth * width, width),
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, *source: Tensor) -> Tensor:
        """(n, length, width) -> the same; with a source, also that, as in `CrossAttention`."""
        x = x + self.drop(self.attention(self.norm(x)))
        return self._rest(x, self.cross.begin(*source) if self.cross else ())

    def begin(self, n: int, length: int, *source: Tensor) -> Memory:
        """Room for n rows of `length` places, and what is to be seen of the source."""
        return self.attention.begin(n, length), self.cross.begin(*source) if self.cross else ()

    def fill(self, x: Tensor, memory: Memory) -> Tensor:
        """The next k places at once: (n, k, width) -> the same."""
        x = x + self.drop(self.attention.fill(self.norm(x), memory[0]))
        return self._rest(x, memory[1])

    def weights(self, x: Tensor, *source: Tensor) -> Tensor:
        """How much each place looks at each of the source, (n, heads, length, m); sums to 1."""
        if self.cross is None or self.cross_norm is None:
            raise Refused(
                "CausalBlock: it was built without cross-attention, and got a source; build it with source=..."
            )
        return self.cross.weights(self.cross_norm(x + self.attention(self.norm(x))), *source)

    def _rest(self, x: Tensor, source: tuple[Tensor, ...]) -> Tensor:
        if self.cross is not None and self.cross_norm is not None:
            x = x + self.drop(self.cross.fill(self.cross_norm(x), source))
        return x + self.drop(self.think(self.think_norm(x)))


class CausalTransformer(nn.Module):
    """Blocks one after another, and a norm: (n, length, width) -> the same.

    What is added to x is small at first, the smaller the more layers add to it.

    Args:
        width: numbers of a place.
        layers: number of blocks.
        heads, source, growth, rotary, dropout: those of `CausalBlock`.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        source: int | None = None,
        growth: int = 4,
        rotary: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.width, self.layers, self.heads, self.source = width, layers, heads, source
        self.growth, self.rotary, self.dropout = growth, rotary, dropout
        self.blocks = nn.ModuleList(
            CausalBlock(width, heads, source, growth, rotary, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        for name, weight in self.named_parameters():
            if name.endswith(("output.weight", "think.2.weight")):  # what is added to x
                nn.init.normal_(weight, std=0.02 / math.sqrt(layers * (3 if source else 2)))

    def forward(self, x: Tensor, *source: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, *source)
        return self.norm(x)

    def begin(self, n: int, length: int, *source: Tensor) -> list[Memory]:
        """Room for n rows of `length` places, and what each block is to see of the source."""
        return [block.begin(n, length, *source) for block in self.blocks]

    def fill(self, x: Tensor, memory: list[Memory]) -> Tensor:
        """The next k places at once: (n, k, width) -> the same."""
        for block, mine in zip(self.blocks, memory, strict=True):
            x = block.fill(x, mine)
        return self.norm(x)

    def step(self, x: Tensor, memory: list[Memory]) -> Tensor:
        """The next place: (n, width) -> the same."""
        return self.fill(x[:, None], memory)[:, 0]
