"""What is behind a ground: a painted wall, or a sky with hills or the sea."""

import math

import torch
from torch import Generator, Tensor

from .camera import EDGE
from .settings import CHECKS, PLAIN, SAND, TILES, WOOD
from .textures import paint, rgb, slope


def wall(x: Tensor, y: Tensor, kind: int, texture: int, comic: bool) -> Tensor:
    """A painted wall with a skirting board; behind plain grounds nothing."""
    if kind == PLAIN:
        tone = paint(("c3cad1", "dcbfb2", "b3c8b7", "bdb5d6")[texture])
        return tone * (1.0 - 0.07 * slope(-y, -0.1, 1.0)) + 0 * x
    tones = {
        WOOD: ("7f9ba0", "d8c7a6", "93a58a", "c9ab9b"),
        TILES: ("efe3cd", "d9e0e0", "a9bfae", "e7cdbb"),
        CHECKS: ("cfdbdc", "f0dfc4", "e8d2c8", "d7dcc6"),
    }
    tone = paint(tones[kind][texture])
    found = tone * (1.03 - 0.12 * slope(-y, 0.1, 1.1)) + 0 * x
    if kind == TILES:
        return found * _skirting(y, tone, 0.10)
    if kind == WOOD:
        panel = (x * 2.1 + 0.5) - (x * 2.1 + 0.5).floor()
        edge = torch.minimum(panel, 1 - panel)
        low = (y > EDGE - 0.42).float()
        found = found * (1 + low * (0.10 - 0.16 * slope(-edge, -0.05, -0.02)))
        rail = slope(-(y - EDGE + 0.43).abs(), -0.035, -0.02)
        found = found * (1 + 0.13 * rail)
        return found * (1 - 0.16 * slope(-(y - EDGE + 0.385).abs(), -0.02, -0.005))
    if not comic:
        band = torch.cos(x * 2 * math.pi * 3.5)
        found = found * (1 + 0.018 * slope(band, -0.2, 0.2))
    return found


def _skirting(y: Tensor, tone: Tensor, high: float) -> Tensor:
    board = (y > EDGE - high).float()
    shade = slope(-(y - EDGE + high).abs(), -0.022, -0.004)
    return 1 + board * 0.06 - 0.22 * shade


def sky(x: Tensor, y: Tensor, kind: int, texture: int, time: int, comic: bool) -> Tensor:
    """A sky with clouds, or with stars and a moon, over hills or the sea."""
    stream = Generator().manual_seed(77 + texture)
    up = slope(-y, -EDGE - 0.05, 1.1)
    if time:
        found = paint("39466f") + (paint("0e1530") - paint("39466f")) * up
        found = found + _stars(x, y, stream)
        found = _moon(found, x, y, texture)
    else:
        low, high = paint(("d9ecf5", "fbe6cf", "d6eef2", "e6ecf7")[texture]), paint("6fb1e4")
        found = low + (high - low) * up
        found = _clouds(found, x, y, comic, stream)
    if kind == SAND:
        sea = (y > EDGE - 0.13).float()
        depth = slope(y, EDGE - 0.13, EDGE)
        deep, shallow = (
            (paint("1d3c63"), paint("2f5a7d")) if time else (paint("2f86b5"), paint("7cc7cf"))
        )
        water = deep + (shallow - deep) * depth
        glint = torch.sin(x * 23 + y * 160 + texture) * torch.sin(x * 7 - y * 97)
        water = water * (1 + (0.0 if comic else 0.10) * glint)
        foam = slope(-(y - EDGE + 0.012 + 0.006 * torch.sin(x * 9)).abs(), -0.016, -0.004)
        water = water + (paint("ffffff") * (0.55 if time else 1.0) - water) * foam * 0.8
        return found + (water - found) * sea
    for k, tone in enumerate((("8fb1ae", "78a86c"), ("2a3f56", "1f3a3a"))[time]):
        crest = EDGE - 0.13 + 0.07 * k
        phase = 2.1 * texture + 1.7 * k
        crest = (
            crest - 0.06 * torch.sin(x * (1.9 + k) + phase) - 0.025 * torch.sin(x * 5.1 + 2 * phase)
        )
        hill = paint(tone) * (1.06 - 0.25 * (y - crest).clamp(0, 0.3) / 0.3)
        found = found + (hill - found) * (y > crest).float()
    return found


def _clouds(found: Tensor, x: Tensor, y: Tensor, comic: bool, stream: Generator) -> Tensor:
    places = torch.rand(4, 8, generator=stream, dtype=torch.float32)
    for k in range(3):
        cx = -0.8 + 0.8 * k + 0.5 * (places[k, 0].item() - 0.5)
        cy = -0.86 + 0.34 * places[k, 1].item()
        size = 0.15 + 0.1 * places[k, 2].item()
        far = torch.full_like(x, 9.0)
        for m, (dx, dy, r) in enumerate(
            ((0, 0, 1.0), (-1, 0.25, 0.65), (0.95, 0.2, 0.75), (1.7, 0.42, 0.45), (-1.7, 0.45, 0.4))
        ):
            r = r * (0.85 + 0.3 * places[k, 3 + m].item())
            blob = (
                ((x - cx) / size - dx).square() + ((y - cy) / size * 1.25 - dy).square()
            ).sqrt() - r
            far = torch.minimum(far, blob)
        flat = (y - cy) / size - 0.62
        far = torch.maximum(far, flat)
        part = slope(-far, 0.0, 0.05 if comic else 0.55)
        shade = 1 - 0.1 * slope((y - cy) / size, -0.2, 0.7)
        found = found + (paint("ffffff") * shade - found) * part * (0.95 if comic else 0.85)
    return found


def _stars(x: Tensor, y: Tensor, stream: Generator) -> Tensor:
    places = torch.rand(34, 3, generator=stream, dtype=torch.float32)
    found = torch.zeros_like(x)
    for a, b, c in places.tolist():
        far = ((x - 2 * a + 1).square() + (y + 1 - 0.62 * b).square()).sqrt()
        found = torch.maximum(found, slope(-far, -0.022, -0.006) * (0.35 + 0.65 * c))
    return found * rgb((0.95, 0.95, 0.85))


def _moon(found: Tensor, x: Tensor, y: Tensor, texture: int) -> Tensor:
    cx, cy = (-0.5, 0.45, 0.1, -0.15)[texture], (-0.68, -0.72, -0.74, -0.64)[texture]
    far = ((x - cx).square() + (y - cy).square()).sqrt()
    found = found + 0.20 * slope(-far, -0.5, -0.1) * rgb((0.8, 0.85, 1.0))
    bite = ((x - cx - 0.06).square() + (y - cy + 0.04).square()).sqrt()
    disc = slope(-far, -0.135, -0.12)
    if texture % 2:
        disc = disc * slope(bite, 0.11, 0.125)
    return found + (paint("f7f1d6") - found) * disc
