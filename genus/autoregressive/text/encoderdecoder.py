"""The transformer as it was first: an encoder that reads a sentence, a decoder that writes another.

    read    h = h + attend(norm(h));  h = h + think(norm(h))                        each word to all
    write   s = s + attend(norm(s), to s_<=i);  s = s + attend(norm(s), to read);  s = s + think(norm(s))
    p(y_i | y_<i, x) = softmax(W s_i)

There is no state that a sentence must pass through: every word is one step from every other, all are
computed at once, and a word of the translation can look wherever in the sentence its own is. To write,
the sentence's keys and values are computed once, and the translation's as its words come.

Source: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin, "Attention is all you
    need", 2017, arXiv:1706.03762, section 3.
Departs: layers are normalised before and not after they are added to, which learns without a long
    warm-up; GELU; the translation's places are given by rotating keys and queries (Su and others,
    arXiv:2104.09864), the sentence's by sines and cosines, as they were.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ...core import Tokens, at_least
from ...functional.sequences.sequences import present, shifted
from ...nn import CausalTransformer
from ...nn.attention import CrossAttention, sinusoids
from ...nn.transformer import Memory as BlockMemory
from ..stepwise import Steps, Stepwise, log_chances


class EncoderBlock(nn.Module):
    """A block of the encoder: (n, length, width) -> the same."""

    def __init__(self, width: int, heads: int, growth: int, dropout: float):
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = CrossAttention(width, heads)
        self.think = nn.Sequential(
            nn.Linear(width, growth * width),
            nn.GELU(),
            nn.Linear(growth * width, width),
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, seen: Tensor) -> Tensor:
        normal = self.before(h)
        h = h + self.drop(self.attend(normal, normal, seen))
        return h + self.drop(self.think(self.between(h)))


@dataclass
class DecoderMemory:
    """What is known while a translation is written: of each block, its own words, and what is read."""

    blocks: list[BlockMemory]

    def pick(self, rows: Tensor) -> None:
        """Continues with these rows, each for a row of the same context."""
        for own, _ in self.blocks:
            own.keys, own.values = own.keys[rows], own.values[rows]


class EncoderDecoder(Stepwise):
    """p(y | x): a sentence, given another.

    Args:
        space: Tokens of the translation.
        context_space: Tokens of what is translated.
        width: numbers of a word; even, and a multiple of heads.
        depth: blocks of the encoder, and of the decoder.
        heads: attention heads; width / heads must be even.
        growth: width of the perceptrons' hidden layer, in widths of a word.
        dropout: share of residuals set to zero in a round of training, in [0, 1).
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]
    context_space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        space: Tokens,
        context_space: Tokens,
        width: int = 128,
        depth: int = 2,
        heads: int = 4,
        growth: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        at_least(1, "EncoderDecoder", depth=depth, growth=growth)
        self.space, self.context_space = space, context_space
        self.width, self.depth, self.heads = width, depth, heads
        self.growth, self.dropout = growth, dropout
        self.foreign = nn.Embedding(context_space.vocabulary, width)
        self.own = nn.Embedding(space.vocabulary + 1, width)  # the last one begins
        self.readers = nn.ModuleList(
            EncoderBlock(width, heads, growth, dropout) for _ in range(depth)
        )
        self.read_norm = nn.LayerNorm(width)
        self.writer = CausalTransformer(width, depth, heads, width, growth, dropout=dropout)
        self.output = nn.Linear(width, space.vocabulary)
        for words in (self.foreign, self.own):
            nn.init.normal_(words.weight, std=width**-0.5)

    def logits(self, x: Tensor, context: Tensor) -> Tensor:
        """(n, length, vocabulary)."""
        words = self._words(shifted(x, self.space.vocabulary))
        return self.output(self.writer(words, *self._read(context)))

    def log_probs(self, x: Tensor, *context: Tensor) -> Tensor:
        """log p(y_i | y_<i, x), nats, (n, length); none is computed after all have ended."""
        length = int(present(x, self.space.end).sum(1).max())
        each = log_chances(self.space, x[:, :length], self.logits(x[:, :length], *context))
        return pad(each, (0, x.shape[1] - length))

    def unroll(self, n: int, *context: Tensor) -> Steps:
        memory = self.begin(*context)
        came = torch.full((n,), self.space.vocabulary, device=self.own.weight.device)
        while True:
            came = yield self.step(came, memory)

    def begin(self, context: Tensor) -> DecoderMemory:
        """Reads what is translated, once."""
        return DecoderMemory(
            self.writer.begin(len(context), self.space.length, *self._read(context))
        )

    def step(self, came: Tensor, memory: DecoderMemory) -> Tensor:
        """Logits of the next word, (n, vocabulary), after the last one, (n,)."""
        return self.output(self.writer.step(self._words(came), memory.blocks))

    @torch.no_grad()
    def attention_map(self, x: Tensor, context: Tensor, block: int = -1) -> Tensor:
        """How much each word looks at each, the mean of a block's heads; 0 after ends.

        (n, length, context's length).
        """
        h, seen = self._read(context)
        s = self._words(shifted(x, self.space.vocabulary))
        blocks = list(self.writer.blocks)
        looks = blocks[block]
        for before in blocks[: blocks.index(looks)]:
            s = before(s, h, seen)
        a = pad(looks.weights(s, h, seen).mean(1), (0, context.shape[1] - seen.shape[1]))
        return a.masked_fill(~present(x, self.space.end)[:, :, None], 0)

    def _words(self, words: Tensor) -> Tensor:
        """Words of the translation, (...) -> (..., width)."""
        return math.sqrt(self.width) * self.own(words)

    def _read(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """What the encoder makes of each word, (n, length, width), and which are there, (n, length)."""
        seen = present(context, self.context_space.end)
        seen = seen[:, : int(seen.sum(1).max())]
        h = math.sqrt(self.width) * self.foreign(context[:, : seen.shape[1]])
        h = h + sinusoids(seen.shape[1], self.width, h)
        for block in self.readers:
            h = block(h, seen)
        return self.read_norm(h), seen
