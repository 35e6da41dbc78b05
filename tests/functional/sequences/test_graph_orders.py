"""Breadth-first orders: as many as there are, as often as said."""

from itertools import permutations

import networkx as nx
import pytest
import torch

from genus.functional.sequences.graph_orders import (
    breadth_first,
    log_breadth_first,
    parents,
    reach,
    reordered,
)

EDGES = [(0, 1), (1, 2), (2, 3), (3, 0), (3, 4), (5, 6)]  # a ring with a tail, and a pair


def matrix(edges, size, nodes):
    x = torch.zeros(nodes, nodes, dtype=torch.float64)
    x[:size, :size] = torch.eye(size)
    for i, j in edges:
        x[i, j] = x[j, i] = 1
    return x


@pytest.fixture
def x():
    torch.set_default_dtype(torch.float64)
    return matrix(EDGES, 7, 8)


def is_breadth_first(graph, order):
    """By the book: each part from its first node, with a queue, in some order of neighbours."""
    left, place = list(order), {node: i for i, node in enumerate(order)}
    while left:
        queue, seen = [left[0]], [left[0]]
        while queue:
            near = [node for node in graph[queue.pop(0)] if node not in seen]
            near.sort(key=place.__getitem__)
            queue += near
            seen += near
        if seen != left[: len(seen)]:
            return False
        left = left[len(seen) :]
    return True


def test_exactly_the_breadth_first_orders_have_a_chance_and_their_chances_sum_to_one(x):
    graph = nx.Graph(EDGES)
    orders = torch.tensor([[*order, 7] for order in permutations(range(7))])
    log_p = log_breadth_first(reordered(x.expand(len(orders), 8, 8), orders))
    assert log_p.exp().sum().item() == pytest.approx(1)
    true = torch.tensor([is_breadth_first(graph, order[:7]) for order in orders.tolist()])
    assert torch.equal(log_p.isfinite(), true)


def test_orders_come_as_often_as_said(x):
    n = 40_000
    orders = breadth_first(x.expand(n, 8, 8), torch.rand(n, 8))
    each, counts = orders.unique(dim=0, return_counts=True)
    p = log_breadth_first(reordered(x.expand(len(each), 8, 8), each)).exp()
    assert p.sum().item() == pytest.approx(1)  # all have come
    assert ((counts / n - p).abs() <= 5 * (p * (1 - p) / n).sqrt()).all()


def test_graphs_of_other_sizes_go_through_together(x):
    pair = torch.stack([x, matrix([(0, 2)], 3, 8), torch.zeros(8, 8)])
    noise = torch.rand(3, 8)
    together = breadth_first(pair, noise)
    alone = torch.cat(
        [breadth_first(row[None], u[None]) for row, u in zip(pair, noise, strict=True)]
    )
    assert torch.equal(together, alone)
    assert together[2].tolist() == list(range(8))
    assert together[1, 3:].tolist() == [3, 4, 5, 6, 7]
    apart = log_breadth_first(pair)
    assert torch.equal(apart, torch.cat([log_breadth_first(row[None]) for row in pair]))
    assert apart[2] == 0


def test_parents_and_reach(x):
    rows = x[None]
    assert parents(rows).tolist() == [[8, 0, 1, 0, 3, 8, 5, 8]]
    assert reach(rows).tolist() == [3]
    assert reach(torch.eye(3)[None]).tolist() == [0]
