"""Figures: people who stand in any pose and wear what is asked for, of whom everything is known.

    figures          one person, with all parameters of data/bodies/settings.py

Maps are given beside the pictures: `segmentation`, the parts in colours; `edges`, the lines between them; `pose`, the
limbs as coloured sticks; and `outfit`, the sticks of the pose with the garments laid flat beside them, in the upper
corners, which is what a model needs that is to dress a person.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import Reals
from ..bodies import drawing
from ..bodies.body import JOINTS, SOLE, Body, body_of, pose
from ..bodies.drawing import Brush, bottom, figure, sleeve, top
from ..bodies.settings import PARAMETERS, PARTS, SIDES, TABLES, TONES, upright
from .canvas import Canvas, colour, levels, padded, plain, shaded
from .maps import edges_of, segmentation_in
from .parameters import Parameters, checked, taken
from .reading import source
from .shapes import capsule, coverage, ellipse, rise
from .wishes import recipe
from .world import Companion, World

BLOCK = 2**16  # pixels of the pictures that are drawn at once
STICKS = {  # limbs, and the colours of their sticks
    "neck waist": "#ffffff",
    "neck head": "#9aa0a6",
    "neck left_shoulder": "#ff8a65",
    "left_shoulder left_elbow": "#ff5252",
    "left_elbow left_hand": "#ffb74d",
    "neck right_shoulder": "#4dd0e1",
    "right_shoulder right_elbow": "#448aff",
    "right_elbow right_hand": "#7c4dff",
    "waist left_hip": "#dce775",
    "left_hip left_knee": "#aed581",
    "left_knee left_foot": "#4caf50",
    "waist right_hip": "#f48fb1",
    "right_hip right_knee": "#f06292",
    "right_knee right_foot": "#c2185b",
}
FLAT = 0.62  # scale of garments that are laid flat
FLOOR = 0.62  # where the floor begins


class Person(NamedTuple):
    """Figures and their truth, n of them.

    Args:
        picture: (n, 3, size, size) uint8.
        segmentation: number of the part of which each pixel shows most, (n, size, size) uint8: PARTS.
        shares: share of each pixel in which each part is seen, (n, parts, size, size), 0 .. 1.
        joints: places of the joints, (n, joints, 2), from -1 to 1 to the right and down: JOINTS.
    """

    picture: Tensor
    segmentation: Tensor
    shares: Tensor
    joints: Tensor


def parameters(n: int, seed: int = 0, wishes: Mapping[str, str] | None = None) -> Parameters:
    """The parameters of n figures, each (n,): those of the first training rows of `load("figures")`.

    Args:
        n: number of figures.
        seed: number of the draw.
        wishes: laws in words, by parameter, such as {"top": "dress", "left_shoulder": "80..100"}.
    """
    key = ("figures", seed, "train")
    return recipe("figures", PARAMETERS, wishes or {}).drawn(key, torch.arange(n))


def figures(parameters: Parameters, size: int) -> Person:
    """Figures with all that is known of them.

    Args:
        parameters: parameters of the figures, each (n,).
        size: height and width in pixels.

    Raises:
        Refused: a parameter is missing, or outside its range.
    """
    checked("figures", parameters, PARAMETERS)
    n = len(parameters["build"])
    pictures = torch.empty(n, 3, size, size, dtype=torch.uint8)
    shares = torch.empty(n, len(PARTS), size, size)
    for which in _blocks(n, size):
        canvas, body = _begun(taken(parameters, which), size, remember=True)
        pictures[which] = _picture(canvas, body)[: len(which)]
        shares[which] = _parts(canvas)[: len(which)]
    joints = pose(parameters).unflatten(1, (len(JOINTS), 2))
    return Person(pictures, shares.argmax(1).to(torch.uint8), shares, joints)


def draw(parameters: Parameters, size: int) -> Tensor:
    """Pictures, (n, 3, size, size) uint8."""
    return _each(parameters, size, (3, size, size), _picture)


def classes(parameters: Parameters, size: int) -> Tensor:
    """The part of which each pixel shows most, (n, size, size) uint8: its number in PARTS."""
    return _each(parameters, size, (size, size), _classes)


def poses(parameters: Parameters, size: int) -> Tensor:
    """Limbs as coloured sticks on black, (n, 3, size, size) uint8."""
    return _each(parameters, size, (3, size, size), lambda canvas, body: _sticks(canvas, body))


def outfits(parameters: Parameters, size: int) -> Tensor:
    """Sticks, and in the upper corners the garments laid flat, (n, 3, size, size) uint8."""
    return _each(parameters, size, (3, size, size), _outfit)


Drawn = Callable[[Canvas, Body], Tensor]  # from an empty canvas and the bodies of a block


def _each(parameters: Parameters, size: int, shape: tuple[int, ...], of: Drawn) -> Tensor:
    """What a function draws of all rows, (n, *shape) uint8, block by block."""
    n = len(parameters["build"])
    found = torch.empty(n, *shape, dtype=torch.uint8)
    for which in _blocks(n, size):
        found[which] = of(*_begun(taken(parameters, which), size))[: len(which)]
    return found


def _blocks(n: int, size: int) -> list[Tensor]:
    return [*torch.arange(n).split(max(32, BLOCK // size**2 // 32 * 32))] if n else []


def _begun(parameters: Parameters, size: int, *, remember: bool = False) -> tuple[Canvas, Body]:
    """An empty canvas, and the bodies of as many rows as it has."""
    n = len(parameters["build"])
    rest = padded(n) - n
    full = {name: torch.cat((v, v[:1].expand(rest))) for name, v in parameters.items()}
    return Canvas(size, n + rest, remember=remember), body_of(full)


# --- what is drawn ------------------------------------------------------------------------------


def _picture(canvas: Canvas, body: Body) -> Tensor:
    figure(Brush(canvas, body))
    return levels(canvas.over(_ground(canvas, body)))


def _classes(canvas: Canvas, body: Body) -> Tensor:
    again = Canvas(canvas.size, canvas.rows, remember=True)
    figure(Brush(again, body))
    return _parts(again).argmax(1).to(torch.uint8)


def _parts(canvas: Canvas) -> Tensor:
    """The share of each pixel in which each part is seen, (rows, parts, size, size)."""
    own = canvas.parts(len(PARTS))
    own[0] += 1 - canvas.paint[3]
    return own.permute(3, 0, 1, 2)


def _ground(canvas: Canvas, body: Body) -> Tensor:
    """A wall, a floor, and the shadow of the feet, (3, size, size, rows)."""
    tone, window = colour(TABLES["ground"].rgb(body.rows)), canvas.whole
    floor = coverage(FLOOR - window.y, canvas.pixel)
    paint = tone.lerp(shaded(tone, 0.82), floor)
    feet = [body.joints[f"{side}_foot"] for side in SIDES]
    middle = (feet[0][0] + feet[1][0]) / 2
    wide = (feet[0][0] - feet[1][0]).abs() / 2 + 0.16
    shadow = 1 - rise(
        ellipse(window.x - middle, window.y - SOLE - 0.02, wide, wide * 0 + 0.05), -0.04, 0.02
    )
    return paint.lerp(shaded(tone, 0.6), shadow * 0.7)[:3]


def _sticks(canvas: Canvas, body: Body) -> Tensor:
    half = max(0.02, 0.8 * canvas.pixel)
    for limb, tone in STICKS.items():
        start, end = (body.joints[name] for name in limb.split())
        distance = capsule(canvas.whole.x, canvas.whole.y, start, end, half)
        canvas.lay(canvas.whole, coverage(distance, canvas.pixel), plain(tone))
    return levels(canvas.paint[:3])


def _outfit(canvas: Canvas, body: Body) -> Tensor:
    flat = body_of(upright(body.rows))
    above = Brush(canvas, flat.moved(FLAT, -0.66, -0.58))
    top(above)
    for side in SIDES:
        sleeve(above, side)
    bottom(Brush(canvas, flat.moved(FLAT, 0.72, -0.9)))
    return _sticks(canvas, body)


MAPS = {
    "segmentation": segmentation_in(classes, TONES),
    "edges": edges_of(classes),
    "pose": poses,
    "outfit": outfits,
}
FIGURES = World(
    "figures",
    PARAMETERS,
    draw,
    (Path(__file__).parent, Path(drawing.__file__).parent),
    contexts={"joints": Companion(Reals((2 * len(JOINTS),)), pose)},
    maps=MAPS,
)
SETS = {FIGURES.name: source(FIGURES)}
