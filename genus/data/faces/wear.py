"""What a person wears: clothes, glasses, a hat; and the beard."""

import torch
from torch import Tensor

from ..worlds.canvas import colour, mixed
from ..worlds.shapes import (
    between,
    box,
    circle,
    coverage,
    ellipse,
    polygon,
    ring,
    rise,
    stroke,
    wave,
)
from .face import NECK, tip_of_nose
from .features import mouth_of
from .hair import Hair
from .head import TABLES, Pen

NONE = 0
ROUND, SQUARE, SUN = 1, 2, 3
CAP, BEANIE, BRIM = 1, 2, 3
STUBBLE, MOUSTACHE, GOATEE, FULL = 1, 2, 3, 4
TEE, SHIRT, JUMPER, SUIT = 0, 1, 2, 3


def clothes(pen: Pen) -> None:
    """Shoulders in a tee, a shirt with a collar, a jumper or a suit."""
    pen.material = "clothes"
    head, rows = pen.head, pen.head.rows
    kind = rows["clothes"]
    tone = colour(TABLES["cloth"].rgb(rows))
    window = pen.window(-1, 0.45, 1, 1)
    narrow = 1 + 0.2 * head.child
    x = window.x * narrow - head.x * 0.35
    base = head.chin + 0.13
    top = base + 0.02 + 0.24 * x * x + 0.35 * rise(x.abs(), 0.72, 1.02)
    body = (top - window.y) * 0.85
    hollow = ellipse(x - 0.0, window.y - base + 0.02, 0.215, 0.125)
    deep = polygon(x, window.y, ((-0.2, 0.4), (0.2, 0.4), (0.0, 1.02)))
    cut = torch.where(kind == TEE, hollow, deep)
    shape = torch.where(kind == JUMPER, body, torch.maximum(body, -cut))
    deeper = pen.dark(tone, 0.34)
    aside = pen.fade(-x * pen.side, 0.15, 0.75) * 0.55
    folds = rise(wave(x * 1.9 + 0.2 * window.y), 0.5, 1.0) * rise(window.y, 0.8, 1.0) * 0.35
    under = rise(head.chin + 0.2 - window.y - 0.5 * x * x, 0.0, 0.1) * 0.6
    paint = tone.lerp(deeper, torch.maximum(torch.maximum(aside, folds), under))
    suit = ((kind == SUIT) | (kind == SHIRT)).float()
    if bool((kind == SUIT).any()):  # a white shirt and a tie
        white = pen.plain("#f6f3ee").lerp(pen.plain("#b9b6c2"), aside + under * 0.5)
        inner = torch.maximum(body + 0.02, deep)
        pen.lay(window, inner, white, "clothes", within=(kind == SUIT).float().expand(inner.shape))
        tie = torch.maximum(
            x.abs() - 0.022 - 0.045 * rise(window.y, base + 0.07, 1.0), base + 0.05 - window.y
        )
        red = mixed(tone, pen.plain("#8e2436"), 0.75)
        pen.lay(
            window, tie, red, "clothes", within=(kind == SUIT).float().expand(tie.shape), line=0.6
        )
    pen.lay(window, shape, paint, "clothes")
    if bool((kind == JUMPER).any()):
        wide = NECK + 0.045 - 0.045 * head.child
        high = base - 0.005
        roll = box(x - head.x * 0.4, window.y - high, wide, 0.075, 0.04)
        ribs = rise(wave(x * 13), 0.1, 0.9) * 0.4 + under * 0.5
        pen.lay(
            window,
            roll,
            tone.lerp(deeper, ribs),
            "clothes",
            within=(kind == JUMPER).float().expand(roll.shape),
        )
    if bool((kind == TEE).any()):
        hem = ring(hollow - 0.018, 0.018)
        hem = torch.maximum(hem, base - 0.03 - window.y)
        pen.tint(window, coverage(hem, pen.pixel) * (kind == TEE), pen.dark(tone, 0.22), "clothes")
    if bool((suit > 0).any()):  # collar and lapels
        light = torch.where(kind == SUIT, pen.dark(tone, 0.16), pen.light(tone, 0.3))
        for side in (-1.0, 1.0):
            a, b = side * x, window.y
            long = torch.where(kind == SUIT, 0.3, 0.16)
            flap = polygon(
                a,
                b,
                (
                    (0.12, base - 0.06),
                    (0.26, base + 0.02),
                    (0.2, base + 0.08 + long * 0.5),
                    (0.03, base + 0.06 + long),
                ),
            )
            flap = torch.maximum(flap, 0.012 - a)
            pen.lay(window, flap, light, "clothes", within=suit.expand(flap.shape), line=0.8)
        button = circle(x, window.y - base - 0.27, 0.018)
        pen.tint(window, coverage(button, pen.pixel) * (kind == SHIRT), deeper, "clothes")


def beard(pen: Pen, hair: Hair, inside: Tensor, tone: Tensor) -> None:
    """Stubble, a moustache, a goatee, or a full beard, under the mouth that is drawn after it."""
    pen.material = "beard"
    head, rows = pen.head, pen.head.rows
    kind = rows["beard"]
    if bool((kind == NONE).all()):
        return
    mx, my, wide, lift, gap = mouth_of(pen)
    window = pen.window(-0.7, -0.06, 0.7, 0.68)
    lines, columns = window.place
    reach = torch.where(window.x < hair.middle, hair.middle - hair.left, hair.right - hair.middle)
    q = (window.x - hair.middle) / reach.clamp(min=0.06)
    side = q.abs()
    low_face = inside[lines, columns]
    tip = tip_of_nose(pen)[1]
    edge = (
        my - 0.085 + 0.06 * rise(side, 0.3, 0.62) - (my - head.eye - 0.12) * rise(side, 0.68, 1.0)
    )
    if bool((kind == STUBBLE).any()):
        shade = pen.fade(window.y - edge, -0.02, 0.05) * low_face * (0.3 * (kind == STUBBLE))
        shade *= 1 - coverage(
            ellipse(window.x - mx, window.y - my - 0.01, wide, 0.05), pen.pixel, 3.0
        )
        pen.tint(window, shade, mixed(tone, pen.plain("#4a4650"), 0.3), "beard")
    if bool((kind == FULL).any()):
        left, right = head.sides(window.y, 0.035)
        outer = between(window.x, left, right, pen.pixel, 0)
        curl = 0.012 * wave(q * 2.7) + 0.01 * wave(q * 6.1)
        whole = torch.maximum(outer + curl * 0.6, (edge - window.y) * 0.9 + curl)
        whole = torch.maximum(
            whole,
            -ellipse(
                window.x - mx, window.y - my - 0.035 - gap * 0.4, wide * 0.72, 0.045 + gap * 0.6
            ),
        )
        strand = wave(q * 5.3 + window.y * 1.1).clamp_(min=0) * 0.4
        aside = pen.fade(-(window.x - hair.middle) * pen.side, 0.05, 0.3) * 0.4
        paint = tone.lerp(pen.dark(tone, 0.4), (strand + aside).clamp_(0, 1))
        pen.lay(window, whole, paint, "beard", within=(kind == FULL).float().expand(whole.shape))
    lip = (kind == MOUSTACHE) | (kind == GOATEE)
    if bool(lip.any()):
        u = (window.x - mx) / (wide * 1.12)
        bow = (1 - u * u).clamp(min=0)
        top = torch.maximum(my - 0.1 + 0.075 * u * u, tip + 0.022 - 0.0 * u)
        low = my - 0.018 + 0.045 * u * u - lift * (u * u - 0.45) - gap * 0.3 * bow
        shape = torch.maximum(top - window.y, window.y - low) * 0.9
        shape = torch.maximum(shape, (u.abs() - 1) * 0.1)
        pen.lay(window, shape, tone, "beard", within=lip * low_face, line=0.6)
    if bool((kind == GOATEE).any()):
        cx, _ = head.at(0.0, 1.0)
        tuft = ellipse(window.x - cx, window.y - head.chin + 0.02, wide * 0.78, 0.095)
        bow = wave((window.x - cx) * 9) * 0.008
        within = ((kind == GOATEE) * (window.y > my + 0.055 + gap * 0.7)).float()
        paint = tone.lerp(pen.dark(tone, 0.4), wave((window.x - cx) * 11).clamp_(min=0) * 0.4)
        pen.lay(window, tuft + bow, paint, "beard", within=within, line=0.6)


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
        x, narrow = head.at((0.192 + 0.025 * rows["eye_gap"]) * side, 1.16)
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
