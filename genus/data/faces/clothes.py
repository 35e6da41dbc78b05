"""Clothes: a tee, a shirt with a collar, a jumper, or a suit with a tie."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..worlds.canvas import Window, colour, mixed
from ..worlds.shapes import box, circle, coverage, ellipse, polygon, ring, rise, wave
from .face import NECK
from .head import TABLES, Pen

TEE, SHIRT, JUMPER, SUIT = 0, 1, 2, 3


@dataclass(frozen=True)
class Cloth:
    """The clothes of each row.

    Args:
        kind: number of the clothes.
        tone, deep: their colour, and a darker one.
        narrow: how much narrower than usual the shoulders are.
        shift: how far they follow the head.
        base: height at which the neck leaves them.
    """

    kind: Tensor
    tone: Tensor
    deep: Tensor
    narrow: Tensor
    shift: Tensor
    base: Tensor

    def across(self, window: Window) -> Tensor:
        """The distance from the middle, to the right, (1, width, rows)."""
        return window.x * self.narrow - self.shift

    def has(self, *kinds: int) -> Tensor | None:
        """1 in the rows that wear one of these, (rows,); None if there are none."""
        there = torch.stack([self.kind == kind for kind in kinds]).any(0)
        return there.float() if bool(there.any()) else None


def clothes(pen: Pen) -> None:
    """Shoulders in what each row wears."""
    pen.material = "clothes"
    head, rows = pen.head, pen.head.rows
    tone = colour(TABLES["cloth"].rgb(rows))
    shape = (tone, pen.dark(tone, 0.34), 1 + 0.2 * head.child, head.x * 0.35, head.chin + 0.13)
    cloth = Cloth(rows["clothes"], *shape)
    _suit(pen, cloth)
    window = pen.window(-1, 0.45, 1, 1)
    x, base = cloth.across(window), cloth.base
    body = _body(window, x, base)
    hollow = ellipse(x, window.y - base + 0.02, 0.215, 0.125)
    cut = torch.where(cloth.kind == TEE, hollow, _opening(window, x))
    cut = torch.where(cloth.kind == JUMPER, 1.0, cut)
    aside = pen.fade(-x * pen.side, 0.15, 0.75) * 0.55
    folds = rise(wave(x * 1.9 + 0.2 * window.y), 0.5, 1.0) * rise(window.y, 0.8, 1.0) * 0.35
    shade = torch.maximum(torch.maximum(aside, folds), _shadow(window, x, base))
    pen.lay(window, torch.maximum(body, -cut), tone.lerp(cloth.deep, shade), "clothes")
    _collars(pen, cloth)


def _body(window: Window, x: Tensor, base: Tensor) -> Tensor:
    """The distance to the shoulders."""
    top = base + 0.02 + 0.24 * x * x + 0.35 * rise(x.abs(), 0.72, 1.02)
    return (top - window.y) * 0.85


def _opening(window: Window, x: Tensor) -> Tensor:
    """The distance to the opening below the neck, which narrows downwards."""
    return polygon(x, window.y, ((-0.2, 0.4), (0.2, 0.4), (0.0, 1.02)))


def _shadow(window: Window, x: Tensor, base: Tensor) -> Tensor:
    """The shadow of the head on the clothes."""
    return rise(base + 0.07 - window.y - 0.5 * x * x, 0.0, 0.1) * 0.6


def _suit(pen: Pen, cloth: Cloth) -> None:
    """The white shirt and the tie in the opening of a suit."""
    if (there := cloth.has(SUIT)) is None:
        return
    window = pen.window(-0.4, 0.45, 0.4, 1)
    x = cloth.across(window)
    shade = rise(-x * pen.side, 0.0, 0.3) * 0.3 + _shadow(window, x, cloth.base) * 0.5
    white = pen.plain("#f6f3ee").lerp(pen.plain("#b9b6c2"), shade)
    inner = torch.maximum(_body(window, x, cloth.base) + 0.02, _opening(window, x))
    pen.lay(window, inner, white, "clothes", within=there.expand(inner.shape))
    window = pen.window(-0.18, 0.45, 0.18, 1)
    x = cloth.across(window)
    half = 0.022 + 0.045 * rise(window.y, cloth.base + 0.07, 1.0)
    tie = torch.maximum(x.abs() - half, cloth.base + 0.05 - window.y)
    red = mixed(cloth.tone, pen.plain("#8e2436"), 0.75)
    pen.lay(window, tie, red, "clothes", within=there.expand(tie.shape), line=0.6)


def _collars(pen: Pen, cloth: Cloth) -> None:
    """The roll of a jumper, the hem of a tee, the collar of a shirt, and the lapels of a suit."""
    base = cloth.base
    window = pen.window(-0.45, 0.45, 0.45, 0.85)
    x = cloth.across(window)
    if (there := cloth.has(JUMPER)) is not None:
        wide = NECK + 0.045 - 0.045 * pen.head.child
        roll = box(x - pen.head.x * 0.4, window.y - base + 0.005, wide, 0.075, 0.04)
        ribs = rise(wave(x * 13), 0.1, 0.9) * 0.4 + _shadow(window, x, base) * 0.5
        paint = cloth.tone.lerp(cloth.deep, ribs)
        pen.lay(window, roll, paint, "clothes", within=there.expand(roll.shape))
    if (there := cloth.has(TEE)) is not None:
        hem = ring(ellipse(x, window.y - base + 0.02, 0.215, 0.125) - 0.018, 0.018)
        covered = coverage(torch.maximum(hem, base - 0.03 - window.y), pen.pixel) * there
        pen.tint(window, covered, pen.dark(cloth.tone, 0.22), "clothes")
    if (there := cloth.has(SHIRT, SUIT)) is None:
        return
    light = torch.where(cloth.kind == SUIT, pen.dark(cloth.tone, 0.16), pen.light(cloth.tone, 0.3))
    long = torch.where(cloth.kind == SUIT, 0.3, 0.16)
    corners = (
        (0.12, base - 0.06),
        (0.26, base + 0.02),
        (0.2, base + 0.08 + long * 0.5),
        (0.03, base + 0.06 + long),
    )
    for side in (-1.0, 1.0):
        left, right = sorted((side * 0.04, -side * 0.42))
        window = pen.window(left, 0.45, right, 1)
        a = cloth.across(window) * -side
        flap = torch.maximum(polygon(a, window.y, corners), 0.012 - a)
        pen.lay(window, flap, light, "clothes", within=there.expand(flap.shape), line=0.8)
    window = pen.window(-0.12, 0.75, 0.12, 1)
    button = circle(cloth.across(window), window.y - base - 0.27, 0.018)
    covered = coverage(button, pen.pixel) * (cloth.kind == SHIRT)
    pen.tint(window, covered, cloth.deep, "clothes")
