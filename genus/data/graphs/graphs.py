"""Sets of graphs: x is a matrix of edges, in a breadth-first order of nodes that each batch draws anew.

    community_small     100    2 communities of 6 to 10 nodes; a link between them
    grid_graphs         100    10 to 19 nodes high, 10 to 19 wide
    grid_graphs_small    12    2 to 4 nodes high, 2 to 5 wide
    cycles               11    10 to 20 nodes; each split has all of them
    ego_small           200    a node of Citeseer and its neighbours, 4 to 20 nodes
    enzymes             587    proteins of ENZYMES, 10 nodes and more

A community is a clique of which each edge stays with probability 0.8. The last two are read from the
folder that GENUS_DATA names. As published, 80 of 100 graphs are for training and the others for
the test; validation uses 20 of 100 that are *trained on as well*: there are too few for three
parts.

Source: You, Ying, Ren, Hamilton, Leskovec, "GraphRNN: generating realistic graphs with deep
    auto-regressive models", 2018, arXiv:1802.08773, sets, sizes and shares as in the authors' code
    (create_graphs.py and utils.py of JiaxuanYou/graph-generation). Cycles: Li, Vinyals, Dyer, Pascanu,
    Battaglia, "Learning deep generative models of graphs", 2018, arXiv:1803.03324, with the sizes of
    DGL's example. Citeseer: Sen and others, "Collective classification in network data", 2008. ENZYMES:
    Borgwardt and others, "Protein function prediction via graph kernels", 2005.
Departs: draws and divisions are our own, for those of the authors are not seeded. Edges from a node to
    itself are left out, which Citeseer has. Of a graph in several parts the largest is kept: the
    authors learn from a part at random, and compare with the whole graph.
"""

import gzip
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ...core import Graphs, Refused
from ...functional.sequences.graph_orders import breadth_first, reordered
from ..arrays import DAMAGED
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Batch, Rows, Split, stream
from ..truth import uniform

Matrix = NDArray[np.bool_]  # of edges, symmetric, (nodes, nodes), without a diagonal
EGO, ENZYMES = "citeseer_edges.txt.gz", "ENZYMES/ENZYMES_{}.txt.gz"


class Ordered(Split):
    """Graphs in breadth-first orders: drawn anew in each batch, and fixed in `everything`.

    Args:
        graphs: (rows, nodes, nodes) in the space `Graphs`, in any order of nodes.
        name: name of the split, in messages and as key of the draws.
    """

    def __init__(self, graphs: Tensor, name: str):
        self.rows = Rows(graphs, Graphs(graphs.shape[1]), name=name)
        self.name, self.space = name, self.rows.space

    def content(self) -> str:
        return f"{self.rows.fingerprint} {self.name}"

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self._ordered(self.rows.batch(number, size, seed), stream(self.name, seed, number))

    def everything(self) -> Batch:
        return self._ordered(self.rows.everything(), stream(self.name, "everything"))

    def labelled(self) -> "Ordered":
        raise Refused(f"{self.name}: has no labels, and a conditional model wants them")

    def _ordered(self, rows: Batch, noise: Generator) -> Batch:
        (x,) = rows
        return (reordered(x, breadth_first(x, uniform(noise, *x.shape[:2]).double())),)


# --- data sets --------------------------------------------------------------------------------


def graphs(name: str) -> Data:
    """One of the generated sets: community_small, grid_graphs, grid_graphs_small, cycles."""
    if name == "cycles":
        rings = packed([cycle(nodes) for nodes in range(10, 21)])
        return _data(name, dict.fromkeys(SPLITS, rings))
    return divided(GENERATED[name](), name)


def community_small() -> list[Matrix]:
    """20 graphs for each size of a community: the connected part of two communities."""
    noise = stream("community_small")
    return [connected(communities(size, noise, 0.8)) for size in range(6, 11) for _ in range(20)]


def communities(size: int, noise: Generator, kept: float) -> Matrix:
    """Two cliques, each edge kept with a probability; and one link between them for each 10 nodes."""
    edges = np.zeros((2 * size, 2 * size), dtype=bool)
    edges[:size, :size] = edges[size:, size:] = True
    edges &= uniform(noise, 2 * size, 2 * size).numpy() < kept
    edges = np.triu(edges, 1)
    for _ in range(max(1, -(-size // 10))):
        left, right = torch.randint(size, (2,), generator=noise).tolist()
        edges[left, size + right] = True
    return edges | edges.T


def lattice(height: int, width: int) -> Matrix:
    """A grid of nodes: each is joined to those above and below it and at its sides."""
    places = np.stack(np.meshgrid(range(height), range(width), indexing="ij"), 2).reshape(-1, 2)
    return np.abs(places[:, None] - places[None]).sum(2) == 1


def cycle(nodes: int) -> Matrix:
    """A ring of nodes."""
    apart = np.subtract.outer(np.arange(nodes), np.arange(nodes)) % nodes
    return (apart == 1) | (apart == nodes - 1)


GENERATED: dict[str, Callable[[], list[Matrix]]] = {
    "community_small": community_small,
    "grid_graphs": lambda: [lattice(h, w) for h in range(10, 20) for w in range(10, 20)],
    "grid_graphs_small": lambda: [lattice(h, w) for h in range(2, 5) for w in range(2, 6)],
}


# --- from files -------------------------------------------------------------------------------


def graph_files(folder: Path) -> list[Path]:
    """The files of graphs in a folder."""
    names = (EGO, ENZYMES.format("A"), ENZYMES.format("graph_indicator"))
    return [path for name in names if (path := folder / name).exists()]


def ego_small(folder: Path, name: str = "ego_small", count: int = 200) -> Data:
    """Neighbourhoods in the largest part of Citeseer, `count` of those of 4 to 20 nodes."""
    pairs = _numbers(folder / EGO, None)
    edges = np.zeros((pairs.max() + 1, pairs.max() + 1), dtype=bool)
    edges[pairs[:, 0], pairs[:, 1]] = True
    whole = connected(edges | edges.T)
    found = []
    for node in range(len(whole)):
        near = np.flatnonzero(whole[node] | (np.arange(len(whole)) == node))
        if 4 <= len(near) <= 20:
            found.append(whole[np.ix_(near, near)])
    order = torch.randperm(len(found), generator=stream(name)).tolist()
    return divided([found[i] for i in order[:count]], name)


def enzymes(folder: Path, name: str = "enzymes", least: int = 10) -> Data:
    """The graphs of ENZYMES that have at least so many nodes with an edge, the largest part of each."""
    pairs = _numbers(folder / ENZYMES.format("A"), ",") - 1
    owner = _numbers(folder / ENZYMES.format("graph_indicator"), None)
    found = []
    for graph in range(1, owner.max() + 1):
        nodes = np.flatnonzero(owner == graph)
        mine = pairs[(owner[pairs] == graph).all(1)] - nodes[0]
        edges = np.zeros((len(nodes), len(nodes)), dtype=bool)
        edges[mine[:, 0], mine[:, 1]] = True
        edges |= edges.T
        if edges.any(1).sum() >= least:
            found.append(connected(edges))
    return divided(found, name)


def _numbers(path: Path, between: str | None) -> NDArray[np.int64]:
    """The whole numbers in a file, one line a row."""
    if not path.exists():
        raise Refused(f"{path.parent}: there is no {path.name} in it")
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found = np.loadtxt(file, dtype=np.int64, delimiter=between)
    except (*DAMAGED, ValueError) as error:
        raise Refused(f"{path}: is damaged: {error}") from None
    if not found.size:
        raise Refused(f"{path}: is empty")
    return found


# --- from edges to rows -----------------------------------------------------------------------


def connected(edges: Matrix) -> Matrix:
    """The largest connected part of a graph, without edges from a node to itself."""
    from scipy.sparse.csgraph import connected_components  # takes a while

    edges = edges & ~np.eye(len(edges), dtype=bool)
    part = connected_components(edges, directed=False)[1]
    nodes = np.flatnonzero(part == np.bincount(part).argmax())
    return edges[np.ix_(nodes, nodes)]


def packed(found: Sequence[Matrix], nodes: int | None = None) -> Tensor:
    """Graphs as rows of the space `Graphs`, (n, nodes, nodes): as large as the largest, or larger."""
    nodes = nodes or max(len(edges) for edges in found)
    x = torch.zeros(len(found), nodes, nodes)
    for row, edges in zip(x, found, strict=True):
        row[: len(edges), : len(edges)] = torch.from_numpy(edges | np.eye(len(edges), dtype=bool))
    return x


def divided(found: Sequence[Matrix], name: str) -> Data:
    """80 of 100 graphs for training, 20 of these for validation too, the other 20 for the test."""
    if len(found) < 5:
        raise Refused(f"{name}: has {len(found)} graphs; at least 5 are wanted")
    order = torch.randperm(len(found), generator=stream(f"{name} divided"))
    rows = packed(found)[order]
    most, few = int(0.8 * len(rows)), int(0.2 * len(rows))
    return _data(name, {"train": rows[:most], "validation": rows[:few], "test": rows[most:]})


def _data(name: str, parts: dict[str, Tensor]) -> Data:
    train, validation, test = (Ordered(parts[part], f"{name} {part}") for part in SPLITS)
    return Data(name, train, validation, test)


SETS = {
    **{name: Source(partial(graphs, name)) for name in (*GENERATED, "cycles")},
    "ego_small": Source(ego_small, ("graphs",), graph_files),
    "enzymes": Source(enzymes, ("graphs",), graph_files),
}
