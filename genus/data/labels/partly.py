"""Labelled data of which few labels are shown: what a model learns from where labels are dear.

A batch has rows with a label, and rows whose label is -1, both in an order of their own. There may be more of the
first than their share of the data, of which a batch would hardly see one: a model weighs them by that share.
"""

from typing import Final

import torch
from torch import Tensor

from ...core import Classes, Refused, at_least
from ..splits import Batch, Finite, Split, digest, stream

UNKNOWN: Final = -1  # the label of a row whose class is hidden


class SomeRows(Finite):
    """Some rows of another split.

    Args:
        inner: split that is viewed.
        rows: numbers of its rows, (n,) int64, in the order that the view has.
    """

    def __init__(self, inner: Split, rows: Tensor):
        if not len(rows):
            raise Refused(f"{inner.name}: no rows are chosen; at least one is wanted")
        self.inner, self.rows, self.name = inner, rows, inner.name
        self.space, self.context_space = inner.space, inner.context_space
        self.labels = None if inner.labels is None else inner.labels[rows]
        self.classes = inner.classes

    def __len__(self) -> int:
        return len(self.rows)

    def content(self) -> str:
        return f"{self.inner.fingerprint} chosen {digest(self.rows)}"

    def take(self, indices: Tensor) -> Batch:
        return self.inner.take(self.rows[indices])

    def labelled(self) -> "SomeRows":
        return SomeRows(self.inner.labelled(), self.rows)


class PartlyLabelled(Split):
    """A labelled split that shows few of its labels, as contexts; the others are -1.

    Args:
        inner: split whose rows come with a class as context.
        labels: number of labels that are shown, as many of each class.
        seed: random seed, which chooses the rows.
        share: share of a batch whose labels are shown, in (0, 1); at least one row, whatever it is.
    """

    def __init__(self, inner: Split, labels: int, seed: int = 0, share: float = 0.2):
        space = inner.context_space
        if not isinstance(space, Classes) or inner.labels is None:
            raise Refused(f"{inner.name}: gives {space} with each x; classes are wanted")
        if not 0 < share < 1:
            raise Refused(f"{inner.name}: share is {share}; a number in (0, 1) is wanted")
        known = balanced(inner.labels, space.count, labels, seed, inner.name)
        shown = torch.zeros(len(inner), dtype=torch.bool)
        shown[known] = True
        self.inner, self.shown, self.share = inner, shown, share
        self.known, self.hidden = SomeRows(inner, known), SomeRows(inner, (~shown).nonzero()[:, 0])
        self.name, self.space, self.context_space = inner.name, inner.space, space
        self.classes = space.count

    @property
    def labelled_share(self) -> float:
        """The share of all rows whose label is shown."""
        return len(self.known) / len(self.inner)

    def __len__(self) -> int:
        return len(self.inner)

    @property
    def source_fingerprint(self) -> str:
        return self.inner.source_fingerprint

    def content(self) -> str:
        known = digest(self.known.rows)
        return f"{self.inner.fingerprint} shows {known}, {self.share:g} of a batch"

    def batch(self, number: int, size: int, seed: int) -> Batch:
        many = min(max(1, round(self.share * size)), size)
        known = self.known.batch(number, many, seed)
        if many == size:
            return known
        x, labels = self.hidden.batch(number, size - many, seed)
        return torch.cat([known[0], x]), torch.cat([known[1], _hidden(labels)])

    def everything(self) -> Batch:
        x, labels = self.inner.everything()
        return x, torch.where(self.shown, labels, UNKNOWN)

    def take(self, indices: Tensor) -> Batch:
        x, labels = self.inner.take(indices)
        return x, torch.where(self.shown[indices], labels, UNKNOWN)

    def labelled(self) -> "PartlyLabelled":
        raise Refused(f"{self.name}: shows some labels already; take all of them before")


def balanced(labels: Tensor, classes: int, count: int, seed: int, who: str) -> Tensor:
    """The numbers of rows, as many of each class, that a seed chooses, sorted, (count,) int64.

    Args:
        labels: classes of all rows, (n,) int64.
        classes: number of classes.
        count: number of rows to choose, a multiple of it.
        seed: random seed.
        who: name of the data in messages.
    """
    at_least(1, who, labels=count)
    each, rest = divmod(count, classes)
    if rest:
        raise Refused(f"{who}: {count} labels are asked for; a multiple of {classes} is wanted")
    chosen, noise = [], stream("labels", seed)
    for y in range(classes):
        rows = (labels == y).nonzero()[:, 0]
        if len(rows) <= each:
            raise Refused(
                f"{who}: class {y} has {len(rows)} rows; more than {each} are wanted, to hide some"
            )
        chosen.append(rows[torch.randperm(len(rows), generator=noise)[:each]])
    return torch.cat(chosen).sort().values


def _hidden(labels: Tensor) -> Tensor:
    return torch.full_like(labels, UNKNOWN)
