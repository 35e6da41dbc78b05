"""Orders of the nodes of a graph: breadth first, and how probable each order is.

    parent(j) = min {i : x_ij = 1, i before j}
    q(order | graph) = prod_j 1 / (how many nodes could have come in the place of j)

A breadth-first order begins at a node drawn evenly, and lists the neighbours of each node, in an even
order, before those of the next. So the next node is always one whose parent came first, any of those
with equal chances; only where none is left that has a parent, a node of another part of the graph.

A graph is a symmetric matrix whose diagonal marks the nodes there are, as in `genus.core.Graphs`;
several graphs of different sizes go through together.
"""

import torch
from torch import Tensor


def breadth_first(x: Tensor, noise: Tensor) -> Tensor:
    """Breadth-first orders of graphs, (n, nodes) int64: the node that comes first, second, ...

    Places that are not there come last, in their own order.

    Args:
        x: graphs, (n, nodes, nodes), 0 and 1, with the nodes that are there in the diagonal.
        noise: uniform in [0, 1), (n, nodes): decides between nodes that may come as well.
    """
    n, nodes, _ = x.shape
    rows = torch.arange(n, device=x.device)
    edges = x.bool() & ~torch.eye(nodes, dtype=torch.bool, device=x.device)
    there = x.diagonal(dim1=1, dim2=2) > 0
    after = torch.arange(nodes, device=x.device).to(noise) + 2 * nodes
    key = torch.where(there, nodes + noise, after)  # the parent's place and the noise
    order = torch.empty(n, nodes, dtype=torch.int64, device=x.device)
    for place in range(nodes):
        chosen = key.argmin(1)
        order[:, place] = chosen
        key[rows, chosen] = torch.inf
        first = edges[rows, chosen] & (key >= nodes) & key.isfinite()
        key = torch.where(first, place + noise, key)
    return order


def log_breadth_first(x: Tensor) -> Tensor:
    """log of the probability that `breadth_first` leaves the nodes as they stand, nats, (n,).

    -inf where it never does.

    Args:
        x: graphs, (n, nodes, nodes), 0 and 1, with the nodes that are there in the diagonal.
    """
    nodes = x.shape[1]
    there = x.diagonal(dim1=1, dim2=2) > 0
    place = torch.arange(nodes, device=x.device)
    parent = parents(x)
    # what the parent of each node k is once the first j nodes are there, (n, j, k)
    seen = torch.where(parent[:, None] < place[:, None], parent[:, None], nodes)
    waiting = (place >= place[:, None]) & there[:, None]
    seen = torch.where(waiting, seen, nodes + 1)
    mine = seen.diagonal(dim1=1, dim2=2)
    rivals = (seen == mine[..., None]).sum(2)
    first = mine == seen.amin(2)
    each = torch.where(first, -rivals.to(torch.get_default_dtype()).log(), -torch.inf)
    return torch.where(there, each, 0).sum(1)


def parents(x: Tensor) -> Tensor:
    """The first of its earlier neighbours of each node, (n, nodes) int64; `nodes` where it has none."""
    nodes = x.shape[1]
    place = torch.arange(nodes, device=x.device)
    earlier = x.bool() & (place < place[:, None])
    return torch.where(earlier, place, nodes).amin(2)


def reach(x: Tensor) -> Tensor:
    """How many places back the furthest edge of each graph goes, as its nodes stand, (n,) int64."""
    nodes = x.shape[1]
    found = parents(x)
    back = torch.arange(nodes, device=x.device) - found
    return torch.where(found < nodes, back, 0).amax(1)


def reordered(x: Tensor, order: Tensor) -> Tensor:
    """Graphs with their nodes in another order, (n, nodes, nodes).

    Args:
        x: graphs, (n, nodes, nodes).
        order: (n, nodes) int64: which node comes in each place.
    """
    rows = x.gather(1, order[:, :, None].expand_as(x))
    return rows.gather(2, order[:, None, :].expand_as(x))
