"""Transformer: at each place attention looks at all that has been read, and predicts what is next.

    h = blocks(E x_<t)        log p(x) = sum_t log p(x_t | h_t)        p(. | h_t) = softmax(E h_t)

No state must hold what has been read: it is all there, and each place looks up what it needs, at
whatever distance, in one step. A whole window is learnt from in one pass. To write, keys and values
of what has been written are kept. Places are rotations, so that what counts is the distance.

Source: Vaswani and others, "Attention is all you need", 2017, arXiv:1706.03762 (the decoder, by
    itself); norms first: Radford and others, "Language models are unsupervised multitask learners",
    2019, section 2.3; rotations: Su and others, "RoFormer", 2021, arXiv:2104.09864; one matrix
    for symbols read and symbols predicted: Press, Wolf, "Using the output embedding to
    improve language models", 2017, arXiv:1608.05859.
Departs: no source sentence. The first symbol of a window follows on a symbol of its own, which
    stands for all that may have been before.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ...core import Tokens
from ...functional.numerics.threads import one_thread
from ...functional.sequences.choices import DRAWN, Decoding
from ...nn import CausalTransformer
from ...nn.transformer import Memory
from ..stepwise import Steps, Stepwise, endless

ROWS = 64  # windows of a long text that are scored at once


class Transformer(Stepwise):
    """A distribution on texts.

    Args:
        space: the symbols, and the length of a window: attention sees no further.
        width: numbers of a place.
        layers: blocks of attention and a perceptron.
        heads: heads of each attention; width must be a multiple.
        dropout: share of residuals and of attention weights set to zero in a round of training.
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        space: Tokens,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.space, self.width, self.layers, self.heads = space, width, layers, heads
        self.dropout = dropout
        self.embedding = nn.Embedding(space.vocabulary + 1, width)  # the last stands before all
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.drop = nn.Dropout(dropout)
        self.net = CausalTransformer(width, layers, heads, dropout=dropout)

    # scores

    def logits(self, x: Tensor) -> Tensor:
        before = pad(x[:, :-1], (1, 0), value=self.space.vocabulary)
        return self._logits(self.net(self.drop(self.embedding(before))))

    @torch.no_grad()
    def along(self, x: Tensor) -> Tensor:
        """log p(x_t | what is before, in its window), nats, of texts of any length, (n, t) -> (n, t).

        Windows overlap by half, and each symbol is scored where it has more before it.
        """
        endless(self.space, "Transformer")
        (n, length), window = x.shape, self.space.length
        if length <= window:
            return self.log_probs(x)
        stride = max(1, window // 2)
        first = window - stride
        starts = [*range(stride, length - window, stride), length - window]
        out = x.new_empty(n, length, dtype=self.embedding.weight.dtype)
        out[:, :window] = self.log_probs(x[:, :window])
        rows = x.unfold(1, window, 1)[:, starts]  # (n, windows, window)
        scores = torch.cat([self.log_probs(part) for part in rows.flatten(0, 1).split(ROWS)])
        for start, score in zip(starts, scores.unflatten(0, (n, -1)).unbind(1), strict=True):
            out[:, start + first : start + window] = score[:, first:]
        return out

    def _logits(self, h: Tensor) -> Tensor:
        """(..., width) -> logits, (..., vocabulary)."""
        logits = h @ self.embedding.weight[:-1].T
        return logits.to(self.embedding.weight.dtype)  # no half precision in the softmax

    # samples

    def unroll(self, n: int) -> Steps:
        memory = self.net.begin(n, self.space.length)
        came = torch.full((n,), self.space.vocabulary, device=self.embedding.weight.device)
        while True:
            came = yield self._next(came, memory)

    @torch.no_grad()
    @one_thread()
    def extend(self, x: Tensor, count: int, decoding: Decoding = DRAWN) -> Tensor:
        """What may follow on texts of any length, for any length: (n, t) -> (n, count).

        Once the window is full, its second half is read anew as the first half of the next.
        """
        endless(self.space, "Transformer")
        (n, length), window = x.shape, self.space.length
        text = torch.cat([x, x.new_empty(n, count)], 1)
        u = torch.rand(n, count).to(self.embedding.weight)
        memory, room = [], 0  # how many more symbols there is room for
        for place in range(length, length + count):
            if room == 0:
                kept = text[:, place - window // 2 if place >= window else 0 : place]
                memory, room = self.net.begin(n, window), window - kept.shape[1] - 1
                before = self.embedding(pad(kept, (1, 0), value=self.space.vocabulary))
                logits = self._logits(self.net.fill(self.drop(before), memory)[:, -1])
            else:
                logits, room = self._next(text[:, place - 1], memory), room - 1
            text[:, place] = decoding(logits, u[:, place - length])
        return text[:, length:]

    def _next(self, came: Tensor, memory: list[Memory]) -> Tensor:
        """Logits of what follows on a symbol, (n,) -> (n, vocabulary)."""
        return self._logits(self.net.step(self.drop(self.embedding(came)), memory))
