"""Portraits: faces that the library draws, of which everything is known.

portraits        2,048 people, with all parameters of data/faces/people.py
portraits_six    six independent factors; all else is fixed
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor

from ...core import Refused, at_least
from ..faces import face, features, hair, wear
from ..faces.beard import beard
from ..faces.captions import LENGTH, captions, vocabulary
from ..faces.clothes import clothes
from ..faces.ground import ground, lit
from ..faces.head import Pen, head_of
from ..faces.motion import flow
from ..faces.people import FACTORS, PARAMETERS, PARTS, SIX, TONES
from ..faces.points import NAMES, Points, points
from .canvas import Canvas, levels, padded
from .maps import edges_of, segmentation_in
from .parameters import Parameters, checked, taken
from .reading import source
from .shapes import wave
from .wishes import recipe
from .world import World

BLOCK = 2**17  # pixels of the pictures that are drawn at once: they stay in a processor's cache


class Portrait(NamedTuple):
    """Portraits and their truth, n of them.

    Args:
        picture: (n, 3, size, size) uint8: alpha * foreground + (1 - alpha) * background, as levels.
        segmentation: number of the part of which each pixel shows most, (n, size, size) uint8; their
            names are PARTS.
        alpha: share of each pixel that the person covers, strands of hair included,
            (n, 1, size, size), 0 .. 1.
        foreground: colour of the person in each pixel, (n, 3, size, size), 0 .. 1; black where there
            is nobody.
        background: what is behind, (n, 3, size, size), 0 .. 1.
        shares: share of each pixel in which each part is seen, (n, parts, size, size), 0 .. 1.
        points: key points; their names are `faces.points.NAMES`.
    """

    picture: Tensor
    segmentation: Tensor
    alpha: Tensor
    foreground: Tensor
    background: Tensor
    shares: Tensor
    points: Points


def parameters(n: int, seed: int = 0, wishes: Mapping[str, str] | None = None) -> Parameters:
    """The parameters of n people, each (n,): those of the first training rows of `load("portraits")`.

    Args:
        n: number of people.
        seed: number of the draw.
        wishes: laws in words, by parameter, such as {"glasses": "round", "yaw": "-30..30"}.
    """
    key = (PORTRAITS.name, seed, "train")
    return recipe(PORTRAITS.name, PARAMETERS, wishes or {}).drawn(key, torch.arange(n))


@overload
def draw(parameters: Parameters, size: int) -> Tensor: ...


@overload
def draw(parameters: Parameters, size: int, *, everything: Literal[True]) -> Portrait: ...


def draw(parameters: Parameters, size: int, *, everything: bool = False) -> Tensor | Portrait:
    """Portraits of these people.

    Args:
        parameters: value of each parameter in each row, (n,).
        size: height and width in pixels.
        everything: whether segmentation, alpha, layers and key points come with the pictures.

    Returns:
        The pictures, (n, 3, size, size) uint8, or a `Portrait`.
    """
    checked("portraits", parameters, PARAMETERS)
    n = len(parameters["identity"])
    if not everything:
        found = torch.empty(n, 3, size, size, dtype=torch.uint8)
        for which in blocks(parameters, size):
            canvas, pen = painted(taken(parameters, which), size)
            found[which] = levels(canvas.over(lit(pen, ground(pen))))[: len(which)]
        return found
    return _everything(parameters, size)


def _everything(parameters: Parameters, size: int) -> Portrait:
    n = len(parameters["identity"])
    empty = torch.empty(n, 4 + 3 + len(PARTS), size, size)
    alpha, foreground, background, shares = empty.split([1, 3, 3, len(PARTS)], 1)
    found = torch.empty(n, 3, size, size, dtype=torch.uint8)
    segmentation = torch.empty(n, size, size, dtype=torch.uint8)
    places, seen = torch.empty(n, len(NAMES), 2), torch.empty(n, len(NAMES), dtype=torch.bool)
    for which in blocks(parameters, size):
        canvas, pen = painted(taken(parameters, which), size, remember=True)
        own, behind = canvas.parts(len(PARTS)), lit(pen, ground(pen))
        own[0] += 1 - canvas.paint[3]
        front = canvas.paint[:3] / canvas.paint[3].clamp(min=1e-6)
        whole = (canvas.paint[3:], front, behind, own)
        for field, one in zip((alpha, foreground, background, shares), whole, strict=True):
            field[which] = one.permute(3, 0, 1, 2)[: len(which)]
        shown = own.argmax(0).to(torch.uint8).permute(2, 0, 1)
        found[which] = levels(canvas.over(behind))[: len(which)]
        segmentation[which] = shown[: len(which)]
        near = points(pen, shown)
        places[which], seen[which] = near.places[: len(which)], near.seen[: len(which)]
    rest = (segmentation, alpha, foreground, background, shares)
    return Portrait(found, *rest, Points(places, seen))


def classes(parameters: Parameters, size: int) -> Tensor:
    """The part of which each pixel shows most, (n, size, size) uint8: its number in PARTS."""
    found = torch.empty(len(parameters["identity"]), size, size, dtype=torch.uint8)
    for which in blocks(parameters, size):
        canvas, _ = painted(taken(parameters, which), size, remember=True)
        own = canvas.parts(len(PARTS))
        own[0] += 1 - canvas.paint[3]
        found[which] = own.argmax(0).to(torch.uint8).permute(2, 0, 1)[: len(which)]
    return found


class Clip(NamedTuple):
    """Clips of n people.

    Args:
        frames: (n, frames, 3, size, size) uint8.
        flow: way of what is seen in each pixel to the next frame, to the right and down, in pixels,
            (n, frames - 1, 2, size, size).
        holds: where that is known, and what is seen stays in view, (n, frames - 1, size, size) bool.
        parameters: parameters of each frame, in rows of n.
    """

    frames: Tensor
    flow: Tensor
    holds: Tensor
    parameters: list[Parameters]


def clip(
    parameters: Parameters, size: int, kind: Literal["turn", "talk", "blink"], frames: int = 12
) -> Clip:
    """Clips in which people turn their heads, talk, or blink and look around.

    Args:
        parameters: the people, each (n,).
        size: height and width in pixels.
        kind: what moves.
        frames: number of frames, at least 2.
    """
    at_least(2, "portraits.clip", frames=frames)
    if kind not in MOVES:
        raise Refused(f"portraits.clip: kind is '{kind}'; one of {', '.join(MOVES)} is wanted")
    checked("portraits", parameters, PARAMETERS)
    n = len(parameters["identity"])
    steps = [parameters | MOVES[kind](parameters, i / (frames - 1)) for i in range(frames)]
    pictures = torch.stack([draw(step, size) for step in steps], 1)
    moved = torch.zeros(n, frames - 1, 2, size, size)
    holds = torch.zeros(n, frames - 1, size, size, dtype=torch.bool)
    for which in blocks(parameters, size):
        canvases = [painted(taken(step, which), size, remember=True) for step in steps]
        for number, pair in enumerate(pairwise(canvases)):
            way, there = flow(*pair)
            moved[which, number], holds[which, number] = way[: len(which)], there[: len(which)]
    return Clip(pictures, moved, holds, steps)


def _turn(start: Parameters, t: float) -> Parameters:
    return {"yaw": torch.full_like(start["yaw"], 90 * t - 45)}


def _talk(start: Parameters, t: float) -> Parameters:
    beat = torch.full_like(start["yaw"], 5 * t)
    wide = 0.5 - 0.5 * wave(beat + 0.25)
    rounded = 0.5 + 0.5 * wave(beat * 0.6)
    return {"mouth": torch.ones_like(start["mouth"]), "mouth_open": wide, "mouth_round": rounded}


def _blink(start: Parameters, t: float) -> Parameters:
    look = wave(torch.full_like(start["yaw"], t))
    shut = (1 - (torch.full_like(look, t) - 0.5).abs() * 6).clamp(0, 1)
    return {"gaze": look, "blink": shut, "eyes": torch.zeros_like(start["eyes"])}


MOVES = {"turn": _turn, "talk": _talk, "blink": _blink}


def blocks(parameters: Parameters, size: int) -> list[Tensor]:
    """Rows that are drawn at once: neighbours have what costs most in common, the first most of all.

    What no row of a block has is not drawn at all.
    """
    rows = parameters
    long = torch.tensor([hair.FORMS[name][6] > 0 for name in hair.HAIR])[rows["hair"]]
    cheeks = (rows["beard"] == 1) | (rows["beard"] == 4)
    lined = (rows["age"] > 2, rows["light"] == 1, (rows["hair"] > 4) & (rows["hair"] < 7))
    key = torch.zeros_like(rows["style"])
    for flag in (rows["style"] == 1, long, cheeks, rows["glasses"] > 0, rows["hat"] > 0, *lined):
        key = key * 2 + flag
    return list(key.argsort(stable=True).split(max(32, BLOCK // size**2 // 32 * 32)))


def painted(parameters: Parameters, size: int, *, remember: bool = False) -> tuple[Canvas, Pen]:
    """The canvas of one block of people, on transparent ground, and the pen that has painted it."""
    n = len(parameters["identity"])
    rest = padded(n) - n
    full = {k: torch.cat((v, v[:1].expand(rest))) for k, v in parameters.items()}
    canvas = Canvas(size, n + rest, remember=remember)
    pen = Pen(canvas, head_of(full))
    tresses = hair.hair_of(pen)
    brow = hair.brow_tone(pen, tresses)
    hair.behind(pen, tresses)
    face.neck(pen)
    clothes(pen)
    face.ears(pen, near=False)
    inside = face.skin(pen)
    face.ears(pen, near=True)
    hair.shadow(pen, tresses, inside)
    face.cheeks(pen, inside)
    face.wrinkles(pen, inside)
    features.eyes(pen, inside)
    features.brows(pen, inside, brow)
    face.nose(pen, inside)
    beard(pen, tresses, inside, brow)
    features.mouth(pen, inside)
    hair.cap(pen, tresses)
    hair.locks(pen, tresses)
    hair.strands(pen, tresses)
    wear.glasses(pen)
    wear.hat(pen)
    canvas.paint[:3] = lit(pen, canvas.paint[:3], 0.85)
    return canvas, pen


FOLDERS = (Path(__file__).parent, Path(face.__file__).parent)
SPEECH = {"captions": captions, "words": vocabulary(), "length": LENGTH}
MAPS = {"segmentation": segmentation_in(classes, TONES), "edges": edges_of(classes)}
PORTRAITS = World("portraits", PARAMETERS, draw, FOLDERS, maps=MAPS, **SPEECH)
FREE = tuple(replace(one, of="") if one.name in FACTORS else one for one in PARAMETERS)
PORTRAITS_SIX = World("portraits_six", FREE, draw, FOLDERS, fixed=SIX, **SPEECH)
SETS = {world.name: source(world) for world in (PORTRAITS, PORTRAITS_SIX)}
