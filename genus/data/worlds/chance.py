"""Random numbers by row: a number is a pure function of a key, of the number of its row, and of a name.

There is no stream that is used up. Row k is the same however many rows are drawn and in whatever
order, and a parameter that is added to a world moves no other.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014,
    doi:10.1145/2660193.2660195 (the mixing of 64 bits); the idea of counters instead of a state is of
    Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011,
    doi:10.1145/2063384.2063405.
"""

import hashlib

from torch import Tensor

GOLDEN = -0x61C8864680B583EB  # 2^64 divided by the golden ratio, as a signed number
FIRST, SECOND = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # the multipliers of splitmix64


def uniforms(key: object, rows: Tensor, name: str) -> Tensor:
    """Uniform numbers in [0, 1), one a row, (n,) float64.

    Args:
        key: anything with a `repr` that says which rows these are: a seed and the name of a split.
        rows: numbers of the rows, (n,) int64.
        name: name of the parameter.
    """
    digits = hashlib.sha256(repr((key, name)).encode()).digest()
    start = int.from_bytes(digits[:8], "big", signed=True)
    mixed = _mixed(_mixed(rows * GOLDEN + start) + GOLDEN)
    return _shifted(mixed, 11).double() * 2.0**-53


def integers(key: object, rows: Tensor, name: str) -> Tensor:
    """Whole numbers in 0 .. 2^53 - 1, one a row, (n,) int64: numbers of rows that nobody else draws.

    Args:
        key: anything with a `repr` that says which rows these are.
        rows: numbers of the rows, (n,) int64.
        name: what the numbers are for.
    """
    return (uniforms(key, rows, name) * 2.0**53).long()


def _mixed(bits: Tensor) -> Tensor:
    """The finaliser of splitmix64: each bit of the result depends on all bits."""
    bits = (bits ^ _shifted(bits, 30)) * FIRST
    bits = (bits ^ _shifted(bits, 27)) * SECOND
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, places: int) -> Tensor:
    """Bits moved to the right, with zeros from the left."""
    return (bits >> places) & ((1 << (64 - places)) - 1)
