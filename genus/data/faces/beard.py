"""Beards: stubble, a moustache, a goatee, or a full beard, under the mouth that is drawn after it."""

import torch
from torch import Tensor

from ..worlds.canvas import mixed
from ..worlds.shapes import between, coverage, ellipse, rise, wave
from .face import low_of_nose
from .features import mouth_of
from .hair import Hair
from .head import Pen, part_of

STUBBLE, MOUSTACHE, GOATEE, FULL = 1, 2, 3, 4


def beard(pen: Pen, hair: Hair, inside: Tensor, tone: Tensor) -> None:
    """The beard of each row.

    Args:
        pen: what draws.
        hair: hair of the rows.
        inside: coverage of the whole canvas by the head.
        tone: colour of the beard.
    """
    pen.material = "beard"
    kind = pen.head.rows["beard"]
    if bool(((kind == STUBBLE) | (kind == FULL)).any()):
        _cheeks(pen, hair, inside, tone)
    if bool(((kind == MOUSTACHE) | (kind == GOATEE)).any()):
        _lip(pen, inside, tone)
    if bool((kind == GOATEE).any()):
        _chin(pen, tone)


def _cheeks(pen: Pen, hair: Hair, inside: Tensor, tone: Tensor) -> None:
    """Stubble and full beards, which reach from ear to ear."""
    head, kind = pen.head, pen.head.rows["beard"]
    mx, my, wide, _, gap = mouth_of(pen)
    window = pen.window(-0.6, -0.06, 0.6, 0.68)
    reach = torch.where(window.x < hair.middle, hair.middle - hair.left, hair.right - hair.middle)
    q = (window.x - hair.middle) / reach.clamp(min=0.06)
    side = q.abs()
    edge = my - 0.085 + 0.06 * rise(side, 0.3, 0.62)
    edge = edge - (my - head.eye - 0.12) * rise(side, 0.68, 1.0)
    if bool((kind == STUBBLE).any()):
        shade = pen.fade(window.y - edge, -0.02, 0.05) * (0.3 * (kind == STUBBLE))
        lips = ellipse(window.x - mx, window.y - my - 0.01, wide, 0.05)
        shade *= (1 - coverage(lips, pen.pixel, 3.0)) * part_of(inside, pen.canvas.whole, window)
        pen.tint(window, shade, mixed(tone, pen.plain("#4a4650"), 0.3), "beard")
    if bool((kind == FULL).any()):
        left, right = head.sides(window.y, 0.035)
        curl = 0.012 * wave(q * 2.7) + 0.01 * wave(q * 6.1)
        outer = between(window.x, left, right, pen.pixel, 0) + curl * 0.6
        whole = torch.maximum(outer, (edge - window.y) * 0.9 + curl)
        low = window.y - my - 0.035 - gap * 0.4
        lips = ellipse(window.x - mx, low, wide * 0.72, 0.045 + gap * 0.6)
        strand = wave(q * 5.3 + window.y * 1.1).clamp_(min=0) * 0.4
        aside = pen.fade(-(window.x - hair.middle) * pen.side, 0.05, 0.3) * 0.4
        paint = tone.lerp(pen.dark(tone, 0.4), (strand + aside).clamp_(0, 1))
        within = (kind == FULL).float().expand(whole.shape)
        pen.lay(window, torch.maximum(whole, -lips), paint, "beard", within=within)


def _lip(pen: Pen, inside: Tensor, tone: Tensor) -> None:
    """Moustaches, also those of a goatee."""
    kind = pen.head.rows["beard"]
    x, y, wide, lift, gap = mouth_of(pen)
    window = pen.window(x - wide * 1.2, y - 0.16, x + wide * 1.2, y + 0.1)
    u = (window.x - x) / (wide * 1.12)
    square = u * u
    top = torch.maximum(y - 0.1 + 0.075 * square, low_of_nose(pen.head) - 0.008)
    low = y - 0.018 + 0.045 * square - lift * (square - 0.45)
    low = low - gap * 0.3 * (1 - square).clamp(min=0)
    shape = torch.maximum(top - window.y, window.y - low) * 0.9
    shape = torch.maximum(shape, (u.abs() - 1) * 0.1)
    there = (kind == MOUSTACHE) | (kind == GOATEE)
    within = there * part_of(inside, pen.canvas.whole, window)
    pen.lay(window, shape, tone, "beard", within=within, line=0.6)


def _chin(pen: Pen, tone: Tensor) -> None:
    """The tuft on the chin of a goatee."""
    head, kind = pen.head, pen.head.rows["beard"]
    _, y, wide, _, gap = mouth_of(pen)
    x, _ = head.at(0.0)
    window = pen.window(x - wide, head.chin - 0.16, x + wide, head.chin + 0.12)
    tuft = ellipse(window.x - x, window.y - head.chin + 0.02, wide * 0.78, 0.095)
    tuft = tuft + wave((window.x - x) * 9) * 0.008
    within = ((kind == GOATEE) * (window.y > y + 0.055 + gap * 0.7)).float()
    strand = wave((window.x - x) * 11).clamp_(min=0) * 0.4
    paint = tone.lerp(pen.dark(tone, 0.4), strand)
    pen.lay(window, tuft, paint, "beard", within=within, line=0.6)
