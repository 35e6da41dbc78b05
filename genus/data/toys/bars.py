"""Bars and stripes: small black-and-white images that can be counted.

All rows are on or off by themselves, or all columns are, each with probability 1/2: of the 2^(s s)
images of side s, 2 (2^s - 1) ever occur, those of one colour twice as often as the others.

Source: MacKay, "Information theory, inference and learning algorithms", 2003, chapter 43.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ...core import Bits
from ..endless import draws
from ..sets import Data
from ..sources import Source
from ..truth import Toy


@dataclass(frozen=True)
class Bars(Toy):
    """Bars and stripes; the label is 0 for rows and 1 for columns.

    Args:
        side: side of the image, in pixels.
    """

    side: int = 4
    classes: int = 2

    @property
    def dims(self) -> int:
        return self.side**2

    @property
    def space(self) -> Bits:
        return Bits((1, self.side, self.side))

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        lines = torch.randint(2, (n, self.side, 1), generator=noise).float()
        rows = lines.expand(-1, -1, self.side)
        part = torch.randint(2, (n,), generator=noise)
        return torch.where(part[:, None, None] == 0, rows, rows.mT)[:, None], part

    def log_prob(self, x: Tensor) -> Tensor:
        image = x.reshape(len(x), self.side, self.side)
        by_rows = (image == image[:, :, :1]).all(2).all(1)
        by_columns = (image == image[:, :1]).all(2).all(1)
        return ((by_rows.to(x) + by_columns.to(x)) * 2.0 ** -(self.side + 1)).log()

    @property
    def entropy(self) -> float:
        s = self.side
        plain = 2 * 2.0**-s  # the probability of one of the two images of one colour
        return (s * plain + (s + 1) * (1 - plain)) * math.log(2)


def bars() -> Data:
    """Bars and stripes of side 4: 30 images out of 65,536."""
    return draws("bars", Bars())


SETS = {"bars": Source(bars)}
