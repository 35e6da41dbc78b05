"""Splits of a data set: where batches come from.

A batch is a pure function of its number and of a seed: there is no position to save and no stream to
restore. The rows of a finite split come in an order that is the concatenation of one permutation for
each epoch; batch k of size s holds the positions k s .. k s + s - 1 of it, so each epoch sees each
row exactly once, also when s does not divide the number of rows.
"""

import copy
import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from ..core import Attributes, Bits, Classes, Pixels, Refused, Space, Tokens
from ..media import Showing
from ..media.files import Reading
from ..media.show import usual

Batch = tuple[Tensor, ...]  # (x,) or (x, context)


class Split(ABC):
    """One part of a data set: a source of batches, and all its rows in order."""

    name: str
    space: Space
    context_space: Space | None = None
    labels: Tensor | None = None  # (rows,) int64, whether or not batches carry them
    classes: int = 0  # how many different labels there are
    unpaired: bool = False  # whether x and context are independent rows of two domains
    bound: bool = False  # whether a density of x bounds what it is asked for, from below

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content: it changes when the data do."""
        return hashlib.sha256(self.content().encode()).hexdigest()

    @property
    def source_fingerprint(self) -> str:
        """SHA-256 of the rows as they were read, which all views of them share."""
        return self.fingerprint

    @abstractmethod
    def content(self) -> str:
        """The text that is hashed for the fingerprint: it changes when the data do."""

    @abstractmethod
    def batch(self, number: int, size: int, seed: int) -> Batch:
        """The batch of this number: (x,) or (x, context), `size` rows."""

    @abstractmethod
    def everything(self) -> Batch:
        """All rows, in order; an endless source gives a fixed draw."""

    def first(self, n: int) -> Batch:
        """The first n rows of `everything`, without reading the others where that can be."""
        return tuple(part[:n] for part in self.everything())

    def take(self, indices: Tensor) -> Batch:
        """The rows of `everything` of these numbers, without reading the others where that can be."""
        return tuple(part[indices] for part in self.everything())

    @abstractmethod
    def __len__(self) -> int:
        """The number of rows of `everything`."""

    @abstractmethod
    def labelled(self) -> "Split":
        """The same rows, each with its label as context."""

    def loosened(self) -> "Split":
        """The same rows of a table, with each field as a real number."""
        raise Refused(f"{self.name}: is no table; only tables can be loosened")

    def log_jacobian(self, x: Tensor) -> Tensor:
        """What is added to log p(x) for log p in the units of the file, (n,) float64 nats."""
        return torch.zeros(len(x), dtype=torch.float64)

    def showing(self, n: int | None = None, seed: int = 0, data: Reading | None = None) -> Showing:
        """n rows, as `genus.show` shows them.

        Args:
            n: number of rows; by default a few pictures or texts, or 2,000 points.
            seed: random seed, which chooses the rows.
            data: data set of the split, for texts and sounds.
        """
        n = usual(self.space, data, pictures=16) if n is None else n
        x, *context = self.batch(0, n, seed)
        if not context or self.unpaired or len(getattr(self.context_space, "shape", ())) < 3:
            return Showing(x, self.space, data=data)
        return Showing(x, self.space, context[0], self.context_space, data)

    def __repr__(self) -> str:
        given = f", each given {self.context_space}" if self.context_space else ""
        return f"<{self.name}: {len(self):,} rows of {self.space}{given}>"

    def _no_labels(self) -> "Split":
        raise Refused(f"{self.name}: has no labels, and a conditional model wants them")


class Store(Protocol):
    """Rows that are read when they are needed. `prefetch`, if there is one, begins to read some."""

    shape: tuple[int, ...]  # (rows, ...)
    fingerprint: str

    def take(self, indices: Tensor) -> Tensor:
        """The rows of these numbers, uint8."""
        ...


class Finite(Split):
    """A split of so many rows, which come in a new order in each epoch."""

    @abstractmethod
    def take(self, indices: Tensor) -> Batch:
        """The rows of these numbers."""

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self.take(self.positions(number * size, size, seed))

    def first(self, n: int) -> Batch:
        return self.take(torch.arange(min(n, len(self))))

    def everything(self) -> Batch:
        return self.take(torch.arange(len(self)))

    def positions(self, start: int, count: int, seed: int) -> Tensor:
        """Row numbers at `start` .. `start + count - 1` of the order of all epochs, one after another."""
        n, pieces = len(self), []
        while count > 0:
            epoch, first = divmod(start, n)
            piece = self.order(seed, epoch)[first : first + count]
            pieces.append(piece)
            start, count = start + len(piece), count - len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def order(self, seed: int, epoch: int) -> Tensor:
        """The permutation of an epoch; the last two are kept."""
        kept, key = self._orders, (seed, epoch)
        if key not in kept:
            if len(kept) > 1:
                kept.pop(next(iter(kept)), None)
            kept[key] = torch.randperm(len(self), generator=stream("epoch", seed, epoch))
        return kept[key]

    @cached_property
    def _orders(self) -> dict[tuple[int, int], Tensor]:
        return {}


class Rows(Finite):
    """A finite split.

    Args:
        x: rows, (n, *space.shape): values of the space, or levels as uint8 for `Pixels` and `Bits`,
            which are stored so; or a store that reads such levels.
        space: space of x.
        labels: labels, (n,) int64, in 0 .. classes - 1.
        classes: number of different labels.
        attributes: numbers of the values of several labels, (n, k) int64.
        counts: number of different values of each of them.
        context: contexts, (n, ...), one for each row, or a store of them.
        context_space: space of a context.
        name: name of the split in messages.
    """

    def __init__(
        self,
        x: Tensor | Store,
        space: Space,
        *,
        labels: Tensor | None = None,
        classes: int = 0,
        attributes: Tensor | None = None,
        counts: tuple[int, ...] = (),
        context: Tensor | Store | None = None,
        context_space: Space | None = None,
        name: str = "rows",
    ):
        if not x.shape[0]:
            raise Refused(f"{name}: there are no rows; at least one is wanted")
        self.name, self.space, self.context_space = name, space, context_space
        self.labels, self.classes, self.context = labels, classes, context
        self.attributes, self.counts = attributes, counts
        beside = {"labels": labels, "attributes": attributes, "context": context}
        for what, given in beside.items():
            if given is not None and given.shape[0] != x.shape[0]:
                came = f"{x.shape[0]} rows and {given.shape[0]} {what}"
                raise Refused(f"{name}: {came}; as many wanted")
        if labels is not None:
            Classes(classes).check(labels, f"{name}: labels")
        if attributes is not None:
            Attributes(counts).check(attributes, f"{name}: attributes")
        if isinstance(context, Tensor) and context_space is not None:
            context_space.check(context, f"{name}: context")
        self.rows = pack(x, space, name) if isinstance(x, Tensor) else x

    def __len__(self) -> int:
        return self.rows.shape[0]

    def content(self) -> str:
        parts = [repr(self.space), self.digest, digest(self.labels), digest(self.context)]
        if self.attributes is not None:
            parts.append(digest(self.attributes))
        return "\n".join(parts)

    @property
    def source_fingerprint(self) -> str:
        given = (
            None if self.context is self.labels or self.context is self.attributes else self.context
        )
        parts = [digest(x) for x in (self.labels, self.attributes, given)]
        return hashlib.sha256("\n".join([self.digest, *parts]).encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """The hash of the rows, which all views share."""
        return digest(self.rows)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        taken = super().batch(number, size, seed)
        for store in (self.rows, self.context):
            if (prefetch := getattr(store, "prefetch", None)) is not None:
                prefetch(self.positions((number + 1) * size, size, seed))
        return taken

    def take(self, indices: Tensor) -> Batch:
        x = unpack(_taken(self.rows, indices), self.space)
        if self.context is None:
            return (x,)
        context = _taken(self.context, indices)
        if isinstance(self.context, Tensor) or self.context_space is None:
            return x, context
        return x, unpack(context, self.context_space)

    def labelled(self) -> "Rows":
        if self.labels is None and self.attributes is None:
            self._no_labels()
        if self.context is not None and self.context is not self.labels:
            raise Refused(f"{self.name}: has a context already; labels would replace it")
        view = copy.copy(self)
        if self.labels is not None:
            view.context, view.context_space = self.labels, Classes(self.classes)
        else:
            view.context, view.context_space = self.attributes, Attributes(self.counts)
        return view


def _taken(rows: Tensor | Store, indices: Tensor) -> Tensor:
    return rows.index_select(0, indices) if isinstance(rows, Tensor) else rows.take(indices)


# --- pieces -----------------------------------------------------------------------------------


def stream(*key: object) -> torch.Generator:
    """A random stream seeded by its key: streams of different keys are independent."""
    digits = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digits[:8], "big"))


def pack(x: Tensor, space: Space, who: str) -> Tensor:
    """x as it is stored: levels of Pixels and Bits as uint8, where they fit; else x itself."""
    if isinstance(space, Bits | Pixels) and x.dtype == torch.uint8:
        levels = space.levels if isinstance(space, Pixels) else 2
        if x.shape[1:] != space.shape:
            raise Refused(f"{who}: x has shape {tuple(x.shape)}; it must be (n, *{space.shape})")
        if levels < 256 and x.max() >= levels:
            raise Refused(f"{who}: has a level of {int(x.max())}; its space is {space}")
        return x
    space.check(x, who)
    if isinstance(space, Bits):
        return x.to(torch.uint8)
    if isinstance(space, Pixels) and space.levels <= 256:
        return space.indices(x).to(torch.uint8)
    return x if isinstance(space, Tokens | Classes) else x.float()


def unpack(kept: Tensor, space: Space) -> Tensor:
    """`pack` undone."""
    if kept.dtype != torch.uint8:
        return kept
    return space.values(kept) if isinstance(space, Pixels) else kept.float()


def digest(rows: Tensor | Store | None) -> str:
    """SHA-256 of type, shape and values."""
    if not isinstance(rows, Tensor):
        return "none" if rows is None else rows.fingerprint
    whole = hashlib.sha256(f"{rows.dtype} {tuple(rows.shape)}".encode())
    whole.update(rows.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return whole.hexdigest()
