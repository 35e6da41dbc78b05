"""What a person wears on the head: glasses, and a hat."""

import torch
from torch import Tensor

from ..worlds.canvas import colour
from ..worlds.shapes import (
    between,
    box,
    circle,
    coverage,
    ellipse,
    ring,
    rise,
    stroke,
    wave,
)
from .head import TABLES, Pen

NONE = 0
ROUND, SQUARE, SUN = 1, 2, 3
CAP, BEANIE, BRIM = 1, 2, 3


def glasses(pen: Pen) -> None:
    """Round, square, or dark glasses, which stand before the face."""
    head, rows = pen.head, pen.head.rows
    kind = rows["glasses"]
    if bool((kind == NONE).all()):
        return
    there = (kind > 0).float()
    frame = colour(
        torch.tensor(((0.0,) * 3, (0.62, 0.4, 0.16), (0.11, 0.11, 0.14), (0.08, 0.07, 0.09)))[kind]
    )
    half = torch.where(kind == ROUND, 0.014, 0.017).clamp(min=0.5 * pen.pixel)
    bridge, y = [], head.eye + 0.012
    for side in (-1.0, 1.0):
        x, narrow = head.at((0.192 + 0.034 * rows["eye_gap"]) * side, 1.16)
        pen.material = f"glass {side:g}"
        seen = narrow.clamp(min=0.05)
        wide = torch.where(kind == ROUND, 0.15, 0.162) * seen
        high = torch.where(kind == ROUND, 0.15, 0.118)
        window = pen.window(x - wide - 0.05, y - high - 0.05, x + wide + 0.05, y + high + 0.05)
        u, v = window.x - x, window.y - y
        lens = torch.where(
            kind == ROUND,
            ellipse(u, v, wide, high),
            box(u, v + 0.008, wide, high, torch.minimum(wide, high) * 0.62),
        )
        glass = coverage(lens, pen.pixel) * there
        dark = torch.where(kind == SUN, 0.86, 0.1)
        tone = torch.where(kind == SUN, pen.plain("#22242e"), pen.plain("#dfeef7"))
        tone = tone.lerp(pen.plain("#5a5470"), rise(v, -0.05, 0.12) * 0.5 * (kind == SUN))
        pen.tint(window, glass * dark, tone, "glasses")
        slope = u / seen.clamp(min=0.3) + v * 0.8  # reflections
        gleam = coverage((slope + 0.05).abs() - 0.022, pen.pixel) + coverage(
            (slope - 0.022).abs() - 0.009, pen.pixel
        )
        gleam = gleam * glass * torch.where(kind == SUN, 0.3, 0.3)
        pen.tint(window, gleam, pen.plain("#ffffff"), "glasses")
        rim = coverage(ring(lens, half), pen.pixel) * there
        pen.tint(window, rim, frame, "glasses")
        pen.material = ""
        outer = x + side * wide
        bridge.append(x - side * wide)
        ear = head.x + side * head.wide * head.c  # the arm, to the ear that is seen
        shown = there * (head.s * -side > -0.1).float()
        lead = torch.maximum(side * ear, side * outer) * side
        left, right = torch.minimum(outer, lead), torch.maximum(outer, lead)
        window = pen.window(left, y - 0.1, right, y + 0.06)
        along = ((window.x - outer) / (lead - outer + side * 1e-4)).clamp(0, 1)
        reach = coverage(torch.maximum(left - window.x, window.x - right), pen.pixel)
        line = y - 0.03 + 0.02 * along
        arm = stroke(window.y - line, half.expand(along.shape), pen.pixel) * reach * shown
        pen.tint(window, arm, frame, "glasses")
    left, right = torch.minimum(*bridge), torch.maximum(*bridge)
    window = pen.window(left, y - 0.08, right, y + 0.03)
    u = (window.x - (left + right) * 0.5) / ((right - left) * 0.5 + 1e-4)
    arch = y - 0.012 - 0.022 * (1 - u * u).clamp(min=0)
    reach = coverage((u.abs() - 1) * (right - left) * 0.5, pen.pixel)
    pen.tint(
        window,
        stroke(window.y - arch, half.expand(u.shape), pen.pixel) * reach * there,
        frame,
        "glasses",
    )


def hat(pen: Pen) -> None:
    """A cap with a visor, a beanie with a bobble, or a hat with a brim."""
    pen.material = "hat"
    head, rows = pen.head, pen.head.rows
    kind = rows["hat"]
    if bool((kind == NONE).all()):
        return
    there = (kind > 0).float()
    tone = colour(TABLES["cloth"].rgb({"cloth": (rows["identity"] * 3 + kind) % 8}))
    deep = pen.dark(tone, 0.32)
    line = head.eye - 0.255
    extra = torch.tensor((0.0, 0.045, 0.075, 0.06))[kind]
    window = pen.window(-0.75, -0.94, 0.75, -0.06)
    if bool((kind == BEANIE).any()):
        x, y = head.x - 0.1 * head.s, head.top - 0.1
        ball = circle(window.x - x, window.y - y, 0.095)
        fluff = wave((window.x - x) * 7 + window.y * 4) * 0.01
        paint = pen.light(tone, 0.55).lerp(tone, rise(window.y - y, -0.04, 0.1) * 0.5)
        pen.lay(
            window, ball + fluff, paint, "hat", within=(kind == BEANIE).float().expand(ball.shape)
        )
    left, right = head.sides(window.y, extra)
    front, _ = head.at(0.0)
    u = (window.x - head.x) / 0.5
    edge = line + torch.where(kind == BEANIE, 0.05, 0.0) + 0.03 * (1 - u * u)
    dome = torch.maximum(between(window.x, left, right, pen.pixel, 0), window.y - edge)
    aside = pen.fade(-(window.x - head.x) * pen.side, 0.08, 0.45) * 0.7
    seam = (window.x - front * (1 - 0.6 * rise(line - window.y, 0.0, 0.35))).abs()
    cut = torch.where(kind == CAP, coverage(seam - 0.004, pen.pixel) * 0.5, 0.0)
    knit = rise(
        wave((window.x - head.x) * 6.5 * (1 + 0.3 * rise(line - window.y, 0.0, 0.4))), 0.0, 0.8
    )
    cut = cut + torch.where(kind == BEANIE, knit * 0.35, 0.0)
    paint = tone.lerp(deep, torch.maximum(aside, cut.clamp(0, 1)))
    pen.lay(window, dome, paint, "hat", within=there.expand(dome.shape))
    band = torch.maximum(
        dome - 0.012, (window.y - edge + 0.055).abs() - torch.where(kind == BEANIE, 0.06, 0.042)
    )
    ribs = torch.where(kind == BEANIE, rise(wave((window.x - head.x) * 9), 0.0, 0.8) * 0.5, 0.25)
    cuff = torch.where(kind == BEANIE, pen.light(tone, 0.18), pen.dark(tone, 0.5))
    pen.lay(
        window, band, cuff.lerp(deep, ribs + aside * 0.5), "hat",
        within=((kind == BEANIE) | (kind == BRIM)).float().expand(band.shape), line=0.7,
    )  # fmt: skip
    _brims(pen, kind, tone, deep, line)


def _brims(pen: Pen, kind: Tensor, tone: Tensor, deep: Tensor, line: Tensor) -> None:
    """The visor of a cap, which points where the face looks, and the brim of a hat."""
    pen.material = "brim"
    head = pen.head
    if bool((kind == CAP).any()):
        x = head.x + 0.62 * head.s
        wide = 0.34 - 0.05 * head.s.abs()
        window = pen.window(x - 0.45, line - 0.1, x + 0.45, line + 0.2)
        u = window.x - x
        curve = line + 0.06 + 0.035 * (1 - (u / wide).square())
        visor = torch.maximum(
            ellipse(u, window.y - line - 0.045, wide, 0.092), (window.y - curve - 0.02) * 0.9
        )
        shade = rise(window.y - curve, -0.035, 0.02)
        pen.lay(
            window,
            visor,
            pen.dark(tone, 0.3).lerp(pen.dark(tone, 0.55), shade),
            "hat",
            within=(kind == CAP).float().expand(visor.shape),
        )
    if bool((kind == BRIM).any()):
        x = head.x + 0.06 * head.s
        window = pen.window(x - 0.74, line - 0.1, x + 0.74, line + 0.15)
        u = window.x - x
        bend = window.y - line - 0.005 + 0.1 * u * u
        brim = ellipse(u, bend, 0.69, 0.062)
        shade = rise(bend, -0.03, 0.04) * 0.8
        pen.lay(
            window,
            brim,
            tone.lerp(deep, shade),
            "hat",
            within=(kind == BRIM).float().expand(brim.shape),
        )
