"""How the objects of a scene stand to each other, as they are seen."""

import torch
from torch import Tensor

from ..worlds.parameters import Parameters
from .camera import carried, placed
from .settings import MOST

RELATIONS = ("left of", "right of", "in front of", "behind", "on top of", "larger than")
LEFT, RIGHT, FRONT, BEHIND, TOP, LARGER = range(6)
CLEAR = (0.10, 0.08)  # how far apart two objects must be for a relation, on the screen and in depth


def relations(parameters: Parameters) -> Tensor:
    """Which relations hold: (n, 6, 4, 4) bool; [r, i, j] says that object i is RELATIONS[r] object j."""
    where = placed(parameters)
    across, depth = _differences(where.x), _differences(where.depth)
    sizes = torch.stack([parameters[f"size{k + 1}"] for k in range(MOST)], 1)
    top = torch.zeros(across.shape, dtype=torch.bool)
    top[:, 0, 1] = carried(parameters)
    apart = ~(top | top.transpose(1, 2))
    found = torch.stack(
        (
            (across > CLEAR[0]) & apart,
            (across < -CLEAR[0]) & apart,
            (depth > CLEAR[1]) & apart,
            (depth < -CLEAR[1]) & apart,
            top,
            sizes[:, :, None] > sizes[:, None, :],
        ),
        1,
    )
    return found & (where.there[:, :, None] & where.there[:, None, :])[:, None]


def chosen(parameters: Parameters) -> Tensor:
    """The relation of the first object to each other one that a caption says, (n, 3) int64.

    What stands on another is said to; else the one of the two directions that is plainer is said, or now
    and then that it is larger.
    """
    where = placed(parameters)
    across, depth = _differences(where.x)[:, 0, 1:], _differences(where.depth)[:, 0, 1:]
    sizes, paints = (
        torch.stack([parameters[f"{name}{k + 1}"] for k in range(MOST)], 1)
        for name in ("size", "colour")
    )
    aside = torch.where(across > 0, LEFT, RIGHT)
    ahead = torch.where(depth > 0, FRONT, BEHIND)
    found = torch.where(across.abs() > depth.abs() * 1.2, aside, ahead)
    often = (paints[:, :1] + paints[:, 1:]) % 3 == 0
    found = torch.where((sizes[:, :1] > sizes[:, 1:]) & often, LARGER, found)
    found[:, 0] = torch.where(carried(parameters), TOP, found[:, 0])
    return found


def _differences(of: Tensor) -> Tensor:
    """What object j has more than object i, (n, i, j)."""
    return of[:, None, :] - of[:, :, None]
