"""KernelDensity: a normal kernel around every training row.

The data are their own model. All that is chosen is how wide the kernels are: too narrow, and the density
knows nothing between the rows; too wide, and it forgets their shape. Each row is judged by the kernels of
the others, and the width is the one that makes it most likely there.

    p(x) = 1/N sum_n N(x; x_n, diag(w)^2)               w_j = max(h s_j, r_j, floor^(1/2))
    h    = argmax 1/N sum_n log( 1/(N - N_n) sum_{x_i != x_n} N(x_n; x_i, diag(w)^2) )
    x    = x_n + w e,   n uniform, e ~ N(0, I)

s_j is the deviation of column j, so h has no unit. r_j is the column's resolution, the smallest step between
two of its values: rounded numbers are smoothed over their neighbours, and get no infinite density.
A row and its N_n - 1 equals are left out together; else a row would be explained by its own copy, and h
would run to zero. The optimum is where the mean of E[|x_n - x_i|^2] is d h^2, so that it is bracketed by the
distances of the nearest and of the farthest rows.

Source: Parzen, "On estimation of a probability density function and mode", Annals of Mathematical
    Statistics 33, 1962; h by leaving one out: Duin, "On the choice of smoothing parameters for Parzen
    estimators of probability density functions", IEEE Transactions on Computers 25, 1976; a width for
    each column: Scott, "Multivariate density estimation", 1992.
Departs: equal rows are left out together, and kernels have a least width. Of more different rows than
    `rows`, h is found on as many, drawn at random, and scaled by (rows / N)^(1 / (d + 4)), the rate at
    which Scott's best width falls.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..core import GenerativeModel, Losses, Reals, Refused, Space, at_least, positive, require
from ..functional.densities.densities import double_home
from ..functional.densities.neighbours import radii

LINES, PAIRS = 128, 2**17  # rows, and pairs of rows, that are held at once: a cache holds them
LONG = 1e8  # squared length up to which a product of matrices gives distances to about 1e-8
EXACT = 1e-4  # of the bandwidth, relative


class KernelDensity(GenerativeModel):
    """A normal kernel around each training row; an x of several axes is read as one vector.

    Scores are exact, in a time that grows with the number of training rows, and are found in blocks.

    Args:
        space: the reals.
        bandwidth: width of the kernels in deviations of each column, positive; None finds it.
        rows: largest number of different rows that the bandwidth is found on, at least 2.
        floor: the least variance of a kernel in any direction, positive, in the square of the data's
            unit: what a column that never varies gets.
    """

    centres: Tensor  # (different rows, d)
    counts: Tensor  # (different rows,) int64, how often each was met
    widths: Tensor  # (d,) deviation of the kernels

    def __init__(
        self,
        space: Space,
        bandwidth: float | None = None,
        rows: int = 3000,
        floor: float = 1e-6,
    ):
        super().__init__()
        require("KernelDensity", space, Reals, mend="for pixels, wrap the model in Dequantised")
        positive("KernelDensity", bandwidth=bandwidth, floor=floor)
        at_least(2, "KernelDensity", rows=rows)
        self.space, self.bandwidth, self.rows, self.floor = space, bandwidth, rows, floor
        self.register_buffer("centres", torch.empty(0, space.dims))
        self.register_buffer("counts", torch.empty(0, dtype=torch.int64))
        self.register_buffer("widths", torch.ones(space.dims))
        self.register_load_state_dict_pre_hook(_make_room)

    def log_prob(self, x: Tensor) -> Tensor:
        self._check_fitted()
        home = double_home(x)
        widths = self.widths.to(home, torch.float64)
        middle = self.centres.to(home, torch.float64).mean(0)
        centres = (self.centres.to(home, torch.float64) - middle) / widths
        rows = (x.flatten(1).to(home, torch.float64) - middle) / widths
        total = log_kernels(rows, centres, self.counts.to(home))
        return (total - math.log(self.counts.sum()) - _log_volume(widths)).to(x)

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Takes over the rows, and finds the bandwidth: one step.

        What it yields is not of the rows under their own kernels, but of each under the others.

        Raises:
            Refused: x has no rows, or is not of its space.
        """
        self.space.check(x, "KernelDensity")
        if not len(x):
            raise Refused("KernelDensity: x has no rows; at least 1 is wanted")
        centres, counts = x.flatten(1).unique(dim=0, return_counts=True)
        self.centres, self.counts = centres.to(self.centres), counts
        if len(centres) == 1:
            self.widths.fill_(math.sqrt(self.floor))
            yield {"nll": -self.log_prob(x[:1]).mean()}
            return
        rows = centres.to(double_home(x), torch.float64)
        counts = counts.to(rows.device)
        some = slice(None)
        if len(rows) > self.rows:
            some = torch.randperm(len(rows))[: self.rows].to(rows.device)
        kernels = Kernels(rows[some], counts[some], *scales(rows, counts, self.floor))
        bandwidth = self.bandwidth or kernels.best()
        nll = -kernels.left_out(bandwidth)
        if self.bandwidth is None:
            bandwidth *= (len(kernels.rows) / len(rows)) ** (1 / (self.space.dims + 4))
        self.widths.copy_(kernels.widths(bandwidth))
        yield {"nll": nll.to(x)}

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        self._check_fitted()
        running = self.counts.cumsum(0)
        row = torch.randint(int(running[-1]), (n,), device=running.device)
        which = torch.searchsorted(running, row, right=True)
        x = self.centres[which] + self.widths * self.noise(n, self.space.dims)
        return x.reshape(n, *self.space.shape)

    def _check_fitted(self) -> None:
        if not len(self.centres):
            raise Refused(
                "KernelDensity: it has no rows yet; it must be fitted before it scores or samples: "
                "call fit"
            )


class Kernels:
    """Kernels around some rows, as a function of their bandwidth.

    Args:
        rows: different rows, (n, d), in double precision.
        counts: how often each was met, (n,).
        spread: deviation of each column, (d,).
        least: least width of a kernel, (d,).
    """

    def __init__(self, rows: Tensor, counts: Tensor, spread: Tensor, least: Tensor):
        self.rows, self.counts = rows - rows.mean(0), counts
        self.spread, self.least = spread, least

    def widths(self, bandwidth: float) -> Tensor:
        """(d,)."""
        return (bandwidth * self.spread).maximum(self.least)

    def left_out(self, bandwidth: float) -> Tensor:
        """The mean of log p(row) under the kernels of all rows that differ from it, ()."""
        widths, total = self.widths(bandwidth), self.counts.sum()
        rows = self.rows / widths
        each = log_kernels(rows, rows, self.counts, others=True)
        each = each - (total - self.counts).to(rows).log()
        return (self.counts * each).sum() / total - _log_volume(widths)

    def best(self) -> float:
        """The bandwidth that makes `left_out` largest: a bracket by halving, and Brent's method in it."""
        from scipy.optimize import minimize_scalar  # takes a while to import

        def loss(log_h: float) -> float:
            return -self.left_out(math.exp(log_h)).item()

        low, high = self._bracket()
        step, best = math.log(2), math.log(high)
        last, losses = best, {best: loss(best)}
        while last > math.log(low) or best == last:
            last -= step
            losses[last] = loss(last)
            best = min(losses, key=losses.__getitem__)
        found = minimize_scalar(
            loss, bounds=(best - step, best + step), method="bounded", options={"xatol": EXACT}
        )
        return math.exp(found.x if found.fun < losses[best] else best)

    def _bracket(self) -> tuple[float, float]:
        """Bandwidths between which the best one lies: d h^2 is a mean of squared distances."""
        varies = self.spread > 0
        rows = self.rows[:, varies] / self.spread[varies]
        near = (self.counts * radii(rows, 1).square()).sum() / self.counts.sum()
        far = (rows.amax(0) - rows.amin(0)).square().sum()
        return tuple((torch.stack([near, far]) / rows.shape[1]).sqrt().tolist())


def scales(rows: Tensor, counts: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """The deviation of each column, and the least width of a kernel in it, (d,) each.

    Args:
        rows: different rows, (n, d), in double precision.
        counts: how often each was met, (n,).
        floor: least variance.
    """
    share = counts.to(rows) / counts.sum()
    spread = (share @ (rows - share @ rows).square()).sqrt()
    steps = []
    for column in rows.T:
        step = column.sort().values.diff()
        steps.append(step[step > 0].min() if (step > 0).any() else step.new_zeros(()))
    least = torch.stack(steps)
    return spread.where(least > 0, 0.0), least.clamp(min=math.sqrt(floor))


def log_kernels(x: Tensor, centres: Tensor, counts: Tensor, others: bool = False) -> Tensor:
    """log sum_i counts_i exp(-|x - c_i|^2 / 2), in blocks: (n, d) and (m, d) -> (n,).

    Args:
        x: rows, in widths of the kernels, from near the middle of the centres.
        centres, counts: the kernels, (m, d) and (m,).
        others: whether x are the centres, and each is left out of its own sum.
    """
    weights = counts.to(x).log()
    squares = centres.square().sum(1)
    lengths, far = weights - 0.5 * squares, squares.max()
    found = []
    for start, rows in zip(range(0, len(x), LINES), x.split(LINES), strict=False):
        own = 0.5 * rows.square().sum(1, keepdim=True)
        direct = bool(far.maximum(2 * own.max()) > LONG)
        size = max(1, PAIRS // len(rows) // (x.shape[1] if direct else 1))
        parts = []
        for column in range(0, len(centres), size):
            near = slice(column, column + size)
            if direct:
                gaps = (rows[:, None] - centres[near]).square().sum(2)
                table = weights[near] - 0.5 * gaps
            else:
                table = torch.addmm(lengths[near], rows, centres[near].T) - own
            if others and -len(rows) < start - column < table.shape[1]:
                table.diagonal(start - column).fill_(-math.inf)
            parts.append(table.logsumexp(1))
        found.append(torch.stack(parts).logsumexp(0))
    return torch.cat(found) if found else x.new_empty(0)


def _log_volume(widths: Tensor) -> Tensor:
    """log of the integral of a kernel, ()."""
    return widths.log().sum() + 0.5 * len(widths) * math.log(2 * math.pi)


def _make_room(model: KernelDensity, state: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
    """There are as many kernels as there were rows: a model that is loaded gets room for them."""
    for name in ("centres", "counts"):
        if (came := state.get(prefix + name)) is not None:
            setattr(model, name, getattr(model, name).new_empty(came.shape))
