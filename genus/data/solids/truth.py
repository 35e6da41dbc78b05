"""Scenes with all that is known of them: masks, boxes, classes of pixels, depth order, shadows."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..worlds.canvas import levels
from ..worlds.parameters import Parameters, taken
from .camera import EDGE, LOW, Placed, placed
from .drawing import Painting, blocks, drawn, in_order
from .relations import relations
from .settings import MOST, SHAPES, checked

CLASSES = ("behind", "ground", *SHAPES)  # of pixels
TONES = ("#b8c4cc", "#8c7a68", "#e6b422", "#3b6fb6", "#c8443c", "#3f9b62", "#8a4fb0", "#e58bb0")
BOUNDS = (  # left, bottom, right and top of the shapes, in radii, besides what differs
    (-1.0, -0.03, 1.0, 1.97),
    (-1.02, -1.02 * LOW, 1.02, 1.36 + 1.02 * LOW),  # both times the cosine of its turn
    (-1.0, -LOW, 1.0, 2.05),
    (-0.88, -0.88 * LOW, 0.88, 1.5 + 0.88 * LOW),
    (-1.09, -0.026, 1.09, 2.05 + 0.28 * LOW),  # and 0.22 times the sine to one side
    (-0.911, -0.02, 0.911, 1.96),
)


class Scene(NamedTuple):
    """Scenes and their truth, n of them; what concerns an object that is not there is 0.

    Args:
        picture: (n, 3, size, size) uint8.
        masks: share of each pixel in which each object is seen, (n, 4, size, size), 0 .. 1.
        whole: the same if nothing stood before it.
        boxes: left, top, right and bottom of each whole object, (n, 4, 4), from 0 at the left and the
            top of the picture to 1.
        segmentation: class of which each pixel shows most, (n, size, size) uint8: CLASSES.
        shadow: strength of the shadow on the ground, (n, size, size), 0 .. 1.
        order: how many objects are farther, (n, 4) int64; -1 for an object that is not there.
        relations: as the function `relations` gives them, (n, 6, 4, 4) bool.
    """

    picture: Tensor
    masks: Tensor
    whole: Tensor
    boxes: Tensor
    segmentation: Tensor
    shadow: Tensor
    order: Tensor
    relations: Tensor


def scenes(parameters: Parameters, size: int) -> Scene:
    """Scenes with all that is known of them.

    Args:
        parameters: parameters of the scenes, each (n,).
        size: height and width in pixels.

    Raises:
        Refused: a parameter is missing, or outside its range.
    """
    checked(parameters)
    parts = [_scene(taken(parameters, some), size) for some in blocks(parameters, size)]
    return Scene(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _scene(parameters: Parameters, size: int) -> Scene:
    block = drawn(parameters, size)
    seen, whole = masks(block)
    where = placed(parameters)
    order = torch.empty_like(where.order)
    order.scatter_(1, where.order, torch.arange(MOST).expand(len(order), -1))
    return Scene(
        levels(block.paint),
        seen,
        whole,
        boxes(parameters, where),
        segmentation(parameters, seen),
        block.shade.permute(2, 0, 1).contiguous(),
        torch.where(where.there, order, -1),
        relations(parameters),
    )


def masks(block: Painting) -> tuple[Tensor, Tensor]:
    """The share of each pixel in which each object is seen, and would be alone, (n, 4, size, size)."""
    stage = block.stage
    count = stage.size**2 * stage.n
    clear = torch.ones(count)
    seen, whole = torch.zeros(MOST * count), torch.zeros(MOST * count)
    for patch, pixels, cover, some in reversed(list(in_order(block.patches))):
        number = patch.sprites.number[some].expand(patch.cover[..., some].shape).flatten()
        there = clear[pixels]
        seen[number * count + pixels] = cover * there
        whole[number * count + pixels] = cover
        clear[pixels] = there * (1 - cover)
    shape = (MOST, stage.size, stage.size, stage.n)
    a, b = (field.view(shape).permute(3, 0, 1, 2).contiguous() for field in (seen, whole))
    return a, b


def segmentation(parameters: Parameters, seen: Tensor) -> Tensor:
    """The class of which each pixel shows most, (n, size, size) uint8."""
    shapes = torch.stack([parameters[f"shape{k + 1}"] for k in range(MOST)], 1) + 2
    return _shown(seen, shapes)


def _shown(seen: Tensor, numbers: Tensor) -> Tensor:
    """The number of what each pixel shows most of, (n, size, size) uint8, each object having its own, (n, 4)."""
    size = seen.shape[-1]
    y = (torch.arange(size) + 0.5) * (2 / size) - 1
    rest = (y > EDGE).to(torch.uint8)[:, None]
    most, which = seen.max(1)
    shown = numbers.gather(1, which.flatten(1)).view(which.shape).to(torch.uint8)
    return torch.where(most > 1 - seen.sum(1), shown, rest)


def classes(parameters: Parameters, size: int) -> Tensor:
    """The class of each pixel of scenes, (n, size, size) uint8: CLASSES."""
    return _of_pixels(parameters, size, segmentation)


def objects(parameters: Parameters, size: int) -> Tensor:
    """The object of which each pixel shows most, (n, size, size) uint8: 0 behind, 1 the ground, 2 the first one."""
    return _of_pixels(parameters, size, lambda part, seen: _shown(seen, _numbers(part)))


def _numbers(parameters: Parameters) -> Tensor:
    return (torch.arange(MOST) + 2).expand(len(parameters["objects"]), -1)


def _of_pixels(
    parameters: Parameters, size: int, of: Callable[[Parameters, Tensor], Tensor]
) -> Tensor:
    found = torch.empty(len(parameters["objects"]), size, size, dtype=torch.uint8)
    for some in blocks(parameters, size):
        part = taken(parameters, some)
        found[some] = of(part, masks(drawn(part, size))[0])
    return found


def boxes(parameters: Parameters, where: Placed | None = None) -> Tensor:
    """Left, top, right and bottom of each whole object, (n, 4, 4), 0 .. 1."""
    where = placed(parameters) if where is None else where
    shapes, turns = (
        torch.stack([parameters[f"{name}{k + 1}"] for k in range(MOST)], 1)
        for name in ("shape", "turn")
    )
    left, bottom, right, top = torch.tensor(BOUNDS)[shapes].unbind(2)
    angle = turns.deg2rad()
    turned = torch.where(shapes == 1, angle.cos(), 1.0)
    aside = torch.where(shapes == 4, angle.sin() * 0.22, 0.0)
    left, right = left * turned + aside.clamp(max=0), right * turned + aside.clamp(min=0)
    high = torch.where(shapes == 1, 1.36, 0.0)
    bottom, top = bottom * turned, high + (top - high) * turned
    line = (0.020 * (parameters["style"] == 1))[:, None]
    found = torch.stack(
        (
            where.x + left * where.radius - line,
            where.y - top * where.radius - line,
            where.x + right * where.radius + line,
            where.y - bottom * where.radius + line,
        ),
        2,
    )
    return ((found + 1) / 2).clamp(0, 1) * where.there[..., None]


def layouts(parameters: Parameters) -> Tensor:
    """The boxes of the objects, and their shapes as ones among zeros, (n, 4, 10)."""
    shapes = torch.stack([parameters[f"shape{k + 1}"] for k in range(MOST)], 1)
    there = torch.arange(MOST) <= parameters["objects"][:, None]
    ones = torch.nn.functional.one_hot(shapes, len(SHAPES)) * there[..., None]
    return torch.cat((boxes(parameters), ones.float()), 2)
