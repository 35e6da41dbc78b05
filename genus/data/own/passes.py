"""Passes over a loader of PyTorch, which can be begun at any batch."""

from collections.abc import Generator, Iterator, Sized
from functools import cached_property
from itertools import count
from typing import Any, cast

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from ...core import Refused
from ...core.seeds import mix
from .items import FIXED, seeded

ORDERLY = (  # samplers whose order their generator decides, or else the streams of torch
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


class Numbers:
    """The numbers of a data set in the place of its items: what a sampler says without reading."""

    def __init__(self, size: int):
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, number: Any) -> Any:
        return number


class Passes:
    """The epochs of a loader, one after another.

    A generator begins at its seed, and its epochs are those of a loop over the loader. Without one,
    each epoch is seeded by its number, and so is what is random in each batch.

    Args:
        loader: loader of batches.
        who: description of the loader in messages.
    """

    def __init__(self, loader: DataLoader[Any], who: str):
        self.loader, self.who = loader, who
        self.streamed = isinstance(loader.dataset, IterableDataset)
        self.length = None if self.streamed else _length(loader)  # batches of an epoch, if known
        if self.length == 0:
            raise self.empty()

    def from_number(self, number: int, seed: int) -> Iterator[Any]:
        """All batches from this number on, without end.

        The epochs before are gone through without reading an item; the first batches of its own epoch
        are read again.
        """
        epochs = 0 if self.length is None else number // self.length
        self.rewind()
        if self.generators:
            for epoch in range(epochs):
                self._begin(epoch)
                for _ in self._beside(Numbers(len(cast(Sized, self.loader.dataset)))):
                    pass
        at = epochs * (self.length or 0)
        for epoch in count(epochs):
            begun = at
            self._begin(epoch)
            with seeded(mix(seed, at)):
                batches = iter(self.loader)
                batch = next(batches, None)
            while batch is not None:
                if at >= number:
                    yield batch
                at += 1
                with seeded(mix(seed, at)):
                    batch = next(batches, None)
            if at == begun:
                raise self.empty()

    def apart(self) -> Generator[Any, None, None]:
        """The batches of the first epoch, beside a pass that goes on: it does not notice."""
        states = [generator.get_state() for generator in self.generators]
        self.rewind()
        self._begin(0)
        try:
            with seeded(FIXED):
                yield from self._beside(self.loader.dataset)
        finally:
            for generator, state in zip(self.generators, states, strict=True):
                generator.set_state(state)

    def rewind(self) -> None:
        """Sets each generator to its seed."""
        for generator in self.generators:
            generator.manual_seed(generator.initial_seed())

    @property
    def ragged(self) -> bool:
        """Whether the last batch of an epoch may have fewer rows."""
        batches = self.loader.batch_sampler
        if not isinstance(batches, BatchSampler) or batches.drop_last:
            return False
        return self.length is None or len(cast(Sized, batches.sampler)) % batches.batch_size != 0

    @property
    def inexact(self) -> str:
        """Why two passes may differ; "" if they may not."""
        if self.streamed:
            return "its IterableDataset has no numbers, so its rows may come in another order"
        if self.loader.persistent_workers:
            return "the random streams of its persistent_workers are not kept"
        for sampler in self.samplers:
            if type(sampler) not in ORDERLY and not hasattr(sampler, "set_epoch"):
                return f"its {type(sampler).__name__} may remember where it was"
        return ""

    @property
    def samplers(self) -> list[Any]:
        """What chooses rows, and what makes batches of them, if anything does."""
        batches = self.loader.batch_sampler
        inside = getattr(batches, "sampler", self.loader.sampler)
        return [inside] if batches is None else [inside, batches]

    @cached_property
    def generators(self) -> list[torch.Generator]:
        """The random streams of the loader and its samplers, each once."""
        found = [getattr(owner, "generator", None) for owner in (self.loader, *self.samplers)]
        return [*dict.fromkeys(one for one in found if isinstance(one, torch.Generator))]

    def _begin(self, epoch: int) -> None:
        """Tells a sampler that wants to know it which epoch begins."""
        for sampler in self.samplers:
            if (tell := getattr(sampler, "set_epoch", None)) is not None:
                tell(epoch)

    def _beside(self, dataset: Any) -> DataLoader[Any]:
        """A loader with the same samplers, without workers, for a pass of its own."""
        loader, whole = self.loader, dataset is self.loader.dataset
        how: dict[str, Any] = {"generator": loader.generator}
        if whole:
            how["collate_fn"] = loader.collate_fn
        elif loader.batch_sampler is not None:
            how["collate_fn"] = len
        if loader.batch_sampler is None:
            how |= {"batch_size": None, "sampler": None if self.streamed else loader.sampler}
        elif self.streamed:
            how |= {"batch_size": loader.batch_size, "drop_last": loader.drop_last}
        else:
            how |= {"batch_sampler": loader.batch_sampler}
        return DataLoader(dataset, **how)

    def empty(self) -> Refused:
        """The error of a loader that gives nothing."""
        return Refused(f"{self.who}: gives no batch; at least one is wanted")


def _length(loader: DataLoader[Any]) -> int | None:
    """The number of batches in an epoch; None if the sampler does not know it."""
    try:
        return len(loader)
    except TypeError:
        return None
