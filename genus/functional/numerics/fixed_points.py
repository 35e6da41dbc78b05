"""Fixed points by iteration, and gradients of what was solved without them.

Where x solves f(x; theta) = z, a step d theta or dz moves it by

    dx = J^-1 (dz - df),   J = df/dx at x,   df the change of f with x held

so that the gradient needs x and one linear equation, and nothing of how x was found.

Source: Bai, Kolter, Koltun, "Deep equilibrium models", 2019, arXiv:1909.01377, theorem 1.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

NEAR = 4  # units of rounding by which a fixed point may still move


def settled(before: Tensor, after: Tensor) -> bool:
    """Whether no number moves by more than rounding does."""
    room = NEAR * torch.finfo(after.dtype).eps
    return bool(((after - before).abs() <= room * (1 + after.abs())).all())


def fixed_point(step: Callable[[Tensor], Tensor], x: Tensor, most: int) -> tuple[Tensor, int]:
    """x that `step` leaves alone but for rounding, and how many steps it took; `most` if never."""
    for count in range(1, most + 1):
        before, x = x, step(x)
        if settled(before, x):
            return x, count
    return x, most


def attached(
    x: Tensor, z: Tensor, encode: Callable[[Tensor], Tensor], slope: Tensor, most: int
) -> Tensor:
    """x with the gradient of the inverse of `encode`, where encode(x) = z; differentiable once.

    J' v = g is solved by v <- (g - (J - slope)' v) / slope, which ends if J is triangular and slope
    its diagonal, and converges if J - slope is a contraction of slope.

    Args:
        x: the solution, without gradient.
        z: its image, of the same shape.
        encode: function of x; its parameters get their gradient.
        slope: slope, of the shape of x, or one that spreads to it.
        most: steps.
    """
    x, slope = x.detach(), slope.detach()

    def solve(g: Tensor) -> Tensor:
        with torch.enable_grad():
            at = x.clone().requires_grad_()
            image = encode(at)

        def step(v: Tensor) -> Tensor:
            (pulled,) = torch.autograd.grad(image, at, v, retain_graph=True)
            return v + (g - pulled) / slope

        return fixed_point(step, g / slope, most)[0]

    return _Solved.apply(z - encode(x), x, solve)


class _Solved(torch.autograd.Function):
    """x, whose gradient is solved for."""

    @staticmethod
    def forward(ctx: Any, gap: Tensor, x: Tensor, solve: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.solve = solve
        return x.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.solve(grad), None, None
