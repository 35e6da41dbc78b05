"""Distributions of columns that do not depend on each other, several side by side.

    p_k(x) = prod_i p_ki(x_i)        Bits: Bernoulli    Tokens, Pixels: categorical    Reals: normal

The most likely parameters given the share r_nk of each row in each of them are weighted frequencies, with
alpha rows of each value added, and weighted means and variances:

    p_ki(v) = (sum_n r_nk [x_ni = v] + alpha) / (sum_n r_nk + alpha values)

which naive Bayes and mixtures of products have in common.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, softplus

from ..core import Bits, Pixels, Reals, Refused, Space, Tokens, require
from ..functional.densities.densities import HELD, double_home, log_diagonal_normals
from .gaussian import fitted_diagonals

CACHED = 2**17  # numbers
LEAST = 1e-6  # rows: a value that was never seen is not impossible, only as rare as this


class Products(nn.Module, ABC):
    """Products of distributions of columns.

    Args:
        space: space of x.
        count: number of products.
    """

    def __init__(self, space: Space, count: int):
        super().__init__()
        self.space, self.count = space, count

    @abstractmethod
    def log_each(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """log p_k(x), (n, count); of the columns that are known, (*space.shape), if these are given."""

    @abstractmethod
    def maximise(self, x: Tensor, shares: Tensor, smoothing: float) -> None:
        """Takes the most likely parameters for rows with these shares, (n, count), in each product."""

    @abstractmethod
    def draw(self, which: Tensor, u: Tensor) -> Tensor:
        """x of the products of these numbers, (n,), from uniform numbers, (n, dims)."""

    @abstractmethod
    def prior(self, smoothing: float) -> Tensor:
        """The logarithm of what the added rows contribute to the likelihood, (count,)."""


def products(who: str, space: Space, count: int) -> Products:
    """Products on a space of columns.

    Raises:
        Refused: the space is no such space.
    """
    require(who, space, Bits, Tokens, Pixels, Reals)
    if isinstance(space, Tokens) and space.end is not None:
        raise Refused(
            f"{who}: space is {space}; its sequences end, so that its columns depend on each other; "
            f"Tokens without an end are wanted"
        )
    if isinstance(space, Reals):
        return NormalProducts(space, count)
    return (
        BernoulliProducts(space, count)
        if isinstance(space, Bits)
        else CategoricalProducts(space, count)
    )


class BernoulliProducts(Products):
    """Products of Bernoulli distributions, on Bits."""

    def __init__(self, space: Space, count: int):
        super().__init__(space, count)
        self.logits = nn.Parameter(torch.zeros(count, space.dims))

    def log_each(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        rows, none_on = x.flatten(1), softplus(self.logits)
        if known is not None:
            seen = known.flatten().to(self.logits)
            rows, none_on = rows * seen, none_on * seen
        return rows @ self.logits.T - none_on.sum(1)

    def maximise(self, x: Tensor, shares: Tensor, smoothing: float) -> None:
        on, rows = _summed(x.flatten(1), shares), shares.sum(0, dtype=torch.float64)[:, None]
        added = max(smoothing, LEAST)
        self.logits.copy_((on + added).log() - ((rows - on).clamp(min=0) + added).log())

    def draw(self, which: Tensor, u: Tensor) -> Tensor:
        x = (u < self.logits.sigmoid()[which]).to(self.logits)
        return x.reshape(-1, *self.space.shape)

    def prior(self, smoothing: float) -> Tensor:
        both = softplus(self.logits) + softplus(-self.logits)
        return -smoothing * both.sum(1)


class CategoricalProducts(Products):
    """Products of categorical distributions, on Tokens or Pixels."""

    first: Tensor  # (dims,), the number of the first value of each column

    def __init__(self, space: Space, count: int):
        super().__init__(space, count)
        self.levels: int = space.cardinality or 0
        self.logits = nn.Parameter(torch.zeros(count, space.dims, self.levels))
        self.register_buffer("first", self.levels * torch.arange(space.dims), persistent=False)

    @property
    def log_values(self) -> Tensor:
        """log p_ki(v), (count, dims, levels)."""
        return self.logits.log_softmax(2)

    def numbers(self, x: Tensor) -> Tensor:
        """The number of each value among those of all columns, (n, dims)."""
        return self.space.indices(x).flatten(1) + self.first

    def log_each(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        table = self.log_values
        if known is not None:
            table = table * known.flatten()[:, None].to(table)
        return embedding_bag(self.numbers(x), table.flatten(1).T, mode="sum")

    def maximise(self, x: Tensor, shares: Tensor, smoothing: float) -> None:
        home = double_home(x)
        count = torch.zeros(self.first.numel() * self.levels, self.count, dtype=torch.float64).to(
            home
        )
        for rows, part in _blocks(x, shares, self.space.dims * self.count):
            each = part.to(home, torch.float64).repeat_interleave(self.space.dims, 0)
            count.index_add_(0, self.numbers(rows).flatten().to(home), each)
        count = count.T.reshape(self.logits.shape)
        self.logits.copy_((count + max(smoothing, LEAST)).log())

    def draw(self, which: Tensor, u: Tensor) -> Tensor:
        running = self.log_values.double().exp().cumsum(2)
        parts = []
        for numbers, part in _blocks(which, u, self.space.dims * self.levels):
            below = running[numbers] < (part * running[numbers, :, -1])[:, :, None]
            parts.append(below.sum(2).clamp(max=self.levels - 1))
        values = torch.cat(parts) if parts else self.first.new_empty(0, self.space.dims)
        return self.space.values(values.reshape(-1, *self.space.shape), self.logits.dtype)

    def prior(self, smoothing: float) -> Tensor:
        return smoothing * self.log_values.flatten(1).sum(1)


class NormalProducts(Products):
    """Products of normal distributions, on Reals; `floor` is their least variance."""

    def __init__(self, space: Space, count: int, floor: float = 1e-6):
        super().__init__(space, count)
        self.floor = floor
        self.means = nn.Parameter(torch.zeros(count, space.dims))
        self.scales = nn.Parameter(torch.ones(count, space.dims))

    def log_each(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        rows, means, scales = x.flatten(1), self.means, self.scales
        if known is not None:
            seen = known.flatten()
            rows, means, scales = rows[:, seen], means[:, seen], scales[:, seen]
        return log_diagonal_normals(rows, means, scales)

    def maximise(self, x: Tensor, shares: Tensor, smoothing: float) -> None:
        kept = shares.sum(0)[:, None] > LEAST
        means, scales = fitted_diagonals(x.flatten(1), shares, "diagonal", self.floor)
        self.means.copy_(means.where(kept, self.means))
        self.scales.copy_(scales.where(kept, self.scales))

    def draw(self, which: Tensor, u: Tensor) -> Tensor:
        noise = torch.special.ndtri(u.double().clamp(min=1e-16)).to(self.means)
        return (self.means[which] + self.scales[which] * noise).reshape(-1, *self.space.shape)

    def prior(self, smoothing: float) -> Tensor:
        return self.means.new_zeros(self.count)


def chosen(log_shares: Tensor, u: Tensor) -> Tensor:
    """The number whose share of the whole a uniform number falls into: (count,) or (n, count), (n,) -> (n,)."""
    running = log_shares.double().softmax(-1).cumsum(-1)
    below = running < (u * running[..., -1])[:, None]
    return below.sum(1).clamp(max=running.shape[-1] - 1)


def _blocks(
    x: Tensor, more: Tensor, width: int, held: int = HELD
) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of both, so many that a block of this width is held."""
    size = max(1, held // width)
    return zip(x.split(size), more.split(size), strict=True)


def _summed(x: Tensor, shares: Tensor) -> Tensor:
    """The sum of the rows of x, (n, d), by their shares, (n, k), in double precision, (k, d)."""
    home = double_home(x)
    total = torch.zeros(shares.shape[1], x.shape[1], dtype=torch.float64, device=home)
    for rows, part in _blocks(x, shares, x.shape[1], CACHED if x.is_cpu else HELD):
        total += part.to(home, torch.float64).T @ rows.to(home, torch.float64)
    return total
