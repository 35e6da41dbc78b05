"""Where an object of the ground is seen: one camera for all scenes, that looks a little down.

A place has x from -1 to 1, at which an object touches the edge of the picture, and z from 0 at the front
to 1 at the back. Measures of the ground are in half widths of the picture at its front.

    s = 1 / (1 + RATE z)            scale by which things are smaller
    y = VANISHING + DROP s          where the ground is seen, downwards from -1 to 1
    screen x = x (1 - MARGIN s)     and x (1 - MARGIN s) / s on the ground
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..worlds.parameters import Parameters

RATE = 0.52
VANISHING, DROP = -1.5, 2.28
DEPTH = 3.2  # from z = 0 to z = 1, on the ground
LOW = 0.31  # how high a circle of the ground is seen, as a share of its width
MARGIN = 0.42
EDGE = -0.27  # where the ground ends, on the screen
RADII = (0.215, 0.295, 0.385)  # of small, medium and large objects, on the ground
HEIGHTS = (1.98, 1.36, 2.05, 1.5, 1.95, 1.98)  # of the shapes, in their radii


class Placed(NamedTuple):
    """The objects of n scenes as they are seen; each (n, 4).

    Args:
        there: whether there is one, bool.
        x, y: where the middle of its base is, on the screen.
        radius: its radius there.
        depth: place in depth, z; what stands on another is a hair nearer.
        lift: height of its base above the ground, in its own radii.
        order: number of the object that is painted first, second, ..., the farthest first.
    """

    there: Tensor
    x: Tensor
    y: Tensor
    radius: Tensor
    depth: Tensor
    lift: Tensor
    order: Tensor


def scale_of(z: Tensor) -> Tensor:
    """How much smaller things are at a depth."""
    return 1 / (1 + z * RATE)


def height_of(z: Tensor) -> Tensor:
    """Where the ground of a depth is seen, downwards."""
    return VANISHING + DROP * scale_of(z)


def placed(parameters: Parameters) -> Placed:
    """Where the objects of scenes are seen."""

    def all_of(name: str) -> Tensor:
        return torch.stack([parameters[f"{name}{number}"] for number in range(1, 5)], 1)

    there = torch.arange(4) <= parameters["objects"][:, None]
    x, z = all_of("x").float(), all_of("z").float()
    up = carried(parameters)
    x[:, 0] = torch.where(up, x[:, 1], x[:, 0])
    z[:, 0] = torch.where(up, z[:, 1], z[:, 0])
    s = scale_of(z)
    radius = torch.tensor(RADII)[all_of("size")] * s
    support = torch.tensor(HEIGHTS)[parameters["shape2"]]
    lift = torch.zeros_like(x)
    lift[:, 0] = torch.where(up, support * radius[:, 1] / radius[:, 0], 0.0)
    y = VANISHING + DROP * s - lift * radius
    depth = z.clone()
    depth[:, 0] = torch.where(up, depth[:, 0] - 1e-4, depth[:, 0])
    far = torch.where(there, depth, -1.0)
    order = far.argsort(dim=1, descending=True, stable=True)
    return Placed(there, x * (1 - MARGIN * s), y, radius, depth, lift, order)


def carried(parameters: Parameters) -> Tensor:
    """In which rows the first object stands on the second, which must be a box or a cylinder, (n,) bool."""
    flat = (parameters["shape2"] == 1) | (parameters["shape2"] == 3)
    return (parameters["on_top"] == 1) & (parameters["objects"] > 0) & flat
