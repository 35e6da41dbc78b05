"""The colours of objects in the light of their scene: matte, glossy or striped, solid or comic."""

import torch
from torch import Tensor

from ..worlds.parameters import Parameters
from .camera import HEIGHTS, LOW, RADII, carried
from .forms import FEET, Form, mix, share
from .grounds import night
from .settings import BALL, BOX, CYLINDER, GLOSSY, MOST, PAINTS, RING, STAR, STRIPED
from .stage import Sprites

INK = (0.13, 0.10, 0.17)


def colours(
    group: Sprites, form: Form, u: Tensor, v: Tensor, line: Tensor, parameters: Parameters
) -> tuple[Tensor, ...]:
    """Red, green and blue of objects in the light of their scene."""
    row, number = group.row, group.number
    nx, ny, nz = form.normal
    material = torch.stack([parameters[f"material{k + 1}"] for k in range(MOST)], 1)[row, number]
    gloss = (material == GLOSSY).float()
    towards = nx * (0.55 * group.side) + ny * 0.60 + nz * 0.58
    aside, up, near = (0.36, 0.20, 0.93) if group.shape == CYLINDER else (0.32, 0.46, 0.86)
    shine = (nx * (aside * group.side) + ny * up + nz * near).clamp_(min=0)
    for _ in range(4):
        shine = shine * shine
    kind, dark = parameters["ground"][row], parameters["time"][row]
    tint = torch.where(dark[:, None] == 1, night(kind) * 0.68 + 0.36, 1.0)
    paints = object_paints(parameters)[row, number]
    stripes = (material == STRIPED).float()
    if bool(stripes.any()):
        far = 0.25 - (form.band - form.band.round()).abs()
        period = group.seen.pixel * 1.6
        pale = (far / period + 0.5).clamp_(0, 1) * stripes
    else:
        pale = None
    lit = towards.clamp(0, 1)
    if group.comic:
        lit = ((towards - 0.36) * 9).clamp_(0, 1)
        amount = lit * 0.30 + 0.72
        ink = share(-form.distance - line, group.seen.pixel)
        if form.line is not None:
            ink = torch.maximum(ink, share(form.line - line * 0.3, group.seen.pixel) * 0.8)
        glint = ((shine - (0.62 if group.shape in (BALL, RING) else 0.84)) * 7).clamp_(0, 1) * (
            gloss * 0.85
        )
    else:
        low = ((0.55 - v) / 0.65).clamp_(0, 1)
        amount = (lit * 0.72 + 0.40 - ny.clamp(max=0) * 0.08) * (1 - low * low * 0.28)
        ink = None
        glint = (shine * shine * (0.85 if group.shape == BALL else 0.4) + shine * 0.16) * gloss
        rim = 1 - nz.clamp(0, 1)
        glint = glint + rim * rim * rim * (gloss * 0.16)
        if form.line is not None:
            glint = glint + (1 - form.line / 0.05).clamp_(0, 1) * 0.09
    if group.shape in (BOX, STAR) and bool((gloss > 0).any()):
        glint = glint + _streaks(u, v, group) * (gloss * (0.55 if group.comic else 0.42))
    found = []
    for channel, (cool, cream) in enumerate(((-0.02, 0.97), (0.0, 0.94), (0.045, 0.86))):
        own = paints[:, channel]
        base = own if pale is None else own + pale * ((cream - own) * 0.88)
        warm = amount + (1 - lit) * cool
        shown = base * warm
        shown = (shown + glint * (1 - shown * 0.5)) * tint[:, channel]
        if ink is not None:
            shown = mix(shown, INK[channel] * tint[:, channel], ink)
        found.append(shown.clamp_(0, 1))
    dark = _stood_on(group, u, v, parameters) if group.shape in (BOX, CYLINDER) else None
    return tuple(part if dark is None else part * (1 - dark) for part in found)


def _streaks(u: Tensor, v: Tensor, group: Sprites) -> Tensor:
    """Two slanted streaks, as windows leave them on flat and glossy sides."""
    across = (v - 0.85) * 0.5 + (u * -group.side + 0.22)
    edge = group.seen.pixel * 1.2
    wide = (0.14 - across.abs()) / edge + 0.5
    thin = (0.05 - (across - 0.3).abs()) / edge + 0.5
    return torch.maximum(wide.clamp_(0, 1), thin.clamp_(0, 1))


def _stood_on(group: Sprites, u: Tensor, v: Tensor, parameters: Parameters) -> Tensor | None:
    """The shade on the lids of objects on which another stands; None if none of them is such."""
    row = group.row
    there = carried(parameters)[row] & (group.number == 1)
    if not bool(there.any()):
        return None
    radii = torch.tensor(RADII)
    feet = torch.tensor(FEET)[parameters["shape1"][row]]
    foot = feet * radii[parameters["size1"][row]] / radii[parameters["size2"][row]]
    up = v - HEIGHTS[group.shape]
    away = (u - group.side * -0.12).square() + (up * (1 / LOW)).square()
    near = (1 - (away.sqrt_() - foot) * 3).clamp_(0, 1) * (up > -0.25)
    return near * near * (0.42 * there)


def object_paints(parameters: Parameters) -> Tensor:
    """The colours of the objects, (n, 4, 3), 0 .. 1."""
    table = torch.tensor([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in PAINTS])
    return table[torch.stack([parameters[f"colour{k + 1}"] for k in range(MOST)], 1)]
