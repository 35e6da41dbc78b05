"""Clips: the objects of a scene glide over the ground, and bounce off each other and off its edges.

Bodies are discs on the ground, as heavy as the square of their radius. Between two events they move
straight, so that each event is found exactly, as the root of a quadratic equation:

    |dp + dv t| = r1 + r2     t = (-b - sqrt(b^2 - a c)) / a,  a = dv^2, b = dp dv, c = dp^2 - (r1 + r2)^2

and what a collision changes lies along the line n between the two centres:

    v1 += 2 m2 / (m1 + m2) (dv n) n     v2 -= 2 m1 / (m1 + m2) (dv n) n,     dv = v2 - v1

The edges are those of the picture, which are slanted lines on the ground, and its front and back. A
centre does not leave them, and none of the energy is lost.
"""

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import at_least
from ..worlds.parameters import Number, Parameter, Parameters, taken
from .camera import DEPTH, MARGIN, RADII, RATE, placed
from .drawing import draw, drawn
from .settings import MOST, NUMBERS, PARAMETERS, checked, there
from .truth import masks

EVENTS = 200  # of one frame at most
FAR = 1e9
BOUNCES = 1e-12
PAIRS = tuple(combinations(range(MOST), 2))


def _speed(number: int, way: str, words: str) -> Number:
    def seen(found: Parameters) -> Tensor:
        return there(number, found)

    name, low = f"{way}{number}", -0.4
    meaning = f"speed of object {number} {words}, in half widths of the picture a frame"
    return Number(name, low, -low, meaning, (-0.2, 0.2), visible=seen)


MOVING: tuple[Parameter, ...] = (
    *PARAMETERS,
    *(
        _speed(number, way, words)
        for number in NUMBERS
        for way, words in (("vx", "to the right"), ("vz", "to the back"))
    ),
)


class Motion(NamedTuple):
    """How the objects of n clips move, in half widths of the picture at the front of the ground.

    Args:
        places: to the right and to the back, (n, frames, 4, 2) float64.
        speeds: a frame, (n, frames, 4, 2).
        masses: (n, 4); 0 for an object that is not there.
        collisions: number of collisions of two objects before each frame, (n, frames) int64.
        bounces: number of bounces off an edge before each frame, (n, frames) int64.
    """

    places: Tensor
    speeds: Tensor
    masses: Tensor
    collisions: Tensor
    bounces: Tensor


class SceneClip(NamedTuple):
    """Clips and their truth, n of them.

    Args:
        picture: (n, frames, 3, size, size) uint8.
        masks: share of each pixel in which each object is seen, (n, frames, 4, size, size).
        shadow: strength of the shadow on the ground, (n, frames, size, size).
        flow: by how many pixels to the right and down what a pixel shows moves until the next frame,
            (n, frames - 1, 2, size, size).
        occluded: whether it is hidden or outside in the next frame, (n, frames - 1, size, size) bool.
        motion: how the objects move.
    """

    picture: Tensor
    masks: Tensor
    shadow: Tensor
    flow: Tensor
    occluded: Tensor
    motion: Motion


def motion(parameters: Parameters, frames: int) -> Motion:
    """How the objects of clips move.

    Args:
        parameters: parameters of `MOVING`, each (n,): places and speeds are those of the first frame.
        frames: number of frames, at least 1.
    """
    bodies = _Bodies(parameters)
    places, speeds = [bodies.place.clone()], [bodies.speed.clone()]
    for _ in range(frames - 1):
        bodies.frame()
        places.append(bodies.place.clone())
        speeds.append(bodies.speed.clone())
    counts = [torch.stack(count, 1) for count in (bodies.collisions, bodies.bounces)]
    return Motion(torch.stack(places, 1), torch.stack(speeds, 1), bodies.mass, *counts)


class _Bodies:
    """Discs on the ground."""

    def __init__(self, parameters: Parameters):
        def all_of(name: str) -> Tensor:
            return torch.stack([parameters[f"{name}{k}"] for k in NUMBERS], 1)

        x, z = all_of("x").double(), all_of("z").double()
        self.place = torch.stack((x * (1 - MARGIN + RATE * z), z * DEPTH), 2)
        self.there = torch.arange(MOST) <= parameters["objects"][:, None]
        speed = torch.stack((all_of("vx"), all_of("vz")), 2).double()
        self.speed = speed * self.there[..., None]
        self.radius = torch.tensor(RADII, dtype=torch.float64)[all_of("size")]
        self.mass = self.radius.square() * self.there
        none = torch.zeros(len(x), dtype=torch.int64)
        self.collisions, self.bounces = [none], [none]
        steep = RATE / DEPTH
        length = (1 + steep * steep) ** 0.5
        self.walls = (  # inward normals, and how far they are from the origin
            ((1 / length, steep / length), (1 - MARGIN) / length),
            ((-1 / length, steep / length), (1 - MARGIN) / length),
            ((0.0, 1.0), 0.0),
            ((0.0, -1.0), DEPTH),
        )

    def frame(self) -> None:
        """One frame later."""
        left = torch.ones(len(self.place), dtype=torch.float64)
        hits, bounces = (torch.zeros(len(left), dtype=torch.int64) for _ in range(2))
        for _ in range(EVENTS):
            times = torch.cat((self._meetings(), self._edges()), 1)
            soonest, which = times.min(1)
            step = torch.minimum(soonest, left)
            self.place += self.speed * step[:, None, None]
            happens = soonest < left
            left = left - step
            if not bool(happens.any()):
                break
            which = torch.where(happens, which, -1)
            for k, (i, j) in enumerate(PAIRS):
                self._collide(i, j, which == k)
            for k in range(4):
                for i in range(MOST):
                    self._bounce(i, k, which == len(PAIRS) + k * MOST + i)
            hits += (which >= 0) & (which < len(PAIRS))
            bounces += which >= len(PAIRS)
        self.collisions.append(hits)
        self.bounces.append(bounces)

    def _meetings(self) -> Tensor:
        """When each pair of objects meets, (n, 6)."""
        found = []
        for i, j in PAIRS:
            dp = self.place[:, j] - self.place[:, i]
            dv = self.speed[:, j] - self.speed[:, i]
            a, b = dv.square().sum(1), (dp * dv).sum(1)
            c = dp.square().sum(1) - (self.radius[:, i] + self.radius[:, j]).square()
            root = b.square() - a * c
            time = ((-b - root.clamp(min=0).sqrt()) / a.clamp(min=1e-30)).clamp(min=0)
            meets = (b < 0) & (root > 0) & self.there[:, i] & self.there[:, j]
            found.append(torch.where(meets, time, FAR))
        return torch.stack(found, 1)

    def _edges(self) -> Tensor:
        """When each object reaches each edge, (n, 4 edges x 4 objects)."""
        found = []
        for (a, b), far in self.walls:
            distance = self.place[..., 0] * a + self.place[..., 1] * b + far
            speed = self.speed[..., 0] * a + self.speed[..., 1] * b
            time = (distance.clamp(min=0) / -speed.clamp(max=-1e-30)).clamp(min=0)
            found.append(torch.where((speed < -BOUNCES) & self.there, time, FAR))
        return torch.cat(found, 1)

    def _collide(self, i: int, j: int, there: Tensor) -> None:
        line = self.place[:, j] - self.place[:, i]
        line = line / line.square().sum(1, keepdim=True).sqrt().clamp(min=1e-12)
        dv = ((self.speed[:, j] - self.speed[:, i]) * line).sum(1, keepdim=True) * line
        mass = (
            2 * dv * there[:, None] / (self.mass[:, i] + self.mass[:, j]).clamp(min=1e-12)[:, None]
        )
        self.speed[:, i] += mass * self.mass[:, j, None]
        self.speed[:, j] -= mass * self.mass[:, i, None]

    def _bounce(self, i: int, wall: int, there: Tensor) -> None:
        normal = torch.tensor(self.walls[wall][0], dtype=torch.float64)
        against = (self.speed[:, i] * normal).sum(1, keepdim=True)
        self.speed[:, i] -= 2 * against * normal * there[:, None]


# --- frames -----------------------------------------------------------------------------------


def frames_of(parameters: Parameters, moved: Motion) -> list[Parameters]:
    """The parameters of each frame."""
    found = []
    for place in moved.places.unbind(1):
        z = place[..., 1] / DEPTH
        x = place[..., 0] / (1 - MARGIN + RATE * z)
        frame = parameters | {"on_top": torch.zeros_like(parameters["on_top"])}
        frame |= {f"x{k}": x[:, k - 1].float() for k in NUMBERS}
        found.append(frame | {f"z{k}": z[:, k - 1].float() for k in NUMBERS})
    return found


def filmed(frames: int) -> Callable[[Parameters, int], Tensor]:
    """The function that draws clips of so many frames, (n, frames, 3, size, size) uint8."""

    def film(parameters: Parameters, size: int) -> Tensor:
        moments = frames_of(parameters, motion(parameters, frames))
        return torch.stack([draw(moment, size) for moment in moments], 1)

    return film


AT_ONCE = 256  # clips


def clips(parameters: Parameters, size: int, frames: int = 8) -> SceneClip:
    """Clips with all that is known of them.

    Args:
        parameters: parameters of `MOVING`, each (n,).
        size: height and width in pixels.
        frames: number of frames, at least 2.

    Raises:
        Refused: there are fewer frames, or a parameter is missing or outside its range.
    """
    at_least(2, "clips", frames=frames)
    checked(parameters, MOVING)
    whole = torch.arange(len(parameters["objects"]))
    parts = [_clip(taken(parameters, some), size, frames) for some in whole.split(AT_ONCE)]
    fields = zip(*(part[:5] for part in parts), strict=True)
    motions = zip(*(part.motion for part in parts), strict=True)
    moved = Motion(*(torch.cat(column) for column in motions))
    return SceneClip(*(torch.cat(column) for column in fields), moved)


def _clip(parameters: Parameters, size: int, frames: int) -> SceneClip:
    moved = motion(parameters, frames)
    moments = frames_of(parameters, moved)
    blocks = [drawn(moment, size) for moment in moments]
    seen = torch.stack([masks(block)[0] for block in blocks], 1)
    pairs = [
        _flow(before, after, seen[:, k], seen[:, k + 1])
        for k, (before, after) in enumerate(pairwise(moments))
    ]
    flow, occluded = (torch.stack(column, 1) for column in zip(*pairs, strict=True))
    pictures = filmed(frames)(parameters, size)
    shadow = torch.stack([block.shade.permute(2, 0, 1) for block in blocks], 1)
    return SceneClip(pictures, seen, shadow, flow, occluded, moved)


def _flow(
    before: Parameters, after: Parameters, seen: Tensor, later: Tensor
) -> tuple[Tensor, Tensor]:
    """The flow from one frame to the next, and what of it is hidden there."""
    size = seen.shape[-1]
    steps = (torch.arange(size) + 0.5) * (2 / size) - 1
    a, b = placed(before), placed(after)
    rest = (1 - seen.sum(1, keepdim=True)).clamp(0, 1)
    front = torch.cat((seen, rest), 1).argmax(1)  # 4 is the ground and what is behind
    number = front.clamp(max=MOST - 1).flatten(1)

    def of(values: Tensor) -> Tensor:
        return values.gather(1, number).view(front.shape)

    grows = of(b.radius) / of(a.radius)
    x = of(b.x) + (steps[None, None, :] - of(a.x)) * grows
    y = of(b.y) + (steps[None, :, None] - of(a.y)) * grows
    still = front == MOST
    x = torch.where(still, steps[None, None, :], x)
    y = torch.where(still, steps[None, :, None], y)
    all_later = torch.cat((later, (1 - later.sum(1, keepdim=True)).clamp(0, 1)), 1)
    there = torch.nn.functional.grid_sample(
        all_later, torch.stack((x, y), 3), align_corners=False
    ).gather(1, front[:, None])[:, 0]
    flow = torch.stack((x - steps[None, None, :], y - steps[None, :, None]), 1) * (size / 2)
    return flow, there < 0.5
