"""Signed distances to shapes, in the unit of the canvas: negative inside, positive outside.

All take coordinates and return a field; any of them broadcast, and the rows of a block are the last
axis: x is (1, width, 1), y is (height, 1, 1), what differs from row to row is (rows,), and a field is
(height, width, rows). Only the four operations and square roots are used, so that a picture costs
little and is the same on every machine.

A shape whose sides are graphs is cheap: what depends on y alone, (height, 1, rows), is computed once for
each line of pixels. `between` and `stroke` are of this kind.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

Coordinate = Tensor | float
SMALL = 1e-6


def coverage(distance: Tensor, pixel: float, soft: Coordinate = 1.0) -> Tensor:
    """The share of each pixel that a shape covers, 0 .. 1.

    Args:
        distance: signed distance of the centre of each pixel.
        pixel: side of a pixel, in the unit of the canvas.
        soft: width of the edge in pixels; more than 1 blurs it.
    """
    if isinstance(soft, Tensor):
        return (0.5 - distance / (soft * pixel)).clamp_(0, 1)
    return (distance * (-1 / (soft * pixel))).add_(0.5).clamp_(0, 1)


def circle(x: Tensor, y: Tensor, radius: Coordinate) -> Tensor:
    """Distance to a circle around the origin."""
    return (x * x + y * y).sqrt() - radius


def ellipse(x: Tensor, y: Tensor, wide: Coordinate, high: Coordinate) -> Tensor:
    """Distance to an ellipse around the origin: exact to first order near its edge, never too long.

    Args:
        x, y: coordinates.
        wide, high: half axes, above 0.
    """
    u, v = x / wide, y / high
    across, along = u * u, v * v
    slope = (across / (wide * wide) + along / (high * high)).sqrt_().add_(SMALL)
    near = ((across + along) - 1).div_(slope).mul_(0.5)
    return torch.maximum(near, torch.maximum(x.abs() - wide, y.abs() - high))


def box(
    x: Tensor, y: Tensor, wide: Coordinate, high: Coordinate, round: Coordinate = 0.0
) -> Tensor:
    """Distance to a box around the origin whose corners are rounded.

    Args:
        x, y: coordinates.
        wide, high: half sides.
        round: radius of the corners, at most the shorter half side.
    """
    across, along = x.abs() - wide + round, y.abs() - high + round
    outside = (across.clamp(min=0).square() + along.clamp(min=0).square()).sqrt_()
    return outside + torch.maximum(across, along).clamp_(max=0) - round


def capsule(
    x: Tensor,
    y: Tensor,
    start: tuple[Coordinate, Coordinate],
    end: tuple[Coordinate, Coordinate],
    radius: Coordinate,
) -> Tensor:
    """Distance to a thick line with round ends.

    Args:
        x, y: coordinates.
        start, end: points (x, y).
        radius: half the thickness.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    u, v = x - start[0], y - start[1]
    share = ((u * dx + v * dy) / (dx * dx + dy * dy + SMALL)).clamp_(0, 1)
    return ((u - share * dx).square_() + (v - share * dy).square_()).sqrt_() - radius


def polygon(x: Tensor, y: Tensor, corners: Sequence[tuple[Coordinate, Coordinate]]) -> Tensor:
    """Distance to a convex polygon: exact inside and beside its edges, short of it beyond corners.

    Args:
        x, y: coordinates.
        corners: points (x, y), clockwise as seen on a screen, where y points down.
    """
    found: Tensor | None = None
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        dx, dy = x1 - x0, y1 - y0
        length = (dx * dx + dy * dy) ** 0.5 + SMALL
        side = (x - x0) * (dy / length) - (y - y0) * (dx / length)
        found = side if found is None else torch.maximum(found, side)
    assert found is not None
    return found


def curve(
    x: Tensor,
    y: Tensor,
    points: tuple[tuple[Coordinate, Coordinate], ...],
    radius: tuple[Coordinate, Coordinate],
    pieces: int = 6,
) -> Tensor:
    """Distance to a stroke along a quadratic curve, as a chain of straight pieces.

    Args:
        x, y: coordinates.
        points: start, control and end of the curve, each (x, y).
        radius: half its thickness at the start and at the end.
        pieces: number of straight pieces.
    """
    (ax, ay), (bx, by), (cx, cy) = points

    def at(t: float) -> tuple[Coordinate, Coordinate]:
        p, q, r = (1 - t) ** 2, 2 * t * (1 - t), t * t
        return p * ax + q * bx + r * cx, p * ay + q * by + r * cy

    found: Tensor | None = None
    for i in range(pieces):
        t = (i + 0.5) / pieces
        thick = radius[0] * (1 - t) + radius[1] * t
        piece = capsule(x, y, at(i / pieces), at((i + 1) / pieces), thick)
        found = piece if found is None else torch.minimum(found, piece)
    assert found is not None
    return found


def between(along: Tensor, low: Tensor, high: Tensor, grid: float, axis: int) -> Tensor:
    """Distance to what lies between two graphs, such as the left and the right side of a face.

    Args:
        along: coordinate across the graphs: x for sides that are functions of y.
        low, high: the graphs, which vary along one axis.
        grid: step of that axis, from which slopes are found.
        axis: axis along which they vary: 0 for functions of y, 1 for functions of x.

    Slopes at the ends of a window are found from one side: rows that must not depend on their block
    need a window of fixed ends along this axis.
    """
    left = (low - along).mul_(_upright(low, grid, axis))
    right = (along - high).mul_(_upright(high, grid, axis))
    return torch.maximum(left, right)


def _upright(graph: Tensor, grid: float, axis: int) -> Tensor:
    """The cosine of a graph's slope, by which a distance along one axis becomes one across."""
    if graph.shape[axis] < 2:
        return torch.ones_like(graph)
    step = graph.diff(dim=axis) / grid
    first, last = step.narrow(axis, 0, 1), step.narrow(axis, step.shape[axis] - 1, 1)
    slope = (torch.cat((first, step), axis) + torch.cat((step, last), axis)) * 0.5
    return 1 / (slope.square_() + 1).sqrt_()


def stroke(across: Tensor, half: Tensor, pixel: float) -> Tensor:
    """Coverage of a stroke, also where it is thinner than a pixel.

    Args:
        across: distance from the middle of the stroke.
        half: half its thickness, 0 or less where it has ended.
        pixel: side of a pixel.
    """
    most = (half * (2 / pixel)).clamp(0, 1)
    covered = (half - across.abs()).mul_(1 / pixel).add_(0.5).clamp_(min=0)
    return torch.minimum(covered, most)


def ring(distance: Tensor, half: Coordinate) -> Tensor:
    """Distance to the outline of a shape, `half` to each side of its edge."""
    return distance.abs() - half


def turned(x: Tensor, y: Tensor, cosine: Coordinate, sine: Coordinate) -> tuple[Tensor, Tensor]:
    """Coordinates in a frame that is turned by an angle, clockwise on a screen."""
    return x * cosine + y * sine, y * cosine - x * sine


def joined(first: Tensor, second: Tensor, soft: Coordinate) -> Tensor:
    """Distance to the union of two shapes whose seam is filled smoothly.

    Args:
        first, second: distances.
        soft: how far from the seam it is filled, above 0.
    """
    near = (soft - (first - second).abs()).clamp_(min=0)
    return torch.minimum(first, second) - near * near / (4 * soft)


def wave(x: Tensor) -> Tensor:
    """A smooth wave of period 1 between -1 and 1, made of parabolas; 0 and rising at 0."""
    turn = x - x.round()
    return turn.abs().mul_(-16).add_(8).mul_(turn)


def rise(x: Tensor, start: Coordinate, end: Coordinate) -> Tensor:
    """0 before the start, 1 beyond the end, and a smooth slope between."""
    share = ((x - start) * (1 / (end - start))).clamp_(0, 1)
    return (share * -2).add_(3).mul_(share).mul_(share)
