"""A perceptron of a vector and a time that knows its own divergence.

    c  = (t, context),   g = sigmoid(G c + g0),   s = S c
    h1 = tanh(g1 (W1 x + b1) + s1)
    h2 = tanh(g2 (W2 h1 + b2) + s2)
    f  = W3 h2 + b3

Its Jacobian is W3 D2 W2 D1 W1 with diagonal D = g tanh', so its trace is one bilinear form,

    tr df/dx = D2^T M D1,   M_ij = W2_ij (W1 W3)_ji

and the exact divergence costs one more product of n rows with a matrix, however many features x has.

Source: Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, "FFJORD: free-form continuous dynamics for
    scalable reversible generative models", 2019, arXiv:1810.01367 (its layers "concatsquash"); Yang et
    al., "PointFlow", 2019, arXiv:1906.12320 (with a context).
Departs: two hidden layers, and neither gate nor shift on the last, so that M is a constant; the trace in
    closed form.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ...errors import Refused

TILE = 2**17  # hidden numbers that are worked on at once without gradients: they stay in the cache


class ConcatSquash(nn.Module):
    """dx/dt, (n, features), from x, (n, features), t, (1,) or (n,), and a context, (n, context).

    Args:
        features: features of x.
        width: units of both hidden layers.
        context: features of the context; 0 for none.
    """

    def __init__(self, features: int, width: int = 64, context: int = 0):
        super().__init__()
        self.features, self.width, self.context = features, width, context
        self.enter = nn.Linear(features, width)
        self.middle = nn.Linear(width, width)
        self.leave = nn.Linear(width, features)
        self.gates = nn.Linear(1 + context, 2 * width)
        self.shifts = nn.Linear(1 + context, 2 * width, bias=False)

    def given(self, context: Tensor | None = None) -> "Squashed":
        """The field for one context, whose share of the work is done once."""
        if self.context and (context is None or context.shape[1:] != (self.context,)):
            came = None if context is None else tuple(context.shape)
            raise Refused(
                f"ConcatSquash: context is {came}; (n, {self.context}) is wanted, a row for each x"
            )
        return Squashed(self, context if self.context else None)

    def forward(self, x: Tensor, t: Tensor, context: Tensor | None = None) -> Tensor:
        return self.given(context)(t, x)


class Squashed:
    """A `ConcatSquash` and its context: dx/dt = f(t, x).

    Hidden layers are r = sigmoid(2 a) here, several times as fast as tanh(a) = 2 r - 1; what follows
    them makes up for it. So tanh' = 4 r (1 - r).

    Args:
        net: whose weights are read.
        context: (n, context), or None if the network has none.
    """

    def __init__(self, net: ConcatSquash, context: Tensor | None):
        self.width = net.width
        w1, w2, w3 = net.enter.weight, net.middle.weight, net.leave.weight
        self.enter, self.middle, self.leave = w1.view_as(w1), 2 * w2, 2 * w3
        self.form = 4 * w2 * (w1 @ w3).T
        self.biases = torch.cat([net.enter.bias, net.middle.bias - w2.sum(1)])
        self.last = net.leave.bias - w3.sum(1)
        gates, shifts = net.gates.weight, 2 * net.shifts.weight
        self.of_time = torch.cat([gates[:, 0], shifts[:, 0]])
        self.at_zero = torch.cat([net.gates.bias, torch.zeros_like(net.gates.bias)])[None]
        if context is not None:
            weight = torch.cat([gates[:, 1:], shifts[:, 1:]])
            self.at_zero = self.at_zero + context @ weight.T

    @property
    def reads(self) -> tuple[Tensor, ...]:
        """Every tensor that it is made of; none of them is made from another."""
        own = (self.enter, self.middle, self.leave, self.form, self.biases, self.last)
        return (*own, self.of_time, self.at_zero)

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        """dx/dt, (n, features)."""
        return self.by_tiles(self.rate, t, x)[0]

    def with_divergence(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """dx/dt, (n, features), and sum_i d(dx_i/dt)/dx_i, (n,)."""
        change, trace = self.by_tiles(self.rate_and_divergence, t, x)
        return change, trace

    def rate(self, t: Tensor, x: Tensor, at_zero: Tensor) -> tuple[Tensor]:
        """dx/dt."""
        return (torch.addmm(self.last, self.hidden(t, x, at_zero)[1], self.leave.T),)

    def rate_and_divergence(self, t: Tensor, x: Tensor, at_zero: Tensor) -> tuple[Tensor, Tensor]:
        """dx/dt and its divergence."""
        r1, r2, gate1, gate2 = self.hidden(t, x, at_zero)
        d1 = torch.addcmul(r1, r1, r1, value=-1) * gate1
        d2 = torch.addcmul(r2, r2, r2, value=-1) * gate2
        return torch.addmm(self.last, r2, self.leave.T), (d1 @ self.form.T).mul(d2).sum(1)

    def hidden(
        self, t: Tensor, x: Tensor, at_zero: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """sigmoid(2 a) of both hidden layers, (n, width), and twice their gates, (n or 1, width)."""
        both = torch.addcmul(at_zero, t[:, None], self.of_time)
        gates, shifts = both.chunk(2, dim=1)
        gates = 2 * gates.sigmoid()
        gate1, gate2 = gates.chunk(2, dim=1)
        shift1, shift2 = torch.addcmul(shifts, gates, self.biases).chunk(2, dim=1)
        r1 = torch.addcmul(shift1, x @ self.enter.T, gate1).sigmoid_()
        r2 = torch.addcmul(shift2, r1 @ self.middle.T, gate2).sigmoid_()
        return r1, r2, gate1, gate2

    def by_tiles(
        self, f: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]], t: Tensor, x: Tensor
    ) -> Sequence[Tensor]:
        """f of all rows; without gradients, of some thousand rows after another."""
        size = max(1, TILE // self.width)
        if torch.is_grad_enabled() or len(x) <= size or not x.is_cpu:
            return f(t, x, self.at_zero)
        tiles = [
            f(*(a if len(a) == 1 else a[i : i + size] for a in (t, x, self.at_zero)))
            for i in range(0, len(x), size)
        ]
        return [torch.cat(parts) for parts in zip(*tiles, strict=True)]
