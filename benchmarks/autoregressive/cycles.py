"""Cycles of 10 to 20 nodes: how many of the graphs that a model generates are rings, and of which sizes.

A breadth-first order of a ring is a matrix that only its size decides, so that the best there is is log 11 =
2.398 nats: the size, of eleven that are equally likely.
"""

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genus import Run, fit
from genus.autoregressive import DGMG, GraphRNN, GraphRNNS
from genus.core import GenerativeModel, Graphs
from genus.data import load
from genus.measure.structure.graphs import edges_of
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses, spread, trained

SIZES, SAMPLES, SEEDS = range(10, 21), 2000, range(3)
MODELS: dict[str, tuple[Callable[[Graphs], GenerativeModel], float]] = {  # learning rate
    "DGMG": (DGMG, 1e-2),
    "GraphRNN": (lambda space: GraphRNN(space, None, 64, 32, 1, 32, 16, 1), 5e-3),
    "GraphRNN-S": (lambda space: GraphRNNS(space, None, 64, 32, 1), 5e-3),
}
COLUMNS = (("valid", 3), ("rings", 3), ("sizes", 0), ("kl", 3), ("nats", 3))


BENCH = Bench(
    __file__,
    "Cycles: the share of graphs that are rings of 10 to 20 nodes",
    "model | valid | rings | sizes of 11 | KL of sizes | nats | CPU minutes | seeds",
    {
        "data": "cycles: rings of 10 to 20 nodes, each size as often, in breadth-first order",
        "training": "250 rounds of 32 graphs, Adam at 1e-2 for DGMG and 5e-3 for others, cosine, clip 1, "
        "average 0.99",
        "networks": "DGMG: width 16, 2 rounds of messages; GraphRNN: width 64, edges 32, 1 layer each",
        "samples": f"{SAMPLES}, at temperature 1",
        "seeds": f"0 to {SEEDS[-1]}",
    },
    """
    Mean and standard deviation over seeds. Valid: a ring of 10 to 20 nodes.

    KL of sizes: of the sizes of valid rings, to even shares, nats. Nats: of the eleven rings in
    breadth-first order; the best there is is log 11 = 2.398.

    Rounds are as many for all, and not minutes: a round of DGMG takes nine times a GraphRNN's.

    DGL's example of DGMG states 90 % valid, and 84 % for the paper. It learns nodes in the order of the
    ring, from 4,000 rings whose sizes are drawn, in 25 epochs.
    """,
    weights="average",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for seed in SEEDS:
        for kind, (_, lr) in MODELS.items():
            run = Run(rounds=250, batch=32, lr=lr, seed=seed, clip=1.0, ema=0.99)
            learn = partial(learned, kind)
            yield Cell(
                f"{kind} | seed {seed}",
                partial(measure, learn, run),
                partial(first_losses, learn, run),
            )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for kind in MODELS:
        if mine := [run for seed in SEEDS if (run := found.get(f"{kind} | seed {seed}"))]:
            figures = [spread([run[name] for run in mine], digits) for name, digits in COLUMNS]
            minutes = statistics.mean(run["minutes"] for run in mine)
            table.append([kind, *figures, f"{minutes:.1f}", str(len(mine))])
    return table


def learned(kind: str, run: Run) -> Any:
    data = load("cycles")
    torch.manual_seed(run.seed)
    model = MODELS[kind][0](data.space)
    return fit(model, data.train, run, schedule=warmed(cosine, 0.02))


def measure(learn: Callable[[Run], Any], run: Run) -> dict[str, float]:
    """Trains a model and looks at what it generates."""
    model: Any
    model, minutes = trained(learn, run, None)
    torch.manual_seed(run.seed)
    begun = time.process_time()
    graphs = model.sample(SAMPLES)
    seconds = time.process_time() - begun
    with torch.no_grad():
        nats = -model.log_prob(load("cycles").test.everything()[0]).mean().item()
    return {**looked_at(graphs), "nats": nats, "minutes": minutes, "seconds": seconds}


def looked_at(graphs: Tensor) -> dict[str, float]:
    """Shares of rings; of those of 10 to 20 nodes, how even their sizes are."""
    rings = [len(edges) for edges in edges_of(graphs) if is_ring(edges)]
    valid = [size for size in rings if size in SIZES]
    shares = [valid.count(size) / max(1, len(valid)) for size in SIZES]
    return {
        "rings": len(rings) / len(graphs),
        "valid": len(valid) / len(graphs),
        "sizes": sum(p > 0 for p in shares),
        "kl": sum(p * math.log(p * len(SIZES)) for p in shares if p),
    }


def is_ring(edges: Tensor) -> bool:
    """Whether all nodes have two neighbours, and a walk from one leads through all."""
    if len(edges) < 3 or not (edges.sum(1) == 2).all():
        return False
    before, here, count = -1, 0, 0
    while count == 0 or here != 0:
        near = [node for node in edges[here].nonzero()[:, 0].tolist() if node != before]
        before, here, count = here, near[0], count + 1
    return count == len(edges)


if __name__ == "__main__":
    BENCH.main()
