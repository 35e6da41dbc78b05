"""The rows of a table as a split, and the looser view of them that models of vectors take."""

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...core import Reals
from ..splits import Batch, Rows, Split, stream
from .column import Column
from .columns import Columns
from .loose import Loose
from .scales import scale_of

if TYPE_CHECKING:
    from ..sets import Data


class TableRows(Rows):
    """A split of a table.

    Args:
        columns: what its columns are.
        x: rows, as `columns` encodes them.
        labels: labels, (n,) int64, if there are any.
        classes: number of different labels.
        name: name of the split in messages.
        context: what is given with each row, (n, m), if anything is.
    """

    def __init__(
        self,
        columns: Columns,
        x: Tensor,
        labels: Tensor | None,
        classes: int,
        name: str,
        context: Tensor | None = None,
    ):
        self.columns = columns
        super().__init__(
            x,
            columns.space,
            labels=labels,
            classes=classes,
            context=context,
            context_space=columns.context_space,
            name=name,
        )

    def log_jacobian(self, x: Tensor) -> Tensor:
        return self.columns.log_jacobian(x)

    def loosened(self) -> Split:
        return LooseRows(self, self.columns) if self.columns.dequantises else self


def columns_of(values: Tensor) -> Columns:
    """The columns of an array of real numbers, (n, k): on their scales, these rows are standard."""
    scales = [scale_of(v, bent=False) for v in values.double().T.numpy()]
    return Columns(
        tuple(Column(str(i), "number", "float", scale=scale) for i, scale in enumerate(scales))
    )


def rescaled(data: "Data", columns: Columns) -> "Data":
    """Data of an array of real numbers, with the scales of other columns."""
    own = data.columns
    assert own is not None

    def change(split: Split) -> Split:
        x = columns.apply(own.undo(split.everything()[0]))
        return TableRows(columns, x, split.labels, split.classes, split.name)

    return replace(data.view(change), columns=columns)


def tight(split: Split) -> Split:
    """The rows of a table of which a split is the looser view; any other split as it is."""
    return split.inner if isinstance(split, LooseRows) else split


class LooseRows(Split):
    """A view of a table in which each field is a real number, with noise that is new in each batch.

    Args:
        inner: rows of a table.
        columns: what its columns are.
    """

    bound = True

    def __init__(self, inner: Split, columns: Columns):
        self.inner, self.loose = inner, Loose(columns)
        self.name = f"{inner.name} loosened"
        self.space, self.context_space = Reals(inner.space.shape), inner.context_space
        self.labels, self.classes = inner.labels, inner.classes

    def __len__(self) -> int:
        return len(self.inner)

    def content(self) -> str:
        return f"{self.inner.fingerprint} loosened"

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self._loose(self.inner.batch(number, size, seed), stream("loose", seed, number))

    def everything(self) -> Batch:
        return self._loose(self.inner.everything(), stream("loose", self.inner.fingerprint))

    def drawn(self, number: int, n: int) -> Tensor:
        """x of the first n rows with other noise for each number, (n, k)."""
        (x, *_) = self.inner.first(n)
        return self.loose.draw(x, stream("loose", self.inner.fingerprint, number))

    def labelled(self) -> "LooseRows":
        return LooseRows(self.inner.labelled(), self.loose.columns)

    def log_jacobian(self, x: Tensor) -> Tensor:
        return self.loose.log_jacobian(x)

    def _loose(self, batch: Batch, noise: torch.Generator) -> Batch:
        x, *context = batch
        return self.loose.draw(x, noise), *context
