"""How portraits move from one frame to the next: the true flow, and where it holds.

Each layer is of a material (the skin, an iris, a lock), which has coordinates of its own: they stay when
the head turns or the mouth opens. A pixel's flow is the way of what is seen in it: from its place to its
coordinates, and from these to their place in the next frame. It holds where one material fills the pixel
in both frames; shadows, wrinkles and lids, which come and go, have none.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..worlds.canvas import Canvas
from .face import TIP, ear_of, low_of_nose
from .features import mouth_of, places
from .hair import hair_of
from .head import Pen

FULL = 0.8  # share of a pixel that a material must fill
SIDES = ("-1", "1")
MATERIALS = (
    "ground",
    "skin",
    "neck",
    "clothes",
    "hair",
    "hat",
    "brim",
    "beard",
    "nose",
    "mouth",
    *(f"{name} {side}" for name in ("ear", "eye", "iris", "brow", "glass") for side in SIDES),
    "",
)
Axis = tuple[Tensor, Tensor]  # where the origin lies, and how long a unit is


def flow(one: tuple[Canvas, Pen], other: tuple[Canvas, Pen]) -> tuple[Tensor, Tensor]:
    """The true flow between two frames.

    Args:
        one, other: canvas and pen of each frame, which remember their layers.

    Returns:
        The way of each pixel to the right and down, in pixels, (rows, 2, size, size), and whether it
        holds, (rows, size, size) bool.
    """
    canvas, pen = one
    shares, later = _shares(canvas), _shares(other[0])
    most, which = shares.max(0)
    x, y = canvas.whole.x, canvas.whole.y
    moved = torch.zeros(2, *most.shape)
    for number, material in enumerate(MATERIALS[1:-1], 1):
        there = which == number
        if bool(there.any()):
            u, v = _own(pen, material, x, y)
            to = torch.stack([part.expand(most.shape) for part in _seen(other[1], material, u, v)])
            way = to - torch.stack((x.expand(most.shape), y.expand(most.shape)))
            moved = torch.where(there, way, moved)
    target = torch.stack((x + moved[0], y + moved[1]), -1).permute(2, 0, 1, 3)
    arrived = grid_sample(later.permute(3, 0, 1, 2), target, align_corners=False)
    same = arrived.gather(1, which.permute(2, 0, 1)[:, None])[:, 0]
    holds = (most.permute(2, 0, 1) >= FULL) & (same >= FULL)
    holds &= which.permute(2, 0, 1) < len(MATERIALS) - 1
    return moved.permute(3, 0, 1, 2) * (canvas.size / 2), holds


def _shares(canvas: Canvas) -> Tensor:
    """The share of each pixel that each material fills, (materials, size, size, rows)."""
    found = torch.zeros(len(MATERIALS), canvas.size, canvas.size, canvas.rows)
    for layer, visible in canvas.visible():
        found[MATERIALS.index(layer.material), layer.place[0], layer.place[1]] += visible
    found[0] = 1 - found[1:].sum(0)
    return found


def _own(pen: Pen, material: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of a material at places of the canvas."""
    if material == "mouth":
        return _of_mouth(pen, x, y)
    if material == "beard":
        hair = hair_of(pen)
        left = x < hair.middle
        reach = torch.where(left, hair.middle - hair.left, hair.right - hair.middle).clamp(min=0.06)
        return (x - hair.middle) / reach, y
    (left, wide), (top, high) = _frame(pen, material, y)
    return (x - left) / wide, (y - top) / high


def _seen(pen: Pen, material: str, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Where a material is seen: `_own` undone, in another frame."""
    if material == "mouth":
        return _place_of_mouth(pen, u, v)
    if material == "beard":
        hair = hair_of(pen)
        reach = torch.where(u < 0, hair.middle - hair.left, hair.right - hair.middle).clamp(
            min=0.06
        )
        return hair.middle + u * reach, v
    (left, wide), (top, high) = _frame(pen, material, pen.canvas.whole.y)
    return left + u * wide, top + v * high


def _frame(pen: Pen, material: str, y: Tensor) -> tuple[Axis, Axis]:
    """The axes of a material, across and down; y are the lines of the canvas."""
    head, rows = pen.head, pen.head.rows
    one, none = torch.ones_like(head.s), torch.zeros_like(head.s)
    name, _, word = material.partition(" ")
    side = float(word or 0)
    still = (none, one)
    if name == "skin":
        left, right = head.sides(y)
        return ((left + right) * 0.5, ((right - left) * 0.5).clamp(min=0.02)), still
    if name == "nose":
        top, tip = head.eye - 0.02, low_of_nose(head)
        start, _ = head.at(0.0, 1.03)
        end, _ = head.at(0.0, TIP)
        v = ((y - top) / (tip - top)).clamp(0, 1.4)
        return (start + (end - start) * (v * v * 0.6 + v * 0.4), one), still
    if name == "ear":
        return (ear_of(head, side), 0.52 + 0.3 * head.s.abs()), still
    if name in ("eye", "iris"):
        x, top, wide, _ = places(pen, side)
        if name == "eye":
            return (x, wide), still
        shift = (0.034 * rows["gaze"] + 0.03 * head.s) * (wide / 0.1)
        return (x + shift, (wide / 0.1).clamp(0.25, 1.0)), (top + 0.018 * rows["gaze_down"], one)
    if name == "brow":
        x, narrow = head.at((0.195 + 0.034 * rows["eye_gap"]) * side, 1.02)
        return (x, narrow.clamp(min=0.03)), (-0.026 * rows["brow_lift"], one)
    if name == "glass":
        x, narrow = head.at((0.192 + 0.034 * rows["eye_gap"]) * side, 1.16)
        return (x, narrow.clamp(min=0.05)), still
    shifts = {
        "neck": head.x * 0.9 - 0.05 * head.s,
        "clothes": head.x * 0.35 / (1 + 0.2 * head.child),
        "hair": head.x - 0.12 * head.s,
        "hat": head.x,
        "brim": head.x + torch.where(rows["hat"] == 1, 0.62, 0.06) * head.s,
    }
    return (shifts[name], one), still


def _lips(pen: Pen, u: Tensor) -> tuple[Tensor, Tensor]:
    """The edges of the open mouth above and below."""
    _, y, _, lift, gap = mouth_of(pen)
    bow = (1 - u * u).clamp(min=0)
    line = y + lift * (0.45 - u * u)
    return line - gap * 0.3 * bow, line + gap * 0.7 * bow


def _of_mouth(pen: Pen, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates in the mouth: v is below 1 on the upper lip and what hangs on it, above 1 below it."""
    middle, _, wide, _, _ = mouth_of(pen)
    u = (x - middle) / wide
    top, low = _lips(pen, u)
    return u, torch.where(y < (top + low) * 0.5, y - top, 2 + y - low)


def _place_of_mouth(pen: Pen, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    middle, _, wide, _, _ = mouth_of(pen)
    top, low = _lips(pen, u)
    return middle + u * wide, torch.where(v < 1, top + v, low + v - 2)
