"""Rows to measure: samples, a split in a fixed order, on the model's device, with seeded noise.

A split may be larger than the memory: its rows are read in chunks, and kept only if one chunk is all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor

from ..core import GenerativeModel, Model, Refused, sample
from ..data.splits import Split
from .likelihood.likelihood import Batch, parts

CHUNK = 256 * 2**20  # bytes of rows that are in memory at once


def sampled(model: Model, n: int, context: Batch = (), seed: int = 0) -> Tensor:
    """n samples, (n, *shape), as `genus.sample` draws them; with a context, one for each of its rows."""
    if model.context_space is not None:
        return sample(model, None, seed, *context)
    return sample(model, n, seed)


def drawn(model: Model, n: int, context: Batch = (), rows: int = 500) -> Tensor:
    """n samples, (n, *shape), `rows` at once, of the noise as it comes: for figures during training."""
    if not isinstance(model, GenerativeModel):
        raise Refused(f"drawn: {type(model).__name__} cannot sample; a generative model can")
    if model.context_space is not None:
        return torch.cat([model.sample(context=part) for (part,) in parts(context, rows)])
    return torch.cat([model.sample(min(rows, n - i)) for i in range(0, n, rows)])


@contextmanager
def judging(model: Model, seed: int) -> Iterator[None]:
    """A context with the model in evaluation mode, seeded random streams and no gradients."""
    was = model.training
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model.eval()
        try:
            yield
        finally:
            model.train(was)


def on(model: Model, batch: Batch) -> Batch:
    """The batch on the model's device, real numbers in its precision."""
    at = next(chain(model.parameters(), model.buffers()), None)
    if at is None:
        return batch
    return tuple(x.to(at if x.is_floating_point() else at.device) for x in batch)


def shuffled(batch: Batch, n: int) -> Batch:
    """n rows in a fixed random order, repeated where there are fewer."""
    rows = _order(len(batch[0]), n)
    return tuple(x[rows.to(x.device)] for x in batch)


class Chosen:
    """Some rows of a split in some order, which are read when they are needed.

    Args:
        split: split of the rows.
        numbers: numbers of the rows, (n,) int64; by default all, in order.
        model: model whose device and precision the rows get; without one they stay as they are.
    """

    def __init__(self, split: Split, numbers: Tensor | None = None, model: Model | None = None):
        self.split, self.model = split, model
        self.numbers = torch.arange(len(split)) if numbers is None else numbers
        self.kept: Batch | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def shuffled(self, n: int) -> "Chosen":
        """n of these rows in a fixed random order, repeated where there are fewer."""
        return Chosen(self.split, self.numbers[_order(len(self), n)], self.model)

    def first(self, n: int) -> Batch:
        """The first n of these rows."""
        if self.kept is not None:
            return tuple(x[:n] for x in self.kept)
        return self._read(self.numbers[:n])

    def whole(self) -> Batch:
        """All of these rows in memory."""
        return self.first(len(self))

    def blocks(self, rows: int) -> Iterator[Batch]:
        """All of these rows, `rows` at once."""
        each = sum(x[0].nbytes for x in self._read(self.numbers[:1]))
        most = max(1, CHUNK // (each * rows)) * rows  # whole blocks
        for numbers in self.numbers.split(most):
            chunk = self._read(numbers) if self.kept is None else self.kept
            if len(numbers) == len(self):
                self.kept = chunk
            yield from parts(chunk, rows)

    def _read(self, numbers: Tensor) -> Batch:
        rows = self.split.take(numbers)
        return rows if self.model is None else on(self.model, rows)


def _order(rows: int, n: int) -> Tensor:
    """Numbers of n rows in a fixed random order, repeated where there are fewer."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(0))
    return order[torch.arange(n) % len(order)]
