"""Graphs: degree, clustering and orbit distances of GraphRNN, GraphRNN-S and DGMG, by the published kernels.

Beside them Erdos-Renyi and Barabasi-Albert graphs, one for each training graph and with as many edges, and
the training graphs themselves: the floor. ego_small and enzymes are read from the folder GENUS_DATA.
"""

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run, fit
from genus.autoregressive import DGMG, GraphRNN, GraphRNNS
from genus.core import GenerativeModel, Graphs
from genus.data import Data, load
from genus.data.graphs.graphs import packed
from genus.measure.structure.graphs import edges_of, graph_distances
from genus.media.style import canvas
from genus.train import artifact
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, drawn, first_losses, given, trained

FLOOR = "training graphs: the floor"
COLUMNS = {
    "degree": 4,
    "clustering": 4,
    "orbit": 4,
    "nodes": 1,
    "copies": 2,
    "nats": 1,
    "minutes": 1,
}


@dataclass(frozen=True)
class Case:
    """A model on a set: how it is made, and how long it learns."""

    make: Callable[[Graphs], GenerativeModel]
    rounds: int
    batch: int
    lr: float
    repeats: bool = True  # with other seeds


def rnn(reach: int | None, width: int, embedding: int) -> Callable[[Graphs], GenerativeModel]:
    """One layer each: four, as published, learn several times as slowly."""
    return lambda space: GraphRNN(space, reach, width, embedding, 1, 32, 16, 1)


def rnn_s(reach: int | None, width: int, embedding: int) -> Callable[[Graphs], GenerativeModel]:
    return lambda space: GraphRNNS(space, reach, width, embedding, 1)


SMALL = {
    "GraphRNN": Case(rnn(None, 64, 32), 1500, 32, 5e-3),
    "GraphRNN-S": Case(rnn_s(None, 64, 32), 1500, 32, 5e-3),
    "DGMG": Case(DGMG, 200, 32, 1e-2, repeats=False),
}
CASES: dict[str, dict[str, Case]] = {
    "community_small": SMALL,
    "ego_small": SMALL,
    "grid_graphs": {
        "GraphRNN-S": Case(rnn_s(40, 128, 64), 5000, 4, 6e-3, repeats=False),
        "GraphRNN": Case(rnn(40, 128, 64), 7000, 4, 6e-3, repeats=False),
    },
    "enzymes": {
        "GraphRNN": Case(rnn(30, 128, 64), 4000, 16, 5e-3, repeats=False),
        "GraphRNN-S": Case(rnn_s(30, 128, 64), 4000, 16, 5e-3, repeats=False),
    },
}


BENCH = Bench(
    __file__,
    "Graphs: distances to held-out graphs by degrees, clustering and orbits",
    "set | graphs | degree | clustering | orbit | nodes | copies | test nats | CPU minutes | seeds",
    lambda options: {
        "sets": "80 % train, 20 % test, in breadth-first orders that each batch draws anew",
        "samples": "as many as there are training graphs, at temperature 1; none are picked",
        "distances": "squared MMD, V-statistic, against the test graphs: GraphRNN's own kernels",
        "training": f"Adam, cosine, clip 1, average 0.99; {options.share:g} of the rounds in the file",
        "seeds": "0 to 2 on the small sets, 0 on the others",
    },
    """
    Mean and standard deviation over seeds of training, where there is more than one.

    Distances are squared MMD with the kernels of GraphRNN's authors: the earth mover's distance, sigma 1
    for degrees and 0.1 for clustering, and sigma 30 for orbits. Tables of papers that use the total
    variation instead are not comparable.

    Nodes: how many a graph has on average. Copies: the share of graphs that are one of the training
    graphs; at the floor, the share of test graphs that are. Small graphs are alike.

    Of DGMG's graphs 4 in 100 have no nodes: as published, they are left out of the distances.

    The published grids have 10 x 12 and 12 x 10: most test graphs are training graphs.

    Test nats: of a graph in a breadth-first order, the order included.

    On grids these trainings are too short: many graphs of GraphRNN-S end after a few nodes, for an empty
    row is the end, and a model that is unsure of a row's edges makes it empty by chance.

    The authors learn from 96,000 batches of 32 graphs; these models from far fewer, as the minutes say,
    and from smaller networks: one layer each, where theirs have four.
    """,
    weights="average",
    options={
        "share": (1.0, "share of the rounds, for a quick look"),
        "weights": (Path, "folder in which runs are kept and continued"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in CASES:
        for kind, make in {FLOOR: real, "Erdos-Renyi": erdos, "Barabasi-Albert": albert}.items():
            yield Cell(f"{name} | {kind}", partial(compared, name, make))
    for seed in range(3):
        for name, cases in CASES.items():
            for kind, case in cases.items():
                if case.repeats or seed == 0:
                    key, learn = f"{name} | {kind} | seed {seed}", partial(learned, name, case)
                    rounds = max(1, int(options.share * case.rounds))
                    run = Run(
                        rounds=rounds, batch=case.batch, lr=case.lr, seed=seed, clip=1.0, ema=0.99
                    )
                    folder = options.weights and options.weights / name / kind / str(seed)
                    work = partial(measure, name, learn, run, folder)
                    yield Cell(key, work, partial(first_losses, learn, run))
    yield Cell("picture", partial(drawn, draw, "graphs", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name, cases in CASES.items():
        for kind in (FLOOR, "Erdos-Renyi", "Barabasi-Albert", *cases):
            keys = [f"{name} | {kind}", *(f"{name} | {kind} | seed {seed}" for seed in range(3))]
            if mine := [found[key] for key in keys if key in found]:
                figures = [
                    shown([run[column] for run in mine], digits) if column in mine[0] else ""
                    for column, digits in COLUMNS.items()
                ]
                table.append([name, kind, *figures, str(len(mine)) if kind in cases else ""])
    return table


# --- models and what they are compared with ---------------------------------------------------


def learned(name: str, case: Case, run: Run) -> Any:
    data = load(name)
    torch.manual_seed(run.seed)
    return fit(case.make(data.space), data.train, run, schedule=warmed(cosine, 0.02))


def measure(
    name: str, learn: Callable[[Run], Any], run: Run, folder: Path | None
) -> dict[str, float]:
    """Trains a model, and returns its figures."""
    model: Any
    model, minutes = trained(learn, run, folder)
    data = load(name)
    torch.manual_seed(run.seed)
    begun = time.process_time()
    graphs = model.sample(len(data.train))
    seconds = time.process_time() - begun
    with torch.no_grad():
        (test,) = data.test.everything()
        nats = -model.log_prob(test).mean().item()
    return {**figures(graphs, data), "nats": nats, "minutes": minutes, "seconds": seconds}


def compared(name: str, make: Callable[[Data], Tensor]) -> dict[str, float]:
    """The figures of graphs without a model; of training graphs, how many test graphs are among them."""
    data = load(name)
    found = figures(make(data), data)
    if make is real:
        found["copies"] = copied(data.test.everything()[0], data.train.everything()[0])
    return found


def figures(x: Tensor, data: Data) -> dict[str, float]:
    """Distances to the test graphs; mean size; the share that is a training graph."""
    (train,), (test,) = data.train.everything(), data.test.everything()
    copies = copied(x, train)
    size = float(x.diagonal(dim1=1, dim2=2).sum(1).mean())
    return {**graph_distances(x, test)._asdict(), "nodes": size, "copies": copies}


def copied(x: Tensor, train: Tensor) -> float:
    known, found = graphs_of(train), graphs_of(x)
    return sum(any(same(graph, other) for other in known) for graph in found) / len(found)


def graphs_of(x: Tensor) -> list[nx.Graph]:
    return [nx.from_numpy_array(edges.numpy()) for edges in edges_of(x)]


def same(a: nx.Graph, b: nx.Graph) -> bool:
    """Whether two graphs are one, but for the order of their nodes."""
    quick = sorted(dict(a.degree).values()) == sorted(dict(b.degree).values())
    return quick and nx.faster_could_be_isomorphic(a, b) and nx.is_isomorphic(a, b)


def real(data: Data) -> Tensor:
    return data.train.everything()[0]


def erdos(data: Data) -> Tensor:
    """For each training graph one of as many nodes, each edge as likely as there."""

    def make(nodes: int, edges: int, seed: int) -> nx.Graph:
        return nx.fast_gnp_random_graph(nodes, edges / (nodes * (nodes - 1) / 2), seed=seed)

    return like(data, make)


def albert(data: Data) -> Tensor:
    """For each training graph one of as many nodes, where (n - m) m is near its edges."""

    def make(nodes: int, edges: int, seed: int) -> nx.Graph:
        inside = max(0.0, nodes**2 - 4 * edges)
        each = min(nodes - 1, max(1, int((nodes - math.sqrt(inside)) / 2)))
        return nx.barabasi_albert_graph(nodes, each, seed=seed)

    return like(data, make)


def like(data: Data, make: Callable[[int, int, int], nx.Graph]) -> Tensor:
    (train,) = data.train.everything()
    found = []
    for number, graph in enumerate(graphs_of(train)):
        other = make(len(graph), graph.size(), number)
        found.append(np.asarray(nx.to_numpy_array(other)) > 0)
    return packed(found, train.shape[1])


# --- the table and the picture ----------------------------------------------------------------


def shown(values: list[float], digits: int) -> str:
    mean = statistics.mean(values)
    mean = f"{mean:.1e}" if digits == 4 and 1e-9 < abs(mean) < 5e-5 else f"{mean:.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


SHOWN = ("community_small", "ego_small", "enzymes", "grid_graphs")


def draw(options: Namespace) -> Figure:
    """Of each set three test graphs, and three of GraphRNN and of DGMG, or else of GraphRNN-S."""
    folder, data = given(options.weights, "weights"), {name: load(name) for name in SHOWN}
    figure = canvas(9.6, 1.5 * len(SHOWN) + 0.3)
    places = figure.add_gridspec(len(SHOWN), 9, wspace=0.05, hspace=0.25)
    for line, name in enumerate(SHOWN):
        sources: dict[str, Tensor] = {"test": data[name].test.everything()[0]}
        for kind in ("GraphRNN", "DGMG" if "DGMG" in CASES[name] else "GraphRNN-S"):
            if (place := folder / name / kind / "0").exists():
                model: Any = artifact.load(place)
                torch.manual_seed(1)
                sources[kind] = model.eval().sample(3)
        for block, (kind, x) in enumerate(sources.items()):
            for column, graph in enumerate(graphs_of(x[:3])):
                axes = figure.add_subplot(places[line, 3 * block + column])
                axes.set_axis_off()
                if not column:
                    axes.set_title(f"{name}: {kind}", fontsize=8)
                layout: Any = nx.kamada_kawai_layout if len(graph) < 130 else nx.spectral_layout
                if not len(graph):
                    continue
                where = layout(graph)
                ends = np.array([(where[a], where[b]) for a, b in graph.edges])
                for (x0, y0), (x1, y1) in ends:
                    axes.plot([x0, x1], [y0, y1], color="C7", lw=0.5, zorder=1)
                spots = np.array([where[node] for node in graph])
                axes.scatter(*spots.T, s=max(1.0, 60 / len(graph)), color="C0", zorder=2)
    return figure


if __name__ == "__main__":
    BENCH.main()
