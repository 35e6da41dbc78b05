"""The six shapes, each as a silhouette with the direction of its surface at every point.

Coordinates are those of the object: u to the right and v up from the middle of its base, in radii.
Fields are (height, width, objects), the objects last, as on a `Canvas`; only the four operations,
comparisons and square roots are used, so that an object is the same bits in any company.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..worlds.shapes import ellipse
from .camera import LOW


class Seen(NamedTuple):
    """What differs from object to object of a shape, each (objects,).

    Args:
        cosine, sine: of the angle by which it is turned.
        pixel: side of a pixel, in radii.
    """

    cosine: Tensor
    sine: Tensor
    pixel: Tensor


class Form(NamedTuple):
    """A shape as it is seen, in fields.

    Args:
        distance: signed distance to its silhouette, in radii.
        normal: direction of the surface, to the right, up and to the eye.
        band: number of the stripe at each point, two a period.
        line: distance to edges inside the silhouette, if there are any.
    """

    distance: Tensor
    normal: tuple[Tensor, Tensor, Tensor]
    band: Tensor
    line: Tensor | None = None


def share(distance: Tensor, pixel: Tensor) -> Tensor:
    """The share of each pixel that is inside."""
    return (0.5 - distance / pixel).clamp_(0, 1)


def mix(first: Tensor | float, second: Tensor | float, part: Tensor) -> Tensor:
    """A share of the second in the first, by two exact operations."""
    return first + (second - first) * part  # pyright: ignore[reportReturnType]


def ball(u: Tensor, v: Tensor, seen: Seen) -> Form:
    """A ball; its stripes lie around a tilted axis."""
    w = v - 0.97
    square = u * u + w * w
    nz = (1 - square).clamp_(min=0).sqrt_()
    distance = square.sqrt_() - 1
    band = (u * 0.36 + w * 0.86 + nz * 0.36) * 2.3 + 0.25
    return Form(distance, (u.expand_as(nz), w.expand_as(nz), nz), band)


def box(u: Tensor, v: Tensor, seen: Seen) -> Form:
    """A cube that shows two sides and its top."""
    d, high = 1.02, 1.36
    c, s, e = seen.cosine, seen.sine, LOW
    right, left = e * (c + s) / (c - s), -e * (c - s) / (c + s)  # slopes of the two lower edges
    steep_p, steep_q = (right * right + 1).sqrt(), (left * left + 1).sqrt()
    near_u, near_v = d * s, -d * e * c
    p_near, q_near = near_v - right * near_u, near_v - left * near_u
    p, q = v - right * u - p_near, v - left * u - q_near  # height above the lower edges
    p_far, q_far = -2 * p_near, -2 * q_near
    wide = u.abs() - d * c
    low = torch.maximum(-p / steep_p, -q / steep_q)
    top = torch.maximum((p - p_far - high) / steep_p, (q - q_far - high) / steep_q)
    distance = torch.maximum(torch.maximum(low, top), wide)
    lid = torch.maximum((high - p) / steep_p, (high - q) / steep_q)  # negative on the top
    at_top = share(lid, seen.pixel)
    at_right = share(near_u - u, seen.pixel)
    half = 0.70710678
    nx = mix(half * (s - c), half * (s + c), at_right) * (1 - at_top)
    nz = mix(mix(half * (c + s), half * (c - s), at_right), e, at_top)
    height = torch.where(u > near_u, p, q)
    band = torch.where(lid < 0, (p - high) / p_far * 2.0 + 0.25, height * (2.0 / high) + 0.25)
    upright = torch.maximum((u - near_u).abs(), -lid)
    seam = torch.where(u > near_u, (p - high).abs() / steep_p, (q - high).abs() / steep_q)
    return Form(distance, (nx, at_top * 0.93, nz), band, torch.minimum(upright, seam))


def cone(u: Tensor, v: Tensor, seen: Seen) -> Form:
    """A cone; its stripes lie around it."""
    high = 2.05
    e = LOW
    steep = e / high
    touch = (1 - steep * steep) ** 0.5  # where its sides leave the base
    slope = touch / (high - e * steep)
    half = (high - v) * slope
    side = (u.abs() - half) / (slope * slope + 1) ** 0.5
    base = ellipse(u, v, 1.0, e)
    distance = torch.minimum(torch.maximum(side, e * steep - v), base)
    across = (u / half.clamp(min=0.04)).clamp(-1, 1)
    round_ = (1 - across * across).sqrt_()
    band = (v + e * half * round_) * 1.35
    blunt = (v - 1.9).clamp(0, 0.15) * 3.0
    return Form(distance, (across * 0.9, 0.44 + blunt.expand_as(round_), round_ * 0.9), band)


def cylinder(u: Tensor, v: Tensor, seen: Seen) -> Form:
    """A cylinder with its lid; its stripes lie around it."""
    wide, high = 0.88, 1.5
    e = LOW * wide
    lid = ellipse(u, v - high, wide, e)
    base = ellipse(u, v, wide, e)
    side = u.abs() - wide
    body = torch.maximum(side, torch.maximum(v - high, -v))
    distance = torch.minimum(body, torch.minimum(lid, base))
    across = (u / wide).clamp(-1, 1)
    round_ = (1 - across * across).sqrt_()
    at_top = share(lid, seen.pixel)
    nx, nz = across * (1 - at_top), mix(round_, LOW, at_top)
    band = (v + e * round_) * 1.5 + 0.1
    band = torch.where(lid < 0, torch.full_like(band, 0.5), band)
    return Form(distance, (nx, at_top * 0.93, nz), band, lid.abs())


RAYS = ((0.0, 1.0), (0.9510565, 0.3090170), (0.5877853, -0.8090170),
        (-0.5877853, -0.8090170), (-0.9510565, 0.3090170))  # fmt: skip


def _star(u: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distance to a star around the origin, and the direction to the edge that each point belongs to.

    A point lies in a star of five lines if it is beyond at most one of them.
    """
    most = torch.full_like(u + w, -9.0)
    second, nx, ny = most.clone(), torch.zeros_like(most), torch.zeros_like(most)
    mx, my = nx, ny
    for a, b in RAYS:
        far = u * a + w * b
        first = far > most
        later = far > second
        nx = torch.where(first, mx, torch.where(later, a, nx))
        ny = torch.where(first, my, torch.where(later, b, ny))
        second = torch.maximum(second, torch.minimum(far, most))
        mx, my = torch.where(first, a, mx), torch.where(first, b, my)
        most = torch.maximum(most, far)
    blunt = (u * u + w * w).sqrt_() - 1.12
    return torch.maximum(second - 0.43, blunt), nx, ny


def star(u: Tensor, v: Tensor, seen: Seen) -> Form:
    """A thick star with ten facets, that stands on two of its tips."""
    w = v - 0.93
    front, nx, ny = _star(u, w)
    back, _, _ = _star(u - seen.sine * 0.22, w - LOW * 0.28)
    distance = torch.minimum(front, back)
    inside = share(front, seen.pixel)
    band = (u * u + w * w).sqrt_() * 2.2 + 0.25
    flat = 0.52
    normal = (nx * flat * inside, mix(0.85, ny * flat, inside), mix(0.25, 0.85, inside))
    return Form(distance, normal, band, torch.maximum(front.abs(), back))


def ring(u: Tensor, v: Tensor, seen: Seen) -> Form:
    """A ring that stands upright."""
    narrow, middle, tube = 0.92, 0.72, 0.27
    a, w = u / narrow, v - 0.97
    radius = (a * a + w * w).sqrt_().clamp_(min=1e-3)
    t = ((radius - middle) / tube).clamp(-1, 1)
    distance = ((radius - middle).abs() - tube) * 0.96
    nz = (1 - t * t).sqrt_()
    round_ = torch.where(w >= 0, 1.0, -1.0) * (1 - a / (a.abs() + w.abs()).clamp(min=1e-3))
    return Form(distance, (a / radius * t, w / radius * t, nz), round_ * 2.0 + 0.25)


FORMS: tuple[Callable[[Tensor, Tensor, Seen], Form], ...] = (ball, box, cone, cylinder, star, ring)


# --- shadows ----------------------------------------------------------------------------------

FEET = (0.30, 0.80, 0.95, 0.84, 0.55, 0.35)  # radius of what stands on the ground
FALL = (0.92, 0.42)  # how far the shadow of a point falls to the side and back, in its height


def shadow(shape: int, gx: Tensor, gz: Tensor, seen: Seen, side: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the shadow on the ground, in radii, and how far along it a point lies, 0 .. 1.

    Args:
        shape: number of the shape.
        gx, gz: point of the ground, from the middle of the object's base, in radii.
        seen: the objects.
        side: where the shadow falls, -1 to the left or 1 to the right.
    """
    kx, kz = FALL[0] * side, FALL[1]
    length = (FALL[0] ** 2 + FALL[1] ** 2) ** 0.5
    dx, dz = kx / length, kz / length
    along, across = gx * dx + gz * dz, gz * dx - gx * dz
    far = (along / (2 * length)).clamp(0, 1)
    if shape == 0:
        distance = ellipse(along - length, across, (1 + length**2) ** 0.5, 1.0)
    elif shape == 1:
        c, s = seen.cosine, seen.sine
        half = 0.70710678
        a, b = half * (c + s), half * (c - s)  # the sides' directions
        p, q = gx * a - gz * b, gx * b + gz * a
        kp, kq = (kx * a - kz * b) * 1.36, (kx * b + kz * a) * 1.36
        r = 1.02 * half
        dp = torch.maximum(kp.clamp(max=0) - r - p, p - kp.clamp(min=0) - r)
        dq = torch.maximum(kq.clamp(max=0) - r - q, q - kq.clamp(min=0) - r)
        wide = r * ((b * dx + a * dz).abs() + (a * dx - b * dz).abs())
        distance = torch.maximum(torch.maximum(dp, dq), across.abs() - wide)
    elif shape in (2, 3):
        high, radius = (2.05, 0.98) if shape == 2 else (1.5, 0.88)
        t = (along / (high * length)).clamp(0, 1)
        off = (along - t * (high * length)).square() + across.square()
        distance = off.sqrt_() - (radius * (1 - t) if shape == 2 else radius)
    else:
        high = gz / kz
        u, w = gx - high * kx, high - 0.95
        if shape == 4:
            distance = _star(u, w)[0] * 0.5 - 0.1
        else:
            distance = (((u * u + w * w).sqrt_() - 0.72).abs_() - 0.27) * 0.5 - 0.06
    return distance, far
