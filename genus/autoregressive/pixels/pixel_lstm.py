"""LSTMs over the two axes of an image, where no place sees those that come after it.

An image is (n, height, width, features), and the places of a row come from left to right, rows from
the top. Features are cut into as many equal parts as there are colours, and a part sees its own part
and those before it in its own place, all parts elsewhere. Both layers keep the shape, and add what
they have found to what came in.

    RowLSTM         x, its left neighbour and the states of three places above: a triangle
    DiagonalBiLSTM  two LSTMs, along the two diagonals: everything

A layer also works place by place: `begin` makes the memory of its rows, `step` fills it in.

Source: van den Oord, Kalchbrenner, Kavukcuoglu, "Pixel recurrent neural networks", 2016,
    arXiv:1601.06759, sections 3.1-3.3.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ...errors import Refused

Memory = dict[str, Tensor]


class PixelLSTM(nn.Module, ABC):
    """What both layers share: the cell, and the way in and out.

    Args:
        features: features of a place, in and out; colours must divide it.
        hidden: numbers of a state; colours must divide it.
        colours: number of parts of the features.
        context: numbers of a place that every gate may see besides; 0 for none.
    """

    directions: int  # how many LSTMs run over the image

    def __init__(self, features: int, hidden: int, colours: int = 1, context: int = 0):
        super().__init__()
        if features % colours or hidden % colours:
            raise Refused(
                f"{type(self).__name__}: features are {features} and hidden is {hidden}; "
                f"the {colours} colours must divide both"
            )
        self.features, self.hidden = features, hidden
        self.colours, self.context = colours, context
        self.here = nn.Linear(features, self.directions * 4 * hidden)
        self.aside = (
            nn.Linear(context, self.directions * 4 * hidden, bias=False) if context else None
        )
        self.out = nn.Linear(hidden, features)
        with torch.no_grad():
            self.here.bias.view(-1, 4, hidden)[:, 1] += 1  # an open gate forgets nothing at first
        own = colour_mask(features, hidden, colours).repeat(4, 1)
        free = own.new_ones((self.directions - 1) * 4 * hidden, features)  # of whole rows above
        self.register_buffer("seen", torch.cat([own, free]), persistent=False)
        self.register_buffer("shown", colour_mask(hidden, features, colours), persistent=False)

    seen: Tensor
    shown: Tensor

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, height, width, features), and of the context (n, height, width, context)."""
        return self.added(x, self.states(x, self.gates(x, context)))

    def gates(self, x: Tensor, context: Tensor | None) -> Tensor:
        """What comes in from a place itself, (..., directions * 4 hidden)."""
        gates = linear(x, self.here.weight * self.seen, self.here.bias)
        return gates if self.aside is None else gates + self.aside(context)

    def added(self, x: Tensor, states: Tensor) -> Tensor:
        """What came in and what was found."""
        return x + linear(states, self.out.weight * self.shown, self.out.bias)

    @abstractmethod
    def states(self, x: Tensor, gates: Tensor) -> Tensor:
        """(n, height, width, hidden)."""

    @abstractmethod
    def begin(self, n: int, width: int) -> Memory:
        """The memory of n images of which nothing is there yet."""

    @abstractmethod
    def step(self, x: Tensor, column: int, memory: Memory, context: Tensor | None = None) -> Tensor:
        """(n, features) of a place. Done again with another x, it is as if done once.

        Args:
            x: (n, features), of the place.
            column: its place in its row; those before it are done.
            memory: what `begin` returned; it is filled in.
            context: (n, context), where the layer has one.
        """

    @abstractmethod
    def turn(self, memory: Memory, context: Tensor | None = None) -> None:
        """Ends a row. The context is that of the row, (n, width, context)."""

    def rows(self, n: int, width: int, numbers: int) -> Tensor:
        """Room for a row with a border, (n, 1 + width + 1, numbers)."""
        return self.here.weight.new_zeros(n, width + 2, numbers)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """h and c, (..., hidden), of the gates i, f, o, g, (..., 4 hidden), and the c before."""
    hidden = cell.shape[-1]
    i, f, o = gates[..., : 3 * hidden].sigmoid().split(hidden, -1)
    cell = torch.addcmul(f * cell, i, gates[..., 3 * hidden :].tanh())
    return o * cell.tanh(), cell


def colour_mask(before: int, after: int, colours: int) -> Tensor:
    """1 where a feature's part is that of another's or an earlier one, (after, before); else 0.

    Args:
        before, after: numbers of features.
        colours: number of parts.
    """
    parts = torch.arange(colours)
    ins, outs = (
        parts.repeat_interleave(before // colours),
        parts.repeat_interleave(after // colours),
    )
    return (outs[:, None] >= ins).to(torch.get_default_dtype())


class RowLSTM(PixelLSTM):
    """One LSTM from row to row: (n, height, width, features) -> the same.

    The state of a place comes from those of the three places above it, and from what stands there
    and left of it. So it sees the place (r - k, c + j) for j in -k-1 .. k, a triangle, and nothing
    of its own row beyond its left neighbour.
    """

    directions = 1

    def __init__(self, features: int, hidden: int, colours: int = 1, context: int = 0):
        super().__init__(features, hidden, colours, context)
        self.left = nn.Linear(features, 4 * hidden, bias=False)
        self.above = nn.Linear(3 * hidden, 4 * hidden, bias=False)

    def states(self, x: Tensor, gates: Tensor) -> Tensor:
        gates = gates + self.left(pad(x[:, :, :-1], (0, 0, 1, 0)))
        h = cell = gates.new_zeros(*gates[:, 0].shape[:2], self.hidden)
        rows = []
        for row, came in enumerate(gates.unbind(1)):
            h, cell = lstm_cell(came + self.above(_three(h)) if row else came, cell)
            rows.append(h)
        return torch.stack(rows, 1)

    def begin(self, n: int, width: int) -> Memory:
        return {
            "inputs": self.rows(n, width, self.features),
            "h": self.rows(n, width, self.hidden),
            "cells": self.rows(n, width, self.hidden),
            "cells above": self.rows(n, width, self.hidden),
            "gates above": self.rows(n, width, 4 * self.hidden),
        }

    def step(self, x: Tensor, column: int, memory: Memory, context: Tensor | None = None) -> Tensor:
        place, inputs = column + 1, memory["inputs"]
        inputs[:, place] = x
        gates = self.gates(x, context) + self.left(inputs[:, column])
        gates = gates + memory["gates above"][:, place]
        h, memory["cells"][:, place] = lstm_cell(gates, memory["cells above"][:, place])
        memory["h"][:, place] = h
        return self.added(x, h)

    def turn(self, memory: Memory, context: Tensor | None = None) -> None:
        memory["gates above"][:, 1:-1] = self.above(_three(memory["h"][:, 1:-1]))
        memory["cells above"].copy_(memory["cells"])


def _three(h: Tensor) -> Tensor:
    """A row's states with those left and right of them, (n, width, 3 hidden)."""
    wide = pad(h, (0, 0, 1, 1))
    return torch.cat([wide[:, :-2], h, wide[:, 2:]], -1)


class DiagonalBiLSTM(PixelLSTM):
    """Two LSTMs along the diagonals: (n, height, width, features) -> the same.

    One runs from the upper left corner: the state of a place comes from those left of it and above
    it. The other runs from the upper right corner, from those right of it and above it, and what a
    place is shown of it is one row old. Together they see all places that come before.
    """

    directions = 2

    def __init__(self, features: int, hidden: int, colours: int = 1, context: int = 0):
        super().__init__(features, hidden, colours, context)
        bound = (2 * hidden) ** -0.5
        self.before = nn.Parameter(torch.empty(2, 2 * hidden, 4 * hidden).uniform_(-bound, bound))

    def states(self, x: Tensor, gates: Tensor) -> Tensor:
        height, hidden = x.shape[1], self.hidden
        right, left = gates.split(4 * hidden, -1)
        columns = _skewed(torch.stack([right, left.flip(2)])).unbind(3)
        h = cell = gates.new_zeros(2, len(x), 0, hidden)  # of the rows on the diagonal
        found, last = [], -1
        for number, came in enumerate(columns):
            first = max(0, number - x.shape[2] + 1)
            border = (0, 0, int(first == 0), int(last < height - 1))  # nothing is outside
            last = min(number, height - 1)
            wide, cell = pad(h, border), pad(cell, border)[:, :, 1:]
            sides = torch.cat([wide[:, :, :-1], wide[:, :, 1:]], -1).flatten(1, 2)
            new = came[:, :, first : last + 1].flatten(1, 2)
            mixed = torch.baddbmm(new, sides, self.before)
            h, cell = lstm_cell(mixed.view(*cell.shape[:3], 4 * hidden), cell)
            found.append(pad(h, (0, 0, first, height - 1 - last)))
        right, left = _straight(torch.stack(found, 3), x.shape[2])
        return right + pad(left.flip(2)[:, :-1], (0, 0, 0, 0, 1, 0))

    def begin(self, n: int, width: int) -> Memory:
        names = ("h", "h above", "cells", "h back", "shown")
        return {
            "inputs": self.rows(n, width, self.features),
            **{name: self.rows(n, width, self.hidden) for name in names},
        }

    def step(self, x: Tensor, column: int, memory: Memory, context: Tensor | None = None) -> Tensor:
        place, h = column + 1, memory["h"]
        memory["inputs"][:, place] = x
        came = self.gates(x, context)[:, : 4 * self.hidden]
        sides = torch.cat([memory["h above"][:, place], h[:, column]], 1)
        gates = torch.addmm(came, sides, self.before[0])
        h[:, place], memory["cells"][:, place] = lstm_cell(gates, memory["cells"][:, column])
        return self.added(x, h[:, place] + memory["shown"][:, place])

    def turn(self, memory: Memory, context: Tensor | None = None) -> None:
        memory["h above"].copy_(memory["h"])
        came = self.gates(memory["inputs"][:, 1:-1], context)[..., 4 * self.hidden :]
        back = memory["h back"]  # of the row above, place by place replaced by this one's
        cell = back.new_zeros(len(back), self.hidden)
        for place in range(came.shape[1], 0, -1):
            sides = torch.cat([back[:, place], back[:, place + 1]], 1)
            gates = torch.addmm(came[:, place - 1], sides, self.before[1])
            back[:, place], cell = lstm_cell(gates, cell)
        memory["shown"].copy_(back)


def _skewed(x: Tensor) -> Tensor:
    """(2, n, height, width, numbers) -> (2, n, height, width + height - 1, numbers).

    Row r is moved to the right by r, so that a diagonal becomes a column.
    """
    height, width = x.shape[2:4]
    long = pad(x, (0, 0, 0, height)).flatten(2, 3)
    return long[:, :, : height * (width + height - 1)].unflatten(2, (height, -1))


def _straight(x: Tensor, width: int) -> Tensor:
    """`_skewed` undone."""
    height = x.shape[2]
    long = pad(x.flatten(2, 3), (0, 0, 0, height))
    return long.unflatten(2, (height, width + height))[:, :, :, :width]
