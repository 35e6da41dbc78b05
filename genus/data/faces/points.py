"""Key points of a face: where they are seen, and whether."""

from typing import NamedTuple

import torch
from torch import Tensor

from .face import ear_of, tip_of_nose
from .features import mouth_of, places
from .head import PART, Pen

NAMES = (
    "left_eye",
    "right_eye",
    "left_brow",
    "right_brow",
    "nose",
    "left_mouth",
    "right_mouth",
    "lower_lip",
    "chin",
    "left_ear",
    "right_ear",
    "hair",
)
PARTS_OF = (
    "eyes",
    "eyes",
    "brows",
    "brows",
    "nose",
    *["mouth"] * 3,
    "skin",
    "skin",
    "skin",
    "hair",
)
COVERS = ("hair", "hat", "glasses", "beard", "clothes")


class Points(NamedTuple):
    """Key points of n portraits, in the order of NAMES; left and right are those of the picture.

    Args:
        places: x and y in pixels from the left upper corner of the picture, (n, points, 2); the centre
            of the first pixel is at (0.5, 0.5).
        seen: whether a point faces the viewer and nothing that is worn, no hair and no beard covers it,
            (n, points) bool.
    """

    places: Tensor
    seen: Tensor


def points(pen: Pen, segmentation: Tensor) -> Points:
    """The key points.

    Args:
        pen: what has drawn.
        segmentation: number of the part that each pixel shows, (rows, size, size).
    """
    head, rows = pen.head, pen.head.rows
    always = torch.ones_like(head.s, dtype=torch.bool)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for side in (-1.0, 1.0):
        x, y, wide, high = places(pen, side)
        shut = torch.maximum(torch.tensor((0.0, 0.5, 1.0))[rows["eyes"]], rows["blink"])
        found.append((x, y + high * 0.72 * shut, wide > 0.05))
    for side in (-1.0, 1.0):
        x, narrow = head.at((0.195 + 0.034 * rows["eye_gap"]) * side, 1.02)
        y = head.eye - 0.142 - 0.012 * rows["eye_size"] - 0.026 * rows["brow_lift"]
        y = y - 0.012 * head.child - 0.012 + (0.022 + 0.028 * rows["brow_arch"]) * 0.147
        found.append((x, y, narrow > 0.45))
    x, y = tip_of_nose(pen)
    found.append((x, y, always))
    x, y, wide, lift, gap = mouth_of(pen)
    for side in (-0.72, 0.72):
        found.append((x + side * wide, y - 0.07 * lift, head.s * side < 0.3))
    full = (1 + 0.5 * rows["lips"]) * (1 - 0.35 * head.worn) * (1 - 0.15 * head.child)
    found.append((x, y + 0.45 * lift + gap * 0.7 + 0.02 * full, always))
    found.append((head.x + 0.2 * head.s, head.chin - 0.02, always))
    for side in (-1.0, 1.0):
        out = ear_of(head, side) + side * 0.03 * (1 - head.s.abs())
        found.append((out, head.eye + 0.1, head.s * side < 0.1))
    crown = head.x - 0.12 * head.s
    found.append((crown, head.top + 0.06, (rows["hair"] > 0) & (rows["hat"] == 0)))
    place = torch.stack([torch.stack((x, y), -1) for x, y, _ in found], 1)
    facing = torch.stack([shown for _, _, shown in found], 1)
    size = pen.canvas.size
    place = (place + 1) * (size / 2)
    column, line = (place.floor().long().clamp(0, size - 1)).unbind(-1)
    shown = segmentation[torch.arange(len(segmentation))[:, None], line, column]
    own = torch.tensor([PART[name] for name in PARTS_OF])
    covers = torch.tensor([PART[name] for name in COVERS])
    covered = torch.isin(shown, covers) & (shown != own)
    inside = ((place >= 0) & (place < size)).all(-1)
    return Points(place, facing & ~covered & inside)
