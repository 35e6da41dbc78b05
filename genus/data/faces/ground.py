"""What is behind a person: plain, a gradient, a disc, dots or stripes; and the light of the night."""

import torch
from torch import Tensor

from ..worlds.canvas import colour, mixed, shaded
from ..worlds.shapes import circle, coverage, rise
from .head import TABLES, Pen

PLAIN, GRADIENT, DISC, DOTS, STRIPES = range(5)
NIGHT = (0.62, 0.67, 0.92)  # what is left of red, green and blue


def ground(pen: Pen) -> Tensor:
    """The background, (3, size, size, rows)."""
    rows, window = pen.head.rows, pen.canvas.whole
    kind = rows["backdrop"]
    tone = colour(TABLES["ground"].rgb(rows))
    deep, pale = shaded(tone, 0.8), mixed(tone, pen.plain("#ffffff"), 0.42)
    slope = rise(window.y + 0.3 * window.x * pen.side, -1.1, 1.1).expand(-1, -1, len(kind))
    share = torch.where(kind == GRADIENT, slope, 0.0)
    found = pale.lerp(deep, share)
    found = torch.where((kind == GRADIENT), found, tone)
    if bool((kind == DISC).any()):
        disc = coverage(circle(window.x, window.y + 0.05, 0.84), pen.pixel) * (kind == DISC)
        found = found.lerp(pale, disc)
    if bool((kind == DOTS).any()):
        a, b = window.x * 3.2, window.y * 3.2
        row = b.round()
        odd = (row * 0.5 - (row * 0.5).floor()) * 1.0
        a = a + odd
        dot = circle((a - a.round()) / 3.2, (b - row) / 3.2, 0.062)
        found = found.lerp(pale, coverage(dot, pen.pixel) * (kind == DOTS) * 0.75)
    if bool((kind == STRIPES).any()):
        across = (window.x + window.y) * 1.55
        band = ((across - across.round()).abs() - 0.25) / 1.55 * 0.70710678
        found = found.lerp(pale, coverage(band, pen.pixel) * (kind == STRIPES) * 0.55)
    return found[:3]


def lit(pen: Pen, picture: Tensor, share: float = 1.0) -> Tensor:
    """A picture in the light of each row; at night it is blue and dark.

    Args:
        pen: what draws.
        picture: colours, (3, size, size, rows).
        share: how dark the night is.
    """
    night = (pen.head.rows["light"] == 1).float() * share
    if not bool(night.any()):
        return picture
    tint = torch.stack([1 - (1 - part) * night for part in NIGHT])
    return picture * tint[:, None, None]
