"""Graphs: degree, clustering and orbit distances of GraphRNN, GraphRNN-S and DGMG, by the published kernels.

    python benchmarks/graphs.py [--sets community_small ...] [--seeds 3] [--share 1.0] [--weights DIR]
                                [--out FILE] [--picture FILE]

Beside them Erdos-Renyi and Barabasi-Albert graphs, one for each training graph and with as many edges, and
the training graphs themselves: the floor. Trained networks are kept in DIR, if one is named; a second call
goes on with what is missing. ego_small and enzymes are read from the folder that GENUS_DATA names.
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from genus import Run, __version__, fit
from genus.autoregressive import DGMG, GraphRNN, GraphRNNS
from genus.core import GenerativeModel, Graphs
from genus.data import Data, load
from genus.data.graphs.graphs import packed
from genus.measure.structure.graphs import edges_of, graph_distances
from genus.show.style import canvas, png, style
from genus.train import artifact
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
OUTSIDE = ("ego_small", "enzymes")
DISTANCES = ("degree", "clustering", "orbit")


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sets", nargs="+", choices=[*CASES], default=[*CASES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the rounds, for a quick look")
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/graphs.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/graphs.png")
    options = parser.parse_args()
    if not os.environ.get("GENUS_DATA") and {*OUTSIDE} & {*options.sets}:
        raise SystemExit(f"GENUS_DATA is not set: {', '.join(OUTSIDE)} are read from there")
    torch.set_num_threads(1)
    protocol = {
        "sets": "80 % train, 20 % test, in breadth-first orders that each batch draws anew",
        "samples": "as many as there are training graphs, at temperature 1; none are picked",
        "distances": "squared MMD, V-statistic, against the test graphs: GraphRNN's own kernels",
        "training": f"Adam, cosine, clip 1, average 0.99; {options.share:g} of the rounds in the file",
        "seeds": f"0 to {options.seeds - 1} on the small sets, 0 on the others",
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    data = {name: load(name) for name in options.sets}
    for name in options.sets:
        for kind, make in {"train": real, "Erdos-Renyi": erdos, "Barabasi-Albert": albert}.items():
            key = f"{name}/{kind}/0"
            if key not in runs:
                runs[key] = figures(make(data[name]), data[name])
                if kind == "train":
                    runs[key]["copies"] = known_already(data[name])
                write(options.out, protocol, runs)
    for seed in range(options.seeds):
        for name in options.sets:
            for kind, case in CASES[name].items():
                key = f"{name}/{kind}/{seed}"
                if key not in runs and (case.repeats or seed == 0):
                    runs[key] = learn(key, case, data[name], seed, options.share, options.weights)
                    write(options.out, protocol, runs)
                    print(key, {k: round(v, 4) for k, v in runs[key].items()}, flush=True)
    if options.weights is not None:
        draw(data, options.weights, options.picture)


# --- models and what they are compared with ---------------------------------------------------


def learn(
    key: str, case: Case, data: Data, seed: int, share: float, folder: Path | None
) -> dict[str, float]:
    """Trains a model, keeps it, and returns its figures."""
    torch.manual_seed(seed)
    assert isinstance(data.space, Graphs)
    begun = time.process_time()
    run = Run(
        rounds=max(1, int(share * case.rounds)),
        batch=case.batch,
        lr=case.lr,
        seed=seed,
        clip=1.0,
        ema=0.99,
        device="cpu",
    )
    model = fit(case.make(data.space), data.train, run, schedule=warmed(cosine, 0.02))
    minutes = (time.process_time() - begun) / 60
    assert isinstance(model, GenerativeModel)
    if folder is not None:
        artifact.save(model, folder / key)
    torch.manual_seed(seed)
    begun = time.process_time()
    made = model.sample(len(data.train))
    seconds = time.process_time() - begun
    with torch.no_grad():
        (test,) = data.test.everything()
        nats = -model.log_prob(test).mean().item()  # pyright: ignore[reportCallIssue]
    return {**figures(made, data), "nats": nats, "minutes": minutes, "seconds": seconds}


def figures(made: Tensor, data: Data) -> dict[str, float]:
    """Distances to the test graphs; mean size; the share that is a training graph."""
    (train,), (test,) = data.train.everything(), data.test.everything()
    copies = copied(made, train)
    size = float(made.diagonal(dim1=1, dim2=2).sum(1).mean())
    return {**graph_distances(made, test)._asdict(), "nodes": size, "copies": copies}


def known_already(data: Data) -> float:
    """The share of test graphs that are a training graph."""
    return copied(data.test.everything()[0], data.train.everything()[0])


def copied(made: Tensor, train: Tensor) -> float:
    known, found = graphs_of(train), graphs_of(made)
    return sum(any(same(graph, other) for other in known) for graph in found) / len(found)


def graphs_of(x: Tensor) -> list[nx.Graph]:
    return [nx.from_numpy_array(edges.numpy()) for edges in edges_of(x)]


def same(a: nx.Graph, b: nx.Graph) -> bool:
    """Whether two graphs are one, but for the order of their nodes."""
    quick = sorted(dict(a.degree).values()) == sorted(dict(b.degree).values())  # pyright: ignore
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
        made = make(len(graph), graph.size(), number)
        found.append(np.asarray(nx.to_numpy_array(made)) > 0)
    return packed(found, train.shape[1])


# --- the record and the picture ---------------------------------------------------------------


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    rows = []
    for name, cases in CASES.items():
        for kind in ("train", "Erdos-Renyi", "Barabasi-Albert", *cases):
            mine = [run for key, run in runs.items() if key.startswith(f"{name}/{kind}/")]
            if not mine:
                continue
            label = "training graphs: the floor" if kind == "train" else kind
            cells = [shown([run[column] for run in mine], 4) for column in DISTANCES]
            cells += [shown([run["nodes"] for run in mine], 1)]
            cells += [shown([run["copies"] for run in mine], 2)]
            for column, digits in (("nats", 1), ("minutes", 1)):
                cells.append(
                    shown([run[column] for run in mine], digits) if column in mine[0] else ""
                )
            rows.append([name, label, *cells, str(len(mine)) if kind in cases else ""])
    content = {
        "title": "Graphs: distances to held-out graphs by degrees, clustering and orbits",
        "command": "python benchmarks/graphs.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "set",
            "graphs",
            *DISTANCES,
            "nodes",
            "copies",
            "test nats",
            "CPU minutes",
            "seeds",
        ],
        "rows": rows,
        "notes": [
            "Mean and standard deviation over seeds of training, where there is more than one.",
            (
                "Distances are squared MMD with the kernels of GraphRNN's authors: the earth mover's "
                "distance, sigma 1 for degrees and 0.1 for clustering, and sigma 30 for orbits. Tables of "
                "papers that use the total variation instead are not comparable."
            ),
            (
                "Nodes: how many a graph has on average. Copies: the share of graphs that are one of the "
                "training graphs; at the floor, the share of test graphs that are. Small graphs are alike."
            ),
            "Of DGMG's graphs 4 in 100 have no nodes: as published, they are left out of the distances.",
            "The published grids have 10 x 12 and 12 x 10: most test graphs are training graphs.",
            "Test nats: of a graph in a breadth-first order, the order included.",
            (
                "On grids these trainings are too short: many graphs of GraphRNN-S end after a few nodes, for an empty "
                "row is the end, and a model that is unsure of a row's edges makes it empty by chance."
            ),
            (
                "The authors learn from 96,000 batches of 32 graphs; these models from far fewer, as the "
                "minutes say, and from smaller networks: one layer each, where theirs have four."
            ),
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def shown(values: list[float], digits: int) -> str:
    mean = statistics.mean(values)
    mean = f"{mean:.1e}" if digits == 4 and 1e-9 < abs(mean) < 5e-5 else f"{mean:.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


SHOWN = ("community_small", "ego_small", "enzymes", "grid_graphs")


def draw(data: dict[str, Data], folder: Path, path: Path) -> None:
    """Of each set three test graphs, and three of GraphRNN and of DGMG, or else of GraphRNN-S."""
    names = [name for name in SHOWN if name in data]
    with style():
        figure = canvas(9.6, 1.5 * len(names) + 0.3)
        places = figure.add_gridspec(len(names), 9, wspace=0.05, hspace=0.25)
        for line, name in enumerate(names):
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
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
