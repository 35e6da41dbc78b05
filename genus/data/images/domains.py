"""Two sets of pictures without pairs, for translation from one to the other."""

import torch
from torch import Tensor

from ..splits import Batch, Rows, Split


class Unpaired(Split):
    """A split of two domains: a batch is (x, context), rows of B and, independent of them, rows of A.

    Args:
        a, b: rows of each domain.
        name: name of the split in messages.
    """

    unpaired = True

    def __init__(self, a: Rows, b: Rows, name: str):
        self.a, self.b, self.name = a, b, name
        self.space, self.context_space = b.space, a.space

    def __len__(self) -> int:
        """The number of rows of the larger domain; those of the smaller one are repeated."""
        return max(len(self.a), len(self.b))

    def content(self) -> str:
        return f"{self.a.fingerprint} {self.b.fingerprint}"

    def batch(self, number: int, size: int, seed: int) -> Batch:
        (x,), (context,) = self.b.batch(number, size, seed), self.a.batch(number, size, seed + 1)
        return x, context

    def first(self, n: int) -> Batch:
        return self.take(torch.arange(min(n, len(self))))

    def take(self, indices: Tensor) -> Batch:
        x, context = (
            side.take(side.positions(0, len(self), 0)[indices])[0] for side in (self.b, self.a)
        )
        return x, context

    def everything(self) -> Batch:
        return self.first(len(self))

    def labelled(self) -> Split:
        return self._no_labels()
