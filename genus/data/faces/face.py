"""The skin of a portrait: neck, ears, the head with its shading, the nose, and what age writes on it."""

import torch
from torch import Tensor

from ..worlds.shapes import between, coverage, ellipse, rise, stroke
from .head import PART, Pen, Pose, part_of

NECK = 0.2
TIP = 1.34  # radius at which the tip of the nose lies


def neck(pen: Pen) -> None:
    """The neck, with the shadow that the chin throws on it."""
    pen.material = "neck"
    head = pen.head
    wide = NECK - 0.045 * head.child + 0.02 * head.rows["jaw"]
    middle = head.x * 0.9 - 0.05 * head.s
    window = pen.window(-0.45, 0.2, 0.45, 1.0)
    flare = rise(window.y, 0.55, 0.95) * 0.16
    left, right = middle - wide - flare, middle + wide + flare
    distance = between(window.x, left, right, pen.pixel, 0)
    low = head.chin + 0.1 - (window.x - head.x - 0.1 * head.s).square() * 0.9
    shadow = pen.fade(low + 0.05 - window.y, -0.03, 0.05)
    aside = pen.fade((middle - window.x) * pen.side, 0.02, 0.16) * 0.6
    paint = pen.skin.lerp(pen.dusk, torch.maximum(shadow, aside))
    pen.lay(window, distance, paint, "skin")


def ears(pen: Pen, near: bool) -> None:
    """Both ears behind the head, or the one that the turned head shows in front of it.

    Args:
        pen: what draws.
        near: whether it is the ear in front.
    """
    head = pen.head
    size = 0.12 * (1 + 0.3 * head.rows["ears"])
    high = head.eye + 0.1
    turn = head.s.abs()
    for side in (-1.0, 1.0):
        shows = rise(head.s * -side, 0.12, 0.42)  # in front of the head
        if near and not bool((shows > 0).any()):
            continue
        pen.material = f"ear {side:g}"
        x = ear_of(head, side)
        narrow = 0.52 + 0.3 * turn
        wide, tall = size * narrow, size * 1.22
        window = pen.window(x - wide * 1.2, high - tall * 1.15, x + wide * 1.2, high + tall * 1.15)
        u, v = window.x - x, window.y - high
        lean = u - 0.2 * v * side * (1 - turn)
        distance = ellipse(lean, v, wide, tall)
        inner = ellipse(lean - side * 0.012 * (1 - turn), v, wide * 0.58, tall * 0.62)
        paint = pen.skin.lerp(pen.dusk, coverage(inner, pen.pixel, 2.0) * 0.55)
        within = shows.expand(distance.shape) if near else None
        pen.lay(window, distance, paint, "skin", within=within, line=0.8)


def skin(pen: Pen) -> Tensor:
    """The head, lit from its side; returns its coverage of the whole canvas."""
    pen.material = "skin"
    head, window = pen.head, pen.canvas.whole
    left, right = head.sides(window.y)
    distance = between(window.x, left, right, pen.pixel, 0)
    middle, half = (left + right) * 0.5, (right - left) * 0.5 + 0.05
    across = (window.x - middle) * pen.side / half  # 1 at the side of the light
    bent = across + 0.35 * (window.y - head.eye).square()
    shade = pen.fade(-bent, 0.3, 1.0) * 0.85
    cheek, _ = head.at(0.23 * pen.side)
    glow = (
        1 - ((window.x - cheek).square() * 9 + (window.y - head.eye + 0.2).square() * 5)
    ).clamp_(0, 1)
    paint = pen.skin.lerp(pen.dusk, shade).lerp(pen.glow, glow * (0.75 * pen.soft))
    return pen.lay(window, distance, paint, "skin", line=1.1)


def cheeks(pen: Pen, inside: Tensor) -> None:
    """Blush on both cheeks, more of it on children, and freckles of age."""
    pen.material = ""
    head = pen.head
    strength = (0.26 + 0.34 * head.child) * (1 - 0.4 * pen.inky) * (1 - 0.3 * head.worn)
    for side in (-1.0, 1.0):
        x, narrow = head.at(0.26 * side)
        wide = 0.125 * narrow.clamp(min=0.02)
        high = head.eye + 0.215
        window = pen.window(x - wide, high - 0.12, x + wide, high + 0.12)
        if not window:
            continue
        far = ((window.x - x) / wide).square() + ((window.y - high) / 0.1).square()
        glow = (1 - far).clamp_(min=0) * strength * (narrow > 0.1)
        glow = torch.where(pen.soft > 0, glow, (far < 0.55) * strength * 0.55 * (narrow > 0.1))
        pen.tint(window, glow * part_of(inside, pen.canvas.whole, window), pen.blush, "skin")


def wrinkles(pen: Pen, inside: Tensor) -> None:
    """Lines of the forehead, around nose and mouth, and under the eyes, by age."""
    pen.material = ""
    head = pen.head
    if not bool((head.worn > 0).any()):
        return
    tone = pen.skin.lerp(pen.dusk, 0.9)
    whole = pen.canvas.whole
    x, narrow = head.at(0.0)
    for number, up in enumerate((0.27, 0.335, 0.4)):  # of the forehead
        wide = (0.2 - 0.03 * number) * narrow.clamp(min=0.1)
        window = pen.window(x - wide, head.eye - up - 0.05, x + wide, head.eye - up + 0.05)
        u = (window.x - x) / wide
        bend = (1 - u * u).clamp_(min=0)
        y = head.eye - up + 0.02 * u * u
        half = bend * 0.015 * (head.worn - 0.12 * number).clamp(min=0)
        covered = stroke(window.y - y, half, pen.pixel) * part_of(inside, whole, window)
        pen.tint(window, covered, tone, "skin")
    for side in (-1.0, 1.0):
        x, narrow = head.at(0.13 * side)  # from the nose to the corner of the mouth
        top, low = head.eye + 0.24, head.eye + 0.41
        window = pen.window(x - 0.12, top, x + 0.12, low)
        v = (window.y - top) / (low - top)
        line = x + side * narrow * (0.015 + 0.055 * v * v)
        half = (v * (1 - v) * 4).clamp_(min=0) * 0.016 * head.worn * (narrow > 0.15)
        covered = stroke(window.x - line, half, pen.pixel) * part_of(inside, whole, window)
        pen.tint(window, covered, tone, "skin")
        x, narrow = head.at((0.185 + 0.034 * head.rows["eye_gap"]) * side)  # under the eye
        wide = 0.085 * narrow.clamp(min=0.03)
        y = head.eye + 0.095
        window = pen.window(x - wide, y - 0.05, x + wide, y + 0.05)
        u = (window.x - x) / wide
        half = (1 - u * u).clamp_(min=0) * 0.014 * head.worn * (narrow > 0.1)
        covered = stroke(window.y - y + 0.03 * u * u, half, pen.pixel)
        pen.tint(window, covered * part_of(inside, whole, window), tone, "skin")


def nose(pen: Pen, inside: Tensor) -> None:
    """The nose: its ridge leads into the turn and stands before the far cheek."""
    pen.material = "nose"
    head, rows = pen.head, pen.head.rows
    top = head.eye - 0.02
    tip = low_of_nose(head)
    wing = (0.08 + 0.022 * rows["nose_width"]) * (1 - 0.12 * head.child)
    start, _ = head.at(0.0, 1.03)
    end, _ = head.at(0.0, TIP)
    turn = head.s.abs()
    left, right = torch.minimum(start, end) - 0.13, torch.maximum(start, end) + 0.13
    window = pen.window(left, -0.12, right, 0.42)
    v = ((window.y - top) / (tip - top)).clamp(0, 1.4)
    ridge = start + (end - start) * (v * v * 0.6 + v * 0.4)
    below = (1.0 - ((window.y - tip + 0.03) / 0.062).square() * (window.y > tip - 0.03)).clamp(
        -1, 1
    )
    spread = (0.3 + 0.7 * rise(v, 0.45, 0.85)) * wing * below.abs().sqrt() * below.sign()
    lead = (head.s > 0).float()
    slim = 1 - 0.72 * turn
    left = ridge - spread * torch.where(head.s > 0, 1.0, slim)
    right = ridge + spread * torch.where(head.s > 0, slim, 1.0)
    body = coverage(between(window.x, left, right, pen.pixel, 0), pen.pixel, 1.5)
    area = body * rise(v, 0.3, 0.45) * part_of(inside, pen.canvas.whole, window)
    pen.canvas.mark(window, area, PART["nose"], "nose")
    shown = rise(v, 0.0, 0.35) * rise(turn, 0.12, 0.5)
    round_ = ((window.x - ridge) * pen.side / wing).clamp(-1, 1)
    lit = pen.skin.lerp(pen.dusk, (0.12 - round_ * 0.35).clamp_(0, 1))
    pen.tint(window, body * shown, lit, "nose")
    contour = torch.where(head.s > 0, right, left)
    half = 0.0085 * rise(v, 0.25, 0.6) * rise(1.12 - v, 0.0, 0.1) * rise(turn, 0.2, 0.6)
    outline = pen.dark(pen.dusk, 0.3).lerp(pen.ink, 0.85 * pen.inky)
    pen.tint(window, stroke(window.x - contour, half, pen.pixel), outline, "nose")
    # the plane that lies in the shadow, the shadow below, and the nostrils
    shade = pen.fade(-round_, 0.05, 0.75) * body * (0.42 * rise(v, 0.1, 0.9))
    pen.tint(window, shade, pen.dusk, "nose")
    under = window.y - tip - 0.012 + 0.02 * ((window.x - end) / wing).square()
    low = coverage(-under, pen.pixel, 2.0) * body * 0.6
    pen.tint(window, low, pen.dusk, "nose")
    gleam = ellipse(window.x - end - 0.012 * pen.side, window.y - tip + 0.055, 0.026, 0.034)
    pen.tint(window, coverage(gleam, pen.pixel, 2.5) * (0.5 - 0.25 * pen.inky), pen.glow, "nose")
    for side in (-1.0, 1.0):
        hidden = rise(head.s * side, 0.35, 0.7)
        hole = ellipse(
            window.x - end - side * wing * 0.5 * (1 - 0.3 * turn),
            window.y - tip - 0.008,
            wing * 0.3,
            0.016,
        )
        pen.tint(
            window,
            coverage(hole, pen.pixel) * (0.7 * (1 - hidden)),
            pen.dark(pen.dusk, 0.4),
            "nose",
        )
        # the wing: an arc on the side that is turned away
        out = end + side * wing * (0.95 - 0.62 * turn * (lead if side > 0 else 1 - lead))
        w = (window.y - tip + 0.02) / 0.052
        arc = out - side * 0.02 * w * w
        half = (1 - w * w).clamp_(min=0) * (0.0075 + 0.004 * pen.inky) * (1 - hidden * 0.7)
        pen.tint(window, stroke(window.x - arc, half, pen.pixel), pen.dark(pen.dusk, 0.28), "nose")


def ear_of(head: Pose, side: float) -> Tensor:
    """Where the middle of an ear is."""
    return head.x + side * head.wide * (1.0 - 0.04 * head.s.abs()) * head.c


def tip_of_nose(pen: Pen) -> tuple[Tensor, Tensor]:
    """Where the tip of the nose is."""
    head = pen.head
    x, _ = head.at(0.0, TIP)
    return x, low_of_nose(head) - 0.03


def low_of_nose(head: Pose) -> Tensor:
    """The height at which the nose ends."""
    return head.eye + (0.245 + 0.052 * head.rows["nose"]) * (1 - 0.2 * head.child)
