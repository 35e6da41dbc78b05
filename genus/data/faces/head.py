"""The head of each row: where its features lie when it turns, and the pen that draws it.

A feature lies at a distance from the middle of the face, seen from the front, and turns with the
surface of a cylinder: at longitude p and yaw t it is seen at R sin(p + t), narrower by
cos(p + t) / cos(p). What stands out, such as the tip of the nose, has a larger R.
Coordinates are those of the canvas: -1 to 1, y down.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..worlds.canvas import Canvas, Window, colour, mixed, plain, shaded
from ..worlds.parameters import Choice, Parameters
from ..worlds.shapes import coverage, rise
from .people import PARAMETERS, PARTS

PART = {name: number for number, name in enumerate(PARTS)}
TABLES = {one.name: one for one in PARAMETERS if isinstance(one, Choice)}
RADIAN = 0.017453292519943295
DEEP = 0.44  # radius of the cylinder on which the features lie
INK = "#241c26"


def sine(degrees: Tensor) -> Tensor:
    """The sine of angles up to 90 degrees, by its series: the same bits on every machine."""
    t = degrees * RADIAN
    q = t * t
    return t * (1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72 * (1 - q / 110)))))


@dataclass
class Pose:
    """Where a head is: everything is (rows,).

    Args:
        rows: parameters.
        s, c: sine and cosine of the yaw.
        child: 1 for a child, 0 for a grown-up.
        worn: 0 for the young, 1 for the old.
        x: axis of the head.
        top, chin: ends of the skull.
        wide: half the width of the face.
        eye: height of the eyes.
    """

    rows: Parameters
    s: Tensor
    c: Tensor
    child: Tensor
    worn: Tensor
    x: Tensor
    top: Tensor
    chin: Tensor
    wide: Tensor
    eye: Tensor

    def at(self, aside: Tensor | float, out: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Where a feature is seen, and how much narrower than from the front (below 0: not at all).

        Args:
            aside: distance from the middle of the face, to the right, seen from the front.
            out: radius on which it lies, relative to the surface of the face.
        """
        radius = DEEP * out
        sp = torch.as_tensor(aside / radius, dtype=torch.float32)
        cp = (1 - sp * sp).sqrt()
        return self.x + radius * (sp * self.c + cp * self.s), self.c - self.s * sp / cp

    def sides(self, y: Tensor, more: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        """The left and the right edge of the head at heights y, (height, 1, rows).

        Args:
            y: heights, (height, 1, 1).
            more: how much larger the head is, for hair that lies on it.
        """
        rows, top, chin = self.rows, self.top - more, self.chin + more
        share = (y - top) / (chin - top)
        low = (share - 0.5) * 2
        jaw = (rows["jaw"] + 0.35 * self.worn).clamp(-1, 1)
        square = low * low
        below = square * (0.7 - 0.3 * jaw) + square * square * (0.3 + 0.3 * jaw)
        fall = torch.where(low > 0, below, square * (0.55 + 0.45 * square))
        left = 1 - fall
        width = left.abs().sqrt() * left.sign()
        taper = 0.2 - 0.14 * rows["chin"] - 0.04 * self.child
        width = width * (1 - taper * low.clamp(min=0) * low.clamp(min=0)) * (self.wide + more)
        # the face leads into the turn, the more the lower; the skull lies behind
        lead = self.s * (0.035 + 0.13 * rise(share, 0.25, 1.0))
        turn = self.s.abs()
        back = 1 + turn * (0.1 - 0.26 * rise(share, 0.5, 0.95))
        front = 1 - 0.15 * turn
        right_leads = self.s > 0
        left_of = torch.where(right_leads, back, front)
        right_of = torch.where(right_leads, front, back)
        middle = self.x + lead
        return middle - width * left_of, middle + width * right_of


def head_of(rows: Parameters) -> Pose:
    """The head of each row."""
    age = rows["age"]
    child = torch.tensor([1.0, 0.5, 0.1, 0.0, 0.0, 0.0])[age]
    worn = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.75, 1.0])[age]
    s = sine(rows["yaw"])
    c = sine(90 - rows["yaw"].abs())
    wide = 0.43 + 0.055 * rows["face_width"] - 0.015 * child
    chin = 0.5 + 0.06 * rows["face_length"] - 0.09 * child
    top = -0.66 + 0.02 * child
    eye = -0.045 + 0.06 * child
    return Pose(rows, s, c, child, worn, -0.1 * s, top, chin, wide, eye)


class Pen:
    """What draws on a canvas in the style and the light of each row.

    Args:
        canvas: canvas.
        head: heads of the rows.
    """

    def __init__(self, canvas: Canvas, head: Pose):
        self.canvas, self.head, self.pixel = canvas, head, canvas.pixel
        rows = head.rows
        self.inky, self.soft = (rows["style"] == 1).float(), (rows["style"] == 2).float()
        self.any_ink = bool(self.inky.any())
        self.side = torch.where(rows["side"] == 0, -1.0, 1.0)  # where the light is
        self.ink = self.plain(INK)
        skin = TABLES["skin"].rgb(rows)
        self.skin = colour(skin)
        self.dusk = colour(skin * torch.tensor((0.74, 0.6, 0.58)))
        self.glow = mixed(self.skin, self.plain("#fff3e2"), 0.35)
        self.blush = mixed(self.skin, self.plain("#d4483f"), 0.4)
        self.line = max(0.02, 0.75 * self.pixel)
        self.material = ""  # what the layers that follow are made of: `motion` knows how it moves

    def plain(self, name: str) -> Tensor:
        """A colour such as #c68642, for all rows."""
        return plain(name)

    def window(self, *bounds: Tensor | float) -> Window:
        """A window of the canvas: left, top, right, bottom."""
        return self.canvas.window(*bounds)

    def lay(
        self,
        window: Window,
        distance: Tensor,
        paint: Tensor,
        part: str,
        *,
        within: Tensor | None = None,
        line: float = 1.0,
        soft: float = 1.0,
    ) -> Tensor:
        """Lays a shape, with a line around it where the style is ink.

        Args:
            window: where it lies.
            distance: signed distance to it.
            paint: its colour.
            part: name of the part it belongs to.
            within: what its coverage is multiplied by, if anything.
            line: thickness of the line of ink, relative to the usual one; 0 draws none.
            soft: width of its edge in pixels.

        Returns:
            Its coverage.
        """
        covered = coverage(distance, self.pixel, soft)
        if within is not None:
            covered *= within
        if self.any_ink and line:
            edge = (distance * (1 / self.pixel)).add_(0.5 + self.line * line / self.pixel)
            paint = mixed(paint, self.ink, edge.clamp_(0, 1).mul_(self.inky))
        self.canvas.lay(window, covered, paint, PART[part], self.material)
        return covered

    def tint(self, window: Window, covered: Tensor, paint: Tensor, part: str) -> None:
        """Lays a colour with a coverage, without a line."""
        self.canvas.lay(window, covered, paint, PART[part], self.material)

    def fade(self, field: Tensor, start: Tensor | float, end: Tensor | float) -> Tensor:
        """From 0 to 1 between two values of a field: softly if painted, at a sharp edge if not."""
        middle, half = (start + end) * 0.5, (end - start) * 0.5
        half = half * torch.where(self.soft > 0, 1.0, 0.12)
        return rise(field, middle - half, middle + half)

    def dark(self, paint: Tensor, share: float = 0.35) -> Tensor:
        """A darker tone of a colour."""
        return shaded(paint, 1 - share, 0.03)

    def light(self, paint: Tensor, share: float = 0.3) -> Tensor:
        """A lighter tone of a colour."""
        return mixed(paint, self.plain("#fff6e6"), share)


def part_of(field: Tensor, whole: Window, window: Window) -> Tensor:
    """The part of a field over one window that lies in a smaller one."""
    (lines, columns), (own_lines, own_columns) = whole.place, window.place
    top, left = own_lines.start - lines.start, own_columns.start - columns.start
    high = own_lines.stop - own_lines.start
    return field[top : top + high, left : left + own_columns.stop - own_columns.start]
