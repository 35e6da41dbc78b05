"""Planar and radial flows: a bend along one direction, and a swelling around one point.

    planar   z = x + u tanh(w x + b),                w u > -1
    radial   z = x + beta (x - c) / (alpha + r),     r = |x - c|, alpha > 0, beta > -alpha

Both have a Jacobian of one direction beside the identity, so its determinant takes d operations. The
conditions keep them monotone along that direction. Undone, the radial one is a quadratic equation in
r; the planar one is an equation in the one number w x, which Newton's method solves between bounds.

Source: Rezende, Mohamed, "Variational inference with normalizing flows", 2015, arXiv:1505.05770,
    equations 10 to 14 and appendix A.
Departs: w u is shifted so that u = 0 is the identity; the paper's is a pinch of w u = -0.3 there, and a
    list of them a bad place to begin.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..bijection import Bijection

ZERO = math.log(math.expm1(1))  # softplus(ZERO) = 1
STEPS = 100  # of Newton's method or halving; some ten are enough but for the steepest bends


class Planar(Bijection):
    """A bend.

    Args:
        features: features of x.
    """

    def __init__(self, features: int):
        super().__init__()
        self.features = features
        self.w = nn.Parameter(torch.randn(features) / features**0.5)
        self.u = nn.Parameter(0.1 * torch.randn(features))
        self.b = nn.Parameter(torch.zeros(()))

    def direction(self) -> tuple[Tensor, Tensor]:
        """u, (features,), moved along w such that w u > -1; and w u, ()."""
        free = self.w @ self.u
        product = softplus(free + ZERO) - 1
        return self.u + (product - free) * self.w / self.w.square().sum(), product

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,)."""
        u, product = self.direction()
        bend = (x @ self.w + self.b).tanh()
        return x + bend[:, None] * u, ((1 - bend.square()) * product).log1p()

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features): a = w x solves a + w u tanh(a + b) = w z."""
        u, product = self.direction()
        goal = z @ self.w
        a = self._solved(goal, product)
        bend = (a + self.b).tanh()
        slope = 1 + product * (1 - bend.square())
        a = a - (a + product * bend - goal) / slope.detach()  # it moves nothing but the gradient
        return z - (a + self.b).tanh()[:, None] * u

    @torch.no_grad()
    def _solved(self, goal: Tensor, product: Tensor) -> Tensor:
        """a, (n,), without gradients."""
        low, high = goal - product.abs(), goal + product.abs()
        a = goal.clone()
        for _ in range(STEPS):
            bend = (a + self.b).tanh()
            gap = a + product * bend - goal
            low, high = torch.where(gap < 0, a, low), torch.where(gap > 0, a, high)
            newton = a - gap / (1 + product * (1 - bend.square()))
            next_a = torch.where((newton > low) & (newton < high), newton, (low + high) / 2)
            if torch.equal(next_a, a):
                break
            a = next_a
        return a


class Radial(Bijection):
    """A swelling, or a pinch.

    Args:
        features: features of x.
    """

    def __init__(self, features: int):
        super().__init__()
        self.features = features
        self.centre = nn.Parameter(torch.randn(features))
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self.free = nn.Parameter(torch.zeros(()))

    def strength(self) -> tuple[Tensor, Tensor]:
        """alpha above 0, and beta above -alpha."""
        alpha = self.log_alpha.exp()
        return alpha, softplus(self.free) * alpha / softplus(torch.zeros_like(alpha)) - alpha

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,)."""
        alpha, beta = self.strength()
        away = x - self.centre
        r = torch.linalg.vector_norm(away, dim=1)
        stretch = 1 + beta / (alpha + r)  # across the radius; along it, (alpha + r)^2 divides
        along = 1 + alpha * beta / (alpha + r).square()
        z = self.centre + away * stretch[:, None]
        return z, (self.features - 1) * stretch.log() + along.log()

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features): r (1 + beta / (alpha + r)) = |z - c|."""
        alpha, beta = self.strength()
        away = z - self.centre
        far = torch.linalg.vector_norm(away, dim=1)
        half = (alpha + beta - far) / 2
        root = (half.square() + alpha * far).sqrt()
        r = torch.where(half > 0, alpha * far / (half + root).clamp(min=1e-30), root - half)
        return self.centre + away / (1 + beta / (alpha + r))[:, None]
