"""Scenes as pictures: the ground, the shadows on it, and the objects from the farthest to the nearest.

Objects of one shape and style are drawn together, each in a small window of its own, and then laid on
their scenes in the order of depth.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..worlds.canvas import levels
from ..worlds.parameters import Parameters, taken
from .camera import HEIGHTS, LOW, Placed, placed
from .colours import colours
from .forms import FALL, FEET, FORMS, Seen, shadow, share
from .grounds import bank, keyed, lights
from .settings import MOST, SHAPES
from .stage import Patch, Screens, Sprites

HALF = (1.06, 1.08, 1.06, 0.95, 1.24, 0.97)  # how far a shape reaches to each side, in radii
LOWEST = (0.05, 0.42, 0.42, 0.36, 0.05, 0.05)  # and below the middle of its base
HIGHEST = (2.0, 1.80, 2.08, 1.88, 2.1, 2.0)  # and above
AT_ONCE = 900000  # pixels of scenes that are drawn at once
IN_CACHE = 2**15  # pixels of windows that are drawn at once


class Painting(NamedTuple):
    """A block of scenes.

    Args:
        paint: the picture, (3, size, size, n), 0 .. 1.
        shade: strength of the shadow on the ground, (size, size, n), 0 .. 1.
        patches: windows of the objects.
        stage: the stage.
    """

    paint: Tensor
    shade: Tensor
    patches: list[Patch]
    stage: "Screens"


def draw(parameters: Parameters, size: int) -> Tensor:
    """Pictures of scenes, (n, 3, size, size) uint8.

    Args:
        parameters: parameters of the scenes, each (n,).
        size: height and width in pixels.
    """
    found = torch.empty(len(parameters["objects"]), 3, size, size, dtype=torch.uint8)
    for which in blocks(parameters, size):
        found[which] = levels(drawn(taken(parameters, which), size).paint)
    return found


def blocks(parameters: Parameters, size: int) -> Iterator[Tensor]:
    """The numbers of rows that are drawn at once."""
    yield from torch.arange(len(parameters["objects"])).split(max(16, AT_ONCE // size**2))


def drawn(parameters: Parameters, size: int) -> Painting:
    """A block of scenes."""
    where = placed(parameters)
    stage = Screens(size, len(where.there))
    groups = list(sprites(parameters, where, stage))
    shade = _shade(stage, groups)
    patches = [_patch(stage, group, parameters) for group in groups]
    paint = _ground(stage, parameters, shade)
    for patch, pixels, cover, some in in_order(patches):
        under = paint[:, pixels]
        for channel in range(3):
            colour = patch.colour[channel][..., some].flatten()
            under[channel] += (colour - under[channel]) * cover
        paint[:, pixels] = under
    return Painting(stage.shaped(paint), stage.shaped(shade), patches, stage)


def in_order(patches: list[Patch]) -> Iterator[tuple[Patch, Tensor, Tensor, slice]]:
    """The windows in the order of painting, with their pixels and how much of these is covered."""
    for rank in range(MOST):
        for patch in patches:
            start, end = (int((patch.sprites.rank < r).sum()) for r in (rank, rank + 1))
            if end > start:
                some = slice(start, end)
                yield (
                    patch,
                    patch.pixels[..., some].flatten(),
                    patch.cover[..., some].flatten(),
                    some,
                )


def sprites(parameters: Parameters, where: Placed, stage: Screens) -> Iterator[Sprites]:
    """The objects of scenes by shape and style."""
    n = stage.n
    shapes, turns = (
        torch.stack([parameters[f"{name}{k + 1}"] for k in range(MOST)], 1)
        for name in ("shape", "turn")
    )
    rank = torch.empty_like(where.order).scatter_(1, where.order, torch.arange(MOST).expand(n, -1))
    comic = (parameters["style"] == 1)[:, None].expand(-1, MOST)
    light = (parameters["light"] * 2 - 1).float()
    half = turns * (0.00872664626 * 1.0)  # half the angle, in radians
    tangent = half + half * half * half * (1 / 3)
    cosine = (1 - tangent * tangent) / (1 + tangent * tangent)
    sine = 2 * tangent / (1 + tangent * tangent)
    kinds = torch.where(where.there, shapes * 2 + comic, -1).flatten()
    for kind in range(2 * len(SHAPES)):
        which = (kinds == kind).nonzero().flatten()
        which = which[rank.flatten()[which].argsort(stable=True)]
        row, number = which // MOST, which % MOST
        radius = where.radius.flatten()[which]
        widest = float(radius.max()) if len(which) else 0.0
        many = max(8, int(IN_CACHE / (3 * widest / stage.pixel + 3) ** 2))
        for some in (slice(i, i + many) for i in range(0, len(which), many)):
            one = which[some]
            r = radius[some]
            seen = Seen(cosine.flatten()[one], sine.flatten()[one], stage.pixel / r)
            yield Sprites(
                kind // 2, bool(kind % 2), row[some], number[some], rank.flatten()[one],
                where.x.flatten()[one], where.y.flatten()[one], r, where.lift.flatten()[one],
                seen, light[row[some]],
            )  # fmt: skip


# --- the ground -------------------------------------------------------------------------------


def _ground(stage: Screens, parameters: Parameters, shade: Tensor) -> Tensor:
    """The grounds with their light and shadows, (3, pixels)."""
    kind, time = parameters["ground"], parameters["time"]
    keys = keyed(parameters["style"], time, kind, parameters["texture"])
    pictures, which = bank(stage.size, keys)
    fields = lights(stage.size).view(4, -1).T.contiguous()
    light = fields[:, parameters["light"] * 2 + time]
    flat = (parameters["style"] == 1) & (time == 0)
    light = torch.where(flat, 1.0, light).view(-1)
    paint = pictures.view(3, -1, pictures.shape[-1])[..., which].view(3, -1)
    for channel, dark in enumerate((0.86, 0.80, 0.66)):
        paint[channel] *= light * (1 - shade * dark)
    return paint


def _shade(stage: Screens, groups: list[Sprites]) -> Tensor:
    """The strength of the shadows on the ground, (pixels,)."""
    shade = stage.empty()
    found = [_shadows(stage, group) for group in groups]
    patches = [
        Patch(group, pixels, cover) for group, (pixels, cover) in zip(groups, found, strict=True)
    ]
    for _, pixels, cover, _ in in_order(patches):
        shade[pixels] = torch.maximum(shade[pixels], cover)
    return shade


def _shadows(stage: Screens, group: Sprites) -> tuple[Tensor, Tensor]:
    """Where shadows may fall, and their strength there."""
    r, e = group.radius, LOW
    side = -group.side
    base = group.y + group.lift * r
    high = HEIGHTS[group.shape] + group.lift
    reach, half = 1.15 + FALL[0] * high, 1.35
    left = torch.where(side > 0, -half, -reach)
    right = torch.where(side > 0, reach, half)
    back = (1.2 + FALL[1] * high) * e
    x, y, pixels = stage.window(
        group.row, group.x + left * r, base - back * r, group.x + right * r, base + 1.35 * e * r
    )
    gx, gz = (x - group.x) / r, (base - y) / (r * e)
    kx, kz = FALL[0] * side * group.lift, FALL[1] * group.lift
    distance, far = shadow(group.shape, gx - kx, gz - kz, group.seen, side)
    if group.comic:
        strength = (0.5 - distance / (group.seen.pixel * 1.6)).clamp_(0, 1) * 0.46
    else:
        soft = torch.maximum((far + 0.12 * group.lift) * 0.55 + 0.13, group.seen.pixel * 1.6)
        edge = (0.5 - distance / soft).clamp_(0, 1)
        strength = edge * edge * (3 - 2 * edge) * (0.56 - 0.22 * far)
    near = ((gx * gx + gz * gz).sqrt_() - FEET[group.shape]) * (1 / 0.5)
    near = (1 - near).clamp_(0, 1)
    under = near * near * ((0.25 if group.comic else 0.5) * (group.lift == 0))
    return pixels, torch.maximum(strength, under)


# --- objects ----------------------------------------------------------------------------------


def _patch(stage: Screens, group: Sprites, parameters: Parameters) -> Patch:
    """The windows of objects, with their colours."""
    r = group.radius
    x, y, pixels = stage.window(
        group.row,
        group.x - HALF[group.shape] * r,
        group.y - HIGHEST[group.shape] * r,
        group.x + HALF[group.shape] * r,
        group.y + LOWEST[group.shape] * r,
    )
    u, v = (x - group.x) / r, (group.y - y) / r
    form = FORMS[group.shape](u, v, group.seen)
    line = torch.clamp(0.020 / r, min=0.42 * stage.pixel / r)
    outer = form.distance - line if group.comic else form.distance
    cover = share(outer, group.seen.pixel)
    return Patch(group, pixels, cover, colours(group, form, u, v, line, parameters))
