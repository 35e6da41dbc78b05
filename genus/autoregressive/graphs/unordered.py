"""Unordered: the probability of a graph, from a model of graphs in an order of their nodes.

    p(G) = 1/n! sum_order p(x_order)                     n nodes, all n! orders of them
    E_q [p(x_order) / (n! q(order))] = p(G)              order ~ q(order | G)
    E_q [log p(x_order) - log n! - log q(order)] <= log p(G)

The model makes a graph in an order, and then its nodes are given numbers evenly: that is a distribution
of graphs whose numbers mean nothing, and a graph has the same probability however it is numbered. The
sum is estimated from orders that the model is likely to make, the breadth-first ones; a few that are
drawn evenly from all keep the estimate exact where the model makes others too.

Source: You, Ying, Ren, Hamilton, Leskovec, "GraphRNN: generating realistic graphs with deep
    auto-regressive models", 2018, arXiv:1802.08773 (breadth-first orders). Li, Vinyals, Dyer, Pascanu,
    Battaglia, "Learning deep generative models of graphs", 2018, arXiv:1803.03324 (importance sampling
    of orders).
Departs: the two ways to draw orders are mixed.
"""

import math
from typing import cast

import torch
from torch import Tensor

from ...core import GenerativeModel, Graphs, HasLogProb, Losses, Refused, in_range, promise
from ...functional.sequences.graph_orders import breadth_first, log_breadth_first, reordered


class Unordered(GenerativeModel):
    """Graphs whose nodes have no order.

    Args:
        model: model of graphs in an order of their nodes, with exact probabilities.
        even: the share of orders that are drawn evenly from all, in (0, 1]; the others are breadth
            first.
    """

    def __init__(self, model: GenerativeModel, even: float = 0.1):
        super().__init__()
        if not isinstance(model.space, Graphs) or not promise(model, HasLogProb):
            raise Refused(
                f"Unordered: {type(model).__name__} is a model of {model.space}; one of Graphs that has "
                f"log_prob is wanted"
            )
        in_range("Unordered", "(0, 1]", even=even)
        self.space, self.model, self.even = model.space, model, even

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """Graphs, (n, nodes, nodes), their nodes in an even order."""
        n = self.sample_count(n, context)
        x = self.model.sample(n)
        return reordered(x, _any_order(x))

    def log_weight(self, x: Tensor) -> Tensor:
        """log p(x_order) - log n! - log q(order) of one order, nats, (n,)."""
        lot = torch.rand(len(x), 1, dtype=x.dtype, device=x.device)
        order = torch.where(lot < self.even, _any_order(x), _breadth_first(x))
        x = reordered(x, order)
        orders = _log_orders(x)
        near = log_breadth_first(x).to(x.dtype) + math.log1p(-self.even) if self.even < 1 else None
        log_q = math.log(self.even) - orders
        log_q = log_q if near is None else torch.logaddexp(log_q, near)
        return self._log_prob(x) - orders - log_q

    def elbo(self, x: Tensor) -> Tensor:
        """log p(x_order) - log n! - log q(order) of one breadth-first order, nats, (n,)."""
        x = reordered(x, _breadth_first(x))
        return self._log_prob(x) - _log_orders(x) - log_breadth_first(x).to(x.dtype)

    def loss(self, x: Tensor) -> Losses:
        """The bound: so that data may come in any order."""
        return {"bound": -self.elbo(x).mean()}

    def _log_prob(self, x: Tensor) -> Tensor:
        return cast(HasLogProb, self.model).log_prob(x)


def _log_orders(x: Tensor) -> Tensor:
    """log n!, (rows,)."""
    return (x.diagonal(dim1=1, dim2=2).sum(1) + 1).lgamma()


def _any_order(x: Tensor) -> Tensor:
    """Of the nodes that are there an even order, (rows, nodes); the others come after them."""
    there = x.diagonal(dim1=1, dim2=2) > 0
    after = torch.arange(1, x.shape[1] + 1, dtype=x.dtype, device=x.device)
    noise = torch.rand(x.shape[:2], dtype=x.dtype, device=x.device)
    return torch.where(there, noise, after).argsort(1)


def _breadth_first(x: Tensor) -> Tensor:
    return breadth_first(x, torch.rand(x.shape[:2], dtype=torch.float64, device=x.device))
