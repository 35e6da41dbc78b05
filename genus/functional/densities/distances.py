"""Distances between distributions, from their moments, their samples or their histograms."""

from collections.abc import Callable

import torch
from torch import Tensor

Kernel = Callable[[Tensor, Tensor], Tensor]  # of rows (k, d) and (l, d): (k, l), one for each pair

PAIRS = 2**23  # pairs of rows that are held at once


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean, (d,), and the unbiased covariance, (d, d), of rows (n, d)."""
    return x.mean(0), torch.cov(x.T).reshape(x.shape[1], x.shape[1])


def frechet(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    """The squared Frechet distance of two Gaussians, ().

        |m_a - m_b|^2 + tr(S_a + S_b - 2 (R S_b R)^(1/2)),    R = S_a^(1/2)

    R S_b R is symmetric and has the eigenvalues of S_a S_b, so a symmetric solver finds them, also
    if a covariance is singular. Rounding may leave one a little below zero: it counts as zero.

    Source: Dowson, Landau, "The Frechet distance between multivariate normal distributions", 1982,
        Journal of Multivariate Analysis 12.
    """
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    middle = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return ((mean_a - mean_b) ** 2).sum() + cov_a.trace() + cov_b.trace() - 2 * middle


def polynomial_kernel(a: Tensor, b: Tensor, degree: int = 3) -> Tensor:
    """(a . b / d + 1)^degree of all pairs: (m, d) and (n, d) -> (m, n)."""
    return (a @ b.T / a.shape[1] + 1) ** degree


def mmd(within_a: Tensor, within_b: Tensor, between: Tensor) -> tuple[Tensor, Tensor]:
    """The squared maximum mean discrepancy, unbiased, and its standard error, each ().

    The error is the jackknife's: every row of a and of b is left out once.

    Args:
        within_a: the kernel of all pairs in a, (m, m).
        within_b: the kernel of all pairs in b, (n, n).
        between: the kernel of a against b, (m, n).

    Source: Gretton, Borgwardt, Rasch, Schoelkopf, Smola, "A kernel two-sample test", 2012, Journal
        of Machine Learning Research 13, equation 3.
    """
    diagonals = within_a.diagonal(), within_b.diagonal()
    own = within_a.sum(1) - diagonals[0], within_b.sum(1) - diagonals[1]
    return _mmd(own, (between.sum(1), between.sum(0)))


def mmd_in_blocks(
    kernel: Kernel, a: Tensor, b: Tensor, pairs: int = PAIRS
) -> tuple[Tensor, Tensor]:
    """`mmd` of rows (m, d) and (n, d), without a table of all their pairs.

    Args:
        kernel: symmetric function of rows.
        a, b: rows of both samples.
        pairs: number of pairs that are held at once.
    """
    own = []
    for x in (a, b):
        sums, start = [], 0
        for part in _blocks(x, x, pairs):
            table = kernel(part, x)
            sums.append(table.sum(1) - table.diagonal(start))
            start += len(part)
        own.append(torch.cat(sums))
    to_b, to_a = [], torch.zeros(len(b), dtype=a.dtype, device=a.device)
    for part in _blocks(a, b, pairs):
        table = kernel(part, b)
        to_b.append(table.sum(1))
        to_a += table.sum(0)
    return _mmd((own[0], own[1]), (torch.cat(to_b), to_a))


def _mmd(own: tuple[Tensor, Tensor], across: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The squared maximum mean discrepancy and its error, from the sums of each row's kernels.

    Args:
        own: sums over the other rows of its own sample, (m,) and (n,).
        across: sums over the rows of the other sample, (m,) and (n,).
    """
    all_pairs = len(own[0]) * len(own[1])
    cross, means, errors = across[0].sum() / all_pairs, [], []
    for row, to_others in zip(own, across, strict=True):
        n = len(row)
        means.append(row.sum() / (n * (n - 1)))
        without = (row.sum() - 2 * row) / ((n - 1) * (n - 2))
        rest = (cross * all_pairs - to_others) / (all_pairs - all_pairs // n)
        left_out = without - 2 * rest
        errors.append((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    return means[0] + means[1] - 2 * cross, (errors[0] + errors[1]).sqrt()


def mean_over_pairs(kernel: Kernel, a: Tensor, b: Tensor, pairs: int = PAIRS) -> Tensor:
    """The mean of a kernel over all pairs of rows (m, d) and (n, d), (), without a table of them.

    Args:
        kernel: function of rows.
        a, b: rows of both samples.
        pairs: number of pairs that are held at once.
    """
    sums = [kernel(part, b).sum() for part in _blocks(a, b, pairs)]
    return torch.stack(sums).sum() / (len(a) * len(b))


def _blocks(a: Tensor, b: Tensor, pairs: int) -> tuple[Tensor, ...]:
    """The rows of a, as many at once as have so many pairs with those of b."""
    return a.split(max(1, pairs // max(1, len(b))))


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 E|x - y| - E|x - x'| - E|y - y'|, (), of rows (m, d) and (n, d): 0 if they are the same rows.

    All pairs count, each row with itself too, so it is never negative, and too high by about
    (E|x - x'| + E|y - y'|) / n for n draws of one distribution.

    Source: Szekely, Rizzo, "Energy statistics: a class of statistics based on distances", 2013,
        Journal of Statistical Planning and Inference 143, equation 5.
    """
    within = mean_over_pairs(torch.cdist, a, a) + mean_over_pairs(torch.cdist, b, b)
    return 2 * mean_over_pairs(torch.cdist, a, b) - within


def unbiased_energy_distance(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """2 E|x - y| - E|x - x'| - E|y - y'| and its standard error, each (), of rows (m, d) and (n, d).

    No row is compared with itself, so for draws of one distribution it is 0 in expectation, and may be
    below. It is the squared maximum mean discrepancy of the kernel -|x - y|.

    Source: Sejdinovic, Sriperumbudur, Gretton, Fukumizu, "Equivalence of distance-based and RKHS-based
        statistics in hypothesis testing", 2013, Annals of Statistics 41, arXiv:1207.6076.
    """
    return mmd_in_blocks(lambda x, y: -torch.cdist(x, y), a, b)


def kl_histograms(counts: Tensor, reference: Tensor) -> Tensor:
    """KL(counts || reference) of the shares of two histograms, nats: (k,) and (k,) -> ().

    Infinite where something is counted that the reference has never seen.
    """
    p, q = counts / counts.sum(), reference / reference.sum()
    return torch.where(p > 0, p * (p / q).log(), 0.0).sum()
