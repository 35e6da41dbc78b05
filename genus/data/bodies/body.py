"""A body of joints: where each of them is, from the angles."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..worlds.parameters import Parameters
from .settings import SIDES

Point = tuple[Tensor, Tensor]  # x to the right and y downwards, each (rows,)
TRUNK, NECK, HEAD = 0.54, 0.05, 0.155  # lengths; the whole picture is 2 high
UPPER_ARM, FOREARM, THIGH, SHIN = 0.27, 0.25, 0.4, 0.39
SHOULDER, HIP = 0.165, 0.09  # half widths
SOLE = 0.88  # where the lower foot stands
THICK = (0.84, 1.0, 1.2)  # of each build
JOINTS = (
    "head",
    "neck",
    "waist",
    *(f"{side}_{name}" for side in SIDES for name in ("shoulder", "elbow", "hand", "hip", "knee", "foot")),
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """Bodies of the rows.

    Args:
        rows: parameters.
        joints: points of JOINTS.
        up: direction of the trunk, to the head.
        over: direction of the head.
        thick: factor of all thicknesses, (rows,).
        scale: how large it is drawn.
    """

    rows: Parameters
    joints: dict[str, Point]
    up: Point
    over: Point
    thick: Tensor
    scale: float = 1.0

    def has(self, name: str, *values: int) -> Tensor | None:
        """1 in the rows in which a parameter has one of these values, (rows,); None if there are none."""
        there = torch.stack([self.rows[name] == value for value in values]).any(0)
        return there.float() if bool(there.any()) else None

    def moved(self, scale: float, x: float, y: float) -> "Body":
        """The same bodies smaller, with their waist at a place."""
        middle = self.joints["waist"]
        joints = {
            name: ((px - middle[0]) * scale + x, (py - middle[1]) * scale + y)
            for name, (px, py) in self.joints.items()
        }
        return Body(self.rows, joints, self.up, self.over, self.thick, self.scale * scale)


def turned(degrees: Tensor) -> Point:
    """The sine and the cosine of angles, (rows,) float32: of double precision, to be the same everywhere."""
    angle = degrees.double().deg2rad()
    return angle.sin().float(), angle.cos().float()


def along(start: Point, direction: Point, length: Tensor | float) -> Point:
    """The point at a distance from another."""
    return start[0] + direction[0] * length, start[1] + direction[1] * length


def body_of(rows: Parameters) -> Body:
    """The bodies of the rows: the lower foot stands on the floor."""
    zero = torch.zeros_like(rows["lean"])
    sine, cosine = turned(rows["lean"])
    up, aside = (sine, -cosine), (cosine, sine)
    joints: dict[str, Point] = {"waist": (rows["x"], zero)}
    joints["neck"] = along(joints["waist"], up, TRUNK)
    sine, cosine = turned(rows["lean"] + rows["nod"])
    over = (sine, -cosine)
    joints["head"] = along(joints["neck"], over, NECK + HEAD)
    thick = torch.tensor(THICK)[rows["build"]]
    low = zero - 1
    for side, sign in SIDES.items():
        angle, bend = rows[f"{side}_shoulder"], rows[f"{side}_elbow"]
        joints[f"{side}_shoulder"] = along(
            joints["neck"], aside, sign * SHOULDER * (0.5 + thick / 2)
        )
        joints[f"{side}_shoulder"] = along(joints[f"{side}_shoulder"], up, -0.05)
        joints[f"{side}_elbow"] = _hung(joints[f"{side}_shoulder"], angle, sign, UPPER_ARM)
        joints[f"{side}_hand"] = _hung(joints[f"{side}_elbow"], angle + bend, sign, FOREARM)
        angle, bend = rows[f"{side}_hip"], rows[f"{side}_knee"]
        joints[f"{side}_hip"] = (rows["x"] + sign * HIP * thick, zero + 0.02)
        joints[f"{side}_knee"] = _hung(joints[f"{side}_hip"], angle, sign, THIGH)
        joints[f"{side}_foot"] = _hung(joints[f"{side}_knee"], angle - bend, sign, SHIN)
        low = torch.maximum(low, joints[f"{side}_foot"][1])
    sunk = SOLE - low
    return Body(rows, {k: (x, y + sunk) for k, (x, y) in joints.items()}, up, over, thick)


def _hung(start: Point, degrees: Tensor, sign: float, length: float) -> Point:
    """The end of a limb that leaves straight down by an angle, outwards."""
    sine, cosine = turned(degrees)
    return along(start, (sign * sine, cosine), length)


def pose(rows: Parameters) -> Tensor:
    """Where the joints are, x and y of each of JOINTS, (n, 2 joints), -1 to 1 to the right and down."""
    joints = body_of(rows).joints
    return torch.stack([part for name in JOINTS for part in joints[name]], 1)
