"""GraphRNN on small graphs of two communities."""

from ...autoregressive import GraphRNN
from ...core import Graphs, Model
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

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
    """GraphRNN on graphs of two communities; target: a squared degree distance of at most 0.03.

    By the published kernel, to the test graphs, as are those of clustering and orbits; real graphs
    and random ones stand beside it in benchmarks/autoregressive/graphs.py. It takes a minute of one core.

    Args:
        data: name of a set of graphs, see genus.data.graphs.
        reach: largest distance between the ends of an edge in breadth-first order; None for any.
        width: dimension of the state of a layer of the graph-level network.
        embedding: dimension of the embedding of a row of edges.
        layers: number of layers of the graph-level network; the published four learn several times as slowly.
        edge_width: dimension of the state of a layer of the edge-level network.
        edge_embedding: dimension of the embedding of an edge.
        edge_layers: number of layers of the edge-level network.
        run: length, folder and device of the run.
    """
    source, space = loaded("graphrnn", data, run, Graphs)
    model = GraphRNN(
        space, reach, width, embedding, layers, edge_width, edge_embedding, edge_layers
    )
    return fitted(model, source, run, schedule=warmed(cosine, 0.02))
