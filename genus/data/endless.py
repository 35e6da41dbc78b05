"""Toys as data sets: each batch is a fresh draw."""

import copy
from typing import Protocol

import torch
from torch import Generator

from ..core import Classes, Refused, Space
from .sets import SPLITS, Data
from .splits import Batch, Split, stream
from .truth import Toy

ROWS = 10_000  # in the fixed draw of each split


class Drawn(Protocol):
    """A source from which rows can be drawn without end."""

    @property
    def space(self) -> Space: ...

    @property
    def classes(self) -> int: ...

    def sample(self, n: int, noise: Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """x, (n, *space.shape), and the class of each, (n,) int64."""
        ...


class Draws(Split):
    """An endless split. Its fixed draw and its batches have nothing in common.

    Args:
        toy: distribution from which rows are drawn.
        name: name of the split; each name has its own draws.
        rows: number of rows in the fixed draw.
    """

    def __init__(self, toy: Drawn, name: str, rows: int = ROWS):
        self.toy, self.name, self.space, self.rows = toy, name, toy.space, rows
        self.classes = toy.classes

    def content(self) -> str:
        return f"{self.toy} {self.name}"

    @property
    def labels(self) -> torch.Tensor | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.toy.sample(self.rows, self.fixed())[1] if self.classes else None

    def __len__(self) -> int:
        return self.rows

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self._given(size, stream(self.name, seed, number))

    def everything(self) -> Batch:
        return self._given(self.rows, self.fixed())

    def labelled(self) -> "Draws":
        if not self.classes:
            raise Refused(f"{self.name}: has no labels, and a conditional model wants them")
        view = copy.copy(self)
        view.context_space = Classes(self.classes)
        return view

    def fixed(self) -> Generator:
        """The noise of the fixed draw."""
        return stream(self.name, "everything")

    def _given(self, n: int, noise: Generator) -> Batch:
        x, label = self.toy.sample(n, noise)
        return (x,) if self.context_space is None else (x, label)


def draws(name: str, truth: Toy) -> Data:
    """A data set of draws from a toy."""
    train, validation, test = (Draws(truth, f"{name} {split}") for split in SPLITS)
    return Data(name, train, validation, test, truth=truth)
