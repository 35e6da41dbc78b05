"""EoNADE: one deep network that knows the conditionals of a vector in every order.

    p(x_i = 1 | x_S) = sigmoid(net(x m, m))_i        m_j = [j in S], i not in S
    loss = d / (d - s) sum_(i not in S) -log p(x_i | x_S),        S any s of the d features

The network sees the features that are known, and which these are, and predicts all others. In
learning, s is drawn from 0 .. d - 1 and then S itself: the loss is, in expectation, -log p(x) of an order
drawn evenly from all there are. So any order is a model, features that are known come first where rows
are to be completed, and some orders together are a mixture that is better than each:

    p(x) = 1/K sum_k p(x; order k)

In an order, the first layer grows by what one feature adds, as in NADE; the layers behind it are made
anew for each feature.

Source: Uria, Murray, Larochelle, "A deep and tractable density estimator", 2014, arXiv:1310.1757.
Departs: S is drawn for each row, not for a batch.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..core import Bits, Losses, Refused, Space, at_least, require
from .mixed import Mixed
from .stepwise import Steps


class EoNADE(Mixed):
    """A distribution on bits.

    Args:
        space: the bits.
        hidden: widths of the hidden layers, at least one; their units are rectified.
        ensemble: number of orders that are averaged, where no others are given.
        seed: seed of these orders.
    """

    sequences: Tensor  # the numbers of the bits as they come, (K, d)

    def __init__(
        self, space: Space, hidden: Sequence[int] = (500,), ensemble: int = 1, seed: int = 0
    ):
        super().__init__()
        require("EoNADE", space, Bits)
        if not hidden or min(hidden) < 1:
            raise Refused(f"EoNADE: hidden is {tuple(hidden)}; widths of 1 or more are wanted")
        at_least(1, "EoNADE", ensemble=ensemble)
        self.space, self.hidden, self.ensemble, self.seed = space, tuple(hidden), ensemble, seed
        d, draw = space.dims, torch.Generator().manual_seed(seed)
        self.first = nn.Linear(2 * d, hidden[0])
        inner = [part for a, b in pairwise(hidden) for part in (nn.Linear(a, b), nn.ReLU())]
        self.inner = nn.Sequential(nn.ReLU(), *inner)
        self.last = nn.Linear(hidden[-1], d)
        orders = [torch.randperm(d, generator=draw) for _ in range(ensemble)]
        self.register_buffer("sequences", torch.stack(orders))

    @property
    def orders(self) -> Tensor:
        return self.sequences

    def ordered(self, orders: Tensor) -> "EoNADE":
        """The same weights under these orders, (K, d): rows with the numbers of features as they come."""
        numbers = torch.arange(self.space.dims, device=orders.device)
        if orders.dim() != 2 or not torch.equal(
            orders.sort(1).values, numbers.expand(len(orders), -1)
        ):
            raise Refused(
                f"EoNADE: orders are of shape {tuple(orders.shape)}; each row must hold the numbers "
                f"0 to {self.space.dims - 1} once"
            )
        twin = copy.copy(self)
        twin._buffers = {**self._buffers, "sequences": orders}
        twin.ensemble = len(orders)
        return twin

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *shape), with its known part kept and the rest drawn, in an order that begins with it.

        Args:
            x: rows; what is not known may hold any bits.
            known: true where x is known, (*shape).
        """
        flat = known.expand(self.space.shape).flatten()
        first = (~flat).to(torch.uint8).argsort(stable=True)
        return self.ordered(first[None].to(x.device)).complete(x, int(flat.sum()))

    def logits_given(self, x: Tensor, known: Tensor) -> Tensor:
        """Of each feature given those that are known, (n, *shape); 1 where one is, 0 elsewhere."""
        seen = torch.cat([(x * known).flatten(1), known.flatten(1)], 1)
        return self.last(self.inner(self.first(seen))).reshape(x.shape)

    def loss(self, x: Tensor) -> Losses:
        """In expectation -log p(x) of an order that is drawn evenly."""
        d = self.space.dims
        s = torch.randint(d, (len(x), 1), device=x.device)
        place = torch.rand(len(x), d, device=x.device).argsort(1).argsort(1)
        known = (place < s).to(x.dtype)
        logits = self.logits_given(x.flatten(1), known)
        each = nn.functional.binary_cross_entropy_with_logits(
            logits, x.flatten(1), reduction="none"
        )
        return {"nll": ((1 - known) * each * (d / (d - s))).sum(1).mean()}

    def logits(self, x: Tensor, which: int = 0) -> Tensor:
        """In the order of that number, (n, *shape): d passes through the layers behind the first."""
        rows, steps = x.flatten(1), self.unroll(len(x), which)
        out = [next(steps)]
        out += [steps.send(rows[:, feature]) for feature in self.orders[which][:-1].tolist()]
        return torch.cat(out, 1)[:, self.orders[which].argsort()].reshape(x.shape)

    def unroll(self, n: int, which: int = 0) -> Steps:
        values, flags = self.first.weight.T.split(self.space.dims)
        a = self.first.bias.expand(n, -1)
        for i in self.orders[which].tolist():
            h = self.inner(a)
            came = yield (torch.mv(h, self.last.weight[i]) + self.last.bias[i])[:, None]
            a = torch.addcmul(a + flags[i], came.to(a.dtype)[:, None], values[i])
