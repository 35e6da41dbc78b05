"""Visible units of a Boltzmann machine: bits, one of several categories, or numbers.

Units hold numbers v, the features of x, and each kind has its base measure B. A machine multiplies it by
exp(v u), where the field u is what it wants of the units; then they are independent, each of its own kind:

    p(v) = B(v) exp(v u) / exp(A(u))           A(u) = log of the sum of B(v) exp(v u)

    Bits              v in {0, 1}              B = 1                        A = softplus(u)
    Tokens, Pixels,   v one of K unit vectors  B = 1                        A = log sum_k exp(u_k)
    Classes
    Reals             v = (x - shift) / scale  B = exp(-lambda v^2 / 2)     A = u^2 / (2 lambda) + log(2 pi / lambda) / 2

Source: Welling, Rosen-Zvi, Hinton, "Exponential family harmoniums with an application to information
    retrieval", 2004, for the family; Cho, Ilin, Raiko, "Improved learning of Gaussian-Bernoulli restricted
    Boltzmann machines", 2011, for precisions that are learnt, as logarithms.
Departs: nothing.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from ..core import Bits, Classes, Pixels, Reals, Refused, Space, Tokens, require


class Units(nn.Module, ABC):
    """Visible units of one kind.

    Args:
        space: space of x.
        size: how many features an x has.
    """

    def __init__(self, space: Space, size: int):
        super().__init__()
        self.space, self.size = space, size

    def prepare(self, x: Tensor) -> None:
        """Takes what it has to know of the data, x of (n, *space.shape)."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """v of x, (n, size)."""

    @abstractmethod
    def back(self, v: Tensor) -> Tensor:
        """x of v, (n, *space.shape)."""

    def log_base(self, v: Tensor) -> Tensor | float:
        """log B(v), (n,)."""
        return 0.0

    @abstractmethod
    def draw(self, field: Tensor) -> Tensor:
        """v of these fields, (n, size)."""

    @abstractmethod
    def log_sum(self, field: Tensor) -> Tensor:
        """A(u), summed over the units, (...) of fields (..., size)."""

    @abstractmethod
    def field_of(self, v: Tensor) -> Tensor:
        """The field, (size,), under which units are independent, with the rates of some rows v."""


def visible_units(who: str, space: Space) -> Units:
    """The units of a space.

    Raises:
        Refused: there are none for it.
    """
    require(who, space, Bits, Tokens, Pixels, Classes, Reals)
    if isinstance(space, Tokens) and space.end is not None:
        raise Refused(
            f"{who}: space is {space}; its sequences end, so that its columns depend on each other; "
            f"Tokens without an end are wanted"
        )
    if isinstance(space, Bits):
        return BinaryUnits(space, space.dims)
    return NormalUnits(space) if isinstance(space, Reals) else CategoricalUnits(space)


class BinaryUnits(Units):
    """Bits."""

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def back(self, v: Tensor) -> Tensor:
        return v.reshape(-1, *self.space.shape)

    def draw(self, field: Tensor) -> Tensor:
        return bits(field.sigmoid())

    def log_sum(self, field: Tensor) -> Tensor:
        return softplus(field).sum(-1)

    def field_of(self, v: Tensor) -> Tensor:
        return log_odds(v)


class CategoricalUnits(Units):
    """Columns of one of several categories each, of Tokens, Pixels or Classes."""

    def __init__(self, space: Space):
        self.columns, self.levels = max(1, space.dims), space.cardinality or 0
        super().__init__(space, self.columns * self.levels)

    def features(self, x: Tensor) -> Tensor:
        numbers = self.space.indices(x).reshape(len(x), self.columns)
        return one_hot(numbers, self.levels).flatten(1).to(torch.get_default_dtype())

    def back(self, v: Tensor) -> Tensor:
        numbers = self._apart(v).argmax(-1)
        return self.space.values(numbers.reshape(-1, *self.space.shape), v.dtype)

    def draw(self, field: Tensor) -> Tensor:
        running = self._apart(field).softmax(-1).cumsum(-1)
        u = torch.rand_like(running[..., :1]) * running[..., -1:]
        number = (running < u).sum(-1).clamp_(max=self.levels - 1)
        return one_hot(number, self.levels).flatten(1).to(field)

    def log_sum(self, field: Tensor) -> Tensor:
        return self._apart(field).logsumexp(-1).sum(-1)

    def field_of(self, v: Tensor) -> Tensor:
        return (v.sum(0) + 1).log()

    def _apart(self, v: Tensor) -> Tensor:
        return v.unflatten(-1, (self.columns, self.levels))


class NormalUnits(Units):
    """Numbers, which are seen in units in which the data have mean 0 and variance 1."""

    shift: Tensor  # (dims,)
    scale: Tensor  # (dims,)

    def __init__(self, space: Space):
        super().__init__(space, space.dims)
        self.log_precision = nn.Parameter(torch.zeros(space.dims))  # log lambda
        self.register_buffer("shift", torch.zeros(space.dims))
        self.register_buffer("scale", torch.ones(space.dims))

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        rows = x.flatten(1)
        spread = rows.std(0, correction=0)
        self.shift.copy_(rows.mean(0))
        self.scale.copy_(spread.where(spread > 0, torch.ones_like(spread)))

    def features(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - self.shift) / self.scale

    def back(self, v: Tensor) -> Tensor:
        return (v * self.scale + self.shift).reshape(-1, *self.space.shape)

    def log_base(self, v: Tensor) -> Tensor:
        return -0.5 * v.square() @ self.log_precision.exp() - self.scale.log().sum()

    def draw(self, field: Tensor) -> Tensor:
        spread = (-0.5 * self.log_precision).exp()
        return field * spread.square() + spread * torch.randn_like(field)

    def log_sum(self, field: Tensor) -> Tensor:
        mean_square = field.square() * (-self.log_precision).exp()
        return 0.5 * (mean_square + math.log(2 * math.pi) - self.log_precision).sum(-1)

    def field_of(self, v: Tensor) -> Tensor:
        return v.mean(0) * self.log_precision.exp()


def bits(p: Tensor) -> Tensor:
    """Bits that are 1 with these chances, of float32 at least; on a CPU several times as fast as `bernoulli`."""
    return torch.rand_like(p, dtype=torch.promote_types(p.dtype, torch.float32)).lt_(p)


def log_odds(v: Tensor) -> Tensor:
    """log of on to off for each column of v, (n, d); each was seen once on and once off before."""
    on = v.sum(0)
    return ((on + 1) / (len(v) - on + 1)).log()
