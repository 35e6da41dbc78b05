"""Sets of graphs: as they are said to be, in breadth-first orders that a batch draws anew."""

import gzip
import os

import networkx as nx
import numpy as np
import pytest
import torch

from genus.core import Graphs
from genus.data import load
from genus.data.graphs.graphs import communities, connected, cycle, lattice
from genus.data.splits import stream
from genus.functional.sequences.graph_orders import log_breadth_first, reach


def graphs_of(x):
    """Graphs of networkx, from rows."""
    sizes = x.diagonal(dim1=1, dim2=2).sum(1).long().tolist()
    return [
        nx.from_numpy_array((row - torch.eye(len(row))).numpy()[:size, :size])
        for row, size in zip(x, sizes, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "nodes", "counts"),
    [
        ("community_small", 20, (80, 20, 20)),
        ("grid_graphs", 361, (80, 20, 20)),
        ("grid_graphs_small", 20, (9, 2, 3)),
        ("cycles", 20, (11, 11, 11)),
    ],
)
def test_sets_are_connected_and_in_breadth_first_order(name, nodes, counts):
    data = load(name)
    assert data.space == Graphs(nodes)
    assert tuple(len(split) for split in data.splits.values()) == counts
    for x in (data.train.batch(3, 7, 0)[0], data.test.everything()[0]):
        data.space.check(x, name)
        assert log_breadth_first(x[:7]).isfinite().all()
        assert all(nx.is_connected(graph) for graph in graphs_of(x[:7]))


def test_a_batch_follows_from_its_number_and_the_seed():
    train = load("community_small").train
    (x,) = train.batch(5, 8, 1)
    assert torch.equal(x, train.batch(5, 8, 1)[0])
    assert not torch.equal(x, train.batch(5, 8, 2)[0])
    assert not torch.equal(x, train.batch(6, 8, 1)[0])
    assert torch.equal(train.everything()[0], load("community_small").train.everything()[0])


def test_the_same_graph_comes_in_other_orders():
    train = load("cycles").train
    first, second = (train.batch(number, 11, 0)[0] for number in (0, 1))
    assert {len(g) for g in graphs_of(first)} == {len(g) for g in graphs_of(second)}
    train = load("grid_graphs_small").train
    first, second = (train.batch(number, 9, 0)[0] for number in (0, 1))
    sums = sorted(int(x.sum()) for x in first)
    assert sums == sorted(int(x.sum()) for x in second)
    assert not torch.equal(first, second)


def test_splits_share_no_graph_but_what_validates_trains():
    data = load("community_small")

    train, validation, test = (graphs_of(s.everything()[0]) for s in data.splits.values())
    assert not any(nx.is_isomorphic(a, b) for a in train for b in test)
    assert all(any(nx.is_isomorphic(a, b) for b in train) for a in validation)


def test_grids_and_cycles_are_those_of_networkx():
    for height, width in ((2, 5), (4, 3), (1, 4)):
        truth = nx.grid_2d_graph(height, width)
        assert np.array_equal(lattice(height, width), nx.to_numpy_array(truth) > 0)
    assert np.array_equal(cycle(7), nx.to_numpy_array(nx.cycle_graph(7)) > 0)
    found = [(len(g), g.size()) for g in graphs_of(load("cycles").test.everything()[0])]
    assert sorted(found) == [(n, n) for n in range(10, 21)]


def test_communities_keep_their_share_of_edges():
    n, size = 400, 10
    noise = stream("here")
    made = np.stack([communities(size, noise, 0.8) for _ in range(n)])
    assert np.array_equal(made, made.transpose(0, 2, 1))
    inside = made[:, :size, :size].sum((1, 2)) / 2
    pairs = size * (size - 1) / 2
    spread = (pairs * 0.8 * 0.2 / n) ** 0.5
    assert abs(inside.mean() - 0.8 * pairs) < 5 * spread
    assert (made[:, :size, size:].sum((1, 2)) == 1).all()


def test_the_largest_part_is_kept_without_loops():
    edges = np.zeros((6, 6), dtype=bool)
    for i, j in ((0, 0), (0, 1), (2, 3), (3, 4), (2, 4), (5, 5)):
        edges[i, j] = edges[j, i] = True
    assert connected(edges).tolist() == (~np.eye(3, dtype=bool)).tolist()


def write(path, rows, between=" "):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.write("\n".join(between.join(map(str, row)) for row in rows))


def test_neighbourhoods_are_read_from_a_file_of_edges(tmp_path, monkeypatch):
    spokes = [(hub, 10 * hub + k) for hub in range(6) for k in range(6, 9)]
    chain = [(hub, hub + 1) for hub in range(5)]
    write(tmp_path / "graphs/citeseer_edges.txt.gz", [*spokes, *chain, (0, 0), (900, 901)])
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    data = load("ego_small")
    assert data.space == Graphs(6)  # a hub, three of its own and two of the chain
    assert sum(map(len, (data.train, data.test))) == 6
    for graph in graphs_of(data.train.everything()[0]):
        assert graph.size() == len(graph) - 1 == max(dict(graph.degree).values())
    with pytest.raises(ValueError, match=r"there is no ENZYMES_A\.txt\.gz"):
        load("enzymes")


def test_enzymes_are_read_from_their_files(tmp_path, monkeypatch):
    rings = [(12 * g + i + 1, 12 * g + (i + 1) % 11 + 1) for g in range(5) for i in range(11)]
    both = [*rings, *((j, i) for i, j in rings), (61, 62), (62, 61)]  # a graph that is too small
    write(tmp_path / "graphs/ENZYMES/ENZYMES_A.txt.gz", both, ", ")
    owners = [(g + 1,) for g in range(6) for _ in range(12)]
    write(tmp_path / "graphs/ENZYMES/ENZYMES_graph_indicator.txt.gz", owners)
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    data = load("enzymes")
    assert data.space == Graphs(11)  # the twelfth node has no edge
    assert (len(data.train), len(data.test)) == (4, 1)
    assert all(
        nx.is_isomorphic(g, nx.cycle_graph(11)) for g in graphs_of(data.train.everything()[0])
    )
    (tmp_path / "graphs/ENZYMES/ENZYMES_A.txt.gz").write_bytes(b"no")
    with pytest.raises(ValueError, match="is damaged"):
        load("enzymes")


@pytest.mark.skipif(not os.environ.get("GENUS_DATA"), reason="read from GENUS_DATA")
@pytest.mark.parametrize(
    ("name", "counts", "nodes"), [("ego_small", (160, 40), 19), ("enzymes", (469, 118), 125)]
)
def test_the_real_files(name, counts, nodes):
    data = load(name)
    assert (len(data.train), len(data.test)) == counts
    (x,) = data.train.everything()
    assert data.space == Graphs(nodes)
    assert reach(x).max() <= 23
