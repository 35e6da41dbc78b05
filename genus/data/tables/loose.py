"""The looser view of a table, in which each field of a row is a real number.

Models of vectors take it. A category c becomes a place within its share of a normal distribution, a
rounded number a place within its bin, and a number that is not there any normal number:

    z = Phi^-1(F_c + u p_c)          log P(c) >= E[ log p(z) + log p_c - log N(z; 0, 1) ]
    z = g(v + step (u - 1/2))        log P(v) >= E[ log p(z) + log g'(.) + log step ]
    z ~ N(0, 1)                            1  :  E[ log p(z) - log N(z; 0, 1) ]

so that the sum, an `elbo`, bounds the logarithm of the row's probability from below.
"""

import math
from functools import cached_property

import torch
from torch import Tensor

from ...core import Category, Grid
from .columns import Columns

EDGE = 1e-6  # of a share or a bin that noise leaves out, so that single precision stays within
HALF_LOG_2PI = math.log(2 * math.pi) / 2


class Loose:
    """Rows as real numbers, and back.

    Args:
        columns: what the columns of the table are.
    """

    def __init__(self, columns: Columns):
        self.columns = columns

    def draw(self, x: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """A draw of z, (n, k), given x, (n, k); noise is by default torch's own."""
        u = torch.rand(x.shape, generator=noise, dtype=torch.float64)
        u = EDGE + (1 - 2 * EDGE) * u
        z = x.double().clone()
        for at, one in enumerate(self.columns.records.fields):
            if isinstance(one, Category):
                edges, place = self.edges[at], x[:, at].long()
                z[:, at] = torch.special.ndtri(
                    edges[place] + u[:, at] * (edges[place + 1] - edges[place])
                )
                continue
            if isinstance(one, Grid):
                v = one.values(x[:, at]) + one.step * (u[:, at] - 0.5)
                z[:, at] = one.scale.apply(v)
            there = self.columns.records.present(x, at)
            z[:, at] = torch.where(there, z[:, at], torch.special.ndtri(u[:, at]))
        return z.to(x.dtype)

    def undo(self, z: Tensor) -> Tensor:
        """x of what `draw` has drawn, or a model of such: `draw` undone."""
        x = z.detach().cpu().double().clone()
        for at, one in enumerate(self.columns.records.fields):
            if isinstance(one, Category):
                within = torch.special.ndtr(x[:, at]).contiguous()
                x[:, at] = torch.searchsorted(self.edges[at][1:-1], within, right=True).double()
        return self.columns.records.quantise(x).to(z.dtype)

    def log_jacobian(self, z: Tensor) -> Tensor:
        """What is added to log p(z) for a bound of log p of the row, (n,) float64 nats."""
        x, z = self.undo(z), z.detach().cpu().double()
        total = torch.zeros(len(z), dtype=torch.float64)
        for at, one in enumerate(self.columns.records.fields):
            normal = z[:, at].square() / 2 + HALF_LOG_2PI
            if isinstance(one, Category):
                total += self.edges[at].diff()[x[:, at].long()].log() + normal
                continue
            own = self.columns.slope(at, z) + (math.log(one.step) if isinstance(one, Grid) else 0.0)
            total += torch.where(self.columns.records.present(x, at), own, normal)
        return total

    @cached_property
    def edges(self) -> dict[int, Tensor]:
        """The ends of the shares of each category, from 0 to 1, by its field."""
        found = {}
        for at, (i, category) in enumerate(self.columns.order):
            if category:
                shares = torch.tensor(self.columns.columns[i].shares, dtype=torch.float64)
                ends = torch.cat([shares.new_zeros(1), (shares / shares.sum()).cumsum(0)])
                ends[-1] = 1.0
                found[at] = ends
        return found
