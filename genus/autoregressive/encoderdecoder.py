"""The transformer as it was first: an encoder that reads a sentence, a decoder that writes another.

    read    h = h + attend(norm(h));  h = h + think(norm(h))                        each word to all
    write   s = s + attend(norm(s), to s_<=i);  s = s + attend(norm(s), to read);  s = s + think(norm(s))
    p(y_i | y_<i, x) = softmax(W s_i)

There is no state that a sentence must pass through: every word is one step from every other, all are
computed at once, and a word of the translation can look wherever in the sentence its own is. To write,
the sentence's keys and values are made once, and the translation's as its words come.

Source: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin, "Attention is all you
    need", 2017, arXiv:1706.03762, section 3.
Departs: layers are normalised before and not after they are added to, which learns without a long
    warm-up; GELU; the translation's places are told by rotating keys and queries (Su and others,
    arXiv:2104.09864), the sentence's by sines and cosines, as they were.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ..core import Tokens
from ..functional.sequences import present, shifted
from ..nn.attention import CausalAttention, CrossAttention, KeysValues, sinusoids
from .stepwise import ConditionalStepwiseModel, Steps, log_chances


class Reader(nn.Module):
    """A block of the encoder: (n, length, width) -> the same."""

    def __init__(self, width: int, heads: int, growth: int, dropout: float):
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = CrossAttention(width, heads)
        self.think = _perceptron(width, growth, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, seen: Tensor) -> Tensor:
        normal = self.before(h)
        h = h + self.drop(self.attend(normal, normal, seen))
        return h + self.think(self.between(h))


class Writer(nn.Module):
    """A block of the decoder: (n, length, width) -> the same."""

    def __init__(self, width: int, heads: int, growth: int, dropout: float):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.recall = CausalAttention(width, heads)
        self.attend = CrossAttention(width, heads)
        self.think = _perceptron(width, growth, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, s: Tensor, read: tuple[Tensor, ...]) -> Tensor:
        s = s + self.drop(self.recall(self.norms[0](s)))
        return self._rest(s, read)

    def begin(self, n: int, length: int) -> KeysValues:
        """Room for n rows of `length` places."""
        return self.recall.begin(n, length)

    def read(self, h: Tensor, seen: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of what the encoder gives, and which of its places are there."""
        return self.attend.begin(h, seen)

    def looks(self, s: Tensor, h: Tensor, seen: Tensor) -> Tensor:
        """How much each place looks at each that was read, the mean of heads, (n, length, m)."""
        s = s + self.recall(self.norms[0](s))
        return self.attend.weights(self.norms[1](s), h, seen).mean(1)

    def step(self, s: Tensor, own: KeysValues, read: tuple[Tensor, ...]) -> Tensor:
        """One place, (n, 1, width)."""
        return self._rest(s + self.recall.fill(self.norms[0](s), own), read)

    def _rest(self, s: Tensor, read: tuple[Tensor, ...]) -> Tensor:
        s = s + self.drop(self.attend.fill(self.norms[1](s), read))
        return s + self.think(self.norms[2](s))


def _perceptron(width: int, growth: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, growth * width),
        nn.GELU(),
        nn.Linear(growth * width, width),
        nn.Dropout(dropout),
    )


@dataclass
class Memory:
    """What is known while a translation is written: of each block, its own words, and what is read."""

    own: list[KeysValues]
    read: list[tuple[Tensor, ...]]

    def pick(self, rows: Tensor) -> None:
        """Goes on with these rows, each for a row of the same context."""
        for each in self.own:
            each.keys, each.values = each.keys[rows], each.values[rows]


class EncoderDecoder(ConditionalStepwiseModel):
    """p(y | x): a sentence, given another.

    Args:
        space: of the translation.
        context_space: of what is translated.
        width: numbers of a word; even, and a multiple of heads.
        depth: blocks of the encoder, and of the decoder.
        heads: of the attention; width / heads must be even.
        growth: how many times as wide as a word the hidden layer of a perceptron is.
        dropout: the share of what is added that is dropped in training, in [0, 1).
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
        if depth < 1 or growth < 1:
            raise ValueError(
                f"EncoderDecoder: depth is {depth}, growth {growth}; at least 1 is wanted"
            )
        self.space, self.context_space = space, context_space
        self.width, self.depth, self.heads = width, depth, heads
        self.growth, self.dropout = growth, dropout
        self.foreign = nn.Embedding(context_space.vocabulary, width)
        self.own = nn.Embedding(space.vocabulary + 1, width)  # the last one begins
        sizes = (width, heads, growth, dropout)
        self.readers = nn.ModuleList(Reader(*sizes) for _ in range(depth))
        self.writers = nn.ModuleList(Writer(*sizes) for _ in range(depth))
        self.read_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.say = nn.Linear(width, space.vocabulary)
        for words in (self.foreign, self.own):
            nn.init.normal_(words.weight, std=width**-0.5)

    def logits(self, x: Tensor, context: Tensor) -> Tensor:
        """(n, length, vocabulary)."""
        s = self._words(shifted(x, self.space.vocabulary))
        for block, read in zip(self.writers, self._read(context), strict=True):
            s = block(s, read)
        return self.say(self.norm(s))

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

    def begin(self, context: Tensor) -> Memory:
        """Reads what is translated, once."""
        n, length = len(context), self.space.length
        own = [block.begin(n, length) for block in self.writers]
        return Memory(own, self._read(context))

    def step(self, came: Tensor, memory: Memory) -> Tensor:
        """Logits of the next word, (n, vocabulary), after the last one, (n,)."""
        s = self._words(came[:, None])
        for block, own, read in zip(self.writers, memory.own, memory.read, strict=True):
            s = block.step(s, own, read)
        return self.say(self.norm(s))[:, 0]

    @torch.no_grad()
    def attention_map(self, x: Tensor, context: Tensor, block: int = -1) -> Tensor:
        """How much each word looks at each, the mean of a block's heads; 0 after ends.

        (n, length, context's length).
        """
        h, seen = self._encoded(context)
        s = self._words(shifted(x, self.space.vocabulary))
        looked = list(self.writers)[block]
        for writer in self.writers:
            if writer is looked:
                break
            s = writer(s, writer.read(h, seen))
        a = pad(looked.looks(s, h, seen), (0, context.shape[1] - seen.shape[1]))
        return a.masked_fill(~present(x, self.space.end)[:, :, None], 0)

    def _words(self, words: Tensor) -> Tensor:
        """Words of the translation, (n, places) -> (n, places, width)."""
        return math.sqrt(self.width) * self.own(words)

    def _read(self, context: Tensor) -> list[tuple[Tensor, ...]]:
        """The keys and values of what is translated, for each block of the decoder."""
        h, seen = self._encoded(context)
        return [block.read(h, seen) for block in self.writers]

    def _encoded(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """What the encoder makes of each word, (n, length, width), and which are there, (n, length)."""
        seen = present(context, self.context_space.end)
        seen = seen[:, : int(seen.sum(1).max())]
        h = math.sqrt(self.width) * self.foreign(context[:, : seen.shape[1]])
        h = h + sinusoids(seen.shape[1], self.width, h)
        for block in self.readers:
            h = block(h, seen)
        return self.read_norm(h), seen
