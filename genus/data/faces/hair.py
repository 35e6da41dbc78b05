"""Hair in eleven styles: one shape, whose numbers differ from style to style.

It consists of what hangs behind the head, a cap above a hairline, locks beside the face, and strands
that stand out. The hairline is a function of x, in units of the longitude at which the temples lie.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..worlds.canvas import Window, colour, mixed
from ..worlds.shapes import between, circle, ellipse, joined, rise, stroke, wave
from .head import TABLES, Pen, part_of
from .people import HAIR

FORMS = {  # of each style; heights are from the eyes, down
    # style: (volume, fringe, jags, slant, sides, nape, end, width, curls, locks)
    "bald": (0.0, -0.42, 0.0, 0.0, -0.1, 0.1, 0.0, 0.0, 0.0, 0.0),
    "buzz": (0.014, -0.34, 0.0, 0.0, 0.06, 0.3, 0.0, 0.0, 0.0, 0.0),
    "short": (0.055, -0.25, 0.055, 0.02, 0.08, 0.33, 0.0, 0.0, 0.0, 0.0),
    "quiff": (0.05, -0.33, 0.03, -0.02, 0.06, 0.3, 0.0, 0.0, 0.0, 0.0),
    "parted": (0.06, -0.29, 0.012, 0.085, 0.1, 0.34, 0.0, 0.0, 0.0, 0.0),
    "curly": (0.105, -0.25, 0.05, 0.0, 0.27, 0.42, 0.0, 0.0, 0.035, 0.0),
    "afro": (0.2, -0.31, 0.02, 0.0, 0.27, 0.4, 0.0, 0.0, 0.03, 0.0),
    "bob": (0.075, -0.19, 0.02, 0.0, 0.2, 0.45, 0.56, 0.53, 0.0, 1.0),
    "long": (0.06, -0.33, 0.0, 0.05, 0.16, 0.45, 1.02, 0.52, 0.0, 1.0),
    "wavy": (0.085, -0.31, 0.01, 0.09, 0.18, 0.45, 0.92, 0.56, 0.03, 1.0),
    "bun": (0.03, -0.34, 0.0, 0.0, 0.06, 0.33, 0.0, 0.0, 0.0, 0.0),
}
TABLE = torch.tensor([FORMS[name] for name in HAIR])
QUIFF, BUN, BALD = HAIR.index("quiff"), HAIR.index("bun"), 0
GREY = (0.0, 0.0, 0.0, 0.12, 0.5, 0.9)
STRANDS = 7


@dataclass
class Hair:
    """The hair of each row.

    Args:
        volume, fringe, jags, slant, sides, nape, end, width, curls, locks: numbers of its style, (rows,).
        style: number of the style.
        tone, deep, gloss: its colour, darker, and lighter, (4, 1, 1, rows).
        middle, left, right: where the face's middle and the temples are seen, (rows,).
        under: height above which a hat hides it, (rows,).
        shape: a window, and the distance to the outer edge of the hair in it, once that is drawn.
    """

    volume: Tensor
    fringe: Tensor
    jags: Tensor
    slant: Tensor
    sides: Tensor
    nape: Tensor
    end: Tensor
    width: Tensor
    curls: Tensor
    locks: Tensor
    style: Tensor
    tone: Tensor
    deep: Tensor
    gloss: Tensor
    middle: Tensor
    left: Tensor
    right: Tensor
    under: Tensor
    shape: tuple[Window, Tensor] | None = None

    def line(self, pen: Pen, window: Window) -> Tensor:
        """The hairline: its height at each x, (1, width, rows)."""
        head = pen.head
        reach = torch.where(
            window.x < self.middle, self.middle - self.left, self.right - self.middle
        )
        q = (window.x - self.middle) / reach.clamp(min=0.06)
        side = q.abs()
        bare = 0.07 * head.worn * (self.locks == 0)  # the hairline of the old
        front = self.fringe - bare - 0.05 * head.worn * (1 - (side - 0.55).abs() * 3).clamp(min=0)
        zigzag = wave(q * 1.6 + 0.15 + self.volume * 3) + 0.6 * wave(q * 3.7 + self.volume * 9)
        front = front + self.slant * q + self.jags * zigzag * 0.7 - 0.035 * (1 - side * side)
        found = front + (self.sides - front) * rise(side, 0.74, 1.0)
        back = (self.nape - self.sides) * rise(side, 1.16, 1.5) - 0.12 * rise(side, 1.7, 2.6)
        return head.eye + found + back

    def reach(self, pen: Pen) -> Tensor:
        """How far from the axis of the head the hair on the skull reaches to either side, (rows,)."""
        head = pen.head
        lump = torch.where(self.style == QUIFF, 0.08, 0.06)
        return (head.wide + self.volume) * (1 + 0.1 * head.s.abs()) + 0.17 * head.s.abs() + lump

    def outline(self, pen: Pen, window: Window) -> Tensor:
        """The distance to the outer edge of the hair on the skull."""
        head = pen.head
        left, right = head.sides(window.y, self.volume)
        found = between(window.x, left, right, pen.pixel, 0)
        if bool((self.curls > 0).any()):
            v = window.y - head.eye + 0.1
            turn = (window.x - head.x) / ((window.x - head.x).abs() + v.abs() + 0.02)
            found = found - self.curls * (wave(turn * 3.5).abs() - 0.4) * (self.locks == 0)
        if bool((self.style == QUIFF).any()):
            u = window.x - self.middle * 0.6 - 0.02
            lump = ellipse(u, window.y - head.top - 0.03 + 0.22 * u, 0.36, 0.16)
            found = torch.where(self.style == QUIFF, joined(found, lump, 0.12), found)
        return found


def hair_of(pen: Pen) -> Hair:
    """The hair of each row."""
    head, rows = pen.head, pen.head.rows
    form = TABLE[rows["hair"]].T.contiguous()
    grey = torch.tensor(GREY)[rows["age"]]
    own = TABLES["hair_colour"].rgb(rows)
    tone = colour(own + (torch.tensor((0.83, 0.82, 0.83)) - own) * grey[:, None])
    middle, _ = head.at(0.0)
    left, right = _temple(pen, -1.0), _temple(pen, 1.0)
    hat = rows["hat"] > 0
    under = torch.where(hat, head.eye - 0.3, -2.0)
    volume = form[0] * (1 - 0.25 * head.worn)
    gloss = pen.light(tone, 0.38)
    numbers = (volume, *form[1:])
    return Hair(
        *numbers, rows["hair"], tone, pen.dark(tone, 0.42), gloss, middle, left, right, under
    )


def _temple(pen: Pen, side: float) -> Tensor:
    """Where the temple is seen; one that is turned away stays at the edge of the face."""
    head = pen.head
    sp, cp = 0.85 * side, 0.527
    out = 0.44 * (sp * head.c + cp * head.s)
    behind = head.c - head.s * sp / cp < 0
    return head.x + torch.where(behind, torch.full_like(out, 0.44 * side), out)


def paint_of(pen: Pen, hair: Hair, window: Window) -> Tensor:
    """The colour of each pixel of hair: strands, gloss, and the side away from the light."""
    head = pen.head
    x = window.x - head.x + 0.12 * head.s
    ray = x / ((window.y - head.top) + 0.42)
    fine = 1.0 if pen.pixel < 0.05 else 0.5
    strands = wave(ray * 4.3 + hair.volume * 11) * 0.55
    if fine == 1.0:
        strands = strands + wave(ray * 11.7 + window.y * 0.9) * 0.45
    curly = hair.curls * (1 - hair.locks)
    if bool((curly > 0).any()):
        a = wave(window.x * 5.7 + 0.25 * wave(window.y * 4.1))
        b = wave(window.y * 5.3 + 0.25 * wave(window.x * 4.7))
        strands = torch.where(curly > 0, (a + b) * 0.6, strands)
    shade = pen.fade(-(x * pen.side), 0.1, 0.5) * 0.5
    dark = (strands.clamp(min=0) * (0.34 - 0.12 * pen.inky) + shade).clamp_(0, 1)
    paint = hair.tone.lerp(hair.deep, dark)
    arc = head.top + 0.15 + 0.5 * (x - 0.1 * pen.side).square() - 0.6 * hair.volume
    band = (1 - (window.y - arc).abs() * 13).clamp_(min=0) * (0.75 + 0.5 * strands)
    return paint.lerp(hair.gloss, (band * (0.65 + 0.15 * pen.soft)).clamp_(0, 1))


def behind(pen: Pen, hair: Hair) -> None:
    """What hangs behind the head and the neck, and a bun."""
    pen.material = "hair"
    head = pen.head
    if bool((hair.style == BUN).any()):
        there = (hair.style == BUN).float()
        x, y = head.x - 0.16 * head.s, head.top - 0.06
        window = pen.window(x - 0.24, y - 0.22, x + 0.24, y + 0.22)
        knot = circle(window.x - x, window.y - y, 0.155)
        turn = wave((window.x - x) * 3.2 - (window.y - y) * 2.4)
        paint = hair.tone.lerp(hair.deep, turn.clamp(min=0) * 0.5)
        within = (there * (window.y > hair.under)).expand(knot.shape)
        pen.lay(window, knot, paint, "hair", within=within)
    long = bool((hair.end > 0).any())
    half = hair.reach(pen)
    half = torch.where(hair.end > 0, half.clamp(min=0.78), half)
    window = pen.window(head.x - half, -0.95, head.x + half, 1.0 if long else 0.62)
    nape = head.eye + hair.nape - 0.5 * (window.x - head.x + 0.1 * head.s).square()
    outline = hair.outline(pen, window)
    hair.shape = (window, outline)
    skull = torch.maximum(outline, window.y - nape)
    if long:
        v = (window.y - head.eye + 0.1).clamp(min=0)
        middle = head.x - 0.13 * head.s
        reach = torch.minimum(v / 0.25, torch.ones(())) * (hair.width - 0.02 + 0.06 * v)
        reach = reach * (1 - 0.16 * rise(window.y, hair.end - 0.25, hair.end))
        flow = wave(window.y * 2.1 + hair.volume * 5) * hair.curls
        mass = between(window.x, middle - reach - flow, middle + reach + flow, pen.pixel, 0)
        u = (window.x - middle) / hair.width.clamp(min=0.1)
        tips = (
            hair.end
            - 0.13 * u * u
            + 0.035 * wave(window.x * 3.1)
            + 0.02 * wave(window.x * 7.3 + 0.3)
        )
        mass = torch.maximum(torch.maximum(mass, window.y - tips), head.eye - 0.1 - window.y)
        skull = torch.where(hair.end > 0, torch.minimum(skull, mass), skull)
    strands = wave(window.x * 5.3 + hair.volume * 7 + window.y * 0.4).clamp_(min=0) * 0.35
    paint = pen.dark(hair.tone, 0.24).lerp(hair.deep, strands + 0.25)
    shown = ((hair.style != BALD) & ~((hair.end == 0) & (window.y < hair.under))).float()
    low = (window.y > hair.under).float()
    pen.lay(window, skull, paint, "hair", within=(shown * low).expand(skull.shape))


def shadow(pen: Pen, hair: Hair, inside: Tensor) -> None:
    """The shadow of hair, or of a hat, on the forehead."""
    pen.material = ""
    head = pen.head
    window = pen.window(-1, -1, 1, head.eye + 0.45)
    hat = head.rows["hat"] > 0
    line = hair.line(pen, window)
    line = torch.where(hat, torch.maximum(line, hair.under), line)
    depth = 0.05 + 0.03 * hat
    dark = pen.fade(line + depth - window.y, -0.012, 0.03) * 0.62
    shown = ((hair.style != BALD) | hat).float()
    lines, columns = window.place
    pen.tint(window, dark * inside[lines, columns] * shown, pen.dusk, "skin")


def cap(pen: Pen, hair: Hair) -> None:
    """The hair on the skull, above the hairline."""
    pen.material = "hair"
    head = pen.head
    if bool((hair.style == BALD).all()):
        return
    assert hair.shape is not None
    whole, outline = hair.shape
    half = hair.reach(pen)
    window = pen.window(head.x - half, -0.95, head.x + half, 0.5)
    line = (window.y - hair.line(pen, window)) * 0.8
    distance = torch.maximum(part_of(outline, whole, window), line)
    shown = ((hair.style != BALD) * (1 - 0.25 * head.worn * (hair.locks == 0))).float()
    within = (shown * (window.y > hair.under)).expand(distance.shape)
    pen.lay(window, distance, paint_of(pen, hair, window), "hair", within=within)


def locks(pen: Pen, hair: Hair) -> None:
    """What falls beside the face, and onto the shoulders."""
    pen.material = "hair"
    head = pen.head
    if not bool((hair.locks > 0).any()):
        return
    window = pen.window(-0.85, -0.32, 0.85, 1.0)
    v = window.y - head.eye
    flow = wave(window.y * 2.1 + hair.volume * 5) * hair.curls
    left, right = head.sides(window.y.clamp(max=0.32), hair.volume)
    fall = rise(v, 0.1, 0.5)
    paint = paint_of(pen, hair, window)
    for side in (-1.0, 1.0):
        temple = hair.left if side < 0 else hair.right
        inner = hair.middle + (temple - hair.middle) * (0.86 + 0.14 * rise(v, -0.2, 0.25))
        inner = inner + side * 0.035 * fall + flow * 0.6
        edge = left if side < 0 else right
        away = head.x - 0.13 * head.s + side * (hair.width + 0.05 * v)
        outer = edge + (away - edge) * fall + flow
        low, high = (outer, inner) if side < 0 else (inner, outer)
        end = hair.end - 0.05 + 0.03 * wave(window.x * 4.7) - (window.x - inner).abs() * 0.25
        shape = torch.maximum(between(window.x, low, high, pen.pixel, 0), window.y - end)
        within = (hair.locks * rise(v, -0.24, -0.2)).expand(shape.shape)
        pen.lay(window, shape, paint, "hair", within=within, line=0.8)


def strands(pen: Pen, hair: Hair) -> None:
    """Single strands that stand out of the outline: thinner than a pixel, they leave a soft alpha."""
    pen.material = "hair"
    head = pen.head
    there = (hair.style > 1) & (head.rows["hat"] == 0)
    if not bool(there.any()):
        return
    top = head.top - hair.volume
    for number in range(STRANDS):
        at = (number - (STRANDS - 1) / 2) / (STRANDS - 1) * 1.3  # from left to right
        root = head.x - 0.12 * head.s + at * (head.wide + hair.volume) * 1.05
        low = top + 0.85 * (head.eye - top) * at * at + 0.03
        high = low - 0.05 - 0.015 * (number % 3)
        window = pen.window(root - 0.12, high, root + 0.12, low)
        if not window:
            continue
        share = (low - window.y) / (low - high)  # 0 at the root, 1 at the tip
        bend = 0.03 * (1 if number % 2 else -1) * share + 0.12 * at * share * share
        half = (0.0065 * (1 - share)).clamp(min=0) * (share > 0)
        pen.tint(window, stroke(window.x - root - bend, half, pen.pixel) * there, hair.tone, "hair")


def brow_tone(pen: Pen, hair: Hair) -> Tensor:
    """The colour of brows and beards: that of the hair, a little darker."""
    return mixed(pen.dark(hair.tone, 0.25), pen.plain("#3a2a26"), 0.25)
