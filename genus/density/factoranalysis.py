"""FactorAnalysis: what many numbers have in common, as a few factors, and noise in each of them.

Given the factors the numbers are independent, so that all that they share goes through a few directions.
With noise of one variance for all (probabilistic PCA) the best model has a closed form; with one for each
number (factor analysis), EM finds it: E looks at the factors of each row, M regresses the numbers on them.

    z ~ N(0, I)     x = m + W z + e,  e ~ N(0, Psi)             p(x) = N(m, W W' + Psi)
    M = I + W' Psi^-1 W,  r = x - m                             z | x ~ N(u, M^-1),  u = M^-1 W' Psi^-1 r
    -2 log p(x) = |Psi^(-1/2) (r - W u)|^2 + |u|^2 + log |Psi| + log |M| + d log 2 pi
    closed form   W = V_k (L_k - sigma^2 I)^(1/2)               sigma^2 = mean of the other eigenvalues
    EM            W = S B' (M^-1 + B S B')^-1,  B = M^-1 W' Psi^-1          Psi = diag(S - W B S)

S is the covariance of the rows, with eigenvalues L and eigenvectors V. Only k x k systems are solved: a
row costs d k. Where entries are missing (NaN), all is of the observed ones: M has the rows of W that were
observed, and each number is regressed, with a constant for m, on the factors of the rows that have it.

Source: Rubin, Thayer, "EM algorithms for ML factor analysis", Psychometrika 47, 1982; Tipping, Bishop,
    "Probabilistic principal component analysis", Journal of the Royal Statistical Society B 61, 1999.
Departs: no variance of Psi is let below `floor`: still the M step, and the closed form, under that
    constraint. EM begins with the closed form, of columns in units of their deviations where each has
    a variance of its own, and with the column's mean where an entry is missing.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Reals, Refused, Space, at_least, positive, require
from ..functional.densities.densities import HELD, double_home

Noise = Literal["diagonal", "spherical"]


class FactorAnalysis(GenerativeModel):
    """A normal distribution with few directions of its own; an x of several axes is read as one vector.

    Rows may have missing entries, as NaN, in all methods that take x, `fit` too; but `genus.fit` wants
    finite data, so that such rows are given to the model's own `fit`.

    Args:
        space: the reals.
        factors: number of factors, at least 1 and at most the numbers of an x.
        covariance: of the noise: diagonal (factor analysis: a variance for each number) or
            spherical (probabilistic PCA: one for all).
        floor: the least variance of the noise, positive, in the square of the data's unit.
        tolerance: EM ends when a step gains less than this, in nats per row.
    """

    started: Tensor  # () bool: whether `fit` has begun

    def __init__(
        self,
        space: Space,
        factors: int = 10,
        covariance: Noise = "diagonal",
        floor: float = 1e-6,
        tolerance: float = 1e-4,
    ):
        super().__init__()
        require("FactorAnalysis", space, Reals, mend="for pixels, wrap the model in Dequantised")
        at_least(1, "FactorAnalysis", factors=factors)
        positive("FactorAnalysis", floor=floor)
        if factors > space.dims:
            raise Refused(
                f"FactorAnalysis: factors is {factors}, and an x has {space.dims} numbers; at most as "
                f"many factors are wanted"
            )
        if covariance not in Noise.__args__:
            kinds = " or ".join(Noise.__args__)
            raise Refused(f"FactorAnalysis: covariance is '{covariance}'; it must be {kinds}")
        self.space, self.factors, self.covariance = space, factors, covariance
        self.floor, self.tolerance = floor, tolerance
        self.mean = nn.Parameter(torch.zeros(space.dims))
        self.loadings = nn.Parameter(torch.randn(space.dims, factors) / math.sqrt(factors))  # W
        self.scale = nn.Parameter(torch.ones(space.dims if covariance == "diagonal" else 1))
        self.register_buffer("started", torch.tensor(False))

    # scores and latents

    def log_prob(self, x: Tensor) -> Tensor:
        """That of the entries that are not missing, nats, (n,)."""
        model, parts = self._double(), self._parts(x)
        return torch.cat([model.posterior(part).log_prob for part in parts]).to(x)

    def encode(self, x: Tensor) -> Tensor:
        """The factors that are expected, given what is not missing of x, (n, factors)."""
        model, parts = self._double(), self._parts(x)
        return torch.cat([model.posterior(part).mean for part in parts]).to(x)

    def decode(self, z: Tensor) -> Tensor:
        """The x that is expected, given its factors, (n, *space.shape)."""
        return (self.mean + z @ self.loadings.T).reshape(len(z), *self.space.shape)

    def impute(self, x: Tensor) -> Tensor:
        """x, and where entries are missing what is expected, given the others of the row."""
        return x.where(~x.isnan(), self.decode(self.encode(x)))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        x = self.decode(self.noise(n, self.factors)).flatten(1)
        x = x + self.scale * self.noise(n, self.space.dims)
        return x.reshape(n, *self.space.shape)

    # learning

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """The closed form, one step, if noise is spherical and nothing is missing; else EM.

        EM takes a step at a time, until one gains less than `tolerance`.

        Raises:
            Refused: x has no rows, an infinite value, or a column without any entry.
        """
        mean, counts = described(x, self.space)
        complete = bool((counts == len(x)).all())
        closed = complete and self.covariance == "spherical"
        root = rooted(x.flatten(1), mean)
        if closed or not self.started:
            unit = torch.ones_like(mean)
            if self.covariance == "diagonal":  # the deviation, of what is not missing
                unit = (root.square().sum(0) * len(x) / counts).clamp(min=self.floor).sqrt()
            self._take(closed_form(mean, root, unit, self.factors, self.floor))
            self.started.fill_(True)
        elif complete:
            self.mean.copy_(mean)
        parts = [] if complete else [*self._parts(x, in_order=True)]
        expect = partial(of_moments, root) if complete else partial(of_rows, parts)
        seen = expect(self._double())
        if closed:
            yield {"nll": -seen.log_prob.to(x)}
            return
        while True:
            before = seen.log_prob
            self._take(maximised(self._double(), seen, self.covariance, self.floor))
            seen = expect(self._double())
            yield {"nll": -seen.log_prob.to(x)}
            if seen.log_prob - before < self.tolerance:
                return

    def _double(self) -> "Factors":
        """The parameters in double precision: a small variance would drown in the rounding of a row."""
        home, d = double_home(self.mean), self.space.dims
        mean, loadings, scale = (
            p.to(home, torch.float64) for p in (self.mean, self.loadings, self.scale)
        )
        return Factors(mean, loadings, scale.square().expand(d))

    def _take(self, found: "Factors") -> None:
        """Takes over parameters."""
        self.mean.copy_(found.mean)
        self.loadings.copy_(found.loadings)
        self.scale.copy_(found.variances[: len(self.scale)].sqrt())

    def _parts(self, x: Tensor, in_order: bool = False) -> Iterator["Part"]:
        """Some rows at a time; if in order, those with the same entries missing next to each other."""
        rows = x.flatten(1).to(double_home(x))
        if in_order:
            rows = rows[rows.isnan().unique(dim=0, return_inverse=True)[1].argsort(stable=True)]
        for part in rows.split(max(1, HELD // max(self.space.dims, (self.factors + 1) ** 2))):
            seen = ~part.isnan()
            if seen.all():
                member = torch.zeros(len(part), dtype=torch.int64, device=part.device)
                patterns = seen.new_ones(1, seen.shape[1])
            else:
                patterns, member = seen.unique(dim=0, return_inverse=True)
            yield Part(part, seen, patterns, member)


class Part(NamedTuple):
    """Some rows, and what is missing of them."""

    rows: Tensor  # (n, d)
    seen: Tensor  # (n, d) bool
    patterns: Tensor  # (p, d) bool: the different rows of `seen`
    member: Tensor  # (n,) which of them a row has


class FactorPosterior(NamedTuple):
    """What is known of the factors of some rows."""

    residual: Tensor  # (n, d) x - m, zero where it is missing
    mean: Tensor  # (n, k)
    covariance: Tensor  # (p, k, k), of each pattern
    log_prob: Tensor  # (n,)


class FactorSums(NamedTuple):
    """What E finds: sums over rows, of residuals r and of (z, 1), a factor more that is always one."""

    counts: Tensor  # (d,) entries that are not missing
    squares: Tensor  # (d,) of r^2
    cross: Tensor  # (d, k + 1) of r E[z, 1]
    second: Tensor  # (d, k + 1, k + 1) of E[(z, 1) (z, 1)']; (1, ...) if all numbers share it
    log_prob: Tensor  # () mean of the rows


class Factors(NamedTuple):
    """The parameters: m, (d,), W, (d, k), and the diagonal of Psi, (d,), in double precision."""

    mean: Tensor
    loadings: Tensor
    variances: Tensor

    def posterior(self, part: Part) -> FactorPosterior:
        """N(u, M^-1), by one k x k system for each pattern."""
        w, unit = self.loadings, torch.eye(self.loadings.shape[1]).to(self.loadings)
        weights = part.patterns / self.variances
        systems = [(w.T * some[:, None]) @ w for some in weights.split(max(1, HELD // w.numel()))]
        factor = torch.linalg.cholesky(torch.cat(systems) + unit)
        covariance = torch.cholesky_inverse(factor)
        residual = (part.rows.to(w) - self.mean).where(part.seen, 0.0)
        pulled = residual / self.variances @ w
        if len(covariance) == 1:
            mean = pulled @ covariance[0]
        else:
            mean = (covariance[part.member] @ pulled[:, :, None])[:, :, 0]
        left = (residual - mean @ w.T).where(part.seen, 0.0)
        squares = (left.square() / self.variances).sum(1) + mean.square().sum(1)
        logs = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        logs = logs + part.patterns.to(w) @ (2 * math.pi * self.variances).log()
        return FactorPosterior(residual, mean, covariance, -0.5 * (squares + logs[part.member]))


def of_rows(parts: Sequence[Part], model: Factors) -> FactorSums:
    """The E step, of rows some at a time, of which entries are missing."""
    d, k = model.loadings.shape
    zeros = model.mean.new_zeros
    counts, squares, cross = zeros(d), zeros(d), zeros(d, k + 1)
    second, total, n = zeros(d, (k + 1) ** 2), zeros(()), 0
    for part in parts:
        found = model.posterior(part)
        z = torch.cat([found.mean, found.mean.new_ones(len(found.mean), 1)], 1)
        outer = (z[:, :, None] * z[:, None]).flatten(1)
        sums = zeros(len(part.patterns), (k + 1) ** 2).index_add_(0, part.member, outer)
        sizes = part.member.bincount(minlength=len(sums))
        sums.unflatten(1, (k + 1, k + 1))[:, :k, :k] += sizes[:, None, None] * found.covariance
        second += part.patterns.to(z).T @ sums
        cross += found.residual.T @ z
        squares += found.residual.square().sum(0)
        counts += part.seen.sum(0)
        total += found.log_prob.sum()
        n += len(z)
    return FactorSums(counts, squares, cross, second.unflatten(1, (k + 1, k + 1)), total / n)


def of_moments(root: Tensor, model: Factors) -> FactorSums:
    """The E step, of rows by their covariance alone, which is all that it sees where nothing is missing.

    Args:
        root: A of `rooted`, of rows whose mean is the model's: sums over its rows are means over all.
        model: parameters.
    """
    d, k = model.loadings.shape
    rows = torch.cat([root, root.new_zeros(1, d)])  # one more, to know log p there
    seen = torch.ones_like(rows, dtype=torch.bool)
    member = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    found = model._replace(mean=root.new_zeros(d)).posterior(Part(rows, seen, seen[:1], member))
    second = torch.eye(k + 1).to(rows)[None]
    second[:, :k, :k] = found.covariance + found.mean.T @ found.mean
    cross = torch.cat([found.residual.T @ found.mean, rows.new_zeros(d, 1)], 1)
    top = found.log_prob[-1]
    log_prob = top + (found.log_prob - top).sum()
    return FactorSums(rows.new_ones(d), rows.square().sum(0), cross, second, log_prob)


def maximised(model: Factors, seen: FactorSums, covariance: str, floor: float) -> Factors:
    """The M step: each number regressed on the factors and a constant; what is left over is noise."""
    if len(seen.second) == 1:
        slopes = torch.linalg.solve(seen.second[0], seen.cross.T).T
    else:
        slopes = torch.linalg.solve(seen.second, seen.cross)
    left = (seen.squares - (slopes * seen.cross).sum(1)).clamp(min=0)
    each = left / seen.counts if covariance == "diagonal" else left.sum() / seen.counts.sum()
    variances = each.clamp(min=floor).expand_as(left)
    return Factors(model.mean + slopes[:, -1], slopes[:, :-1], variances)


def closed_form(mean: Tensor, root: Tensor, unit: Tensor, factors: int, floor: float) -> Factors:
    """The best model of noise that is as large in all columns, in these units of theirs.

    A direction whose variance is no larger than the noise gets no factor.

    Args:
        mean: mean of the rows, (d,).
        root: A of `rooted`.
        unit: unit of each column, (d,).
        factors: number of factors.
        floor: least variance of the noise.
    """
    a = root / unit
    values, vectors = torch.linalg.eigh(a @ a.T)  # of A A': the eigenvalues of A' A that are not 0
    values, vectors = values.flip(0)[:factors].clamp(min=0), vectors.flip(1)[:, :factors]
    rest = (a.square().sum() - values.sum()).clamp(min=0) / max(1, a.shape[1] - factors)
    noise = (unit.square() * rest).clamp(min=floor)
    above = (values - (noise / unit.square()).min()).clamp(min=0)
    lengths = (above / values).where(above > 0, 0.0).sqrt()  # |A' v| is the root of v's eigenvalue
    loadings = a.new_zeros(a.shape[1], factors)
    loadings[:, : len(values)] = unit[:, None] * (a.T @ vectors) * lengths
    return Factors(mean, loadings, noise)


def rooted(rows: Tensor, mean: Tensor) -> Tensor:
    """A, (min(n, d), d), for which A' A is the covariance of rows, (n, d): of a QR, block by block.

    A missing entry counts as the mean.
    """
    d, n = len(mean), len(rows)
    root = mean.new_empty(0, d)
    for part in rows.split(max(d, HELD // d)):
        centred = (part.to(mean) - mean).nan_to_num(0.0)
        root = torch.linalg.qr(torch.cat([root, centred]), mode="r").R
    return root / math.sqrt(n)


def described(x: Tensor, space: Space) -> tuple[Tensor, Tensor]:
    """The mean of each number of x over the rows that have it, (d,), and how many have, (d,)."""
    if x.shape[1:] != space.shape or not len(x):
        raise Refused(
            f"FactorAnalysis: x has shape {tuple(x.shape)}; it must be (n, *{space.shape}), n at least 1"
        )
    if x.isinf().any():
        raise Refused("FactorAnalysis: x has infinite values; NaN is wanted where one is missing")
    rows = x.flatten(1)
    counts = (~rows.isnan()).sum(0)
    if not counts.all():
        raise Refused(
            f"FactorAnalysis: number {int(counts.argmin())} of x is missing in all rows; at least one "
            f"entry of each is wanted: leave it out"
        )
    counts = counts.to(double_home(rows), torch.float64)
    parts = rows.split(max(1, HELD // space.dims))
    sums = torch.stack([part.to(counts).nan_to_num(0.0).sum(0) for part in parts])
    return sums.sum(0) / counts, counts
