"""Grounds and what is behind them: wood, tiles, grass, sand, checks, plain, under a wall or a sky.

The camera never moves, so that a ground is one of a few pictures for each size, drawn once with several
points in each pixel and kept.
"""

from functools import cache

import torch
from torch import Generator, Tensor

from .backs import sky, wall
from .camera import DEPTH, DROP, EDGE, RATE, VANISHING
from .settings import GRASS, GROUNDS, PLAIN, SAND, STYLES, TEXTURES
from .textures import clouded, hashed, noise, paint, rgb, slope

OUTDOORS = (GRASS, SAND)
MOONLIT, LAMPLIT = (0.46, 0.55, 0.86), (0.86, 0.68, 0.52)  # what the night leaves of each colour
DIM = (0.58, 0.46, 0.42)  # and of walls in lamplight


def night(kind: Tensor) -> Tensor:
    """What the night leaves of red, green and blue over these grounds, (n, 3)."""
    out = (kind == GRASS) | (kind == SAND)
    return torch.where(out[:, None], torch.tensor(MOONLIT), torch.tensor(LAMPLIT))


@cache
def ground(size: int, style: int, time: int, kind: int, texture: int) -> Tensor:
    """A ground, with what is behind it, (3, size, size), 0 .. 1."""
    floor = _floor(size, style, kind, texture)
    if time:
        floor = floor * rgb(MOONLIT if kind in OUTDOORS else LAMPLIT)
    return (floor + _back(size, style, time, kind, texture)).clamp(0, 1).contiguous()


@cache
def _floor(size: int, style: int, kind: int, texture: int) -> Tensor:
    """A ground by day; 0 where it is not seen."""
    x, y, fine = _points(size)
    comic = STYLES[style] == "comic"
    stream = Generator().manual_seed(1000 * kind + texture)
    found = FLOORS[kind](_ground_x(x, y), _ground_z(y), y, texture, comic, stream)
    return _averaged(found * _ends(y, kind, comic) * (1 - _line(y, kind, comic)), fine)


def _back(size: int, style: int, time: int, kind: int, texture: int) -> Tensor:
    """What is behind a ground; 0 where it is not seen."""
    x, y, fine = _points(size)
    comic = STYLES[style] == "comic"
    if kind in OUTDOORS:
        found = sky(x, y, kind, texture, time, comic)
    else:
        found = wall(x, y, kind, texture, comic) * rgb(DIM if time else (1.0, 1.0, 1.0))
    line = _line(y, kind, comic)
    found = found * (1 - _ends(y, kind, comic))
    return _averaged(found * (1 - line) + rgb((0.15, 0.12, 0.18)) * line, fine)


def _points(size: int) -> tuple[Tensor, Tensor, int]:
    """Points of the screen, several to each side of a pixel, and how many."""
    fine = max(2, -(-96 // size))
    side = size * fine
    steps = (torch.arange(side, dtype=torch.float32) + 0.5) * (2 / side) - 1
    return steps[None, :].expand(side, side), steps[:, None].expand(side, side), fine


def _averaged(field: Tensor, fine: int) -> Tensor:
    return torch.nn.functional.avg_pool2d(field[None], fine)[0]


def _ends(y: Tensor, kind: int, comic: bool) -> Tensor:
    """How much of the ground is seen: 1 before its end, which is soft in a studio, and 0 behind."""
    if kind == PLAIN and not comic:
        return slope(y, EDGE - 0.34, EDGE + 0.16)
    return (y > EDGE).float()


def _line(y: Tensor, kind: int, comic: bool) -> Tensor:
    """The line of ink, or the soft shade of a wall, at the end of the ground."""
    if kind == PLAIN:
        return torch.zeros_like(y)
    if comic:
        return ((y - EDGE).abs() < 0.016).float() * 0.75
    shade = 0.3 * slope(-(y - EDGE).abs(), -0.05, 0.0) * (y > EDGE)
    return torch.zeros_like(y) if kind in OUTDOORS else shade


@cache
def lights(size: int) -> Tensor:
    """How bright the light of each side is over the picture, (2 sides, 2 times, size, size)."""
    steps = (torch.arange(size, dtype=torch.float32) + 0.5) * (2 / size) - 1
    x, y = steps[None, :], steps[:, None]
    found = []
    for side in (-1.0, 1.0):
        far = (x - side * 0.75).square() + (y + 0.1).square() * 0.8
        day = 1.06 - 0.075 * far
        dark = 0.70 + 0.48 / (1 + 0.9 * far)
        found.append(torch.stack((day, dark)))
    return torch.stack(found).float()


# --- points of the ground ---------------------------------------------------------------------


def _ground_x(x: Tensor, y: Tensor) -> Tensor:
    return x / ((y - VANISHING) / DROP)


def _ground_z(y: Tensor) -> Tensor:
    return (DROP / (y - VANISHING) - 1) / RATE * DEPTH


# --- floors -----------------------------------------------------------------------------------


def _wood(x: Tensor, z: Tensor, y: Tensor, texture: int, comic: bool, stream: Generator) -> Tensor:
    """Boards that run to the back."""
    tone = paint(("c98f57", "a8703f", "dcb07a", "8f5f42")[texture])
    wide = 0.34
    across = x / wide + 0.5 + 0.21 * texture
    board = across.floor()
    length = 2.1
    along = z / length + hashed(board + 50, stream) * 5
    piece = along.floor()
    own = hashed(board * 17 + piece * 5 + 300, stream)
    found = tone * (0.88 + 0.22 * own)
    if not comic:
        bend = clouded(x * 5, z * 0.9 + board * 7.3, stream, 2)
        grain = noise(x * 34 + bend * 9, z * 1.3 + board * 3.7, stream)
        rings = torch.sin((across * 2.6 + bend * 3.4) * 6.0) * 0.5 + 0.5
        found = found * (0.88 + 0.13 * grain + 0.08 * rings)
        warm = clouded(x * 2 + 9, z * 2, stream, 2) - 0.5
        found = found * rgb((1.0, 0.98, 0.94)) * (1 + 0.08 * warm)
    else:
        part = noise(x * 9, z * 0.8 + board * 3.7, stream)
        found = found * torch.where(part > 0.66, 0.92, 1.0)
    seam = torch.minimum(across - board, board + 1 - across) * wide
    end = torch.minimum(along - piece, piece + 1 - along) * length
    dark = torch.maximum(slope(-seam, -0.022, -0.004), slope(-end, -0.03, -0.01) * 0.8)
    return found * (1 - (0.55 if not comic else 0.6) * dark)


def _tiles(x: Tensor, z: Tensor, y: Tensor, texture: int, comic: bool, stream: Generator) -> Tensor:
    """Square tiles with joints, laid straight or across corner."""
    tone = paint(("c9714f", "7fa3b5", "e3d6bd", "8fb3a0")[texture])
    joint = paint(("e2cfb9", "e9eef0", "b9a78c", "eef0e6")[texture])
    side = 0.62
    if texture % 2:
        a, b = (x + z) * 0.70710678 / side, (z - x) * 0.70710678 / side
    else:
        a, b = x / side + 0.5, z / side + 0.13
    i, j = a.floor(), b.floor()
    own = hashed(i * 31 + j * 17 + 900, stream)
    found = tone * (0.9 + 0.18 * own)
    u, v = a - i - 0.5, b - j - 0.5
    if not comic:
        speck = clouded(x * 6, z * 6, stream, 3)
        found = found * (0.9 + 0.2 * speck)
        found = found * (1 + 0.09 * v.clamp(-0.5, 0.5) - 0.07 * u)
    far = torch.maximum(u.abs(), v.abs())
    if not comic:
        found = found * (1 - 0.16 * slope(far, 0.38, 0.45))
    return found + (joint - found) * slope(far, 0.45, 0.468) * (1 - 0.75 * slope(z, 1.2, 4.6))


def _grass(x: Tensor, z: Tensor, y: Tensor, texture: int, comic: bool, stream: Generator) -> Tensor:
    """A meadow with tufts, lighter to the back, and some flowers."""
    near, far = paint(("4f8f3a", "5d9440", "479050", "6f9a3d")[texture]), paint("a5c46a")
    share = slope(z, -0.4, 5.4)
    found = near + (far - near) * share
    patch = clouded(x * 1.1 + 3, z * 0.7, stream, 3)
    found = found * (0.78 + 0.44 * patch)
    if comic:
        found = (near + (far - near) * share) * torch.where(patch > 0.52, 1.06, 0.96)
    size = 2 + 2.5 * share
    strokes = torch.zeros_like(x)
    for k in range(2 if comic else 4):
        a, b = x * 15 + 13.7 * k, z * (4.4 - k * 0.4) + 7.1 * k
        i, j = a.floor(), b.floor()
        shift = hashed(i * 13 + j * 29 + 77 * k, stream)
        lean = (shift - 0.5) * 0.5
        u = a - i - 0.5 - lean * (b - j)
        blade = slope(-u.abs(), -0.34 * (1 - 0.75), 0.0) * slope(b - j, 0.0, 0.75)
        strokes = torch.maximum(
            strokes, blade * (0.4 + 0.6 * shift) * (shift > (0.62 if comic else 0.2))
        )
    strokes = strokes * (1 - share) * (0.75 if comic else 1.0)
    found = found * (1 - 0.16 * (1 - share)) + (paint("b7d667") - found) * strokes * 0.42 / size * 2
    a, b = x * 3.3, z * 2.2
    i, j = a.floor(), b.floor()
    lucky = hashed(i * 7 + j * 57 + 31, stream)
    u, v = (a - i - 0.5) / 3.3, (b - j - 0.5) / 2.2 * 0.36
    flower = slope(-(u * u + v * v).sqrt(), -0.033, -0.018) * (lucky > 0.86)
    petal = paint(("fff4d8", "ffd84d", "f3b5d2", "ffffff")[texture])
    return found + (petal - found) * flower * (1 - share * 0.5)


def _sand(x: Tensor, z: Tensor, y: Tensor, texture: int, comic: bool, stream: Generator) -> Tensor:
    """A beach with ripples; wet where the sea begins."""
    tone = paint(("e6c98f", "e9d3a4", "dbb67c", "efd9b0")[texture])
    bend = clouded(x * 0.8, z * 0.6 + 5, stream, 2)
    ripple = torch.sin((z * 2.0 + bend * 4.2 + x * (0.5 - 0.3 * texture)) * 3.4)
    fade = 1 - slope(z, 2.8, 4.6)
    if comic:
        found = tone * torch.where(ripple > 0.72, 0.9, 1.0)
        dots = hashed((x * 14).floor() * 7 + (z * 7).floor() * 91 + 2000, stream)
        u, v = x * 14 - (x * 14).floor() - 0.5, z * 7 - (z * 7).floor() - 0.5
        found = found * (1 - 0.22 * ((u * u + v * v < 0.07) & (dots > 0.9)))
    else:
        grain = noise(x * 42, z * 24, stream) - 0.5
        slow = clouded(x * 1.3, z, stream, 3) - 0.5
        found = tone * (1 + 0.06 * ripple * fade + 0.10 * grain * fade + 0.16 * slow)
    wet = slope(z + 0.3 * bend, 4.35, 4.9)
    return found * (1 - 0.22 * wet * rgb((1.0, 0.9, 0.7)))


def _checks(
    x: Tensor, z: Tensor, y: Tensor, texture: int, comic: bool, stream: Generator
) -> Tensor:
    """A woven cloth in checks."""
    dark = paint(("c65b52", "4f7fae", "5f9a6d", "8a6fa8")[texture])
    pale = paint("f6efe0")
    side = 0.3
    a, b = x / side + 0.5, z / side
    i, j = a.floor() % 2, b.floor() % 2
    found = pale + (dark - pale) * ((i + j) * 0.5) ** 1.0
    if comic:
        return pale + (dark - pale) * ((i + j) % 2)
    weave = noise(x * 60, z * 8, stream) * 0.5 + noise(x * 8, z * 60, stream) * 0.5
    folds = clouded(x * 0.9, z * 0.7, stream, 2) - 0.5
    return found * (0.93 + 0.1 * weave + 0.14 * folds)


def _plain(x: Tensor, z: Tensor, y: Tensor, texture: int, comic: bool, stream: Generator) -> Tensor:
    """A smooth ground that rises into its wall, as in a photographer's studio."""
    tone = paint(("dfe3e6", "ead9cf", "d3dfd3", "d8d3e6")[texture])
    return tone * (1.02 - 0.03 * slope(z, 0.0, 6.0)) + 0 * x


FLOORS = (_wood, _tiles, _grass, _sand, _checks, _plain)


def bank(size: int, keys: Tensor) -> tuple[Tensor, Tensor]:
    """The grounds of these numbers, (3, size, size, found), and which of them each is."""
    wanted, which = keys.unique(return_inverse=True)
    pictures = [ground(size, *unkeyed(int(key))) for key in wanted]
    return torch.stack(pictures, -1), which


def keyed(style: Tensor, time: Tensor, kind: Tensor, texture: Tensor) -> Tensor:
    """The number of a ground among all."""
    return ((style * 2 + time) * len(GROUNDS) + kind) * TEXTURES + texture


def unkeyed(key: int) -> tuple[int, int, int, int]:
    """Style, time, kind and texture of the ground of this number."""
    rest, texture = divmod(key, TEXTURES)
    rest, kind = divmod(rest, len(GROUNDS))
    return rest // 2, rest % 2, kind, texture
