"""Spaces of what is not an array of numbers that are all alike: graphs, strokes, several labels."""

from dataclasses import dataclass

from torch import Tensor

from .model import Space


@dataclass(frozen=True)
class Graphs(Space):
    """Undirected graphs of at most `nodes` nodes, as matrices, (nodes, nodes), of floats 0 and 1.

    The diagonal says which nodes there are, and they come first: x_ii = 1 for i below the number of
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

    A step moves the pen by dx to the right and dy down. Its pen is 0 where the line goes on after
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
            return "goes on after its end"
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
