"""GraphRNN on small graphs of two communities."""

import torch

from ...autoregressive import GraphRNN
from ...core import Graphs, Model
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=1500, batch=32, lr=5e-3, clip=1.0, ema=0.99, evaluate_every=250)


def graphrnn(
    data: str = "community_small",
    reach: int | None = None,
    width: int = 64,
    embedding: int = 32,
    layers: int = 1,
    edge_width: int = 32,
    edge_embedding: int = 16,
    edge_layers: int = 1,
    run: Run = RUN,
) -> Model:
    """GraphRNN on graphs of two communities: degree distance 0.023; real 0.010, Erdos-Renyi 0.122.

    The squared distance to the test graphs, by the published kernel; of clustering it is 0.030, 0.019
    and 1.14, of orbits 0.010, 0.005 and 0.629. It takes 34 seconds of one core.

    Args:
        data: name of a set of graphs, see genus.data.graphs.
        reach: how many places back an edge may go, in breadth-first order; None for all.
        width: of a layer of the graph-level network.
        embedding: numbers that a row of edges is told by.
        layers: of the graph-level network; four, as published, learn several times as slowly.
        edge_width: of a layer of the edge-level network.
        edge_embedding: numbers that an edge is told by.
        edge_layers: of the edge-level network.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not isinstance(source.space, Graphs):
        raise ValueError(f"graphrnn: {data} is {source.space}; a set of graphs is wanted")
    model = GraphRNN(
        source.space,
        reach,
        width,
        embedding,
        layers,
        edge_width,
        edge_embedding,
        edge_layers,
    )
    return fit(
        model,
        source.train,
        run,
        schedule=warmed(cosine, 0.02),
        evaluate=scores(source.validation),
        picture=picture,
    )
