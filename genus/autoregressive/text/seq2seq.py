"""Seq2Seq: one network reads a sentence, another writes its translation word by word.

    h_j = [forth(x_1 .. x_j); back(x_S .. x_j)]                     of each word that is read
    s_i = GRU(s_i-1, [E y_i-1; c_i])      t_i = U s_i + V E y_i-1 + C c_i
    p(y_i | y_<i, x) = softmax(W max(t_i's pairs))

Without attention all that is known of the sentence is one vector, c_i = [h's two ends], however long
it was. With attention, c_i is where the writer looks:

    e_ij = v . tanh(W_a s_i-1 + U_a h_j)       a_ij = softmax_j e_ij       c_i = sum_j a_ij h_j

so that the path from a word to its translation is short. And a_ij shows where a translation came from,
up to a place: the reader from behind has, where it is at h_j-1, just read x_j.

Source: Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and
    translate", 2015, arXiv:1409.0473, section 3 (attention, bidirectional reader); Cho and others,
    "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014, arXiv:1406.1078 (the one vector, shown at every step); Sutskever, Vinyals,
    Le, "Sequence to sequence learning with neural networks", 2014, arXiv:1409.3215.
Departs: the one vector has both ends of a bidirectional reader, so that the two kinds differ in
    attention alone; torch's GRU; the sentence's end is read as a word.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...core import Refused, Tokens
from ...functional.sequences.sequences import present, shifted
from ...nn.recurrent import Recurrent, State
from ..stepwise import Steps, Stepwise, log_chances
from .bidirectional import Bidirectional


@dataclass
class Seq2SeqMemory:
    """What is known while a translation is written.

    Args:
        state: state of the writer.
        read: c, (n, 1, 2 width), or what attention looks at, (n, length, 2 width).
        keys: U_a h, (n, length, attention), and which of them are there, (n, length).
    """

    state: State
    read: Tensor
    keys: tuple[Tensor, Tensor] | None

    def pick(self, rows: Tensor) -> None:
        """Continues with these rows, each for a row of the same context."""
        self.state = State([tuple(part[rows] for part in each) for each in self.state.layers])


class Seq2Seq(Stepwise):
    """p(y | x): a sentence, given another.

    Args:
        space: Tokens of the translation.
        context_space: Tokens of what is translated.
        width: numbers of the state of the writer, and of each of the two readers.
        embedding: numbers of a word.
        attention: hidden units of the network that compares s and h; None for one vector.
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]
    context_space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        space: Tokens,
        context_space: Tokens,
        width: int = 128,
        embedding: int = 64,
        attention: int | None = None,
    ):
        super().__init__()
        self.space, self.context_space = space, context_space
        self.width, self.embedding, self.attention = width, embedding, attention
        self.foreign = nn.Embedding(context_space.vocabulary, embedding)
        self.own = nn.Embedding(space.vocabulary + 1, embedding)  # the last one begins
        self.reader = Bidirectional(embedding, width)
        self.writer = Recurrent(embedding + 2 * width, width, 1, "gru")
        self.first = nn.Linear(width, width)
        self.loose = nn.Linear(embedding + 3 * width, 2 * width)
        self.output = nn.Linear(width, space.vocabulary)
        if attention is not None:
            self.query = nn.Linear(width, attention, bias=False)
            self.show = nn.Linear(2 * width, attention)
            self.compare = nn.Linear(attention, 1, bias=False)

    def logits(self, x: Tensor, context: Tensor) -> Tensor:
        """(n, length, vocabulary)."""
        words, memory = self.own(shifted(x, self.space.vocabulary)), self.begin(context)
        if memory.keys is None:
            seen = memory.read.expand(-1, x.shape[1], -1)
            states = self.writer.fill(torch.cat([words, seen], 2), memory.state)
        else:
            steps = [self._written(word, memory) for word in words.unbind(1)]
            states, seen = (torch.stack(parts, 1) for parts in zip(*steps, strict=True))
        return self._logits(states, words, seen)

    def log_probs(self, x: Tensor, *context: Tensor) -> Tensor:
        """log p(y_i | y_<i, x), nats, (n, length); none is computed after all have ended."""
        length = int(present(x, self.space.end).sum(1).max())
        each = log_chances(self.space, x[:, :length], self.logits(x[:, :length], *context))
        return nn.functional.pad(each, (0, x.shape[1] - length))

    def unroll(self, n: int, *context: Tensor) -> Steps:
        memory = self.begin(*context)
        came = torch.full((n,), self.space.vocabulary, device=memory.read.device)
        while True:
            came = yield self.step(came, memory)

    def begin(self, context: Tensor) -> Seq2SeqMemory:
        """Reads what is translated, once."""
        seen = present(context, self.context_space.end)
        seen = seen[:, : int(seen.sum(1).max())]
        h = self.reader(self.foreign(context[:, : seen.shape[1]]), seen)
        forth, back = self.reader.ends(h, seen)
        state = State([(self.first(back).tanh(),)])
        if self.attention is None:
            return Seq2SeqMemory(state, torch.cat([forth, back], 1)[:, None], None)
        return Seq2SeqMemory(state, h, (self.show(h), seen))

    def step(self, came: Tensor, memory: Seq2SeqMemory) -> Tensor:
        """Logits of the next word, (n, vocabulary), after the last one, (n,)."""
        word = self.own(came)
        s, c = self._written(word, memory)
        return self._logits(s, word, c)

    @torch.no_grad()
    def attention_map(self, x: Tensor, context: Tensor) -> Tensor:
        """a, (n, length, context's length): how much each word looks at each; 0 after ends."""
        if self.attention is None:
            raise Refused(
                "Seq2Seq: there is no attention map, because attention is None; build it with attention=WIDTH"
            )
        memory = self.begin(context)
        a = context.new_zeros(*x.shape, context.shape[1], dtype=memory.read.dtype)
        for i, word in enumerate(self.own(shifted(x, self.space.vocabulary)).unbind(1)):
            a[:, i, : memory.read.shape[1]] = self._looks(memory)
            self._written(word, memory)
        return a.masked_fill(~present(x, self.space.end)[:, :, None], 0)

    def _written(self, word: Tensor, memory: Seq2SeqMemory) -> tuple[Tensor, Tensor]:
        """s_i and c_i, (n, width) and (n, 2 width), after a word, (n, embedding)."""
        c = memory.read[:, 0]
        if memory.keys is not None:
            c = (self._looks(memory)[:, None] @ memory.read)[:, 0]
        return self.writer.step(torch.cat([word, c], 1), memory.state), c

    def _looks(self, memory: Seq2SeqMemory) -> Tensor:
        """a_i, (n, length of what is read)."""
        if memory.keys is None:
            raise Refused("Seq2Seq: there is no attention, because attention is None")
        keys, seen = memory.keys
        query = self.query(memory.state.layers[0][0])[:, None]
        e = self.compare((query + keys).tanh())[:, :, 0]
        return e.masked_fill(~seen, -torch.inf).softmax(1)

    def _logits(self, s: Tensor, word: Tensor, c: Tensor) -> Tensor:
        """Logits, (..., vocabulary)."""
        t = self.loose(torch.cat([s, word, c], -1))
        return self.output(t.unflatten(-1, (self.width, 2)).amax(-1))
