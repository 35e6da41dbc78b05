"""Colours, slopes and smooth random fields, of which grounds are made."""

import torch
from torch import Generator, Tensor

Colour = tuple[float, float, float]


def slope(x: Tensor, low: float, high: float) -> Tensor:
    part = ((x - low) / (high - low)).clamp(0, 1)
    return part * part * (3 - 2 * part)


def rgb(of: Colour | Tensor) -> Tensor:
    return torch.as_tensor(of, dtype=torch.float32).reshape(3, 1, 1)


def paint(word: str) -> Tensor:
    return rgb(tuple(int(word[i : i + 2], 16) / 255 for i in (0, 2, 4)))  # pyright: ignore[reportArgumentType]


def noise(x: Tensor, y: Tensor, stream: Generator) -> Tensor:
    """Smooth random values, 0 .. 1, that vary over about one unit."""
    table = torch.rand(64, 64, generator=stream, dtype=torch.float32)
    i, j = x.floor(), y.floor()
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    i, j = i.long() % 64, j.long() % 64
    k, m = (i + 1) % 64, (j + 1) % 64
    low = table[j, i] * (1 - u) + table[j, k] * u
    high = table[m, i] * (1 - u) + table[m, k] * u
    return low * (1 - v) + high * v


def clouded(x: Tensor, y: Tensor, stream: Generator, octaves: int = 3) -> Tensor:
    found, weight = torch.zeros_like(x), 0.0
    for k in range(octaves):
        found = found + noise(x * 2**k, y * 2**k, stream) * 0.5**k
        weight += 0.5**k
    return found / weight


def hashed(number: Tensor, stream: Generator) -> Tensor:
    table = torch.rand(997, generator=stream, dtype=torch.float32)
    return table[(number.long() * 131 + 7) % 997]
