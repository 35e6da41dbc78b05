"""Shapes as point sets: x is a cloud of points drawn from a surface, (points, 3), in no order.

    ellipsoids    surfaces of ellipsoids, axes and turn drawn anew for each cloud
    boxes         surfaces of boxes, of the same axes and turns
    shapes        half of the one, half of the other: the labels
    chairs        ModelNet10 chairs from the folder that GENUS_DATA names, from their surface voxels

Families are endless: each batch is fresh shapes. Each shape is half-axes a, b, c, uniform in [0.3, 1], and
an angle around the third axis, uniform in [0, pi / 2); points are uniform on the surface. Chairs are a
fixed set of shapes whose points are fresh in each batch: a voxel at random, and a place within it. They
are put where all learning clouds together have mean 0 on each axis and deviation 1 over all axes.

Source: families are our own. Chairs: Wu, Song, Khosla, Yu, Zhang, Tang, Xiao, "3D ShapeNets: a deep
    representation for volumetric shapes", 2015, arXiv:1406.5670, the class of ModelNet10 as voxels.
    Normalising by a mean for each axis and one deviation: the code of Yang, Huang, Hao, Liu, Belongie,
    Hariharan, "PointFlow: 3D point cloud generation with continuous normalizing flows", 2019,
    arXiv:1906.12320.
Departs: chairs come from 32^3 surface voxels and not from meshes, so no surface is thinner than a
    voxel, and legs are blocks; ModelNet's own split is not in the file: distinct chairs are divided 80,
    10 and 10 in a hundred, by their content.
"""

import gzip
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Generator, Tensor

from ...core import Reals, Refused
from ..arrays import DAMAGED
from ..endless import Draws
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Batch, Split, digest, stream
from ..truth import normal, uniform

POINTS = 512  # in a cloud
CLOUDS = 200  # in the fixed draw of each split of a family
LEAST, MOST = 0.3, 1.0  # half-axes
Kind = Literal["ellipsoid", "box"]
KINDS: tuple[Kind, ...] = ("ellipsoid", "box")


@dataclass(frozen=True)
class Family:
    """Surfaces whose parameters are known.

    Args:
        kinds: kinds of surfaces, all equally frequent.
        points: number of points in a cloud, at least 1.
    """

    kinds: tuple[Kind, ...] = KINDS
    points: int = POINTS

    def __post_init__(self) -> None:
        if self.points < 1 or not self.kinds or not {*self.kinds} <= {*KINDS}:
            raise Refused(
                f"Family: kinds are {self.kinds}, points is {self.points}; some of {KINDS} are "
                f"wanted, and at least 1 point"
            )

    @property
    def space(self) -> Reals:
        return Reals((self.points, 3))

    @property
    def classes(self) -> int:
        """Kinds of surfaces; 0 if there is only one."""
        return len(self.kinds) if len(self.kinds) > 1 else 0

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        """Fresh shapes as points, (n, points, 3), and the kind of each, (n,) int64."""
        parameters, kind = self.shapes(n, noise)
        return self.clouds(parameters, kind, noise), kind

    def shapes(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        """Parameters a, b, c and the angle, (n, 4), and the kind of each shape, (n,) int64."""
        axes = LEAST + (MOST - LEAST) * uniform(noise, n, 3)
        angle = math.pi / 2 * uniform(noise, n, 1)
        kind = torch.randint(len(self.kinds), (n,), generator=noise)
        return torch.cat([axes, angle], 1), kind

    def clouds(self, parameters: Tensor, kind: Tensor, noise: Generator) -> Tensor:
        """Points uniform on the surface of each shape, (n, points, 3)."""
        axes, angle = parameters[:, None, :3], parameters[:, 3]
        makers = {"ellipsoid": _on_ellipsoids, "box": _on_boxes}
        each = [makers[name](axes, self.points, noise) for name in self.kinds]
        x = torch.stack(each)[kind, torch.arange(len(kind))]
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        turned = [cos * x[..., 0] - sin * x[..., 1], sin * x[..., 0] + cos * x[..., 1], x[..., 2]]
        return torch.stack(turned, 2)


def _on_ellipsoids(axes: Tensor, points: int, noise: Generator) -> Tensor:
    """(n, points, 3). A sphere's points, stretched, are kept as often as area there is stretched.

    At least half are kept, so that three times as many, and some more, are enough but once in 10^12.
    """
    n, tries = len(axes), 3 * points + 60
    sphere = normal(noise, n, tries, 3)
    sphere = sphere / sphere.norm(dim=2, keepdim=True)
    stretch = (sphere / axes).norm(dim=2) * axes.amin(2)  # of area, over its maximum
    kept = uniform(noise, n, tries) < stretch
    first = (~kept).to(torch.uint8).argsort(dim=1, stable=True)[:, :points]
    return axes * sphere.gather(1, first[..., None].expand(-1, -1, 3))


def _on_boxes(axes: Tensor, points: int, noise: Generator) -> Tensor:
    """(n, points, 3): a pair of faces by its area, one of the two, and a place on it."""
    area = axes[:, 0].prod(1, keepdim=True) / axes[:, 0]  # of the faces across each axis
    across = torch.multinomial(area, points, replacement=True, generator=noise)
    place = 2 * uniform(noise, len(axes), points, 3) - 1
    ends = torch.where(place >= 0, 1.0, -1.0)
    on_face = torch.arange(3) == across[..., None]
    return axes * torch.where(on_face, ends, place)


class Clouds(Draws):
    """An endless split of a family: fresh shapes in each batch, and a fixed draw of 200.

    Args:
        family: family from which shapes are drawn.
        name: name of the split; each name has its own draws.
    """

    def __init__(self, family: Family, name: str):
        super().__init__(family, name, CLOUDS)
        self.family = family

    @property
    def parameters(self) -> Tensor:
        """Half-axes and angle of the shapes in `everything`, (rows, 4)."""
        return self.family.shapes(CLOUDS, self.fixed())[0]


class Voxels(Split):
    """A finite split: shapes as sets of full voxels, from which points are drawn anew in each batch.

    Args:
        shapes: corners of the voxels of each shape, (voxels, 3) int64.
        mean, std: mean and deviation of all points, (3,) and (), in voxels, used to normalise.
        points: number of points in a cloud.
        name: name of the split, in messages and as key of the draws.
    """

    def __init__(self, shapes: Sequence[Tensor], mean: Tensor, std: Tensor, points: int, name: str):
        self.mean, self.std, self.points, self.name = mean, std, points, name
        self.space = Reals((points, 3))
        self.corners = torch.cat([*shapes])
        self.counts = torch.tensor([len(shape) for shape in shapes])
        self.starts = self.counts.cumsum(0) - self.counts

    def content(self) -> str:
        parts = [digest(self.corners), digest(self.counts), str(self.points), self.name]
        return "\n".join(parts)

    def __len__(self) -> int:
        return len(self.counts)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        positions, rows = torch.arange(number * size, (number + 1) * size), []
        for epoch in (positions // len(self)).unique().tolist():
            order = torch.randperm(len(self), generator=stream("epoch", seed, epoch))
            rows.append(order[positions[positions // len(self) == epoch] % len(self)])
        return (self.clouds(torch.cat(rows), stream(self.name, seed, number)),)

    def everything(self) -> Batch:
        return (self.clouds(torch.arange(len(self)), stream(self.name, "everything")),)

    def clouds(self, rows: Tensor, noise: Generator) -> Tensor:
        """Points of the shapes of these numbers, (len(rows), points, 3)."""
        share = uniform(
            noise, len(rows), self.points
        ).double()  # so that no voxel is beyond the end
        place = self.starts[rows, None] + (share * self.counts[rows, None]).long()
        x = self.corners[place] + uniform(noise, len(rows), self.points, 3)
        return (x - self.mean) / self.std

    def labelled(self) -> "Voxels":
        raise Refused(f"{self.name}: has no labels, and a conditional model wants them")


# --- data sets --------------------------------------------------------------------------------


def family(name: str, kinds: tuple[Kind, ...], points: int = POINTS) -> Data:
    """A family of surfaces as a data set."""
    train, validation, test = (Clouds(Family(kinds, points), f"{name} {part}") for part in SPLITS)
    return Data(name, train, validation, test, class_names=kinds if len(kinds) > 1 else ())


FILE = "chair.npy.gz"


def chair_files(folder: Path) -> list[Path]:
    """The file of chairs in a folder, if it is there."""
    return [*folder.glob(FILE)]


def chairs(folder: Path, name: str = "chairs", points: int = POINTS) -> Data:
    """The chairs in a folder as a data set.

    Args:
        folder: folder with chair.npy.gz: (n, 1, size, size, size), full where it is not 0.
        name: name of the data set.
        points: number of points in a cloud.
    """
    path = folder / FILE
    try:
        with gzip.open(path) as file:
            full = np.load(file, allow_pickle=False) != 0
    except DAMAGED as error:
        raise Refused(f"{path}: is damaged: {error}") from None
    if full.ndim != 5 or full.shape[1] != 1:
        raise Refused(f"{path}: holds {full.shape}; (n, 1, size, size, size) is wanted")
    found = {hashlib.sha256(np.packbits(one).tobytes()).digest(): one[0] for one in full}
    distinct = [torch.from_numpy(np.argwhere(found[key])) for key in sorted(found)]
    shapes = [shape for shape in distinct if len(shape)]
    share = len(shapes) // 10
    if not share:
        raise Refused(f"{path}: holds {len(shapes)} distinct chairs; at least 10 are wanted")
    parts = (shapes[2 * share :], shapes[share : 2 * share], shapes[:share])
    mean = torch.stack([shape.double().mean(0) + 0.5 for shape in parts[0]]).mean(0)
    spread = [((s + 0.5 - mean) ** 2).mean() + 1 / 12 for s in parts[0]]  # 1/12: within a voxel
    std = torch.stack(spread).mean().sqrt()
    train, validation, test = (
        Voxels(shapes, mean.float(), std.float(), points, f"{name} {part}")
        for part, shapes in zip(SPLITS, parts, strict=True)
    )
    return Data(name, train, validation, test)


SETS = {
    "ellipsoids": Source(lambda: family("ellipsoids", ("ellipsoid",))),
    "boxes": Source(lambda: family("boxes", ("box",))),
    "shapes": Source(lambda: family("shapes", KINDS)),
    "chairs": Source(chairs, ("modelnet10_voxels", "chairs"), chair_files),
}
