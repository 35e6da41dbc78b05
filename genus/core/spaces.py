"""Spaces: what one x is."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from ..errors import Refused, at_least

S = TypeVar("S", bound="Space")


class Space(ABC):
    """What one x is. A model has a space and a data set has a space: `fit` wants them equal."""

    shape: tuple[int, ...]  # of one x, without the batch axis

    @property
    def dims(self) -> int:
        """How many numbers one x has."""
        return math.prod(self.shape)

    # the edges of x: here there are none

    def squash(self, y: Tensor) -> Tensor:
        """Any real numbers, brought smoothly within the range of x."""
        return y

    def clip(self, x: Tensor) -> Tensor:
        """x, brought within its range: what is outside is put on the edge."""
        return x

    def quantise(self, y: Tensor) -> Tensor:
        """The nearest value that x can have."""
        return y

    # values that can be numbered

    @property
    def cardinality(self) -> int | None:
        """How many values each number of x can have; None if they cannot be counted."""
        return None

    def indices(self, x: Tensor) -> Tensor:
        """The number of each value, int64 in 0 .. cardinality - 1."""
        raise Refused(f"{self}: its values are not discrete, so they have no indices")

    def values(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The value of each number: `indices` undone.

        Args:
            indices: int64.
            dtype: type of values that are floats.
        """
        raise Refused(f"{self}: its values are not discrete, so they have no indices")

    @abstractmethod
    def fault(self, x: Tensor) -> str | None:
        """What is wrong with the values of x, (n, *shape), in a few words; None if nothing is."""

    def check(self, x: Tensor, who: str) -> None:
        """Raises Refused, in the name of `who`, if the rows of x are not of this space."""
        if x.shape[1:] != self.shape:
            came = tuple(x.shape)
            raise Refused(f"{who}: x has shape {came}; it must be (n, *{self.shape})")
        if fault := self.fault(x):
            raise Refused(f"{who}: x {fault}; its space is {self}")


@dataclass(frozen=True)
class Reals(Space):
    """Real numbers. Scores are densities."""

    shape: tuple[int, ...]

    def fault(self, x: Tensor) -> str | None:
        return None if x.isfinite().all() else "has values that are not finite"


@dataclass(frozen=True)
class Bits(Space):
    """0 or 1, as floats. Scores are probabilities."""

    shape: tuple[int, ...]

    @property
    def cardinality(self) -> int:
        return 2

    def indices(self, x: Tensor) -> Tensor:
        return x.long()

    def values(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return indices.to(dtype)

    def fault(self, x: Tensor) -> str | None:
        return None if ((x == 0) | (x == 1)).all() else "has values other than 0 and 1"


@dataclass(frozen=True)
class Pixels(Space):
    """Floats in [-1, 1] on a grid of `levels` points: level k is 2 k / (levels - 1) - 1.

    Scores are probabilities. A density on the reals becomes a model of pixels in
    `genus.density.Dequantised`.
    """

    shape: tuple[int, ...]
    levels: int = 256

    def __post_init__(self) -> None:
        at_least(2, "Pixels", levels=self.levels)

    @property
    def bin(self) -> float:
        """The distance between two levels."""
        return 2 / (self.levels - 1)

    @property
    def cardinality(self) -> int:
        return self.levels

    def squash(self, y: Tensor) -> Tensor:
        return y.tanh()

    def clip(self, x: Tensor) -> Tensor:
        return x.clamp(-1, 1)

    def indices(self, x: Tensor) -> Tensor:
        """The level of each value, int64 in 0 .. levels - 1; off the grid, the nearest."""
        return ((x + 1) / self.bin).round().clamp(0, self.levels - 1).long()

    def values(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The value in [-1, 1] of each level: `indices` undone."""
        return indices.to(dtype) * self.bin - 1

    def quantise(self, y: Tensor) -> Tensor:
        """The nearest point of the grid."""
        return self.values(self.indices(y), y.dtype)

    def dequantise(self, x: Tensor) -> Tensor:
        """x and uniform noise as wide as the bin around it: the histogram's density is p(x) / bin^d."""
        return x + self.bin * (torch.rand_like(x) - 0.5)

    def fault(self, x: Tensor) -> str | None:
        if not x.isfinite().all():
            return "has values that are not finite"
        if x.min() < -1 or x.max() > 1:
            return f"has values in [{x.min():.3g}, {x.max():.3g}], outside [-1, 1]"
        if not torch.allclose(x, self.quantise(x), rtol=0, atol=1e-3 * self.bin):
            return "has values between the levels of the grid"
        return None


def require(who: str, space: Space, *kinds: type[S], axes: str = "", mend: str = "") -> S:
    """The space itself; Refused, in the name of `who`, unless it is of one of these kinds.

    Args:
        who: the model, for messages.
        space: space of the model.
        kinds: spaces that it can live on.
        axes: names of the axes that one x must have, such as "steps, d"; without them, any.
        mend: what else to do, for messages.
    """
    if isinstance(space, kinds) and (not axes or len(space.shape) == len(axes.split(","))):
        return space
    *others, last = [kind.__name__ for kind in kinds]
    wanted = (f"{', '.join(others)} or {last}" if others else last) + (axes and f" of ({axes})")
    raise Refused(f"{who}: space is {space}; {wanted} are wanted{mend and f'; {mend}'}")


def require_images(space: Space, who: str, least: int = 1) -> Pixels:
    """The space itself; Refused, in the name of `who`, unless it is one of images.

    Args:
        space: space of a model.
        who: the model, for messages.
        least: pixels that height and width must have.
    """
    if isinstance(space, Pixels) and len(space.shape) == 3 and min(space.shape[1:]) >= least:
        return space
    sides = f", height and width at least {least}" if least > 1 else ""
    raise Refused(f"{who}: space is {space}; it must be Pixels((channels, height, width)){sides}")


@dataclass(frozen=True)
class Tokens(Space):
    """A sequence of `length` integers in 0 .. vocabulary - 1, int64. Scores are probabilities.

    Where sequences are not all equally long, `end` is the token that ends them: after the first of
    these there are only more of them. A sequence that fills the whole length has none.
    """

    vocabulary: int
    length: int
    end: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self.length,)

    @property
    def cardinality(self) -> int:
        return self.vocabulary

    def indices(self, x: Tensor) -> Tensor:
        return x.long()

    def values(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return indices

    def fault(self, x: Tensor) -> str | None:
        if self.end is not None and x.dtype == torch.int64:
            ended = x == self.end
            if (ended[:, :-1] & ~ended[:, 1:]).any():
                return f"continues after its end, which is token {self.end}"
        return _outside(x, self.vocabulary)


@dataclass(frozen=True)
class Classes(Space):
    """One label in 0 .. count - 1, int64, of shape (): the usual context of a conditional model."""

    count: int

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return ()

    @property
    def cardinality(self) -> int:
        return self.count

    def indices(self, x: Tensor) -> Tensor:
        return x.long()

    def values(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return indices

    def fault(self, x: Tensor) -> str | None:
        return _outside(x, self.count)


def _outside(x: Tensor, count: int) -> str | None:
    if x.dtype != torch.int64:
        return f"is {x.dtype}, not int64"
    if len(x) and (x.min() < 0 or x.max() >= count):
        return f"has values in [{x.min()}, {x.max()}], outside 0 .. {count - 1}"
    return None


@dataclass(frozen=True)
class Graphs(Space):
    """Undirected graphs of at most `nodes` nodes, as matrices, (nodes, nodes), of floats 0 and 1.

    The diagonal marks the nodes there are, and they come first: x_ii = 1 for i below the number of
    nodes. Elsewhere x_ij = x_ji is 1 where an edge joins i and j. So an x is a graph *and* an order
    of its nodes, and a score is the probability of both.
    """

    nodes: int

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self.nodes, self.nodes)

    def fault(self, x: Tensor) -> str | None:
        if not ((x == 0) | (x == 1)).all():
            return "has values other than 0 and 1"
        if not (x == x.mT).all():
            return "is not symmetric"
        there = x.diagonal(dim1=1, dim2=2)
        if (there.diff(dim=1) > 0).any():
            return "has a node after one that is not there"
        if (x > there[:, :, None]).any():
            return "has an edge to a node that is not there"
        return None


@dataclass(frozen=True)
class Strokes(Space):
    """Drawings of at most `length` steps of a pen: (length, 3), floats (dx, dy, pen).

    A step moves the pen by dx to the right and dy down. Its pen is 0 where the line continues after
    it, 1 where the pen is lifted after it, and 2 once the drawing has ended: all later steps are
    (0, 0, 2). A drawing that fills all steps has no end. Scores are densities of (dx, dy) times
    probabilities of the pen.
    """

    length: int

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self.length, 3)

    def fault(self, x: Tensor) -> str | None:
        if not x.isfinite().all():
            return "has values that are not finite"
        pen = x[..., 2]
        if not ((pen == 0) | (pen == 1) | (pen == 2)).all():
            return "has pens other than 0, 1 and 2"
        ended = pen == 2
        if (ended[:, :-1] & ~ended[:, 1:]).any():
            return "continues after its end"
        if (x[..., :2][ended] != 0).any():
            return "moves after its end"
        return None


@dataclass(frozen=True)
class Attributes(Space):
    """Several labels at once, int64, (k,): the i-th of them in 0 .. counts[i] - 1."""

    counts: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (len(self.counts),)

    def fault(self, x: Tensor) -> str | None:
        if x.is_floating_point():
            return f"is {x.dtype}, not int64"
        if (x < 0).any() or (x >= x.new_tensor(self.counts)).any():
            return f"has labels outside 0 .. one less than {self.counts}"
        return None
