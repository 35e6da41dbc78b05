"""Toys: endless data whose truth is known."""

import math

import torch
from torch import Tensor

from ..core import Reals
from .sets import Data
from .splits import Batch, Split, stream


class Draws(Split):
    """An endless split: each batch is a fresh draw."""

    def __init__(self, name: str, rows: int = 10_000):
        self.name, self.rows, self.space = name, rows, Reals((2,))

    @property
    def fingerprint(self) -> str:
        return self.name

    def __len__(self) -> int:
        return self.rows

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return (two_moons(size, stream(self.name, seed, number)),)

    def everything(self) -> Batch:
        return (two_moons(self.rows, stream(self.name, "everything")),)

    def labelled(self) -> Split:
        raise ValueError(f"{self.name}: has no labels")


def two_moons(n: int, noise: torch.Generator) -> Tensor:
    t = math.pi * torch.rand(n, generator=noise)
    lower = torch.randint(2, (n,), generator=noise).float()
    sign = 1 - 2 * lower
    x = torch.stack([sign * t.cos() + lower, sign * t.sin() + 0.5 * lower], 1)
    return x + 0.1 * torch.randn(n, 2, generator=noise)


def moons() -> Data:
    """Two moons of unit radius, with normal noise of 0.1."""
    return Data("moons", *(Draws(f"moons {split}") for split in ("train", "validation", "test")))
