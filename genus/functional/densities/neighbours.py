"""Two samples, compared by nearest neighbours. Everything is exact: no index, no approximation."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

ROWS, PAIRS = 1024, 2**23  # rows and pairs of a distance table that are held at once
WIDE, CANDIDATES = 16, 4  # numbers of a row from which products of matrices pay, and rows they find


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances of all pairs, (m, d) and (n, d) -> (m, n); zero where rows are equal."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def mean_distance(x: Tensor) -> Tensor:
    """That of two different rows of x, (n, d), a number; NaN of a single row."""
    return distances(x, x).sum() / (len(x) * (len(x) - 1))


def at_once(b: Tensor) -> int:
    """The number of rows whose distances to all of b are held at once."""
    return max(1, min(ROWS, PAIRS // max(1, len(b))))


def nearest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The distance of each row of a to the nearest row of b, (m,), and that row's number, (m,).

    Among rows of many numbers a product of matrices finds the few nearest, six times as fast; their
    distances are then as exact as others.
    """
    if a.shape[1] < WIDE or len(b) <= CANDIDATES:
        found = [distances(rows, b).min(1) for rows in a.split(at_once(b))]
        return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])
    values, numbers = [], []
    for rows, near in _candidates(a, b, CANDIDATES):
        exact = (rows[:, None] - b[near]).square().sum(2).sqrt()
        least = exact.min(1)
        values.append(least.values)
        numbers.append(near.gather(1, least.indices[:, None])[:, 0])
    return torch.cat(values), torch.cat(numbers)


def _candidates(a: Tensor, b: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Some rows of a at a time, and the numbers of the rows of b next to each, (rows, count), in order."""
    middle = b.double().mean(0)
    other = b.double() - middle
    lengths = other.square().sum(1)
    for rows in a.split(at_once(b)):
        table = torch.addmm(lengths, rows.double() - middle, other.T, alpha=-2)
        yield rows, table.topk(count, largest=False).indices.sort(1).values


def radii(x: Tensor, k: int) -> Tensor:
    """The distance of each row to its k-th nearest neighbour among the others: (n, d) -> (n,)."""
    parts, start = [], 0
    if x.shape[1] < WIDE or len(x) <= k + CANDIDATES:
        for rows in x.split(at_once(x)):
            table = distances(rows, x)
            table[torch.arange(len(rows)), start + torch.arange(len(rows))] = torch.inf
            parts.append(table.kthvalue(k, 1).values)
            start += len(rows)
        return torch.cat(parts)
    for rows, near in _candidates(x, x, k + CANDIDATES):
        exact = (rows[:, None] - x[near]).square().sum(2).sqrt()
        itself = torch.arange(start, start + len(rows), device=x.device)
        parts.append(exact.masked_fill(near == itself[:, None], torch.inf).kthvalue(k, 1).values)
        start += len(rows)
    return torch.cat(parts)


class Manifolds(NamedTuple):
    """Row by row, how two samples cover each other; the means are the measures."""

    precision: Tensor  # (m,) is the fake row in the ball of a real one
    recall: Tensor  # (n,) is the real row in the ball of a fake one
    density: Tensor  # (m,) in how many balls of real ones it is, over k
    coverage: Tensor  # (n,) does the real row's ball hold a fake one


def manifolds(real: Tensor, fake: Tensor, k: int, reach: Tensor | None = None) -> Manifolds:
    """Each row has a ball that reaches to its k-th neighbour in its own sample; balls are closed.

    Args:
        real: (n, d), more than k rows.
        fake: (m, d), more than k rows.
        k: number of the neighbour, 1 for the nearest.
        reach: `radii` of the real rows, where they are known.

    Source: precision and recall: Kynkaanniemi, Karras, Laine, Lehtinen, Aila, "Improved precision
        and recall metric for assessing generative models", 2019, arXiv:1904.06991, section 2.
        Density and coverage: Naeem, Oh, Uh, Choi, Yoo, "Reliable fidelity and diversity metrics for
        generative models", 2020, arXiv:2002.09797, section 3.
    """
    real_radii, fake_radii = radii(real, k) if reach is None else reach, radii(fake, k)
    inside = torch.zeros(len(fake), dtype=real.dtype, device=real.device)
    recall, coverage = [], []
    for rows, reaches in zip(
        real.split(at_once(fake)), real_radii.split(at_once(fake)), strict=True
    ):
        table = distances(rows, fake)
        hits = table <= reaches[:, None]
        inside += hits.sum(0)
        coverage.append(hits.any(1))
        recall.append((table <= fake_radii).any(1))
    return Manifolds(
        (inside > 0).to(real.dtype),
        torch.cat(recall).to(real.dtype),
        inside / k,
        torch.cat(coverage).to(real.dtype),
    )
