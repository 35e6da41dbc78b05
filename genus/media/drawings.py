"""Drawings and graphs as images."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from ..core import Space, Strokes

SIDE = 96  # of an image, in pixels
FINE = 4  # factor by which lines are drawn larger first, so that they become smooth
INK = 30


def plot(x: Tensor, space: Space) -> NDArray[np.uint8]:
    """Drawings or graphs, (n, *space.shape), as images, (n, 96, 96, 1), which they fill."""
    line = _strokes if isinstance(space, Strokes) else _graph
    images = []
    for row in x.detach().cpu().double().nan_to_num(0, 0, 0):
        image = Image.new("L", (SIDE * FINE, SIDE * FINE), 255)
        line(ImageDraw.Draw(image), row)
        images.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)))
    return np.stack(images)[..., None]


def lines_of(drawing: Tensor) -> list[Tensor]:
    """The lines of a drawing, (length, 3), each as its points, (k, 2); the pen starts at (0, 0)."""
    drawing = drawing[drawing[:, 2] != 2]
    if not len(drawing):
        return []
    points = torch.cat([drawing.new_zeros(1, 2), drawing[:, :2].cumsum(0)])
    ends = (drawing[:, 2] == 1).nonzero()[:, 0].tolist()
    begins = [0, *(end + 1 for end in ends)]
    lines = [
        points[begin : end + 2] if k == 0 else points[begin + 1 : end + 2]
        for k, (begin, end) in enumerate(zip(begins, [*ends, len(drawing) - 1], strict=False))
    ]
    return [line for line in lines if len(line)]


def _strokes(draw: ImageDraw.ImageDraw, drawing: Tensor) -> None:
    lines = lines_of(drawing)
    if not lines:
        return
    points = torch.cat(lines)
    low, high = points.amin(0), points.amax(0)
    scale = 0.88 * SIDE * FINE / max(1e-9, float((high - low).max()))
    middle = SIDE * FINE / 2
    for line in lines:
        placed = ((line - (low + high) / 2) * scale + middle).tolist()
        if len(placed) == 1:
            placed = placed * 2
        draw.line([tuple(p) for p in placed], fill=INK, width=6, joint="curve")


def _graph(draw: ImageDraw.ImageDraw, matrix: Tensor) -> None:
    import networkx  # takes a while

    nodes = int(matrix.diagonal().sum())
    graph = networkx.from_numpy_array(
        (matrix - torch.diag(matrix.diagonal()))[:nodes, :nodes].numpy()
    )
    middle, reach, dot = SIDE * FINE / 2, 0.44 * SIDE * FINE, max(3.0, 14 - math.sqrt(nodes))
    places = networkx.spring_layout(graph, seed=0, scale=reach) if nodes else {}
    places = {node: (middle + place[0], middle + place[1]) for node, place in places.items()}
    for a, b in graph.edges:
        draw.line([places[a], places[b]], fill=140, width=FINE // 2)
    for x, y in places.values():
        draw.ellipse([x - dot, y - dot, x + dot, y + dot], fill=INK)
