"""Records: rows of a table, whose columns are of several kinds."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ..errors import Refused, at_least
from .spaces import Space

Bend = Literal["none", "log", "logit", "asinh"]
EXACT = 1e15  # the largest number of steps that a double counts one by one, about


@dataclass(frozen=True)
class Scale:
    """A rising map from a column's own numbers v to z, which are about standard normal.

        z = (g((v - centre) / width) - mean) / deviation        g: identity, log, logit or asinh

    All is computed in double precision. Nothing is clipped: the map of none and of asinh takes all
    numbers, that of log those above `centre`, that of logit those from `centre` to `centre` + `width`.

    Args:
        mean, deviation: of g(v) in the training rows.
        bend: g.
        centre, width: what g is applied to.
    """

    mean: float = 0.0
    deviation: float = 1.0
    bend: Bend = "none"
    centre: float = 0.0
    width: float = 1.0

    def apply(self, v: Tensor) -> Tensor:
        """z of the column's own numbers, float64."""
        u = (v.double() - self.centre) / self.width
        return (_BEND[self.bend](u) - self.mean) / self.deviation

    def undo(self, z: Tensor) -> Tensor:
        """The column's own numbers, float64."""
        g = z.double() * self.deviation + self.mean
        return _UNBEND[self.bend](g) * self.width + self.centre

    def log_slope(self, z: Tensor) -> Tensor:
        """log dz/dv at z, float64."""
        g = z.double() * self.deviation + self.mean
        return _LOG_SLOPE[self.bend](g) - math.log(self.width * self.deviation)


_BEND = {
    "none": lambda u: u,
    "log": torch.log,
    "logit": torch.logit,
    "asinh": torch.asinh,
}
_UNBEND = {
    "none": lambda g: g,
    "log": torch.exp,
    "logit": torch.sigmoid,
    "asinh": torch.sinh,
}
_LOG_SLOPE = {  # of g as a function of u, at g
    "none": torch.zeros_like,
    "log": lambda g: -g,
    "logit": lambda g: torch.nn.functional.softplus(g) + torch.nn.functional.softplus(-g),
    "asinh": lambda g: math.log(2) - g.abs() - torch.log1p(torch.exp(-2 * g.abs())),
}


@dataclass(frozen=True)
class Category:
    """One of `count` words, as its number, 0 .. count - 1."""

    count: int

    def __post_init__(self) -> None:
        at_least(1, "Category", count=self.count)


@dataclass(frozen=True)
class There:
    """Where a number is: in rows in which the field `field` has the value `value`. Elsewhere it is 0."""

    field: int
    value: int = 0


@dataclass(frozen=True)
class Real:
    """A real number, as z of a `Scale`. Its score is a density."""

    there: There | None = None


@dataclass(frozen=True)
class Grid:
    """A number that is rounded to a grid: whole numbers, decimals, days. Its score is a probability.

    It comes as z of its scale; its own values are multiples of `step`, and the value v stands for all
    that would be rounded to it, from v - step / 2 to v + step / 2.

    Args:
        step: distance of two values.
        scale: map from the values to z.
        low, high: least and largest value that there can be; all that lies beyond them is rounded to
            them. None where there is no bound.
        there: rows in which the number is.
    """

    step: float
    scale: Scale
    low: float | None = None
    high: float | None = None
    there: There | None = None

    def values(self, z: Tensor) -> Tensor:
        """The values of the grid that are nearest to z, float64."""
        v = self.scale.undo(z)
        steps = v / self.step
        v = torch.where(steps.abs() < EXACT, steps.round() * self.step, v)
        return v.clamp(self.low, self.high) if (self.low, self.high) != (None, None) else v

    def edges(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The bin around z, float64: centre, half of its width, and whether it has no lower, no upper end.

        Centre and half width are of the scale, halfway between the ends of the bin.
        """
        v = self.values(z)
        below, above = self.scale.apply(v - self.step / 2), self.scale.apply(v + self.step / 2)
        first = v <= self.low if self.low is not None else torch.zeros_like(v, dtype=torch.bool)
        last = v >= self.high if self.high is not None else torch.zeros_like(v, dtype=torch.bool)
        return (below + above) / 2, (above - below) / 2, first, last


Field = Category | Real | Grid


@dataclass(frozen=True)
class Records(Space):
    """Rows of a table, (k,) floats: categories as their numbers, real numbers and grids as z.

    Scores are the probability of the categories and the grids, times the density of the real numbers.

    Args:
        fields: what each number is. A number that is not always there says which earlier field tells.
    """

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        at_least(1, "Records", fields=len(self.fields))
        for number, field in enumerate(self.fields):
            there = getattr(field, "there", None)
            if there is None:
                continue
            tells = self.fields[there.field] if 0 <= there.field < number else None
            if not isinstance(tells, Category) or not 0 <= there.value < tells.count:
                raise Refused(
                    f"Records: field {number} is there by field {there.field}, which is no earlier "
                    f"category with a value {there.value}"
                )

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (len(self.fields),)

    def __str__(self) -> str:
        kinds = {"category": Category, "rounded number": Grid, "real number": Real}
        counts = {
            name: sum(isinstance(f, kind) for f in self.fields) for name, kind in kinds.items()
        }
        told = [f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items() if count]
        return f"Records of {', '.join(told).replace('categorys', 'categories')}"

    def present(self, x: Tensor, number: int) -> Tensor:
        """Whether a field is there, (n,)."""
        there = getattr(self.fields[number], "there", None)
        if there is None:
            return torch.ones(len(x), dtype=torch.bool, device=x.device)
        return x[:, there.field] == there.value

    @property
    def widths(self) -> tuple[int, ...]:
        """How many of the `features` describe each field."""
        return tuple(f.count if isinstance(f, Category) else 1 for f in self.fields)

    def features(self, x: Tensor) -> Tensor:
        """What a network sees of x, (n, sum of `widths`): a one for the category, and numbers as they are."""
        parts = [
            one_hot(x[:, i].long(), field.count).to(x.dtype)
            if isinstance(field, Category)
            else x[:, i : i + 1]
            for i, field in enumerate(self.fields)
        ]
        return torch.cat(parts, 1)

    def from_features(self, features: Tensor) -> Tensor:
        """x, (n, k), of its `features`."""
        parts = [
            part.argmax(1, keepdim=True).to(part.dtype) if isinstance(field, Category) else part
            for field, part in zip(self.fields, features.split(self.widths, 1), strict=True)
        ]
        return torch.cat(parts, 1)

    def starts(self) -> tuple[int, ...]:
        """The place of the first of each field's features, and the number of all."""
        return (0, *accumulate(self.widths))

    def clip(self, x: Tensor) -> Tensor:
        return self.quantise(x)

    def quantise(self, y: Tensor) -> Tensor:
        """The nearest values that x can have: categories among those there are, grids on the grid."""
        columns: list[Tensor] = []
        for i, field in enumerate(self.fields):
            column = y[:, i]
            if isinstance(field, Category):
                column = column.round().clamp(0, field.count - 1)
            elif isinstance(field, Grid):
                column = field.scale.apply(field.values(column)).to(y.dtype)
            there = getattr(field, "there", None)
            if there is not None:
                column = torch.where(columns[there.field] == there.value, column, 0.0)
            columns.append(column)
        return torch.stack(columns, 1)

    def fault(self, x: Tensor) -> str | None:
        if not x.isfinite().all():
            return "has values that are not finite"
        for i, field in enumerate(self.fields):
            column = x[:, i]
            if isinstance(field, Category):
                if ((column != column.round()) | (column < 0) | (column >= field.count)).any():
                    return f"has categories outside 0 .. {field.count - 1} in field {i}"
            elif (column[~self.present(x, i)] != 0).any():
                return f"has a number other than 0 in field {i} where it is not there"
        return None
