"""Features of rows that are no pictures: columns, spectra, sequences of symbols; and random waves of them.

Columns     the values themselves, or 128 projections of them, of a table's row or of anything flat
Spectrum    how much there is in each band of a sound's spectrum, and how much that changes
NGrams      how often symbols follow each other, in 128 buckets
Waves       cos(w . f + b) of random w and b, of any of these: how they go together
"""

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from ...core import Pixels, Reals, Space, Tokens

FEATURES = 128
WINDOW, BANDS = 256, FEATURES // 2  # samples of a sound in one window, and bands of its spectrum
FAR = 1e9  # deviations, beyond which all values are the same
PRIMES = (1_000_003, 92_821, 31)  # of the buckets of one, two and three symbols


class Sight(Protocol):
    """An extractor of features, in which samples are compared with real rows."""

    @property
    def name(self) -> str: ...

    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of rows of a space, (n, *shape) -> (n, features), float64."""
        ...

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        ...


def of_sound(space: Space) -> bool:
    """Whether x are long rows of numbers in time, such as a sound."""
    long = math.prod(space.shape) >= 4 * WINDOW and space.shape[-1] == math.prod(space.shape)
    return isinstance(space, Pixels | Reals) and long


class ColumnValues:
    """Values in units of their deviation over real rows; 128 random projections where there are more.

    Args:
        real: real rows that give the units, (n, *shape).
    """

    name = "columns"

    def __init__(self, real: Tensor):
        rows = real.flatten(1).double().cpu()
        deviation = rows.std(0)
        self.middle, self.unit = rows.mean(0), deviation.where(deviation > 0, 1.0)
        self.mix: Tensor | None = None
        if rows.shape[1] > FEATURES:
            chance = torch.Generator().manual_seed(0)
            mix = torch.randn(rows.shape[1], FEATURES, generator=chance, dtype=torch.float64)
            self.mix = mix / rows.shape[1] ** 0.5

    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of rows, (n, *shape) -> (n, at most 128), float64."""
        rows = ((x.flatten(1).double().cpu() - self.middle) / self.unit).clamp(-FAR, FAR)
        return rows if self.mix is None else rows @ self.mix

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        count = len(self.middle) if self.mix is None else FEATURES
        return {"name": self.name, "features": count, "projected": self.mix is not None}


class Spectrum:
    """Mean and deviation over time of the logarithm of the power in 64 bands of a sound."""

    name = "spectrum"

    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of sounds, (n, ..., t) -> (n, 128), float64."""
        rows = x.flatten(1).double().cpu()
        window = torch.hann_window(WINDOW, dtype=torch.float64)
        waves = torch.stft(rows, WINDOW, WINDOW // 2, window=window, return_complex=True)
        power = waves.abs() ** 2  # (n, 129, windows)
        edges = torch.logspace(0, math.log10(WINDOW // 2), BANDS + 1).long()
        last = torch.maximum(edges[1:], edges[:-1] + 1)
        bands = torch.stack(
            [
                power[:, a:b].mean(1)
                for a, b in zip(edges[:-1].tolist(), last.tolist(), strict=True)
            ],
            1,
        )
        level = (bands + 1e-6).log()
        return torch.cat([level.mean(2), level.std(2)], 1)

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        return {"name": self.name, "features": FEATURES, "window": WINDOW}


class NGrams:
    """The roots of the counts of single symbols, of pairs and of triples, in 128 buckets."""

    name = "n_grams"

    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of tokens, (n, length) -> (n, 128), float64."""
        x = x.flatten(1).cpu().long()
        found = torch.zeros(len(x), FEATURES, dtype=torch.float64)
        for n in range(1, min(3, x.shape[1]) + 1):
            parts = [x[:, k : x.shape[1] - n + 1 + k] * PRIMES[k] for k in range(n)]
            mixed = (sum(parts, torch.zeros((), dtype=torch.int64)) + 7 * n) * 2_654_435_761
            bucket = (mixed >> 16) % FEATURES
            found.scatter_add_(1, bucket, torch.ones(bucket.shape, dtype=torch.float64))
        return found.sqrt()

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        return {"name": self.name, "features": FEATURES}


class Waves:
    """cos(w . f + b) of another extractor's features, in units of their deviation over real rows.

    Args:
        inner: the other extractor.
        real: real rows that give the units, (n, *shape).
        space: space of the rows.
    """

    name = "random"

    def __init__(self, inner: Sight, real: Tensor, space: Space):
        self.inner, seen = inner, inner.see(real, space)
        deviation = seen.std(0)
        self.middle, self.unit = seen.mean(0), deviation.where(deviation > 0, 1.0)
        chance = torch.Generator().manual_seed(0)
        size = seen.shape[1]
        self.w = torch.randn(size, FEATURES, generator=chance, dtype=torch.float64) / size**0.5
        self.b = 2 * math.pi * torch.rand(FEATURES, generator=chance, dtype=torch.float64)

    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of rows, (n, *shape) -> (n, 128), float64."""
        f = (self.inner.see(x, space) - self.middle) / self.unit
        return 2**0.5 * torch.cos(f @ self.w + self.b)

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        return {"name": self.name, "features": FEATURES, "waves_of": self.inner.name}


def sights_of_rows(real: Tensor, space: Space) -> tuple[Sight, Sight]:
    """The extractor for rows that are no pictures, and random waves of it.

    Args:
        real: real rows, (n, *shape).
        space: space of the rows.
    """
    if isinstance(space, Tokens):
        first: Sight = NGrams()
    elif of_sound(space):
        first = Spectrum()
    else:
        first = ColumnValues(real)
    return first, Waves(first, real, space)
