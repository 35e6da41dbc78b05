"""Distances between distributions, from their moments, their samples or their histograms."""

import torch
from torch import Tensor


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
    cross, all_pairs = between.mean(), between.numel()
    means, errors = [], []
    for square, to_others in ((within_a, between.sum(1)), (within_b, between.sum(0))):
        n = len(square)
        own = square.sum(1) - square.diagonal()
        means.append(own.sum() / (n * (n - 1)))
        without = (own.sum() - 2 * own) / ((n - 1) * (n - 2))
        rest = (between.sum() - to_others) / (all_pairs - all_pairs // n)
        left_out = without - 2 * rest
        errors.append((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    return means[0] + means[1] - 2 * cross, (errors[0] + errors[1]).sqrt()


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 E|x - y| - E|x - x'| - E|y - y'|, (), of rows (m, d) and (n, d): 0 if they are the same rows.

    All pairs count, each row with itself too, so it is never negative, and too high by about
    (E|x - x'| + E|y - y'|) / n for n draws of one distribution.

    Source: Szekely, Rizzo, "Energy statistics: a class of statistics based on distances", 2013,
        Journal of Statistical Planning and Inference 143, equation 5.
    """
    within = torch.cdist(a, a).mean() + torch.cdist(b, b).mean()
    return 2 * torch.cdist(a, b).mean() - within


def unbiased_energy_distance(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """2 E|x - y| - E|x - x'| - E|y - y'| and its standard error, each (), of rows (m, d) and (n, d).

    No row is compared with itself, so for draws of one distribution it is 0 in expectation, and may be
    below. It is the squared maximum mean discrepancy of the kernel -|x - y|.

    Source: Sejdinovic, Sriperumbudur, Gretton, Fukumizu, "Equivalence of distance-based and RKHS-based
        statistics in hypothesis testing", 2013, Annals of Statistics 41, arXiv:1207.6076.
    """
    return mmd(-torch.cdist(a, a), -torch.cdist(b, b), -torch.cdist(a, b))


def kl_histograms(counts: Tensor, reference: Tensor) -> Tensor:
    """KL(counts || reference) of the shares of two histograms, nats: (k,) and (k,) -> ().

    Infinite where something is counted that the reference has never seen.
    """
    p, q = counts / counts.sum(), reference / reference.sum()
    return torch.where(p > 0, p * (p / q).log(), 0.0).sum()
