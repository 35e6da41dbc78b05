"""Continuous flows: data that drift into noise along a field, and back along the same paths.

    dx/dt = f(x, t),   x(1) = x,   x(0) = z
    log p(x) = log p_base(z) - int_0^1 tr df/dx dt

Paths of a smooth field never cross, so following it is a bijection whatever the network is; and over a
short time a volume grows by the trace of the Jacobian alone, not by a determinant. Nothing of the
network is masked, split or bounded: the price is a differential equation for each row.

Source: Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, "FFJORD: free-form continuous dynamics for
    scalable reversible generative models", 2019, arXiv:1810.01367, equations 2 to 8; Chen, Rubanova,
    Bettencourt, Duvenaud, "Neural ordinary differential equations", 2018, arXiv:1806.07366, theorem 1.
Departs: evaluation takes the exact trace always, so that log_prob is a function; with `ConcatSquash`,
    training does too, since it costs next to nothing there. The trace's integral is held to the solver's
    tolerance as its mean over the features. In training the worst row of a batch decides the steps of
    all; everywhere else each row has its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor, nn

from ...core import See
from ...errors import Refused
from ...functional.numerics.integrators import DormandPrince, Solver, State
from ...functional.numerics.traces import divergence, hutchinson
from ..bijection import Bijection
from .adjoint import adjoint, recomputed

Backward = Literal["backprop", "recompute", "adjoint"]
ADAPTIVE = DormandPrince()
PIECES = 16  # of the way that is looked at


class Field(Protocol):
    """dx/dt = f(t, x), for one context."""

    @property
    def reads(self) -> tuple[Tensor, ...]:
        """Every tensor that it is made of, none made from another: what may want a gradient."""
        ...

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        """dx/dt, of the shape of x."""
        ...

    def with_divergence(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """dx/dt, and its divergence, (n,)."""
        ...


@runtime_checkable
class KnowsDivergence(Protocol):
    """A network that knows the divergence of its own output."""

    def given(self, context: Tensor | None) -> Field:
        """The field for one context."""
        ...


@dataclass(frozen=True)
class Differentiated:
    """A field of any network, whose divergence is found by automatic differentiation.

    Args:
        net: (x, t) or, if there is one, (x, t, context) -> dx/dt, of the shape of x; t is (n,).
        context: (n, k), or None.
        probes: (k, n, ...), what the trace is estimated with; exact without.
    """

    net: nn.Module
    context: Tensor | None
    probes: Tensor | None

    @property
    def reads(self) -> tuple[Tensor, ...]:
        return (*self.net.parameters(), *([] if self.context is None else [self.context]))

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        given = () if self.context is None else (self.context,)
        return self.net(x, t.expand(len(x)), *given)

    def with_divergence(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        def at(x: Tensor) -> Tensor:
            return self(t, x)

        return divergence(at, x) if self.probes is None else hutchinson(at, x, self.probes)


class Continuous(Bijection):
    """The flow of a field over a unit of time.

    Args:
        net: the field: `ConcatSquash`, which knows its divergence; or any smooth network of x and t, a
            time in [0, 1], (n,), and of a context, if the network's `context`, its dimension, is
            not 0. Its rows do not meet.
        solver: solver of the equation. With steps of one length it is the same map for every
            batch, and so it is with `DormandPrince`, the default, which keeps a tolerance; but in
            training all rows share steps, unless they are to be `alone`.
        probes: vectors of random signs for each row, drawn anew in each pass, by which training
            estimates the trace; 0 for the exact trace.
        backward: method of gradients. backprop keeps every graph; recompute keeps the state at each
            evaluation, and gives the same; adjoint keeps nothing, and is right within the tolerance.
    """

    def __init__(
        self,
        net: nn.Module,
        solver: Solver = ADAPTIVE,
        probes: int = 0,
        backward: Backward = "backprop",
    ):
        super().__init__()
        if backward not in get_args(Backward):
            wanted = ", ".join(get_args(Backward))
            raise Refused(f"Continuous: backward is {backward!r}; one of {wanted} is wanted")
        if probes < 0 or (probes and isinstance(net, KnowsDivergence)):
            raise Refused(
                f"Continuous: probes is {probes}; 0 is wanted for {type(net).__name__} if it knows "
                f"its divergence, and at least 0 otherwise"
            )
        self.net, self.solver, self.probes, self.backward = net, solver, probes, backward

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, of the shape of x, and log |det dz/dx|, (n,): x followed from time 1 to time 0."""
        return self.follow(x, context, 1.0, 0.0)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, of the shape of z: z followed from time 0 to time 1."""
        field = self.field(z, context)
        return self.solve(lambda t, s: (field(t, s[0]),), (z,), 0.0, 1.0, field.reads)[0]

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with looks at the way, which is solved once more for them, piece by piece."""
        field, y = self.field(z, context), (z,)
        for piece in range(1, PIECES):
            begin, end = (piece - 1) / PIECES, piece / PIECES
            y = self.solve(lambda t, s: (field(t, s[0]),), y, begin, end, field.reads)
            see(y[0])
        return super().decode_watched(see, z, context)

    def decode_with_logdet(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x, of the shape of z, and log |det dx/dz|, (n,), from one solve."""
        return self.follow(z, context, 0.0, 1.0)

    def follow(
        self, x: Tensor, context: Tensor | None, t0: float, t1: float
    ) -> tuple[Tensor, Tensor]:
        """Where x at t0 is at t1, and the log of how much volume has grown, (n,)."""
        field, features = self.field(x, context), x[0].numel()

        def rates(t: Tensor, state: State) -> State:
            change, trace = field.with_divergence(t, state[0])
            return change, trace / features

        end, mean = self.solve(rates, (x, x.new_zeros(len(x))), t0, t1, field.reads)
        return end, mean * features

    def field(self, x: Tensor, context: Tensor | None = None) -> Field:
        """dx/dt as a function of t and x; its probes, in training, are drawn here."""
        if isinstance(self.net, KnowsDivergence):
            return self.net.given(context)
        if not getattr(self.net, "context", 0):
            context = None
        probed = self.training and self.probes > 0
        probes = x.new_empty(self.probes, *x.shape).normal_().sign() if probed else None
        return Differentiated(self.net, context, probes)

    def solve(
        self,
        f: Callable[[Tensor, State], State],
        y: State,
        t0: float,
        t1: float,
        reads: tuple[Tensor, ...],
    ) -> State:
        """The state at t1, with gradients by `backward` if they are on."""
        solver = self.solver
        if self.training and torch.is_grad_enabled() and isinstance(solver, DormandPrince):
            solver = solver.together()
        if torch.is_grad_enabled() and self.backward == "adjoint":
            return adjoint(solver, f, y, t0, t1, reads)
        if torch.is_grad_enabled() and self.backward == "recompute":
            f = recomputed(f, reads)
        return solver(f, y, t0, t1)
