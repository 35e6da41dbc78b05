"""Monotone rational-quadratic splines: a bijection of the line, bent by its knots.

Knots (x_k, y_k) rise in both; each has a slope d_k > 0. Between two of them, with w = x_k+1 - x_k,
h = y_k+1 - y_k, s = h / w and u = (x - x_k) / w,

    y      = y_k + h (s u^2 + d_k u (1 - u)) / (s + (d_k+1 + d_k - 2 s) u (1 - u))
    dy/dx  = s^2 (d_k+1 u^2 + 2 s u (1 - u) + d_k (1 - u)^2) / (s + (d_k+1 + d_k - 2 s) u (1 - u))^2

which is a quadratic equation in u the other way round. Outside of [-bound, bound] the map is the
identity, and its slope at the ends is 1, so that nothing jumps (tails); or the ends are one point
of a circle, with one slope.

Source: Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", 2019, arXiv:1906.04032,
    equations 4 to 8 and appendix A.1; Rezende and others, "Normalizing flows on tori and spheres",
    2020, arXiv:2002.02428, section 2.1.1 (circular).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad, softplus

from ..errors import Refused

LEAST = 1e-3  # of a bin's width and height, as a share of the whole, and of a slope


class Knots(NamedTuple):
    """Where a spline goes, each (..., bins + 1)."""

    x: Tensor
    y: Tensor
    slope: Tensor


def knots(raw: Tensor, bound: float, circular: bool = False) -> Knots:
    """Knots on [-bound, bound] from free numbers, of which zeros make the identity.

    Args:
        raw: (..., 3 bins - 1) with tails, (..., 3 bins) on a circle: widths, heights, slopes.
        bound: end of the spline, above 0.
        circular: the two ends are one point.
    """
    bins = (raw.shape[-1] + (0 if circular else 1)) // 3
    if 3 * bins - (0 if circular else 1) != raw.shape[-1] or bins * LEAST >= 1 or not bins:
        wanted = "3 bins" if circular else "3 bins - 1"
        raise Refused(
            f"knots: raw has {raw.shape[-1]} numbers; {wanted} are wanted, for at most "
            f"{math.ceil(1 / LEAST) - 1} bins"
        )
    widths, heights, slopes = raw.split([bins, bins, raw.shape[-1] - 2 * bins], -1)
    # softplus(0 + shift) + LEAST = 1
    slopes = softplus(slopes + math.log(math.expm1(1 - LEAST))) + LEAST
    ends = torch.cat([slopes, slopes[..., :1]], -1) if circular else pad(slopes, (1, 1), value=1.0)
    return Knots(_steps(widths, bound), _steps(heights, bound), ends)


def _steps(raw: Tensor, bound: float) -> Tensor:
    """-bound, ..., bound in steps of shares that sum to one, each of at least LEAST.

    The softmax is written out: over an axis this short the one of torch takes five times as long.
    """
    bins = raw.shape[-1]
    share = (raw - raw.detach().amax(-1, keepdim=True)).exp().cumsum(-1)
    free = 2 * bound * (1 - LEAST * bins)
    inner = share[..., :-1] * (free / share[..., -1:])
    least = torch.arange(1, bins, dtype=raw.dtype, device=raw.device) * (2 * bound * LEAST) - bound
    return torch.cat(
        [
            raw.new_full((*raw.shape[:-1], 1), -bound),
            inner + least,
            raw.new_full((*raw.shape[:-1], 1), bound),
        ],
        -1,
    )


def spline(x: Tensor, at: Knots) -> tuple[Tensor, Tensor]:
    """y and log dy/dx, both of the shape of x; the knots have one axis more."""
    inside, x_in = _inside(x, at.x)
    x0, x1, y0, y1, d0, d1 = _bin(x_in, at, at.x)
    w, h = x1 - x0, y1 - y0
    rise, slope = _rise((x_in - x0) / w, h / w, h, d0, d1)
    return torch.where(inside, y0 + rise, x), torch.where(inside, slope, 1.0).log()


def spline_inverse(y: Tensor, at: Knots) -> tuple[Tensor, Tensor]:
    """x, and log dy/dx there: `spline` undone.

    Of the two ways to write the quadratic's root, that is taken in which nothing cancels; the digits
    that it still loses where a bin bends strongly, a step of Newton's method finds again.
    """
    inside, y_in = _inside(y, at.y)
    x0, x1, y0, y1, d0, d1 = _bin(y_in, at, at.y)
    w, h = x1 - x0, y1 - y0
    s, up = h / w, y_in - y0
    bend = d1 + d0 - 2 * s
    a, b, c = h * (s - d0) + up * bend, h * d0 - up * bend, -s * up
    root = (b * b - 4 * a * c).clamp(min=1e-30).sqrt()  # below zero by rounding alone
    far = b.abs() + root
    u = (torch.where(b < 0, far, -2 * c) / torch.where(b < 0, 2 * a, far)).clamp(0, 1)
    rise, slope = _rise(u, s, h, d0, d1)
    u = (u + (up - rise) / (slope * w)).clamp(0, 1)
    slope = _rise(u, s, h, d0, d1)[1]
    return torch.where(inside, x0 + w * u, y), torch.where(inside, slope, 1.0).log()


def _rise(u: Tensor, s: Tensor, h: Tensor, d0: Tensor, d1: Tensor) -> tuple[Tensor, Tensor]:
    """y - y_k, and dy/dx, at u."""
    v = u * (1 - u)
    below = s + (d1 + d0 - 2 * s) * v
    rise = h * (s * u * u + d0 * v) / below
    return rise, (s / below).square() * (d1 * u * u + 2 * s * v + d0 * (1 - u).square())


def _inside(value: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Which values the knots span, and all of them moved there: what is not used has no NaN."""
    low, high = places[..., 0], places[..., -1]
    return (value >= low) & (value <= high), torch.minimum(torch.maximum(value, low), high)


def _bin(value: Tensor, at: Knots, places: Tensor) -> list[Tensor]:
    """x, y and slope at both ends of the bin that each value is in."""
    k = (value[..., None] >= places[..., 1:-1]).sum(-1, keepdim=True)
    k = k.expand(*value.shape, 1)
    ends = []
    for column in at:
        column = column.expand(*value.shape, column.shape[-1])
        ends += [column.gather(-1, k)[..., 0], column.gather(-1, k + 1)[..., 0]]
    return ends
