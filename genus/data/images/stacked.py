"""Stacked digits: three digits, each drawn on its own, as the three channels of one image.

    stacked_digits    of the 8x8 digits that ship with scikit-learn: Pixels((3, 8, 8), 17)
    stacked_mnist     of MNIST, from the folder that GENUS_DATA names: Pixels((3, 28, 28))

The three classes form a number from 0 to 999, of which the first channel gives the hundreds: a
thousand modes of known shares, which show whether a generator has dropped any. The
splits use different digits. Batches are endless.

Source: Che, Li, Jacob, Bengio, Li, "Mode regularized generative adversarial networks", 2017,
    arXiv:1612.02136 (the idea); Srivastava, Valkov, Russell, Gutmann, Sutton, "VEEGAN: reducing mode
    collapse in GANs using implicit variational learning", 2017, arXiv:1705.07761 (the measure).
"""

import copy

import torch
from torch import Generator, Tensor

from ...core import Classes, Pixels, Refused
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Batch, Rows, Split, stream
from .digits import digits
from .idx import MNIST, idx, idx_files

CHANNELS = 3
ROWS = 10_000  # in the fixed draw of each split


class Stacked(Split):
    """An endless split of images whose channels are rows of another split, drawn on their own.

    Args:
        inner: split of one channel, with labels in 0 .. 9.
        name: name of the split; each name has its own draws.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, inner: Split, name: str):
        if not isinstance(inner, Rows) or inner.labels is None or inner.space.shape[0] != 1:
            raise Refused(
                f"{name}: is made of {inner.name}; labelled rows of one channel are wanted"
            )
        if not isinstance(inner.space, Pixels):
            raise Refused(f"{name}: is made of {inner.space}; Pixels are wanted")
        self.inner, self.name, self.digits = inner, name, inner.labels
        self.space = Pixels((CHANNELS, *inner.space.shape[1:]), inner.space.levels)
        self.classes = inner.classes**CHANNELS

    def content(self) -> str:
        return f"{self.name} {self.inner.fingerprint}"

    @property
    def labels(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.numbers(self._drawn(ROWS, self._fixed()))

    def __len__(self) -> int:
        return ROWS

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self._given(self._drawn(size, stream(self.name, seed, number)))

    def everything(self) -> Batch:
        return self._given(self._drawn(ROWS, self._fixed()))

    def labelled(self) -> "Stacked":
        view = copy.copy(self)
        view.context_space = Classes(self.classes)
        return view

    def numbers(self, rows: Tensor) -> Tensor:
        """0 .. classes - 1, (n,), from the rows of the digits, (n, 3)."""
        return number_of(self.digits[rows], self.inner.classes)

    def _fixed(self) -> Generator:
        return stream(self.name, "everything")

    def _drawn(self, n: int, noise: Generator) -> Tensor:
        return torch.randint(len(self.inner), (n, CHANNELS), generator=noise)

    def _given(self, rows: Tensor) -> Batch:
        x = self.inner.take(rows.flatten())[0].reshape(-1, *self.space.shape)
        return (x,) if self.context_space is None else (x, self.numbers(rows))


def number_of(classes: Tensor, count: int) -> Tensor:
    """One number, (n,), from the classes of the channels, (n, channels), the first weighing most."""
    number = torch.zeros_like(classes[:, 0])
    for column in classes.T:
        number = number * count + column
    return number


def stacked(source: Data, name: str) -> Data:
    """A data set of stacked rows of another."""
    train, validation, test = (
        Stacked(split, f"{name} {part}")
        for split, part in zip(source.splits.values(), SPLITS, strict=True)
    )
    return Data(name, train, validation, test)


SETS = {
    "stacked_digits": Source(lambda: stacked(digits(), "stacked_digits")),
    "stacked_mnist": Source(
        lambda folder, name: stacked(idx(folder, "mnist"), name), MNIST, idx_files
    ),
}
