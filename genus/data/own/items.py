"""PyTorch's data sets: items that are read when they are needed."""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from ...core import Refused, Space
from ...core.seeds import mix
from ..splits import Batch, Finite, digest
from .values import is_values, kept, settled

SEEN = 64  # items that a fingerprint reads
FIXED = 0  # seed of what is read outside a run


class Wanted:
    """What batches are wanted: x of a space, alone or with a context.

    Args:
        space: space of x.
        context_space: space of the context; without one, labels that come are left out.
        who: description of the rows in messages.
    """

    def __init__(self, space: Space, context_space: Space | None, who: str):
        self.space, self.context_space, self.who = space, context_space, who
        self.of_context = f"{who}: context"

    def of(self, batch: object) -> Batch:
        """A batch as it comes, as (x,) or (x, context).

        Raises:
            Refused: it is neither x, nor (x, context), nor a dict of both, or its values are not of
                these spaces.
        """
        x, *context = self.parts(batch)
        rows = settled(x, self.space, self.who)
        if self.context_space is None:
            return (rows,)
        given = settled(context[0], self.context_space, self.of_context)
        if len(given) != len(rows):
            raise Refused(
                f"{self.who}: gives {len(rows)} rows with {len(given)} contexts; as many are wanted"
            )
        return rows, given

    def parts(self, batch: object) -> tuple[Any, ...]:
        """x alone, or x and its context, as they come."""
        found: Sequence[Any] = ()
        if is_values(batch):
            found = (batch,)
        elif isinstance(batch, Mapping) and "x" in batch:
            found = [batch[name] for name in ("x", "label") if name in batch]
        elif isinstance(batch, tuple | list) and 1 <= len(batch) <= 2:
            found = batch
        if self.context_space is None:
            found = found[:1]  # labels, whatever they are, are left out
        if not found or not all(is_values(part) for part in found):
            raise Refused(
                f"{self.who}: gives {_words(batch)}; wanted are tensors: x, (x, label), or a dict of x "
                f"and label"
            )
        if self.context_space is not None and len(found) < 2:
            raise Refused(
                f"{self.who}: gives x alone, and the model wants {self.context_space} with it; (x, "
                f"label) is wanted, or a dict of x and label"
            )
        return tuple(found)


class Items(Finite):
    """The items of a data set with numbers, in an order of genus.

    What is random in an item is seeded by the number of its batch: torch, numpy and random.

    Args:
        dataset: data set with `__len__` and `__getitem__`.
        wanted: what batches are wanted.
    """

    def __init__(self, dataset: Dataset[Any], wanted: Wanted):
        self.dataset, self.wanted, self.name = dataset, wanted, type(dataset).__name__
        self.space, self.context_space = wanted.space, wanted.context_space
        self.look = look(dataset, default_collate, wanted)

    def __len__(self) -> int:
        return len(cast(Sized, self.dataset))

    def batch(self, number: int, size: int, seed: int) -> Batch:
        with seeded(mix(seed, number)):
            return self._read(self.positions(number * size, size, seed))

    def take(self, indices: Tensor) -> Batch:
        with seeded(FIXED):
            return self._read(indices)

    def _read(self, indices: Tensor) -> Batch:
        return self.wanted.of(
            collated(self.dataset, indices.tolist(), default_collate, self.wanted)
        )

    def content(self) -> str:
        """The number of items, and 64 of them at equal distances: the others may change unseen."""
        return self.look

    def labelled(self) -> "Items":
        if self.context_space is None:
            self._no_labels()
        return self


def look(dataset: Dataset[Any], collate: Callable[[list[Any]], Any], wanted: Wanted) -> str:
    """The hash of the length of a data set with numbers, and of 64 items at equal distances.

    Raises:
        Refused: the items are not what is wanted.
    """
    size = len(cast(Sized, dataset))
    if not size:
        raise Refused(f"{wanted.who}: has no items; at least one is wanted")
    chosen = torch.linspace(0, size - 1, min(SEEN, size), dtype=torch.float64).long().unique()
    with seeded(FIXED):
        found = collated(dataset, chosen.tolist(), collate, wanted)
    kept(wanted.parts(found)[0], wanted.space, wanted.who)
    batch = wanted.of(found)
    spaces = f"{wanted.space!r} {wanted.context_space!r}"
    whole = " ".join([type(dataset).__name__, str(size), spaces, *map(digest, batch)])
    return hashlib.sha256(whole.encode()).hexdigest()


def collated(
    dataset: Dataset[Any], numbers: list[int], collate: Callable[[list[Any]], Any], wanted: Wanted
) -> Any:
    """The items of these numbers as a batch."""
    items = [dataset[number] for number in numbers]
    try:
        return collate(items)
    except (TypeError, RuntimeError) as error:
        if collate is not default_collate:  # the user's own
            raise
        raise Refused(
            f"{wanted.who}: items such as {_words(items[0])} make no batch: "
            f"{str(error).splitlines()[0]}; wanted are tensors of one shape: give the data set a "
            f"transform"
        ) from None


@contextmanager
def seeded(number: int) -> Iterator[None]:
    """A context in which the streams of torch, numpy and random are seeded; then they are as before."""
    before, arrays, own = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(number)
    np.random.seed(number % 2**32)
    random.seed(number)
    try:
        yield
    finally:
        torch.set_rng_state(before)
        np.random.set_state(arrays)
        random.setstate(own)


def _words(thing: object) -> str:
    """What something is, in words for a message."""
    if isinstance(thing, Mapping):
        return f"a dict of {', '.join(map(str, thing))}"
    if isinstance(thing, tuple | list):
        return f"({', '.join(type(part).__name__ for part in thing)})"
    return type(thing).__name__
