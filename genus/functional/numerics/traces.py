"""Divergences: the trace of a field's Jacobian, exactly or by probes.

    div f (x) = sum_i df_i / dx_i = tr J                    `divergence`: as many products as features
              = E[v J v],   E[v v^T] = 1                    `hutchinson`: as many products as probes

Of random signs, `torch.randn(k, *x.shape).sign()`, the estimate's variance is 4 sum_{i<j} S_ij^2 with
S = (J + J^T) / 2; of normal v it is 2 sum_i J_ii^2 more. One probe kept for the whole of a solve makes what
is solved an ordinary differential equation.

x may have any shape (n, ...): images too. The field's rows must not meet. Where gradients are on, the
results carry them; under `torch.no_grad` no graph is kept.

Source: Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1989,
    doi:10.1080/03610918908812806; Grathwohl et al., "FFJORD", 2019, arXiv:1810.01367, section 3.1.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import Refused

Field = Callable[[Tensor], Tensor]


def divergence(f: Field, x: Tensor) -> tuple[Tensor, Tensor]:
    """f(x), of the shape of x, (n, ...), and sum_i df_i / dx_i, (n,), exactly."""
    graph = torch.is_grad_enabled()
    inside, value = _watched(f, x)
    with torch.enable_grad():
        columns = value.flatten(1).sum(0).unbind()
    total = value.new_zeros(len(x))
    for i, column in enumerate(columns):
        more = graph or i + 1 < len(columns)
        (slope,) = torch.autograd.grad(
            column, inside, retain_graph=more, create_graph=graph, materialize_grads=True
        )
        total = total + slope.flatten(1)[:, i]
    return (value, total) if graph else (value.detach(), total.detach())


def hutchinson(f: Field, x: Tensor, probes: Tensor) -> tuple[Tensor, Tensor]:
    """f(x), of the shape of x, (n, ...), and the mean over probes v of v J v, (n,).

    Args:
        f: the field.
        x: (n, ...).
        probes: (k, n, ...): k for each row, of mean zero and unit covariance.
    """
    if probes.shape[1:] != x.shape:
        raise Refused(
            f"hutchinson: probes have shape {tuple(probes.shape)}; (k, *{tuple(x.shape)}) is wanted"
        )
    graph = torch.is_grad_enabled()
    inside, value = _watched(f, x)
    total = value.new_zeros(len(x))
    for i, probe in enumerate(probes):
        more = graph or i + 1 < len(probes)
        (product,) = torch.autograd.grad(
            value, inside, probe, retain_graph=more, create_graph=graph, materialize_grads=True
        )
        total = total + (product * probe).flatten(1).sum(1)
    total = total / len(probes)
    return (value, total) if graph else (value.detach(), total.detach())


def _watched(f: Field, x: Tensor) -> tuple[Tensor, Tensor]:
    """x that requires gradients, and f of it."""
    with torch.enable_grad():
        inside = x if x.requires_grad else x.detach().requires_grad_()
        value = f(inside)
        if not value.requires_grad:  # it does not depend on x, nor on anything that learns
            value = value + 0 * inside
    if value.shape != x.shape:
        raise Refused(
            f"divergence: f gives {tuple(value.shape)} for x of {tuple(x.shape)}; the shapes must "
            f"be the same"
        )
    return inside, value
