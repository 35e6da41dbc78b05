"""Samples as pictures: grids of images, clouds of points and scatter plots."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core import Attributes, Bits, Classes, Graphs, Reals, Refused, Space, Strokes, Tokens
from .drawings import plot

Picture = NDArray[np.uint8]  # (height, width) grey, or (height, width, 3) colour
TILE = 64  # small images are enlarged by the largest whole factor that keeps them below this
BACK = 64  # the grey between tiles


def shown(
    x: Tensor,
    space: Space,
    context: Tensor | None = None,
    context_space: Space | None = None,
    columns: int | None = None,
) -> Picture:
    """The `grid` of samples with their contexts: an image stands at the right of its context.

    Args:
        x: samples, (n, *space.shape).
        space: space of x.
        context: contexts of x, (n, *context_space.shape), if there are any.
        context_space: space of a context.
        columns: number of images in a row; by default one for each class, or about square.
    """
    if context is None or context_space is None:
        return grid(x, space, columns)
    if len(context_space.shape) == 3 and context_space.shape[1:] == space.shape[1:]:
        if len(context) and context.shape[1] < x.shape[1]:
            return _tiled(_beside(separate(context, context_space), separate(x, space)), columns)
        pair = torch.cat([context[:, : x.shape[1]].cpu().to(x.dtype), x.cpu()], dim=3)
        return grid(pair, Reals(tuple(pair.shape[1:])), columns)
    if columns is None and isinstance(context_space, Classes):
        columns = context_space.count
    return grid(x, space, columns)


def grid(x: Tensor, space: Space, columns: int | None = None) -> Picture:
    """All rows of x as one picture: images, clouds, drawings or graphs side by side.

    Tokens are colours, and single points a scatter plot.

    Args:
        x: samples, (n, *space.shape).
        space: space of x. Vectors of bits or pixels whose size is a square are shown as squares.
        columns: number of images in a row; by default the whole is about square.
    """
    if not len(x) or x.shape[1:] != space.shape:
        raise Refused(f"grid: x has shape {tuple(x.shape)}; it must be (n, *{space.shape}), n > 0")
    x = x.detach().cpu()
    if isinstance(space, Tokens):
        return _coloured(x, space.vocabulary)
    if isinstance(space, Classes):
        return _coloured(x[:, None], space.count)
    images = separate(x, space)
    if images is None:
        return scatter(x.reshape(len(x), -1))
    return _tiled(images, columns)


def has_pictures(space: Space) -> bool:
    """Whether each x is a picture of its own: an image, a cloud, a drawing or a graph."""
    labels = isinstance(space, Tokens | Classes | Attributes)
    return not labels and not (isinstance(space, Reals) and len(space.shape) < 2)


def separate(x: Tensor, space: Space) -> Picture | None:
    """Each x as a picture at its own size, (n, height, width, 1 or 3); None if it has none.

    Args:
        x: samples, (n, *space.shape).
        space: space of x.
    """
    x = x.detach().cpu()
    if not has_pictures(space):
        return None
    if isinstance(space, Reals) and len(space.shape) == 2 and space.shape[1] == 3:
        return clouds(x)
    if isinstance(space, Strokes | Graphs):
        return plot(x, space)
    return _as_images(x.float(), isinstance(space, Bits))


def plain(image: Picture) -> Picture:
    """An image, (height, width, 1 or 3), without the axis of a single channel."""
    return image[..., 0] if image.shape[-1] == 1 else image


def _as_images(x: Tensor, bits: bool) -> Picture:
    """(n, height, width, 1 or 3): levels as bytes; what is not finite is black."""
    levels = x * 255 if bits else (x + 1) * 127.5
    levels = levels.nan_to_num(0, 255, 0).round().clamp(0, 255).to(torch.uint8)
    side = math.isqrt(levels[0].numel())
    if levels.ndim == 2:
        square = side * side == levels.shape[1]
        levels = levels.reshape(len(x), *((side, side) if square else (1, -1)))
    if levels.ndim == 3:
        levels = levels[:, None]
    if levels.ndim == 5:  # the frames of a clip stand side by side
        levels = levels.permute(0, 2, 3, 1, 4).flatten(3)
    if levels.ndim != 4:
        levels = levels.reshape(len(x), 1, levels.shape[-2], -1)
    if levels.shape[1] not in (1, 3):  # other channels stand side by side
        levels = levels.transpose(1, 2).flatten(2)[:, None]
    return levels.permute(0, 2, 3, 1).numpy()


def _beside(left: Picture | None, right: Picture | None) -> Picture:
    """Pairs of images, (n, height, width, 1 or 3) each, side by side: in colour if one of them is."""
    assert left is not None
    assert right is not None
    channels = max(left.shape[3], right.shape[3])
    wide = [np.repeat(i, channels, 3) if i.shape[3] < channels else i for i in (left, right)]
    return np.concatenate(wide, 2)


def _tiled(images: Picture, columns: int | None) -> Picture:
    """Tiles in so many columns; by default the whole is about square."""
    square = math.ceil(math.sqrt(len(images) * images.shape[1] / images.shape[2]))
    return _tiles(images, columns or square)


def _tiles(images: Picture, columns: int) -> Picture:
    n, height, width, channels = images.shape
    scale = max(1, TILE // max(height, width))
    images = images.repeat(scale, 1).repeat(scale, 2)
    height, width, gap = height * scale, width * scale, 2
    columns = max(1, min(columns, n))
    lines = math.ceil(n / columns)
    size = (gap + lines * (height + gap), gap + columns * (width + gap), channels)
    canvas = np.full(size, BACK, np.uint8)
    for i, image in enumerate(images):
        line, column = divmod(i, columns)
        top, left = gap + line * (height + gap), gap + column * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return plain(canvas)


def _coloured(x: Tensor, vocabulary: int) -> Picture:
    """One line for each sequence, one colour for each token."""
    from matplotlib import colormaps  # takes a while

    shades = x.double() / max(1, vocabulary - 1)
    colours = (colormaps["viridis"](shades.numpy())[..., :3] * 255).astype(np.uint8)
    scale = max(1, min(16, 1024 // max(colours.shape[:2])))
    return colours.repeat(scale, 0).repeat(scale, 1)


# --- clouds of points --------------------------------------------------------------------------

SIDE = 96  # of the picture of a cloud, in pixels
TURN, TILT = -0.9, 0.45  # of the eye around the third axis, and up from the plane, radians


def clouds(x: Tensor, reach: float | None = None) -> Picture:
    """Clouds, (n, points, 3), as seen from the side and above, (n, 96, 96, 3): near points are dark.

    Args:
        x: clouds whose third axis is up. Points that are not finite are left out.
        reach: half the side of the pictures around 0; by default it holds 99 % of all points.
    """
    finite = x.isfinite().all(2)
    x = x.detach().cpu().double().nan_to_num(0, 0, 0)
    if reach is None:
        radii = x.norm(dim=2)[finite].numpy()
        reach = 1.15 * float(np.quantile(radii, 0.99)) if radii.size else 1.0
    right = x @ x.new_tensor([math.cos(TURN), math.sin(TURN), 0])
    away = x @ x.new_tensor([-math.sin(TURN), math.cos(TURN), 0])  # into the picture, on the plane
    up = math.cos(TILT) * x[..., 2] + math.sin(TILT) * away
    depth = math.cos(TILT) * away - math.sin(TILT) * x[..., 2]
    scale = (SIDE - 2) / (2 * max(reach, 1e-6))
    column, line = ((SIDE / 2 + s * scale * v).floor().long() for s, v in ((1, right), (-1, up)))
    inside = finite & ((column.clamp(0, SIDE - 2) == column) & (line.clamp(0, SIDE - 2) == line))
    far = ((depth / (2 * reach) + 0.5).clamp(0, 1)).numpy()[..., None]
    near_ink, far_ink = np.array([8, 48, 107]), np.array([158, 202, 225])
    ink = (near_ink + far * (far_ink - near_ink)).round().astype(np.uint8)
    canvas = np.full((len(x), SIDE, SIDE, 3), 255, np.uint8)
    for i, order in enumerate(depth.argsort(dim=1, descending=True)):  # the nearest come last
        seen = order[inside[i, order]]
        for down, aside in np.ndindex(2, 2):  # a point is 2 x 2 pixels
            canvas[i, line[i, seen] + down, column[i, seen] + aside] = ink[i, seen]
    return canvas


# --- plots ------------------------------------------------------------------------------------


def scatter(x: Tensor, limits: tuple[float, float, float, float] | None = None) -> Picture:
    """Points: (n, 1) as a histogram, (n, 2) as dots, more as dots of each pair of the first four.

    Args:
        x: points, (n, d). Rows that are not finite are left out, and counted in the title.
        limits: left, right, bottom and top of a plot of (n, 2); by default it holds 99 % of the
            points.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a while
    from matplotlib.figure import Figure

    finite = x.isfinite().all(1)
    points = x[finite].double().numpy()
    d = min(4, points.shape[1])
    panels = d if d > 2 else 1
    figure = Figure(figsize=(4.8, 4.8), dpi=100, layout="tight")
    canvas = FigureCanvasAgg(figure)
    size = min(8.0, max(1.0, 4000 / max(1, len(points)))) / panels
    for i, j in np.ndindex(panels, panels):
        axis = figure.add_subplot(panels, panels, i * panels + j + 1)
        axis.tick_params(labelsize=7)
        if d == 1 or (d > 2 and i == j):
            axis.hist(points[:, i], bins=64 if d == 1 else 24, density=True, color="#1f4e79")
            continue
        down, right = (i, j) if d > 2 else (1, 0)
        axis.scatter(points[:, right], points[:, down], s=size, alpha=0.6, lw=0, c="#1f4e79")
        if d == 2 and len(points):
            left, end, bottom, top = limits or frame_of(points)
            axis.set(xlim=(left, end), ylim=(bottom, top), aspect="equal")
    if not finite.all():
        figure.suptitle(f"{int((~finite).sum())} of {len(x)} rows are not finite", fontsize=8)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def frame_of(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """A square around 99 % of the points."""
    low, high = np.quantile(points, 0.005, axis=0), np.quantile(points, 0.995, axis=0)
    middle, half = (low + high) / 2, 0.6 * max(1e-6, float((high - low).max()))
    return middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half
