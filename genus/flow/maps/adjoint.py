"""Gradients of a solved differential equation that do not keep every evaluation's graph.

Besides plain backpropagation through the steps, whose memory grows with evaluations times layers:

    recomputed   each evaluation keeps its y alone, and is repeated on the way back: the same gradient,
                 for one more evaluation each; memory grows with evaluations
    adjoint      a = dL/dy and dL/dw are solved for backwards, beside y itself:

                     da/dt = -a df/dy,   d(dL/dw)/dt = -a df/dw,   from t1 to t0

                 memory does not grow with the steps; the gradient is right within the solver's tolerance,
                 if y can be found again from its end

Both want to know what f reads besides t and y: tensors none of which is made from another.

Source: Chen, Rubanova, Bettencourt, Duvenaud, "Neural ordinary differential equations", 2018,
    arXiv:1806.07366, equations 3 to 5; Kidger, Chen, Lyons, "Hey, that's not an ODE: faster ODE adjoints
    via seminorms", 2021, arXiv:2009.09457 (dL/dw does not decide the steps); Chen, Xu, Zhang, Guestrin,
    "Training deep nets with sublinear memory cost", 2016, arXiv:1604.06174.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...functional.numerics.integrators import DormandPrince, Solver, State

Rates = Callable[[Tensor, State], State]


def recomputed(f: Rates, reads: Sequence[Tensor]) -> Rates:
    """f, whose graph is built on the way back.

    Args:
        f: the right side of dy/dt = f(t, y), y a tuple of tensors.
        reads: what f reads besides t and y, and gradients are wanted of.
    """
    reads = tuple(one for one in reads if one.requires_grad)

    def again(t: Tensor, y: State) -> State:
        return _Recomputed.apply(f, reads, len(y), t, *y, *reads)  # pyright: ignore[reportReturnType]

    return again


def adjoint(
    solver: Solver, f: Rates, y: State, t0: float, t1: float, reads: Sequence[Tensor]
) -> State:
    """y at t1, with gradients from the adjoint equation.

    Args:
        solver: forwards and backwards; backwards all rows share their steps.
        f: the right side of dy/dt = f(t, y), y a tuple of tensors.
        y: at t0.
        t0, t1: the beginning and the end.
        reads: what f reads besides t and y, and gradients are wanted of.
    """
    reads = tuple(one for one in reads if one.requires_grad)
    return _Adjoint.apply(solver, f, reads, len(y), t0, t1, *y, *reads)  # pyright: ignore[reportReturnType]


def pulled(
    f: Rates, t: Tensor, y: Sequence[Tensor], reads: State, grads: Sequence[Tensor]
) -> tuple[State, list[Tensor]]:
    """f(t, y), and grads times its Jacobians by each of y and of reads; no graph is left."""
    with torch.enable_grad():
        inside = [one.detach().requires_grad_() for one in y]
        out = f(t, tuple(inside))
    pairs = [(o, g) for o, g in zip(out, grads, strict=True) if o.requires_grad]
    found = torch.autograd.grad(
        [o for o, _ in pairs], [*inside, *reads], [g for _, g in pairs], materialize_grads=True
    )
    return tuple(o.detach() for o in out), list(found)


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, f: Rates, reads: State, count: int, t: Tensor, *tensors: Tensor) -> State:
        ctx.f, ctx.reads = f, reads
        ctx.save_for_backward(t, *tensors[:count])
        return f(t, tensors[:count])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        t, *y = ctx.saved_tensors
        return None, None, None, None, *pulled(ctx.f, t, y, ctx.reads, grads)[1]


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        solver: Solver,
        f: Rates,
        reads: State,
        count: int,
        t0: float,
        t1: float,
        *tensors: Tensor,
    ) -> State:
        ctx.solver, ctx.f, ctx.reads, ctx.span = solver, f, reads, (t0, t1)
        end = solver(f, tensors[:count], t0, t1)
        ctx.save_for_backward(*end)
        return end

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        end, count, reads = ctx.saved_tensors, len(grads), ctx.reads
        sizes = [one.numel() for one in reads]

        def rates(t: Tensor, state: State) -> State:
            y, a = state[:count], state[count : 2 * count]
            out, found = pulled(ctx.f, t, y, reads, [-one for one in a])
            flat = [one.reshape(-1) for one in found[count:]]
            return (*out, *found[:count], torch.cat([*flat, end[0].new_zeros(1)]))

        solver = ctx.solver
        if isinstance(solver, DormandPrince):
            solver = replace(solver, alone=False, judged=2 * count)
        begin = (*end, *grads, end[0].new_zeros(sum(sizes) + 1))
        *before, flat = solver(rates, begin, ctx.span[1], ctx.span[0])
        shares = flat[:-1].split(sizes)
        weights = [one.view_as(like) for one, like in zip(shares, reads, strict=True)]
        return None, None, None, None, None, None, *before[count:], *weights
