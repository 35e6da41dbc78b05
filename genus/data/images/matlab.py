"""Reads one matrix of a MATLAB file, version 5 (up to 7.0): all that binarised MNIST needs.

A file is a header of 128 bytes, whose last two give the byte order, and elements. An element is a
tag (type and length, 32 bits each, or 16 bits each if the length is at most 4) and content, padded
to 8 bytes. A matrix is an element of elements: flags, dimensions, name, values in the order of
columns. An element may be wrapped in another one, compressed by zlib.

Source: The MathWorks, "MAT-File Format", chapter 1, level 5.
"""

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...errors import Refused

MATRIX, COMPRESSED = 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
NUMERIC = range(
    6, 16
)  # the classes of matrices of numbers, as opposed to cells, objects, text, ...
COMPLEX = 0x0800


def read_matrix(content: bytes, name: str, who: str) -> NDArray[np.generic]:
    """The matrix of this name.

    Args:
        content: bytes of the file.
        name: name of the matrix.
        who: name of the file in messages.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if not content.startswith(b"MATLAB 5.0") or order is None:
        raise Refused(f"{who}: is not a MATLAB file of version 5 to 7.0")
    try:
        for kind, body in _elements(content[128:], order):
            if kind == COMPRESSED:
                kind, body = next(_elements(zlib.decompress(body), order))
            if kind != MATRIX:
                continue
            flags, sizes, title, *values = _elements(body, order)
            if title[1].decode("latin-1") == name:
                return _matrix(flags, sizes, values, order)
    except (struct.error, zlib.error, KeyError, StopIteration, TypeError, ValueError) as error:
        raise Refused(f"{who}: is damaged: {error}") from None
    raise Refused(f"{who}: there is no matrix {name} in it")


Element = tuple[int, bytes]  # type and content


def _elements(content: bytes, order: str) -> Iterator[Element]:
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from(f"{order}II", content, at)
        start = at + 8
        if kind >> 16:
            kind, length, start = kind & 0xFFFF, kind >> 16, at + 4
        if start + length > len(content):
            raise Refused("it ends too early")
        yield kind, content[start : start + length]
        at = start + length
        at += 0 if kind == COMPRESSED else -at % 8


def _matrix(
    flags: Element, sizes: Element, values: list[Element], order: str
) -> NDArray[np.generic]:
    (word,) = struct.unpack_from(f"{order}I", flags[1])
    if word & 0xFF not in NUMERIC or word & COMPLEX or len(values) != 1:
        raise Refused("a full matrix of real numbers is wanted")
    shape = struct.unpack(f"{order}{len(sizes[1]) // 4}i", sizes[1])
    found = np.frombuffer(values[0][1], f"{order}{TYPES[values[0][0]]}")
    if min(shape, default=-1) < 0 or math.prod(shape) != len(found):
        raise Refused(f"it holds {len(found)} numbers, not {' x '.join(map(str, shape))}")
    return found.reshape(shape, order="F").astype(found.dtype.newbyteorder("="), order="C")
