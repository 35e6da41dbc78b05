"""GraphRNN: a graph grows node by node, each with a row of edges to the nodes before it.

    p(x) = prod_i p(S_i | S_<i)              S_ik = 1 if an edge joins node i and node i - k, k = 1 .. M
    h_i = f_trans(h_i-1, S_i-1)              S_i = 0 ends the graph
    p(S_i | S_<i) = prod_k p(S_ik | S_i<k, h_i)     GraphRNN: a second recurrent network along the row
                  = prod_k p(S_ik | h_i)            GraphRNN-S: all edges of a row at once

Nodes come breadth first. That leaves far fewer orders to be learnt, and it keeps edges short: once a
node has a neighbour in some place, no later node has its first one before that place, so a row needs no
more than M numbers, however large the graph. Every node but the first has an edge to an earlier one,
which is why an empty row can be the end. The graph-level state is all that a row sees of what came
before; it starts the edge-level network.

A probability is that of a graph in its order of nodes: it is 0 where a node has no edge to an earlier
one, or one that reaches further than M places. `genus.autoregressive.Unordered` has that of the graph.

Source: You, Ying, Ren, Hamilton, Leskovec, "GraphRNN: generating realistic graphs with deep
    auto-regressive models", 2018, arXiv:1802.08773; sizes and inputs as in the authors' code.
Departs: a drawn graph ends at its first empty row, as p says; the authors' code runs to the largest
    size, and drops nodes without an edge. What is learnt is the sum over a graph's edges of all rows, and
    not the mean over padded ones. Weights begin as torch's do.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from ...core import GenerativeModel, Graphs, Losses, Refused, See
from ...functional.numerics.threads import one_thread
from ...functional.sequences.choices import DRAWN, Decoding
from ...functional.sequences.graph_orders import reach
from ...nn.recurrent import Recurrent, State
from ..unveiling import grown_watched


class Edges(nn.Module):
    """The edges of one row: logits of all, given the row, or of one after another."""

    def forward(self, h: Tensor, row: Tensor) -> Tensor:
        """Logits, (m, M), of states h, (m, d), and the rows themselves, (m, M)."""
        raise NotImplementedError

    def begin(self, h: Tensor) -> "State | list[Tensor]":
        """What is remembered before the first edge of the rows of h, (m, d)."""
        raise NotImplementedError

    def step(self, before: Tensor, memory: "State | list[Tensor]") -> Tensor:
        """The logit of the next edge, (m, 1), after the edge before it, (m, 1): 1 at first."""
        raise NotImplementedError


class RowByRow(GenerativeModel):
    """What GraphRNN and GraphRNN-S share: the graph-level network, and how rows make a graph."""

    sampling_options = Decoding

    space: Graphs  # pyright: ignore[reportIncompatibleVariableOverride]
    edges: Edges

    def __init__(self, space: Graphs, reach: int | None, width: int, embedding: int, layers: int):
        super().__init__()
        if space.nodes < 2 or (reach is not None and not 1 <= reach < space.nodes):
            raise Refused(
                f"{type(self).__name__}: {space.nodes} nodes and a reach of {reach}; at least 2 nodes "
                f"are wanted, and a reach from 1 to one less than there are nodes, or None"
            )
        self.space, self.reach = space, reach
        self.width, self.embedding, self.layers = width, embedding, layers
        self.places = reach or space.nodes - 1  # M
        self.embed = nn.Linear(self.places, embedding)
        self.graph = Recurrent(embedding, width, layers, "gru")

    def log_prob(self, x: Tensor) -> Tensor:
        """log p of graphs in their orders, nats, (n,)."""
        n, places = len(x), torch.arange(self.places, device=x.device)
        size = x.diagonal(dim1=1, dim2=2).sum(1)
        nodes = max(2, min(self.space.nodes, int(size.max()) + 1))  # and no row that nobody has
        x = x[:, :nodes, :nodes]
        rows = self._rows(x)
        before = torch.cat([torch.ones_like(rows[:, :1]), rows[:, 1 : nodes - 1]], 1)
        number = torch.arange(1, nodes, device=x.device)
        decided = number <= size[:, None]  # rows with a decision: the last of them ends the graph
        h = self.graph(relu(self.embed(before)))[decided]
        row = rows[:, 1:][decided]
        logits = self.edges(h, row)
        inside = places < number.expand(n, -1)[decided][:, None]
        each = ((row * logits - softplus(logits)) * inside).sum(1)
        of = torch.arange(n, device=x.device)[:, None].expand(-1, nodes - 1)[decided]
        total = each.new_zeros(n).index_add(0, of, each)
        empty = (rows[:, 1:].sum(2) == 0) & (number < size[:, None])
        far = rows.sum((1, 2)) * 2 + size != x.sum((1, 2))
        return total.masked_fill(empty.any(1) | far | (size == 0), -torch.inf)

    def loss(self, x: Tensor) -> Losses:
        log_p = self.log_prob(x)
        if log_p.isinf().any():
            raise Refused(
                f"{type(self).__name__}: a graph has a node without an edge to an earlier one, or an edge "
                f"of {int(reach(x).max())} places where the reach is {self.places}; connected graphs in "
                f"breadth-first order are wanted, or a larger reach"
            )
        return {"nll": -log_p.mean()}

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, decoding: Decoding = DRAWN
    ) -> Tensor:
        """Graphs, (n, nodes, nodes)."""
        n = self.sample_count(n, context)
        like = self.embed.weight
        return self.complete(like.new_zeros(n, *self.space.shape), 0, decoding)

    def sample_watched(
        self,
        see: See,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Decoding = DRAWN,
    ) -> Tensor:
        """`sample`, (n, nodes, nodes), with looks at the first nodes alone."""
        return grown_watched(see, self.sample(n, context, decoding))

    @torch.no_grad()
    def complete(self, x: Tensor, known: int, decoding: Decoding = DRAWN) -> Tensor:
        """Graphs, (n, nodes, nodes), that continue the first `known` nodes of x.

        A graph that has fewer nodes has ended: it stays as it is.
        """
        u = torch.rand(len(x), self.space.nodes, self.places, dtype=x.dtype, device=x.device)
        return self.grown(u, decoding, x, known)

    @torch.no_grad()
    @one_thread()
    def grown(self, u: Tensor, decoding: Decoding, x: Tensor, known: int) -> Tensor:
        """Graphs from uniform noise, (n, nodes, M): u_ik decides over S_ik.

        Args:
            u: in [0, 1).
            decoding: temperature.
            x: graphs, (n, nodes, nodes).
            known: number of their first nodes that are kept.
        """
        n, given = len(u), self._rows(x)
        drawn = torch.zeros_like(x)
        drawn[:, 0, 0] = 1
        row = u.new_ones(n, self.places)
        alive = torch.ones(n, dtype=torch.bool, device=u.device)
        memory = self.graph.begin(n)
        for i in range(1, self.space.nodes):
            h = self.graph.step(relu(self.embed(row)), memory)
            row = given[:, i] if i < known else self._row(h, u[:, i], decoding, min(i, self.places))
            alive = alive & row.any(1)
            if not alive.any():
                break
            row = row * alive[:, None]
            back = min(i, self.places)
            drawn[:, i, i - back : i] = row[:, :back].flip(1)
            drawn[:, i, i] = alive.to(u.dtype)
        return drawn.tril() + drawn.tril(-1).mT

    def _row(self, h: Tensor, u: Tensor, decoding: Decoding, count: int) -> Tensor:
        """The first `count` edges of rows, one after another, (n, M)."""
        row, edge = torch.zeros_like(u), torch.ones_like(u[:, :1])
        memory = self.edges.begin(h)
        for k in range(count):
            edge = decoding(self.edges.step(edge, memory), u[:, k])[:, None].to(u.dtype)
            row[:, k] = edge[:, 0]
        return row

    def _rows(self, x: Tensor) -> Tensor:
        """S: the edges of node i to i - 1, i - 2, ... i - M, (n, nodes, M); 0 where there is no node."""
        number = torch.arange(x.shape[1], device=x.device)[:, None]
        back = number - 1 - torch.arange(self.places, device=x.device)
        found = x.gather(2, back.clamp(min=0).expand(len(x), -1, -1))
        return found.masked_fill(back < 0, 0)


class GraphRNN(RowByRow):
    """Graphs whose edges of a row see each other.

    Args:
        space: at least 2 nodes.
        reach: M, how many places back an edge may go; None for all.
        width: size of a layer of the graph-level network.
        embedding: dimension of the embedding of a row, and of the hidden layer before the edge-level one.
        layers: layers of the graph-level network.
        edge_width: size of a layer of the edge-level network.
        edge_embedding: dimension of the embedding of an edge, and of the hidden layer before its logit.
        edge_layers: layers of the edge-level network.
    """

    def __init__(
        self,
        space: Graphs,
        reach: int | None = None,
        width: int = 128,
        embedding: int = 64,
        layers: int = 4,
        edge_width: int = 16,
        edge_embedding: int = 8,
        edge_layers: int = 4,
    ):
        super().__init__(space, reach, width, embedding, layers)
        self.edge_width, self.edge_embedding = edge_width, edge_embedding
        self.edge_layers = edge_layers
        self.edges = EdgeRNN(width, embedding, edge_width, edge_embedding, edge_layers)


class GraphRNNS(RowByRow):
    """GraphRNN-S: graphs whose edges of a row are independent, given the rows before.

    Args:
        space: at least 2 nodes.
        reach: M, how many places back an edge may go; None for all.
        width: size of a layer of the graph-level network.
        embedding: dimension of the embedding of a row, and of the hidden layer before the logits.
        layers: layers of the graph-level network.
    """

    def __init__(
        self,
        space: Graphs,
        reach: int | None = None,
        width: int = 128,
        embedding: int = 64,
        layers: int = 4,
    ):
        super().__init__(space, reach, width, embedding, layers)
        self.edges = EdgeMLP(width, embedding, self.places)


class EdgeRNN(Edges):
    """One edge after another: a recurrent network that the graph-level state starts.

    Args:
        d_in: size of the graph-level state.
        hidden: size of the layer between that state and the first of this network.
        width: size of a recurrent layer.
        embedding: dimension of the embedding of an edge, and of the hidden layer before its logit.
        layers: number of recurrent layers.
    """

    def __init__(self, d_in: int, hidden: int, width: int, embedding: int, layers: int):
        super().__init__()
        self.start = nn.Sequential(nn.Linear(d_in, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.embed = nn.Linear(1, embedding)
        self.row = Recurrent(embedding, width, layers, "gru")
        self.out = nn.Sequential(nn.Linear(width, embedding), nn.ReLU(), nn.Linear(embedding, 1))

    def forward(self, h: Tensor, row: Tensor) -> Tensor:
        before = torch.cat([torch.ones_like(row[:, :1]), row[:, :-1]], 1)[..., None]
        return self.out(self.row.fill(relu(self.embed(before)), self.begin(h)))[..., 0]

    def begin(self, h: Tensor) -> State:
        memory = self.row.begin(len(h))
        memory.layers[0] = (self.start(h),)
        return memory

    def step(self, before: Tensor, memory: State) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.out(self.row.step(relu(self.embed(before)), memory))


class EdgeMLP(Edges):
    """All edges of a row at once.

    Args:
        d_in: size of the graph-level state.
        hidden: units of the hidden layer.
        places: M, edges of a row.
    """

    def __init__(self, d_in: int, hidden: int, places: int):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_in, hidden), nn.ReLU(), nn.Linear(hidden, places))

    def forward(self, h: Tensor, row: Tensor) -> Tensor:
        return self.net(h)

    def begin(self, h: Tensor) -> list[Tensor]:
        return [*self.net(h).split(1, 1)]

    def step(self, before: Tensor, memory: list[Tensor]) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return memory.pop(0)
