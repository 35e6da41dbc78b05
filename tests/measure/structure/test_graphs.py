"""Distances of sets of graphs: by counting, by the book, and by scipy."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from genus.autoregressive import DGMG
from genus.core import Graphs
from genus.data import load
from genus.measure import evaluate
from genus.measure.structure.graphs import (
    clustering,
    degrees,
    earth_mover_kernel,
    graph_distances,
    graph_figures,
    orbits,
    orbits_of_nodes,
)

SMALL = [  # a graph, and the orbit of each of its nodes
    (nx.path_graph(2), (0, 0)),
    (nx.path_graph(3), (1, 2, 1)),
    (nx.complete_graph(3), (3, 3, 3)),
    (nx.path_graph(4), (4, 5, 5, 4)),
    (nx.star_graph(3), (7, 6, 6, 6)),
    (nx.cycle_graph(4), (8, 8, 8, 8)),
    (nx.Graph([(0, 1), (1, 2), (2, 3), (3, 1)]), (9, 11, 10, 10)),
    (nx.Graph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]), (13, 12, 13, 12)),
    (nx.complete_graph(4), (14, 14, 14, 14)),
]


def drawn(sizes, share, nodes=12, seed=0):
    """Graphs of some sizes, each edge with the same chance."""
    x = torch.zeros(len(sizes), nodes, nodes)
    for i, size in enumerate(sizes):
        graph = nx.gnp_random_graph(size, share, seed=seed + i)
        x[i, :size, :size] = torch.tensor(nx.to_numpy_array(graph)) + torch.eye(size)
    return x


def graphs_of(x):
    sizes = [int(row.diagonal().sum()) for row in x]
    return [
        nx.from_numpy_array((row - torch.eye(len(row))).numpy()[:size, :size])
        for row, size in zip(x, sizes, strict=True)
    ]


def counted(graph):
    """Orbits by looking at each set of 2, 3 and 4 nodes."""
    found = np.zeros((len(graph), 15))
    for size in (2, 3, 4):
        for nodes in combinations(graph, size):
            part = graph.subgraph(nodes)
            for small, orbit in SMALL:
                match = nx.isomorphism.GraphMatcher(part, small)
                if len(small) == size and match.is_isomorphic():
                    for node, place in match.mapping.items():
                        found[node, orbit[place]] += 1
    return found


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_orbits_are_those_counted_set_by_set(share):
    graph = nx.gnp_random_graph(8, share, seed=1)
    truth = counted(graph)
    found = orbits_of_nodes(torch.tensor(nx.to_numpy_array(graph)))
    assert np.array_equal(found.numpy(), truth)
    assert truth[:, (13 if share == 0.5 else 0)].any()
    x = drawn([8], share, seed=1)
    assert np.allclose(orbits(x)[0].numpy(), truth.mean(0))


def test_histograms_are_those_of_networkx():
    x = drawn([5, 9, 12, 1], 0.5)
    for row, histogram, graph in zip(degrees(x), clustering(x), graphs_of(x), strict=True):
        counts = np.array(nx.degree_histogram(graph))
        assert np.allclose(row[: len(counts)], counts / counts.sum())
        shares = np.array([nx.clustering(graph, node) for node in graph], dtype=float)
        bins, _ = np.histogram(shares, bins=100, range=(0, 1))
        assert np.allclose(histogram, bins / bins.sum())


def test_the_kernel_is_of_scipys_earth_movers_distance():
    noise = np.random.default_rng(0)
    p, q = noise.dirichlet(np.ones(7), 3), noise.dirichlet(np.ones(5), 4)
    found = earth_mover_kernel(torch.tensor(p), torch.tensor(q), 0.3, 0.5)
    for i in range(3):
        for j in range(4):
            far = wasserstein_distance(np.arange(7), np.arange(5), p[i], q[j]) * 0.5
            assert found[i, j].item() == pytest.approx(np.exp(-(far**2) / (2 * 0.3**2)))


def test_distances_by_the_book():
    """Pair by pair, as the authors' code goes."""
    a, b = drawn([6, 8, 12], 0.6), drawn([7, 10], 0.3, seed=9)

    def mmd(rows, others, kernel):
        def mean(left, right):
            return np.mean([kernel(i, j) for i in left for j in right])

        return mean(rows, rows) + mean(others, others) - 2 * mean(rows, others)

    def emd(p, q):
        return np.abs(np.cumsum(p - q)).sum()

    found = graph_distances(a, b)
    for name, what, kernel in (
        ("degree", degrees, lambda p, q: np.exp(-(emd(p, q) ** 2) / 2)),
        ("clustering", clustering, lambda p, q: np.exp(-((emd(p, q) / 100) ** 2) / 0.02)),
        ("orbit", orbits, lambda p, q: np.exp(-((p - q) ** 2).sum() / 1800)),
    ):
        truth = mmd(what(a).numpy(), what(b).numpy(), kernel)
        assert getattr(found, name) == pytest.approx(truth), name
        assert truth > 1e-3


def test_a_set_is_at_no_distance_from_itself_and_empty_graphs_do_not_count():
    a = drawn([6, 8], 0.5)
    empty = torch.zeros(1, 12, 12)
    assert graph_distances(a, torch.cat([a, empty])) == pytest.approx((0, 0, 0), abs=1e-12)
    with pytest.raises(ValueError, match="0 and 2 graphs have nodes"):
        graph_distances(empty, a)


def test_figures_have_the_floor_of_learning_graphs():
    train, test = drawn([6, 8, 12], 0.6), drawn([7, 10], 0.3, seed=9)
    figures = {f.name: f for f in graph_figures(train, train, test, {"data": "drawn"})}
    assert set(figures) == {"degree_mmd", "clustering_mmd", "orbit_mmd"}
    assert all(f.value == f.floor for f in figures.values())
    assert figures["orbit_mmd"].value == graph_distances(train, test).orbit
    assert graph_figures(torch.zeros(2, 12, 12), train, test, {}) == []


def test_a_model_of_graphs_is_judged_by_them():
    data = load("grid_graphs_small")
    torch.manual_seed(0)
    found = {f.name: f.value for f in evaluate(DGMG(Graphs(20), 4, 1), data, samples=20)}
    assert {"nll", "degree_mmd", "clustering_mmd", "orbit_mmd"} <= set(found)
