"""Skip-gram: words as vectors, learned by telling a word's neighbours from words drawn at random.

    loss = -log sigmoid(u_c . v_w) - sum_k log sigmoid(-u_ck . v_w)         c_k ~ q(c), count(c)^(3/4)
    p(c | w) = softmax_c(u_c . v_w + log q(c))

The loss classifies each pair: it was met, or made up with a c from q. Where vectors are long enough
its best answer is u . v = log p(c | w) - log(k q(c)), so that a pair's product is how much oftener it is
met than chance would have it; and q times its exponential, normalised, is the distribution of a word's
neighbour. That is what this model is a model of: it draws one neighbour of each word it is given, and
knows its probability. What it is used for are the vectors v: words that keep the same company lie in the
same direction, and what differs between two words differs alike between two others.

Source: Mikolov, Sutskever, Chen, Corrado, Dean, "Distributed representations of words and phrases and
    their compositionality", 2013, arXiv:1310.4546, equation 4 (the loss) and section 2.2; what its
    minimum is: Levy, Goldberg, "Neural word embedding as implicit matrix factorization", 2014.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ...core import Classes, GenerativeModel, Losses, Refused
from ...functional.sequences.choices import pick


class SkipGram(GenerativeModel):
    """p(neighbour | word), and a vector for each word.

    Args:
        space: space of words.
        width: numbers of a vector.
        negatives: k, the words drawn at random for each pair.
        power: exponent of a word's count in q, in [0, 1]: 0 makes all words equally likely.
    """

    space: Classes  # pyright: ignore[reportIncompatibleVariableOverride]
    counts: Tensor  # of each word, (words,)

    def __init__(self, space: Classes, width: int = 50, negatives: int = 5, power: float = 0.75):
        super().__init__()
        if negatives < 1 or not 0 <= power <= 1:
            raise Refused(
                f"SkipGram: negatives is {negatives}, power {power}; at least 1, and a power in "
                f"[0, 1], are wanted"
            )
        self.space = self.context_space = space
        self.width, self.negatives, self.power = width, negatives, power
        self.v = nn.Embedding(space.count, width)
        self.u = nn.Embedding(space.count, width)
        nn.init.normal_(self.v.weight, std=1 / math.sqrt(width))
        nn.init.zeros_(self.u.weight)
        self.register_buffer("counts", torch.ones(space.count))

    def prepare(self, x: Tensor, context: Tensor) -> None:
        """Counts neighbours, (n,); one is added to each, so that no word is impossible."""
        self.space.check(x, "SkipGram")
        self.counts.copy_(torch.bincount(x, minlength=self.space.count) + 1)

    @property
    def vectors(self) -> Tensor:
        """v, (words, width)."""
        return self.v.weight.detach()

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """(n,) nats."""
        return self._logits(context).log_softmax(1).gather(1, x[:, None])[:, 0]

    def loss(self, *batch: Tensor) -> Losses:
        """Negative sampling, of pairs (neighbour, word), nats per pair."""
        x, context = batch
        v, n = self.v(context), len(x)
        made_up = self.noise_log_prob().exp().multinomial(n * self.negatives, replacement=True)
        real = (self.u(x) * v).sum(1)
        false = (self.u(made_up.reshape(n, -1)) @ v[:, :, None])[:, :, 0]
        return {"met": -logsigmoid(real).mean(), "made_up": -logsigmoid(-false).sum(1).mean()}

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        context = self.context_given(n, context)
        logits = self._logits(context)
        return pick(logits, torch.rand(len(context), dtype=logits.dtype, device=logits.device))

    def noise_log_prob(self) -> Tensor:
        """log q, (words,)."""
        return (self.power * self.counts.log()).log_softmax(0).to(self.v.weight)

    def _logits(self, words: Tensor) -> Tensor:
        """Of every neighbour, (n, words)."""
        return self.v(words) @ self.u.weight.T + self.noise_log_prob()
