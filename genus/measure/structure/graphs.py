"""Distances between two sets of graphs, by properties of their nodes.

    mmd(A, B) = mean k(a, a') + mean k(b, b') - 2 mean k(a, b)      over all pairs, a graph and itself too

    degree       the shares of nodes of each degree           k = exp(-emd^2 / 2),      a bin is 1 wide
    clustering   the shares of nodes in 100 bins of [0, 1]    k = exp(-emd^2 / 0.02),   a bin is 1/100
    orbit        how often a node stands in each of 15 ways   k = exp(-|a - b|^2 / 1800)
                 in a subgraph of 2 to 4 nodes, on average

These are the kernels of GraphRNN's authors, which most tables of graph models use. Values are
squares (no root is drawn), and 0 at best only in the limit: of few graphs they are above 0 even where
both sets come from one distribution, so each value comes with that of real graphs against real
ones. Later papers put the total variation in the place of the earth mover's distance, under the
same names: their figures and these cannot be compared.

On a line the earth mover's distance is sum |cumsum(p - q)|. Orbits are counted from powers of the
matrix: how often each small graph is part of a graph is a sum over walks, and how often it is a part
without further edges follows from that of the denser ones.

Source: You, Ying, Ren, Hamilton, Leskovec, "GraphRNN: generating realistic graphs with deep
    auto-regressive models", 2018, arXiv:1802.08773, kernels and widths as in the authors' code
    (eval/mmd.py and eval/stats.py of JiaxuanYou/graph-generation). Gretton and others, "A kernel
    two-sample test", 2012, JMLR 13. Orbits are numbered as by Przulj, "Biological network comparison
    using graphlet degree distribution", 2007, doi:10.1093/bioinformatics/btl301.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import Refused
from ...functional.densities.distances import Kernel, mean_over_pairs
from ..figures import Figure

BINS = 100  # of clustering coefficients
ORBITS = 15


class Distances(NamedTuple):
    """Distances between two sets of graphs: 0 is best."""

    degree: float
    clustering: float
    orbit: float


def graph_distances(a: Tensor, b: Tensor) -> Distances:
    """The three squared distances of sets of graphs, (m, nodes, nodes) and (n, nodes, nodes).

    Graphs are as in `genus.core.Graphs`; those without nodes are left out, as published.
    """
    a, b = (x[x[:, 0, 0] > 0] for x in (a, b))
    if not len(a) or not len(b):
        raise Refused(f"graph_distances: {len(a)} and {len(b)} graphs have nodes; 1 is wanted")
    return Distances(
        _mmd(degrees(a), degrees(b), earth_mover_kernel),
        _mmd(clustering(a), clustering(b), lambda p, q: earth_mover_kernel(p, q, 0.1, 1 / BINS)),
        _mmd(orbits(a), orbits(b), lambda p, q: gaussian_kernel(p, q, 30.0)),
    )


def graph_figures(
    fake: Tensor, train: Tensor, test: Tensor, protocol: dict[str, Any]
) -> list[Figure]:
    """The three distances of fake graphs to test graphs, with floors; none if all are empty.

    Args:
        fake: graphs, (n, nodes, nodes).
        train: graphs that take the place of the fake ones for the floor.
        test: graphs with which both are compared.
        protocol: description of the data for the figures.
    """
    if not (fake[:, 0, 0] > 0).any():
        return []
    found, floor = (graph_distances(graphs, test)._asdict() for graphs in (fake, train))
    known = {
        **protocol,
        "samples": len(fake),
        "floor_rows": len(train),
        "kernels": "earth mover's, sigma 1 and 0.1; orbits, sigma 30",
    }
    return [
        Figure(
            f"{name}_mmd",
            value,
            "squared mmd",
            known,
            sign="~",
            floor=floor[name],
            better="lower",
            estimator={"name": "samples"},
        )
        for name, value in found.items()
    ]


def _mmd(a: Tensor, b: Tensor, kernel: Kernel) -> float:
    """The squared maximum mean discrepancy of the rows of a and b."""
    within = mean_over_pairs(kernel, a, a) + mean_over_pairs(kernel, b, b)
    return (within - 2 * mean_over_pairs(kernel, a, b)).item()


def earth_mover_kernel(p: Tensor, q: Tensor, sigma: float = 1.0, width: float = 1.0) -> Tensor:
    """exp(-emd^2 / (2 sigma^2)) of all pairs of histograms, (m, bins) and (n, bins): (m, n).

    Args:
        p, q: histograms as shares; rows sum to 1. Missing bins count as empty.
        sigma: width of the kernel, in the unit of `width`.
        width: distance between two bins.
    """
    bins = max(p.shape[1], q.shape[1])
    p, q = (torch.nn.functional.pad(x, (0, bins - x.shape[1])).cumsum(1) for x in (p, q))
    distance = torch.cdist(p, q, p=1) * width
    return (-(distance**2) / (2 * sigma**2)).exp()


def gaussian_kernel(a: Tensor, b: Tensor, sigma: float) -> Tensor:
    """exp(-|a - b|^2 / (2 sigma^2)) of all pairs of rows, (m, d) and (n, d): (m, n)."""
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return (-(distance**2) / (2 * sigma**2)).exp()


# properties of nodes


def edges_of(x: Tensor) -> Iterator[Tensor]:
    """The edges of each graph as a matrix of its own size, (k, k), float64."""
    for row in x.detach().cpu().double():
        size = int(row.diagonal().sum())
        yield row[:size, :size] - torch.eye(size, dtype=torch.float64)


def degrees(x: Tensor) -> Tensor:
    """The shares of nodes of each graph that have 0, 1, 2, ... edges, (n, nodes)."""
    found = [torch.bincount(a.sum(1).long(), minlength=x.shape[1]) / len(a) for a in edges_of(x)]
    return torch.stack(found).double()


def clustering(x: Tensor) -> Tensor:
    """The shares of nodes of each graph by clustering coefficient, (n, 100).

    The coefficient is the share of pairs of neighbours that are joined; 0 where there are no pairs.
    """
    found = []
    for a in edges_of(x):
        degree = a.sum(1)
        triangles = ((a @ a) * a).sum(1) / 2
        share = triangles / (degree * (degree - 1) / 2).clamp(min=1)
        place = (share * BINS + 1e-9).long().clamp(max=BINS - 1)
        found.append(torch.bincount(place, minlength=BINS) / len(a))
    return torch.stack(found).double()


def orbits(x: Tensor) -> Tensor:
    """The mean number of times that a node of each graph is in each of the 15 orbits, (n, 15)."""
    return torch.stack([orbits_of_nodes(a).mean(0) for a in edges_of(x)])


def orbits_of_nodes(a: Tensor) -> Tensor:
    """The number of times that each node of a graph is in each orbit, (nodes, 15).

    0 has an edge; 1, 2 the end and the middle of a path of three; 3 a triangle; 4, 5 an end and
    a middle of a path of four; 6, 7 a tip and the centre of a star of four; 8 a ring of four; 9, 10, 11
    the tail, the two far and the near corner of a triangle with a tail; 12, 13 the ends and the middles
    of two triangles that share an edge; 14 four nodes all joined. Subgraphs have all edges between
    their nodes.

    Args:
        a: edges, (nodes, nodes), 0 and 1, symmetric, without a diagonal; float64.
    """
    d = a.sum(1)
    walks = a @ a
    off = walks - torch.diag(d)  # paths of two edges between two nodes
    common = walks * a  # of the ends of each edge, their common neighbours
    triangle = common.sum(1) / 2
    cliques = _cliques(a, common)
    # how often each is a part, with whatever edges besides
    pairs = common * (common - 1) / 2
    diamond_end = ((a @ (common - a)) * a).sum(1) / 2
    diamond_middle = pairs.sum(1)
    ring = (off * (off - 1) / 2).sum(1)
    tail = a @ triangle - 2 * triangle
    far = common @ (d - 2)
    near = triangle * (d - 2)
    around = a @ (d - 1)
    path_end = off @ (d - 1) - 2 * triangle
    path_middle = (d - 1) * around - 2 * triangle
    star_tip = a @ ((d - 1) * (d - 2) / 2)
    star_centre = d * (d - 1) * (d - 2) / 6
    # and with no other edges: the densest first
    o14 = cliques
    o13 = diamond_middle - 3 * o14
    o12 = diamond_end - 3 * o14
    o11 = near - 2 * o13 - 3 * o14
    o10 = far - 2 * o12 - 2 * o13 - 6 * o14
    o9 = tail - 2 * o12 - 3 * o14
    o8 = ring - o12 - o13 - 3 * o14
    o7 = star_centre - o11 - o13 - o14
    o6 = star_tip - o9 - o10 - 2 * o12 - o13 - 3 * o14
    o5 = path_middle - 2 * o8 - o10 - 2 * o11 - 2 * o12 - 4 * o13 - 6 * o14
    o4 = path_end - 2 * o8 - 2 * o9 - o10 - 4 * o12 - 2 * o13 - 6 * o14
    o2 = d * (d - 1) / 2 - triangle
    o1 = around - 2 * triangle
    return torch.stack([d, o1, o2, triangle, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14], 1)


def _cliques(a: Tensor, common: Tensor) -> Tensor:
    """The number of cliques of four that each node is in, (nodes,)."""
    first, second = (common.triu() > 1).nonzero().unbind(1)  # edges whose ends share two nodes
    both = a[first] * a[second]
    each = ((both @ a) * both).sum(1) / 2  # joined pairs among the shared
    total = a.new_zeros(len(a)).index_add(0, first, each).index_add(0, second, each)
    return total / 3
