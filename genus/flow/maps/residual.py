"""Residual flows: x and a network of x, which may be anything that contracts.

    z = x + g(x),   Lip(g) <= bound < 1

What contracts cannot fold: x <- z - g(x) goes to the one x that there is, from anywhere. Nothing in
the Jacobian J of g need be zero, and its determinant is a series, of which Russian roulette takes
so many terms as chance will have, each divided by the chance to come so far:

    log det(I + J) = sum_k (-1)^(k+1) tr(J^k) / k  = E[ sum_{k <= N} (-1)^(k+1) v' J^k v / (k P(N >= k)) ]
    its gradient   = tr((I + J)^-1 dJ)             = E[ v' dJ sum_{k <= N} (-1)^k J^k v / P(N >= k) ]

with v normal: unbiased both, and the second keeps one pass for the gradient, not N. In evaluation the
determinant is exact, from the whole of J, which a perceptron gives by multiplying its weights.

Source: Chen, Behrmann, Duvenaud, Jacobsen, "Residual flows for invertible generative modeling", 2019,
    arXiv:1906.02735, sections 3.1 (estimate), 3.2 (its gradient), 3.3 (LipSwish); Behrmann,
    Grathwohl, Chen, Duvenaud, Jacobsen, "Invertible residual networks", 2019, arXiv:1811.00995,
    algorithm 1, section 2.1.
Departs: beta begins at 2 sqrt(width), not at 0.5; N grows with chance `bound`, so that the variance is
    finite for any network that keeps the bound; evaluation is exact, not a longer series.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from ...errors import Refused
from ...functional.numerics.fixed_points import attached, fixed_point
from ..bijection import Bijection, wanted

CERTAIN = 2  # terms of the series that are always taken
TRACKING, CONVERGED = 5, 1000  # most steps of power iteration: in training, from the last; else


class LipSwish(nn.Module):
    """x sigmoid(beta x) / 1.1 with beta > 0, whose slope is in (-0.1, 1), and bends anywhere.

    Where weights are bound, units are as small as the root of their number is large. So beta begins
    at twice that root: 0.5 would leave x / 2, which is a line.

    Args:
        width: units of the layer.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        beta = 2 * width**0.5
        self.free = nn.Parameter(torch.tensor(beta + math.log(-math.expm1(-beta))))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What it gives, and its slope, both of the shape of x."""
        beta = softplus(self.free)
        share = (beta * x).sigmoid()
        return x * share / 1.1, share * (1 + beta * x * (1 - share)) / 1.1


class Contraction(nn.Module):
    """A perceptron that moves two x closer to each other: Lip <= bound in x, not in the context.

    Each weight W is scaled to a largest singular value of at most bound^(1 / layers). That is found
    by power iteration, in training some steps from where the last one stopped, in evaluation until
    it has converged; it is kept in buffers.

    Args:
        features: features of what comes in, and of what goes out.
        hidden: widths of the hidden layers.
        bound: in (0, 1).
        context: numbers of the context, which are added to the first layer; 0 for none.
    """

    def __init__(self, features: int, hidden: Sequence[int], bound: float, context: int = 0):
        super().__init__()
        self.features, self.hidden = features, tuple(hidden)
        self.bound, self.context = bound, context
        widths = [features, *hidden, features]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.bends = nn.ModuleList(LipSwish(width) for width in hidden)
        self.aside = nn.Linear(context, widths[1], bias=False) if context else None
        for i, width in enumerate(widths[1:]):
            self.register_buffer(f"left{i}", nn.functional.normalize(torch.randn(width), dim=0))

    def weights(self) -> list[Tensor]:
        """Of each layer, scaled."""
        most = self.bound ** (1 / len(self.layers))
        return [
            layer.weight / (self._sigma(layer.weight, f"left{i}") / most).clamp(min=1)
            for i, layer in enumerate(self.linears())
        ]

    def linears(self) -> list[nn.Linear]:
        """The layers."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def passed(
        self, x: Tensor, weights: list[Tensor], context: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """g(x), (n, features), and the slopes of each hidden layer's units."""
        slopes, linears = [], self.linears()
        for i, bend in enumerate(self.bends):
            x = linear(x, weights[i], linears[i].bias)
            if i == 0 and self.aside is not None:
                x = x + self.aside(wanted(context, self.context, "Residual"))
            x, slope = bend(x)
            slopes.append(slope)
        return linear(x, weights[-1], linears[-1].bias), slopes

    def _sigma(self, weight: Tensor, name: str) -> Tensor:
        """The largest singular value, (), with its gradient."""
        with torch.no_grad():
            left, sigma = self.get_buffer(name), weight.new_zeros(())
            right = weight.T @ left
            for _ in range(TRACKING if self.training else CONVERGED):
                right = nn.functional.normalize(weight.T @ left, dim=0)
                product = weight @ right
                before, sigma = sigma, torch.linalg.vector_norm(product)
                left = product / sigma.clamp(min=torch.finfo(sigma.dtype).tiny)
                if sigma - before <= 1e-6 * sigma:
                    break
            if self.training:
                self.get_buffer(name).copy_(left)
                left = left.clone()
        return left @ weight @ right


def pushed(v: Tensor, weights: list[Tensor], slopes: list[Tensor]) -> Tensor:
    """J v, (..., n, features): J of the rows that the slopes are of."""
    for weight, slope in zip(weights, slopes, strict=False):
        v = linear(v, weight) * slope
    return linear(v, weights[-1])


def roulette(v: Tensor, weights: list[Tensor], slopes: list[Tensor], bound: float) -> Tensor:
    """An unbiased estimate of log det(I + J), (n,), whose gradient is one of its gradient.

    Args:
        v: standard normal, (n, features).
        weights, slopes: those of the network; see `Contraction`.
        bound: chance of a further term after each, in (0, 1).
    """
    more = int(torch.empty((), dtype=torch.float64).geometric_(1 - bound)) - 1
    with torch.no_grad():
        value, inverse, power, chance = v.new_zeros(len(v)), v.clone(), v, 1.0
        for k in range(1, CERTAIN + more + 1):
            chance = chance * bound if k > CERTAIN else 1.0
            power = -pushed(power, weights, slopes)  # (-J)^k v
            value -= (v * power).sum(1) / (k * chance)
            inverse += power / chance
    carrier = (v * pushed(inverse, weights, slopes)).sum(1)
    return value + (carrier - carrier.detach())


class Residual(Bijection):
    """x and a contraction of x.

    Args:
        features: features of x.
        hidden: widths of the network's hidden layers, at least one.
        bound: largest slope of the network, in (0, 1): nearer to 1 bends more, with more steps.
        roulette: in training the determinant is an unbiased estimate, whose cost does not grow with
            the features; otherwise it is exact, as it always is in evaluation.
        context: features of the context that the network also sees; 0 for none.
    """

    def __init__(
        self,
        features: int,
        hidden: Sequence[int] = (64, 64),
        bound: float = 0.9,
        roulette: bool = True,
        context: int = 0,
    ):
        super().__init__()
        if not hidden or not 0 < bound < 1:
            raise Refused(
                f"Residual: hidden is {tuple(hidden)}, bound is {bound}; hidden must have at least "
                f"one width, bound must be in (0, 1)"
            )
        self.features, self.hidden, self.bound = features, tuple(hidden), bound
        self.roulette, self.context = roulette, context
        self.net = Contraction(features, hidden, bound, context)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,)."""
        weights = self.net.weights()
        moved, slopes = self.net.passed(x, weights, context)
        if self.training and self.roulette:
            return x + moved, roulette(torch.randn_like(x), weights, slopes, self.bound)
        one = torch.eye(self.features, dtype=x.dtype, device=x.device)
        columns = pushed(one[:, None].expand(-1, len(x), -1), weights, slopes)
        return x + moved, torch.linalg.slogdet(columns.transpose(0, 1) + one).logabsdet

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features): x <- z - g(x) until it does not move."""
        with torch.no_grad():
            weights = self.net.weights()
            most = math.ceil(math.log(torch.finfo(z.dtype).eps) / math.log(self.bound)) + 1
            x, _ = fixed_point(lambda x: z - self.net.passed(x, weights, context)[0], z, most)
        if not torch.is_grad_enabled():
            return x
        weights = self.net.weights()
        one = torch.ones((), dtype=z.dtype, device=z.device)
        return attached(x, z, lambda x: x + self.net.passed(x, weights, context)[0], one, most)
