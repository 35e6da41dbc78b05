"""Eyes with lids, iris and highlight, the brows above them, and the mouth."""

import torch
from torch import Tensor

from ..worlds.canvas import Window, mixed
from ..worlds.canvas import colour as rows_colour
from ..worlds.shapes import circle, coverage, rise, stroke
from .head import TABLES, Pen, part_of


def places(pen: Pen, side: float, out: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of one eye: x and y of its middle, half its width and half its height, (rows,)."""
    head, rows = pen.head, pen.head.rows
    size = (1 + 0.19 * rows["eye_size"]) * (1 + 0.2 * head.child) * (1 - 0.08 * head.worn)
    x, narrow = head.at((0.185 + 0.034 * rows["eye_gap"]) * side, out)
    return x, head.eye, 0.104 * size * narrow.clamp(min=0.02), 0.066 * size


def closed(pen: Pen) -> Tensor:
    """How far the lids are closed, 0 to 1."""
    rows = pen.head.rows
    lids = torch.tensor((0.0, 0.5, 1.0))[rows["eyes"]]
    return torch.maximum(lids, rows["blink"])


def eyes(pen: Pen, inside: Tensor) -> None:
    """Both eyes."""
    for side in (-1.0, 1.0):
        _eye(pen, inside, side)


def _eye(pen: Pen, inside: Tensor, side: float) -> None:
    head, rows = pen.head, pen.head.rows
    pen.material = f"eye {side:g}"
    x, y, wide, high = places(pen, side)
    shut = closed(pen)
    window = pen.window(x - wide * 1.35, y - high * 2.1, x + wide * 1.35, y + high * 1.7)
    if not window:
        return
    skin = part_of(inside, pen.canvas.whole, window)
    u = (window.x - x) / wide
    bow = (1 - u * u).clamp(min=-0.6)
    slant = -0.02 * side * rows["eye_tilt"] * u
    low = y + high * 0.72 * bow + slant
    squint = 1 - 0.14 * (rows["smile"] > 0).float()
    open_ = high * (1 - shut) * squint
    # the upper lid sinks onto the lower one; its bow is full where the eye is widest
    up = low - (high * 0.72 * squint + open_) * bow * (1 - shut)
    tall = torch.minimum(window.y - up, low - window.y)
    white = coverage(-tall, pen.pixel) * rise(bow, 0.0, 0.08) * skin
    sclera = pen.plain("#fdfaf4").lerp(
        pen.plain("#b9b3bd"), rise(up + 0.05 - window.y, -0.015, 0.05) * 0.75
    )
    # a hollow around the eye
    hollow = (1 - u * u * 0.6 - ((window.y - y + 0.03) / (high * 1.8)).square()).clamp_(min=0)
    pen.tint(window, hollow * skin * (0.3 + 0.25 * head.worn) * (1 - pen.inky), pen.dusk, "skin")
    pen.tint(window, white, sclera, "eyes")
    ball = 0.078 * (1 + 0.12 * rows["eye_size"]) * (1 + 0.22 * head.child)
    ix = x + (0.034 * rows["gaze"] + 0.03 * head.s) * (wide / 0.1)
    iy = y + 0.018 * rows["gaze_down"] - 0.004
    flat = (wide / 0.1).clamp(0.25, 1.0)
    a, b = (window.x - ix) / flat, window.y - iy
    far = circle(a, b, 0.0)
    tone = rows_colour(TABLES["eye_colour"].rgb(rows))
    deep = pen.dark(tone, 0.5)
    iris = tone.lerp(deep, rise(far, ball * 0.72, ball * 0.98))
    iris = iris.lerp(pen.light(tone, 0.35), rise(b, 0.005, 0.05) * (0.6 - 0.3 * pen.inky))
    pen.material = f"iris {side:g}"
    pen.tint(window, coverage(far - ball, pen.pixel) * white, iris, "eyes")
    pen.tint(window, coverage(far - ball * 0.5, pen.pixel) * white, pen.plain("#16121a"), "eyes")
    gleam = circle(a - 0.027 * pen.side, b + 0.03, ball * 0.27)
    pen.tint(window, coverage(gleam, pen.pixel) * white, pen.plain("#ffffff"), "eyes")
    _lids(pen, window, skin, side, u, bow, up, low, shut, high)


def _lids(
    pen: Pen,
    window: Window,
    skin: Tensor,
    side: float,
    u: Tensor,
    bow: Tensor,
    up: Tensor,
    low: Tensor,
    shut: Tensor,
    high: Tensor,
) -> None:
    """The line of lashes, the fold above it, and the lower lid."""
    pen.material = ""  # lids have no material: they appear and vanish
    lash = mixed(pen.plain("#2a1d22"), pen.dusk, 0.12)
    outer = rise(u * side, -0.4, 1.0)
    half = (0.0125 + 0.008 * outer) * rise(1.12 - u.abs(), 0.0, 0.35)
    wing = up - 0.02 * rise(u * side, 0.75, 1.15) * (1 - shut)
    pen.tint(window, stroke(window.y - wing, half, pen.pixel) * skin, lash, "eyes")
    fold = up - high * (0.42 - 0.3 * shut) * (0.6 + 0.4 * bow)
    half = 0.0075 * rise(1.0 - u.abs(), 0.0, 0.5) * (1 - 0.8 * shut)
    pen.tint(
        window,
        stroke(window.y - fold, half, pen.pixel) * skin * 0.8,
        pen.dark(pen.dusk, 0.2),
        "skin",
    )
    half = 0.006 * rise(1.0 - u.abs(), 0.0, 0.6) * (1 - shut)
    pen.tint(
        window,
        stroke(window.y - low - 0.006, half, pen.pixel) * skin * 0.7,
        pen.dark(pen.dusk, 0.25),
        "skin",
    )


def brows(pen: Pen, inside: Tensor, tone: Tensor) -> None:
    """Both brows, in the colour of the hair."""
    head, rows = pen.head, pen.head.rows
    for side in (-1.0, 1.0):
        pen.material = f"brow {side:g}"
        x, narrow = head.at((0.195 + 0.034 * rows["eye_gap"]) * side, 1.02)
        wide = 0.128 * narrow.clamp(min=0.03)
        y = (
            head.eye
            - 0.142
            - 0.012 * rows["eye_size"]
            - 0.026 * rows["brow_lift"]
            - 0.012 * head.child
        )
        window = pen.window(x - wide, y - 0.08, x + wide, y + 0.08)
        if not window:
            continue
        u = (window.x - x) / wide
        out = u * side  # 1 at the temple
        line = y + (0.022 + 0.028 * rows["brow_arch"]) * (out - 0.35).square() * 1.2 - 0.012
        line = line + 0.012 * out * rows["brow_lift"] - 0.008 * rows["eye_tilt"] * out
        thick = (0.023 + 0.011 * rows["brow"]) * (1 - 0.35 * head.child)
        half = thick * rise(1 - u.abs(), 0.0, 0.28) * (0.95 - 0.4 * out)
        covered = stroke(window.y - line, half, pen.pixel)
        pen.tint(window, covered * part_of(inside, pen.canvas.whole, window), tone, "brows")


def mouth(pen: Pen, inside: Tensor) -> None:
    """Lips, and between them teeth and tongue where the mouth is open."""
    pen.material = "mouth"
    head, rows = pen.head, pen.head.rows
    x, y, wide, lift, gap = mouth_of(pen)
    window = pen.window(x - wide * 1.15, y - 0.12, x + wide * 1.15, y + 0.24)
    skin = part_of(inside, pen.canvas.whole, window)
    u = (window.x - x) / wide
    bow = (1 - u * u).clamp(min=0)
    corner = rise(1.0 - u.abs(), 0.0, 0.12)
    line = y + lift * (0.45 - u * u)
    full = (1 + 0.5 * rows["lips"]) * (1 - 0.35 * head.worn) * (1 - 0.15 * head.child)
    cupid = 1 - 0.32 * (1 - u.abs() * 3.2).clamp(min=0)
    shape = bow * (0.45 + 0.55 * bow)
    top, low = line - gap * 0.3 * bow, line + gap * 0.7 * bow
    upper, lower = top - 0.04 * full * shape * cupid, low + 0.052 * full * shape
    rose = mixed(pen.skin, pen.plain("#b8434a"), 0.42)
    red = mixed(pen.dusk, pen.plain("#9c3640"), 0.42)
    # shadow under the lower lip
    under = stroke(window.y - lower - 0.03, 0.016 * rise(0.6 - u.abs(), 0.0, 0.4), pen.pixel)
    pen.tint(window, under * skin * 0.45, pen.dusk, "skin")
    lips = coverage(torch.maximum(upper - window.y, window.y - lower), pen.pixel) * corner * skin
    gleam = rise(u * pen.side, -0.7, 0.6) * rise(window.y - low, 0.004, 0.02) * 0.35
    paint = rose.lerp(red, rise(line - window.y, -0.012, 0.012)).lerp(pen.light(rose, 0.5), gleam)
    pen.tint(window, lips, paint, "mouth")
    pen.material = ""  # teeth and tongue come and go
    hole = coverage(torch.maximum(top - window.y, window.y - low), pen.pixel) * corner * skin
    hole *= rise(gap, 0.0, 0.012)
    dark = pen.plain("#4a1420")
    pen.tint(window, hole, dark, "mouth")
    tongue = circle(u * 0.9, (window.y - low - 0.01) / (gap * 0.7 + 0.01), 0.62)
    pen.tint(window, coverage(tongue, pen.pixel, 3.0) * hole, pen.plain("#c8565c"), "mouth")
    teeth = rise(top + gap * 0.3 * (1 - rows["mouth_round"] * 0.6) - window.y, -0.012, 0.006)
    pen.tint(window, teeth * hole * 0.97, pen.plain("#fbf6ee"), "mouth")
    half = 0.0085 * rise(1.08 - u.abs(), 0.0, 0.3) * (1 - rise(gap, 0.005, 0.03))
    crease = mixed(dark, pen.dusk, 0.25)
    pen.tint(window, stroke(window.y - line, half, pen.pixel) * skin, crease, "mouth")
    smile = (rows["smile"] > 0).float()
    for side in (-1.0, 1.0):  # dimples
        v = (window.y - y + lift * 0.55) / 0.04
        arc = x + side * wide * 1.06 - side * 0.012 * v * v
        half = (1 - v * v).clamp_(min=0) * 0.006 * smile
        pen.tint(window, stroke(window.x - arc, half, pen.pixel) * skin, crease, "skin")


def mouth_of(pen: Pen) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Middle x and y of the mouth, half its width, the lift of its corners, and how far it is open."""
    head, rows = pen.head, pen.head.rows
    smile = (rows["smile"] > 0).float()
    x, narrow = head.at(0.0, 1.04)
    gap = torch.where(rows["mouth"] == 1, rows["mouth_open"], 0.0)
    narrower = 1 - 0.42 * rows["mouth_round"] * gap
    wide = (0.148 + 0.02 * rows["mouth_width"] + 0.032 * smile) * (1 - 0.14 * head.child)
    wide = wide * narrower * (0.22 + 0.78 * narrow.clamp(min=0))
    y = head.chin - 0.17 - 0.02 * head.rows["face_length"] - 0.012 * smile + 0.025 * head.child
    lift = 0.066 * smile - 0.004
    gap = gap * (0.14 + 0.03 * rows["mouth_round"])
    return x, y - 0.12 * gap, wide, lift, gap  # an open mouth stays above the chin
