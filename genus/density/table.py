"""Table: one probability for every x there is.

Where x can be counted, counting is all there is to learn: the likelihood is largest where the
probabilities are the frequencies. To sample, a uniform number is looked up in their running sum.

    p(x) = (count of x + alpha) / (rows + alpha states)
    x = the first state whose running sum of p is above u,  u ~ U(0, 1)

Source: Murphy, "Machine learning: a probabilistic perspective", 2012, section 3.4, with
    the additive smoothing of Laplace.
Departs: nothing.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Refused, Space

MOST = 2**22  # states in a table: 16 MB


class Table(GenerativeModel):
    """Any distribution on a space small enough to be counted.

    Args:
        space: Bits, Tokens, Classes or Pixels with at most 2**22 states in all.
        smoothing: alpha, how often every state is taken to have been seen before, at least 0;
            at 0, what has not been seen has probability 0.
    """

    def __init__(self, space: Space, smoothing: float = 0.0):
        super().__init__()
        self.space, self.smoothing = space, smoothing
        if space.cardinality is None:
            raise Refused(f"Table: space is {space}; Bits, Tokens, Classes or Pixels are wanted")
        self.levels = space.cardinality
        states = self.levels**space.dims
        if states > MOST:
            raise Refused(
                f"Table: {space} has {self.levels}**{space.dims} states; at most {MOST} are wanted; "
                f"an autoregressive model has no such limit"
            )
        if smoothing < 0:
            raise Refused(f"Table: smoothing is {smoothing}; it cannot be negative")
        self.logits = nn.Parameter(torch.zeros(states))

    def number(self, x: Tensor) -> Tensor:
        """Which state each row is, (n,): its values are the digits, the first the most significant."""
        values = self.space.indices(x)
        places = self.levels ** torch.arange(self.space.dims - 1, -1, -1, device=x.device)
        return values.reshape(len(x), self.space.dims) @ places

    def state(self, number: Tensor) -> Tensor:
        """x of each number, (n, *space.shape): `number` undone."""
        places = self.levels ** torch.arange(self.space.dims - 1, -1, -1, device=number.device)
        values = (number[:, None] // places % self.levels).reshape(-1, *self.space.shape)
        return self.space.values(values, self.logits.dtype)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.logits.log_softmax(0)[self.number(x)]

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Counts the rows: one step."""
        counts = torch.bincount(self.number(x), minlength=len(self.logits)).to(self.logits)
        self.logits.copy_((counts + self.smoothing).log())
        yield self.loss(x)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        running = self.logits.double().softmax(0).cumsum(0)
        u = torch.rand(n, dtype=running.dtype, device=running.device) * running[-1]
        return self.state(torch.searchsorted(running, u, right=True))
