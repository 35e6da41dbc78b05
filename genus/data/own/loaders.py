"""PyTorch's loaders: their batches, in their order, each a function of its number."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, DistributedSampler

from ...core import Refused
from ..splits import Batch
from .items import Wanted, look
from .passes import Passes


class Loaded:
    """The batches of a loader, whose sampler, batch size, workers and last batch stay as they are.

    Args:
        loader: loader of batches.
        wanted: what batches are wanted.
    """

    def __init__(self, loader: DataLoader[Any], wanted: Wanted):
        self.loader, self.wanted, self.name = loader, wanted, type(loader.dataset).__name__
        self.space, self.context_space = wanted.space, wanted.context_space
        if isinstance(loader.sampler, DistributedSampler):
            raise Refused(
                f"{wanted.who}: has a DistributedSampler, and fit divides each batch among the ranks "
                f"itself; give the loader of the whole data to every rank"
            )
        self.passes = Passes(loader, wanted.who)
        single = not self.passes.streamed and loader.batch_sampler is not None
        self.look = look(loader.dataset, cast(Any, loader.collate_fn), wanted) if single else ""
        self.next: tuple[int, int] | None = None  # number and seed of the batch that comes next
        self.rounds: Iterator[Any] = iter(())

    @property
    def size(self) -> int | None:
        """The number of rows in a batch; None if the loader does not say."""
        if self.loader.batch_size is not None:
            return self.loader.batch_size
        return getattr(self.loader.batch_sampler, "batch_size", None)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the loader's settings, of the number of items and of 64 of them, at equal distances.

        Of an IterableDataset, or a data set of whole batches, nothing is read: its class counts.
        """
        passes, spaces = self.passes, (self.space, self.context_space)
        kinds = [type(part).__name__ for part in (self.loader.dataset, *passes.samplers)]
        seeds = [generator.initial_seed() for generator in passes.generators]
        parts = [*kinds, self.size, passes.length, seeds, spaces, self.look]
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """The batch of this number, of as many rows as the loader gives.

        Another size gets the first rows, whatever the number: a look that disturbs no order.
        """
        if self.size is not None and size != self.size:
            return self._first(size)
        if (number, seed) != self.next:
            self.rounds = self.passes.from_number(number, seed)
        self.next = (number + 1, seed)
        return self.wanted.of(next(self.rounds))

    def everything(self) -> Batch:
        """All rows of an epoch, in its order."""
        if self.passes.streamed and not hasattr(self.loader.dataset, "__len__"):
            raise Refused(
                f"{self.wanted.who}: all rows are wanted at once, and an IterableDataset may have no "
                f"end; give them as a tensor"
            )
        return self._first(None)

    def _first(self, rows: int | None) -> Batch:
        """The first rows of an epoch, repeated if it has fewer; without a number, all."""
        found: list[Batch] = []
        with closing(self.passes.apart()) as batches:
            for batch in batches:
                found.append(self.wanted.of(batch))
                if rows is not None and sum(len(x) for x, *_ in found) >= rows:
                    break
        if not found:
            raise self.passes.empty()
        whole = [torch.cat(parts) for parts in zip(*found, strict=True)]
        return tuple(x[torch.arange(rows or len(x)) % len(x)] for x in whole)
