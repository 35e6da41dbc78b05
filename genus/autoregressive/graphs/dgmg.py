"""DGMG: a graph grows by decisions, each made by a network that passes messages along its edges.

    add a node?                 p = sigmoid(f_an(h_G))                no: the graph ends
    an edge to this node v?     p = sigmoid(f_ae(h_G, h_v))           no: another node?
    to which u?                 p = softmax_u(f_s(h_u, h_v))          and then: another edge?

    h_G = sum_v sigmoid(g(h_v)) * f(h_v)                              a new node: h_v = f_init(h_G')
    a_v = sum_u W [1, h_v, h_u],  h_v <- GRU(a_v, h_v)                over neighbours u, T rounds

States of nodes are all that is remembered. They change when an edge comes: messages go round, and what
a node knows of the graph is what has reached it. So a decision is made by what the graph is like, not
by the numbers of its nodes, as far as their order of coming does not show.

Edges of a node are chosen in rising order, u after the last one. Then a graph in its order of nodes is
made in one way only, its probability is the product of its decisions, and all graphs of the space, in
all orders, sum to one. `genus.autoregressive.Unordered` has the probability of a graph without order.

Source: Li, Vinyals, Dyer, Pascanu, Battaglia, "Learning deep generative models of graphs", 2018,
    arXiv:1803.03324. Sizes for cycles, and when messages go round, are as in the example of DGL.
Departs: in the paper edges of a node may come in any order; here they rise, which leaves one way to
    make a graph, and makes every probability exact. Where no node or edge can be added, there is no
    decision. Nodes and edges have no types. f_an, f_ae and f_s have a hidden layer.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ...core import GenerativeModel, Graphs, See, at_least
from ...functional.numerics.threads import one_thread
from ...functional.sequences.choices import DRAWN, Decoding
from ...nn import MLP
from ..unveiling import grown_watched


class DGMG(GenerativeModel):
    """Graphs by decisions: a node, an edge, its other end.

    Args:
        space: Graphs, which has the largest number of nodes.
        width: numbers of a node's state; the graph's has twice as many.
        rounds: T, in which messages go along all edges after each new one.
    """

    sampling_options = Decoding

    space: Graphs  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, space: Graphs, width: int = 16, rounds: int = 2):
        super().__init__()
        at_least(1, "DGMG", width=width, rounds=rounds)
        self.space, self.width, self.rounds = space, width, rounds
        self.whole, self.first = Whole(width), Whole(width)
        self.begin = nn.Linear(2 * width, width)  # f_init
        self.add_node = MLP(2 * width, 1, (2 * width,))
        self.add_edge = MLP(3 * width, 1, (2 * width,))
        self.choose = MLP(2 * width, 1, (2 * width,))
        self.choose[-1].register_parameter("bias", None)  # which a softmax does not see
        self.message = nn.ModuleList(
            nn.Linear(2 * width + 1, 2 * width, bias=False) for _ in range(rounds)
        )
        self.update = nn.ModuleList(nn.GRUCell(2 * width, width) for _ in range(rounds))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p of graphs in their orders, nats, (n,)."""
        size = int(x.diagonal(dim1=1, dim2=2).sum(1).max())
        most = min(self.space.nodes, size + 1)  # and no node that nobody has
        return self._walk(x[:, :most, :most], most + 1, None, DRAWN)[1]

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, decoding: Decoding = DRAWN
    ) -> Tensor:
        """Graphs, (n, nodes, nodes)."""
        n = self.sample_count(n, context)
        return self.complete(self.begin.weight.new_zeros(n, *self.space.shape), 0, decoding)

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
        nodes = self.space.nodes
        u = torch.rand(len(x), nodes, 2 * nodes, dtype=x.dtype, device=x.device)
        return self.grown(u, decoding, x, known)

    @torch.no_grad()
    @one_thread()
    def grown(self, u: Tensor, decoding: Decoding, x: Tensor, known: int) -> Tensor:
        """Graphs from uniform noise, (n, nodes, 2 nodes): u_v decides over node v and its edges.

        Args:
            u: in [0, 1).
            decoding: temperature, and which ends of an edge are left out.
            x: graphs, (n, nodes, nodes).
            known: number of their first nodes that are kept.
        """
        return self._walk(x, known, u, decoding)[0]

    def _walk(
        self, x: Tensor, known: int, u: Tensor | None, decoding: Decoding
    ) -> tuple[Tensor, Tensor]:
        """The graphs, and log p of all decisions, (n,): those of x for its first nodes, then drawn."""
        graph = Growth(len(x), x.shape[1], self.width, self.begin.weight)
        guide = Guide(x, known, u, decoding)
        while not graph.ended.all():
            self._decide_node(graph, guide)
            self._decide_edge(graph, guide)
        return graph.edges + torch.diag_embed(graph.there.to(x.dtype)), graph.log_p

    def _decide_node(self, graph: "Growth", guide: "Guide") -> None:
        deciding = ~graph.open & ~graph.ended & (graph.size < graph.nodes)
        logit = self.add_node(self.whole(graph.h, graph.there))
        yes = guide.node(graph, logit)
        graph.count(deciding, logsigmoid(torch.where(yes, logit[:, 0], -logit[:, 0])))
        new = deciding & yes
        state = self.begin(self.first(graph.h, graph.there))
        here = new[:, None] & (graph.place == graph.size[:, None])
        graph.h = torch.where(here[..., None], state[:, None], graph.h)
        graph.ended = ~graph.open & ~new
        graph.size = graph.size + new
        graph.last = graph.last.masked_fill(new, -1)
        graph.open = (graph.open | new) & graph.room.any(1)

    def _decide_edge(self, graph: "Growth", guide: "Guide") -> None:
        deciding, room = graph.open, graph.room
        newest = graph.h[graph.rows, graph.newest]
        logit = self.add_edge(torch.cat([self.whole(graph.h, graph.there), newest], 1))
        yes = guide.edge(graph, logit)
        pairs = torch.cat([graph.h, newest[:, None].expand_as(graph.h)], 2)
        room = room | ~deciding[:, None]  # where none is decided, any
        scores = self.choose(pairs)[..., 0].masked_fill(~room, -torch.inf)
        end = guide.end(graph, scores)
        chance = scores.log_softmax(1).gather(1, end[:, None])[:, 0]
        graph.count(deciding, logsigmoid(torch.where(yes, logit[:, 0], -logit[:, 0])))
        joined = deciding & yes
        graph.count(joined, chance)
        graph.join(joined, end)
        graph.h = torch.where(joined[:, None, None], self._propagated(graph), graph.h)
        graph.last = torch.where(joined, end, graph.last)
        graph.open = joined & graph.room.any(1)

    def _propagated(self, graph: "Growth") -> Tensor:
        """States after T rounds of messages, (n, nodes, width)."""
        h, degree = graph.h, graph.edges.sum(2, keepdim=True)
        for message, update in zip(self.message, self.update, strict=True):
            a = message(
                torch.cat([degree, degree * h, graph.edges @ h], 2)
            )  # summed over neighbours
            h = update(a.flatten(0, 1), h.flatten(0, 1)).reshape(h.shape)
        return h


class Whole(nn.Module):
    """The state of a graph from those of its nodes: a sum, in which each has gates.

    Args:
        width: size of a node's state; the graph's has twice as many numbers.
    """

    def __init__(self, width: int):
        super().__init__()
        self.gate_and_share = nn.Linear(width, 4 * width)

    def forward(self, h: Tensor, there: Tensor) -> Tensor:
        """(n, 2 width), of states (n, nodes, width) and which nodes there are, (n, nodes)."""
        gate, share = self.gate_and_share(h).chunk(2, -1)
        return (gate.sigmoid() * share * there[..., None]).sum(1)


class Growth:
    """Graphs that grow together, and what is remembered of each.

    Args:
        n: number of graphs.
        nodes: largest number of nodes of each.
        width: size of a node's state.
        like: a tensor of the type and on the device of the states.
    """

    def __init__(self, n: int, nodes: int, width: int, like: Tensor):
        self.nodes = nodes
        self.rows = torch.arange(n, device=like.device)
        self.place = torch.arange(nodes, device=like.device)
        self.h = like.new_zeros(n, nodes, width)
        self.edges = like.new_zeros(n, nodes, nodes)
        self.log_p = like.new_zeros(n)
        self.size = torch.zeros_like(self.rows)
        self.last = self.size - 1  # the last end that the newest node has an edge to
        self.open = self.size > 0  # whether an edge of the newest node is decided next
        self.ended = self.size > 0

    @property
    def there(self) -> Tensor:
        """Which nodes there are, (n, nodes)."""
        return self.place < self.size[:, None]

    @property
    def newest(self) -> Tensor:
        """The number of the newest node, (n,); 0 where there is none."""
        return (self.size - 1).clamp(min=0)

    @property
    def room(self) -> Tensor:
        """Which ends the next edge of the newest node may have, (n, nodes)."""
        return (self.place > self.last[:, None]) & (self.place < self.newest[:, None])

    def count(self, who: Tensor, log_p: Tensor) -> None:
        """Adds log p of a decision of some graphs."""
        self.log_p = self.log_p + torch.where(who, log_p, 0)

    def join(self, who: Tensor, end: Tensor) -> None:
        """An edge between the newest node and `end`, of some graphs."""
        one = (self.place == end[:, None]) & who[:, None]
        new = (one[:, :, None] & (self.place == self.newest[:, None])[:, None]).to(self.edges)
        self.edges = self.edges + new + new.mT


class Guide:
    """Who decides: given graphs, for their first nodes, and then uniform noise.

    Args:
        x: graphs, (n, nodes, nodes).
        known: number of their first nodes that are given.
        u: (n, nodes, 2 nodes), in [0, 1); None where all is given.
        decoding: temperature, and which ends of an edge are left out.
    """

    def __init__(self, x: Tensor, known: int, u: Tensor | None, decoding: Decoding):
        self.x, self.known, self.u, self.decoding = x > 0, known, u, decoding
        self.size = x.diagonal(dim1=1, dim2=2).sum(1)

    def node(self, graph: Growth, logit: Tensor) -> Tensor:
        """Whether there comes a node, (n,)."""
        given = graph.size < self.size
        number = graph.size.clamp(max=graph.nodes - 1)
        slot = torch.full_like(number, 2 * graph.nodes - 1)
        return self._decided(logit, given.long(), number, slot) > 0

    def edge(self, graph: Growth, logit: Tensor) -> Tensor:
        """Whether there comes an edge to the newest node, (n,)."""
        given = (self.x[graph.rows, graph.newest] & graph.room).any(1)
        return self._decided(logit, given.long(), graph.newest, 2 * graph.last + 2) > 0

    def end(self, graph: Growth, scores: Tensor) -> Tensor:
        """Its other end, (n,)."""
        ahead = self.x[graph.rows, graph.newest] & graph.room
        return self._decided(scores, ahead.long().argmax(1), graph.newest, 2 * graph.last + 3)

    def _decided(self, logits: Tensor, given: Tensor, number: Tensor, slot: Tensor) -> Tensor:
        if self.u is None:
            return given
        u = self.u[torch.arange(len(given), device=given.device), number, slot]
        return torch.where(number < self.known, given, self.decoding(logits, u))
