"""Figures drawn on a canvas: skin, hair and what they wear, in two styles."""

import torch
from torch import Tensor

from ..worlds.canvas import Canvas, Window, colour, mixed, plain, shaded
from ..worlds.shapes import box, capsule, circle, coverage, ellipse, polygon, rise, wave
from .body import HEAD, Body, Point
from .settings import (  # fmt: skip
    BOB,
    BUN,
    CHECKS,
    DOTS,
    DRESS,
    LONG,
    PARTS,
    SHIRT,
    SHORTS,
    SIDES,
    SKIRT,
    STRIPES,
    TABLES,
    TANK,
    TEE,
    TROUSERS,
)

PART = {name: number for number, name in enumerate(PARTS)}
INK, WHITE, SHOE = "#241c26", "#ffffff", "#3b3440"
SHADE = 0.16  # how much darker a limb is at its edge


class Brush:
    """What draws bodies on a canvas.

    Args:
        canvas: canvas.
        body: bodies of the rows.
    """

    def __init__(self, canvas: Canvas, body: Body):
        self.canvas, self.body = canvas, body
        rows = body.rows
        self.ink = (rows["style"] == 1).float()
        self.shade, self.any_ink = SHADE * (1 - self.ink), bool(self.ink.any())
        self.line = max(0.016, 0.6 * canvas.pixel) * body.scale
        self.skin, self.hair = (colour(TABLES[name].rgb(rows)) for name in ("skin", "hair_colour"))
        self.top, self.bottom = (
            colour(TABLES[f"{name}_colour"].rgb(rows)) for name in ("top", "bottom")
        )
        light = self.top[:3].mean(0, keepdim=True) > 0.75
        self.accent = torch.where(
            light, self.plain("#8b8f9c"), mixed(self.top, self.plain(WHITE), 0.72)
        )

    def plain(self, name: str) -> Tensor:
        """A colour such as #c68642, for all rows."""
        return plain(name)

    def thick(self, radius: float) -> Tensor:
        """Half a thickness of each row."""
        return radius * self.body.thick * self.body.scale

    def at(self, name: str) -> Point:
        return self.body.joints[name]

    def lay(
        self,
        window: Window,
        distance: Tensor,
        paint: Tensor,
        part: str,
        there: Tensor | None = None,
        depth: float = 0.05,
    ) -> None:
        """Lays a shape that is a little darker towards its edge, or has a line of ink around it.

        Args:
            window: where it lies.
            distance: signed distance to it.
            paint: its colour.
            part: name of the part it belongs to.
            there: 1 in the rows that have it; all without.
            depth: how far its edge is dark.
        """
        if not window:
            return
        covered = coverage(distance, self.canvas.pixel)
        if there is not None:
            covered *= there
        edge = rise(distance, -depth * self.body.scale, 0.0).mul_(self.shade)
        if self.any_ink:
            line = distance.add(self.line).mul_(1 / self.canvas.pixel).add_(0.5).clamp_(0, 1)
            edge = torch.where(self.ink > 0, line, edge)
        paint = paint.lerp(
            torch.where(self.ink > 0, self.plain(INK), shaded(paint, 0.45, 0.03)), edge
        )
        self.canvas.lay(window, covered, paint, PART[part])

    def limb(
        self,
        start: Point,
        end: Point,
        radius: Tensor,
        paint: Tensor,
        part: str,
        there: Tensor | None = None,
    ) -> None:
        """A thick line with round ends."""
        window = self.around(start, end, spare=radius)
        self.lay(window, capsule(window.x, window.y, start, end, radius), paint, part, there)

    def around(self, *points: Point, spare: Tensor | float) -> Window:
        """A window that holds points, with room around them."""
        x, y = (torch.stack([point[axis] for point in points]) for axis in (0, 1))
        return self.canvas.window(
            (x - spare).amin(0), (y - spare).amin(0), (x + spare).amax(0), (y + spare).amax(0)
        )

    def cloth(self, window: Window, start: Point, direction: Point) -> Tensor:
        """The colour of the top, with its pattern, which follows a direction."""
        kind = self.body.rows["pattern"]
        scale = 1 / self.body.scale
        x, y = (window.x - start[0]) * scale, (window.y - start[1]) * scale
        u, v = x * direction[0] + y * direction[1], x * direction[1] - y * direction[0]
        soft = min(0.9, 6 * self.canvas.pixel * scale)  # of the edges of stripes, in waves
        stripe = rise(wave(u * 9), -soft, soft)
        cross = rise(wave(v * 9), -soft, soft)
        a, b = u * 8, v * 8
        dots = coverage(
            circle((a - a.round()) / 8, (b - b.round()) / 8, 0.034), self.canvas.pixel * scale
        )
        share = stripe * (kind == STRIPES) + dots * (kind == DOTS)
        share = share + (stripe + cross) * (0.5 * (kind == CHECKS))
        return self.top.lerp(self.accent, share)


def figure(brush: Brush) -> None:
    """The whole body, from behind to the front."""
    _hair_behind(brush)
    for side in SIDES:
        _leg(brush, side)
    bottom(brush)
    brush.limb(brush.at("neck"), brush.at("head"), brush.thick(0.05), brush.skin, "skin")
    _shoulders(brush)
    top(brush)
    for side in SIDES:
        _arm(brush, side)
        sleeve(brush, side)
    _head(brush)


def _leg(brush: Brush, side: str) -> None:
    hip, knee, foot = (brush.at(f"{side}_{name}") for name in ("hip", "knee", "foot"))
    brush.limb(hip, knee, brush.thick(0.068), brush.skin, "skin")
    brush.limb(knee, foot, brush.thick(0.05), brush.skin, "skin")
    toe = (foot[0] + SIDES[side] * 0.055 * brush.body.scale, foot[1] + 0.012 * brush.body.scale)
    brush.limb(foot, toe, brush.thick(0.042), brush.plain(SHOE), "shoes")


def _arm(brush: Brush, side: str) -> None:
    shoulder, elbow, hand = (brush.at(f"{side}_{name}") for name in ("shoulder", "elbow", "hand"))
    brush.limb(shoulder, elbow, brush.thick(0.047), brush.skin, "skin")
    brush.limb(elbow, hand, brush.thick(0.04), brush.skin, "skin")
    window = brush.around(hand, spare=0.06)
    brush.lay(
        window,
        circle(window.x - hand[0], window.y - hand[1], brush.thick(0.048)),
        brush.skin,
        "skin",
    )


def _shoulders(brush: Brush) -> None:
    """The trunk below what is worn."""
    window, distance = _trunk(brush, 0.9, 0.03)
    brush.lay(window, distance, brush.skin, "skin")


def _trunk(brush: Brush, wide: float, round: float) -> tuple[Window, Tensor]:
    """The distance to the trunk, from the shoulders to the waist."""
    left, right, waist = (brush.at(name) for name in ("left_shoulder", "right_shoulder", "waist"))
    up, scale = brush.body.up, brush.body.scale
    half = 0.105 * brush.body.thick * scale
    middle = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
    corners = [
        (middle[0] + (p[0] - middle[0]) * wide, middle[1] + (p[1] - middle[1]) * wide)
        for p in (left, right)
    ]
    for sign in (1, -1):
        corners.append(
            (waist[0] - up[1] * half * sign, waist[1] + up[0] * half * sign + 0.03 * scale)
        )
    window = brush.around(*corners, spare=round * scale + 0.02)
    return window, polygon(window.x, window.y, corners) - round * scale


def top(brush: Brush) -> None:
    """What is worn above, without its sleeves."""
    down = (-brush.body.up[0], -brush.body.up[1])
    for kinds, wide in (((TANK,), 0.62), ((TEE, SHIRT, DRESS), 0.92)):
        if (there := brush.body.has("top", *kinds)) is not None:
            window, distance = _trunk(brush, wide, 0.045)
            brush.lay(window, distance, brush.cloth(window, brush.at("neck"), down), "top", there)


def sleeve(brush: Brush, side: str) -> None:
    """The sleeve of one side: to the middle of the upper arm, or to the hand."""
    shoulder, elbow, hand = (brush.at(f"{side}_{name}") for name in ("shoulder", "elbow", "hand"))
    for kinds, share in (((TEE, DRESS), 0.55), ((SHIRT,), 1.0)):
        if (there := brush.body.has("top", *kinds)) is None:
            continue
        end = _between(shoulder, elbow, share)
        _sleeve(brush, shoulder, end, 0.062, there)
        if share == 1.0:
            _sleeve(brush, elbow, _between(elbow, hand, 0.86), 0.054, there)


def _sleeve(brush: Brush, start: Point, end: Point, radius: float, there: Tensor) -> None:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy).sqrt()
    window = brush.around(start, end, spare=0.09)
    paint = brush.cloth(window, start, (dx / length, dy / length))
    brush.lay(
        window, capsule(window.x, window.y, start, end, brush.thick(radius)), paint, "top", there
    )


def bottom(brush: Brush) -> None:
    """What is worn below, or the skirt of a dress."""
    worn = brush.body.rows["top"] != DRESS
    for kind, share in ((TROUSERS, 0.94), (SHORTS, 0.0)):
        there = (brush.body.rows["bottom"] == kind) & worn
        if not bool(there.any()):
            continue
        for side in SIDES:
            hip, knee, foot = (brush.at(f"{side}_{name}") for name in ("hip", "knee", "foot"))
            if share:
                brush.limb(
                    knee,
                    _between(knee, foot, share),
                    brush.thick(0.066),
                    brush.bottom,
                    "bottom",
                    there.float(),
                )
            end = knee if share else _between(hip, knee, 0.7)
            brush.limb(hip, end, brush.thick(0.085), brush.bottom, "bottom", there.float())
        brush.limb(
            brush.at("left_hip"),
            brush.at("right_hip"),
            brush.thick(0.09),
            brush.bottom,
            "bottom",
            there.float(),
        )
    skirt = (brush.body.rows["bottom"] == SKIRT) & worn
    for there, part in ((skirt, "bottom"), (~worn, "top")):
        if bool(there.any()):
            _skirt(brush, there.float(), part)


def _skirt(brush: Brush, there: Tensor, part: str) -> None:
    waist, scale = brush.at("waist"), brush.body.scale
    half, wide = brush.body.thick * (0.11 * scale), brush.body.thick * (0.1 * scale)
    left, right = (
        _between(brush.at(f"{side}_hip"), brush.at(f"{side}_knee"), 0.78) for side in SIDES
    )
    hem = torch.maximum(left[1], right[1]) * 0.6 + (left[1] + right[1]) * 0.2
    corners = [
        (waist[0] - half, waist[1] - 0.05 * scale),
        (waist[0] + half, waist[1] - 0.05 * scale),
        (torch.maximum(right[0], waist[0]) + wide, hem),
        (torch.minimum(left[0], waist[0]) - wide, hem),
    ]
    window = brush.around(*corners, spare=0.05)
    distance = polygon(window.x, window.y, corners) - 0.02 * scale
    one = torch.ones_like(waist[0])
    paint = brush.cloth(window, brush.at("neck"), (0 * one, one)) if part == "top" else brush.bottom
    brush.lay(window, distance, paint, part, there)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


# --- the head -----------------------------------------------------------------------------------


def _framed(brush: Brush, window: Window) -> tuple[Tensor, Tensor]:
    """Coordinates around the middle of the head, to its right and down to its chin."""
    head, (sine, less) = brush.at("head"), brush.body.over
    x, y = window.x - head[0], window.y - head[1]
    return -x * less + y * sine, -x * sine - y * less


def _hair_behind(brush: Brush) -> None:
    for kind, low in ((BOB, 0.15), (LONG, 0.32)):
        if (there := brush.body.has("hair", kind)) is not None:
            window = brush.around(brush.at("head"), spare=0.55)
            x, y = _framed(brush, window)
            distance = box(x, y - low / 2 + 0.05, 0.145, 0.1 + low / 2, 0.09)
            brush.lay(window, distance, brush.hair, "hair", there)


def _head(brush: Brush) -> None:
    window = brush.around(brush.at("head"), spare=0.3)
    x, y = _framed(brush, window)
    brush.lay(window, ellipse(x, y, 0.115, HEAD), brush.skin, "face")
    cap = torch.maximum(ellipse(x, y + 0.015, 0.132, HEAD + 0.015), y + 0.045 - 0.35 * x.abs())
    brush.lay(window, cap, brush.hair, "hair")
    if (there := brush.body.has("hair", BUN)) is not None:
        brush.lay(window, circle(x, y + HEAD + 0.03, 0.058), brush.hair, "hair", there)
    dark = brush.plain(INK)
    for sign in (-1.0, 1.0):
        covered = coverage(circle(x - 0.045 * sign, y - 0.015, 0.014), brush.canvas.pixel)
        brush.canvas.lay(window, covered, dark, PART["face"])
    smile = torch.maximum((circle(x, y - 0.04, 0.045)).abs() - 0.008, 0.06 - y)
    brush.canvas.lay(
        window, coverage(smile, brush.canvas.pixel), brush.plain("#a8433f"), PART["face"]
    )
