"""CharRNN: a recurrent network reads a text, and predicts at each place what comes next.

    h_t = cell(E x_t-1, h_t-1)        log p(x) = sum_t log p(x_t | h_t)        p(. | h_t) = softmax(W h_t + b)

The state has a fixed size, however much has been read: what is worth keeping is learnt, and a next
symbol costs the same at any place. So the model, which has learnt from windows of a text, can read
and write texts of any length: its state is carried from window to window.

Source: Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850,
    sections 2-3 (prediction of text, skips); cells: see `genus.nn.recurrent`.
Departs: the first symbol of a window follows on a symbol of its own, which stands for all that may
    have been before. Symbols are embedded: a matrix times the one-hot vector of the paper.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ...core import Tokens
from ...functional.numerics.threads import one_thread
from ...functional.sequences.choices import DRAWN, Decoding
from ...nn import Recurrent, State
from ...nn.recurrent import Cell
from ..stepwise import Steps, Stepwise, endless, log_chances

PIECE = 512  # symbols of a long text that are scored at once


class CharRNN(Stepwise):
    """A distribution on texts.

    Args:
        space: the symbols, and the length of a window.
        width: numbers of a layer's state, and of an embedded symbol.
        layers: recurrent layers, one after another.
        cell: "elman", "gru" or "lstm".
        skips: True if all layers see the symbol, and all are seen in the end.
        dropout: share of the numbers between layers, and before the last, set to zero in a round of
            training.
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        space: Tokens,
        width: int = 256,
        layers: int = 2,
        cell: Cell = "lstm",
        skips: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.space, self.width, self.layers, self.cell = space, width, layers, cell
        self.skips, self.dropout = skips, dropout
        self.embedding = nn.Embedding(space.vocabulary + 1, width)  # the last stands before all
        self.net = Recurrent(width, width, layers, cell, skips, dropout)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(self.net.d_out, space.vocabulary)

    # scores

    def logits(self, x: Tensor) -> Tensor:
        return self._read(self._before(x), self.net.begin(len(x)))

    @torch.no_grad()
    def along(self, x: Tensor) -> Tensor:
        """log p(x_t | all before) of each symbol of texts of any length, nats, (n, t) -> (n, t)."""
        endless(self.space, "CharRNN")
        memory, before = self.net.begin(len(x)), self._before(x)
        pieces = zip(x.split(PIECE, 1), before.split(PIECE, 1), strict=True)
        return torch.cat(
            [log_chances(self.space, now, self._read(seen, memory)) for now, seen in pieces], 1
        )

    def _before(self, x: Tensor) -> Tensor:
        """The symbol before each."""
        return pad(x[:, :-1], (1, 0), value=self.space.vocabulary)

    def _read(self, before: Tensor, memory: State) -> Tensor:
        """Logits of what follows on each symbol, (n, k) -> (n, k, vocabulary)."""
        h = self.net.fill(self.embedding(before), memory)
        return self.last(self.drop(h)).to(self.last.weight.dtype)  # no half precision in softmax

    # samples

    def unroll(self, n: int) -> Steps:
        memory = self.net.begin(n)
        came = torch.full((n,), self.space.vocabulary, device=self.last.weight.device)
        while True:
            came = yield self._next(came, memory)

    @torch.no_grad()
    @one_thread()
    def extend(self, x: Tensor, count: int, decoding: Decoding = DRAWN) -> Tensor:
        """What may follow on texts of any length, for any length: (n, t) -> (n, count)."""
        endless(self.space, "CharRNN")
        memory, u = self.net.begin(len(x)), torch.rand(len(x), count).to(self.last.weight)
        out = x.new_empty(len(x), count)
        for piece in pad(x, (1, 0), value=self.space.vocabulary).split(PIECE, 1):
            logits = self._read(piece, memory)[:, -1]
        for place in range(count):
            out[:, place] = decoding(logits, u[:, place])
            logits = self._next(out[:, place], memory)
        return out

    def _next(self, came: Tensor, memory: State) -> Tensor:
        """Logits of what follows on a symbol, (n,) -> (n, vocabulary)."""
        return self.last(self.drop(self.net.step(self.embedding(came), memory)))
