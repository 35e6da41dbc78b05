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
    slope = rise(window.y + 0.3 * window.x * pen.side, -1.1, 1.1)
    share = slope * (kind == GRADIENT)  # of the second colour
    disc = coverage(circle(window.x, window.y + 0.05, 0.84), pen.pixel)
    a, b = window.x * 3.2, window.y * 3.2
    line = b.round()
    a = a + (line * 0.5 - (line * 0.5).floor())  # every other line is moved
    dots = coverage(circle((a - a.round()) / 3.2, (b - line) / 3.2, 0.062), pen.pixel)
    across = (window.x + window.y) * 1.55
    band = ((across - across.round()).abs() - 0.25) * (0.70710678 / 1.55)
    stripes = coverage(band, pen.pixel)
    for number, shape, strength in (
        (DISC, disc, 1.0),
        (DOTS, dots, 0.75),
        (STRIPES, stripes, 0.55),
    ):
        if bool((there := kind == number).any()):
            share += shape * (strength * there)
    first, second = (
        torch.where(kind == GRADIENT, pale, tone),
        torch.where(kind == GRADIENT, deep, pale),
    )
    found = first.lerp(second, share)
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
