"""Array files, .npy and .npz, as data sets. What the numbers are follows from their type:

    only 0 and 1                       Bits
    uint8                              Pixels: (n, d) vectors, (n, h, w) grey images,
                                       (n, h, w, c) or (n, c, h, w) images of 1 or 3 channels;
                                       of 4, the last is how opaque they are, and they stand on white
    other integers, (n, length)        Tokens
    floating point                     Reals; each number of vectors, (n, d), becomes standard among
                                       the training rows, and comes back in its own units

A .npz holds x, perhaps y (labels), or x_train, y_train, x_validation, ..., or train_images, train_labels,
val_images, ... Pickles are refused.
"""

import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..core import Bits, Pixels, Reals, Refused, Space, Tokens
from .dividing import data_of_rows, split_name
from .sets import Data
from .sources import Source

Array = NDArray[np.generic]
Layout = Literal["first", "last"]
DAMAGED = (  # what numpy raises over a file that is not whole
    ValueError,
    OSError,
    EOFError,
    LookupError,
    MemoryError,
    ArithmeticError,
    RuntimeError,
    SyntaxError,
    TypeError,
    TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
ROLES = {"x": "x", "data": "x", "images": "x", "y": "y", "labels": "y", "label": "y"}
SMALLEST = 5  # pixels of a side of what may be a picture


def arrays(path: Path, *, layout: Layout | None = None, standardise: bool = True) -> Data:
    """An array file as a data set.

    Args:
        path: path of a .npy or .npz file.
        layout: place of an image's channels, first or last, if the shape leaves it open.
        standardise: whether the numbers of vectors become standard, with mean 0 and deviation 1.
    """
    found = opened(path)
    roles: dict[str, dict[str, Array]] = {"x": {}, "y": {}}
    if len(found) == 1:
        roles["x"]["train"] = next(iter(found.values()))
    else:
        for key, array in found.items():
            word, split = named_array(key)
            if word not in ROLES or split is None or split in roles[ROLES[word]]:
                held = ", ".join(found)
                wanted = "x and y, or x_train, y_train, x_validation, ..., or train_images, train_labels, ..."
                raise Refused(f"{path}: holds the arrays {held}; wanted are {wanted}")
            roles[ROLES[word]][split] = array
    if "train" not in roles["x"]:
        raise Refused(f"{path}: holds the arrays {', '.join(found)}; x or x_train is missing")
    notes: list[str] = []
    images = {k: _opaque(a, layout, notes) for k, a in roles["x"].items()}
    space, parts = understood(images, str(path), layout)
    if isinstance(space, Reals) and (note := _like_pictures(parts)):
        notes.append(note)
    labels = {k: plain_labels(y) for k, y in roles["y"].items()}
    vectors = standardise and isinstance(space, Reals) and len(space.shape) == 1
    if vectors:  # in double precision, for they may be large and hardly differ
        parts = {k: a.reshape(len(a), -1).astype(np.float64) for k, a in images.items()}
    data = data_of_rows(path.stem, space, parts, labels or None, standardise=vectors)
    return replace(data, notes=tuple(dict.fromkeys(notes)))


def named_array(key: str) -> tuple[str, str | None]:
    """What an array holds by its name, and of which split: x_train, or train_images."""
    word, _, part = key.lower().partition("_")
    if word not in ROLES and split_name(word) is not None:
        word, part = part, word
    return word, split_name(part or "train")


def plain_labels(labels: Array) -> Array:
    """Labels as (n,), whole numbers where they are numbers, if they come as a column or as floats."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f" and bool((labels == np.floor(labels)).all()):
        return labels.astype(np.int64)
    return labels


def _opaque(array: Array, layout: Layout | None, notes: list[str]) -> Array:
    """Images of four channels as three, on white; with a layout they stay as they are."""
    if array.dtype != np.uint8 or array.ndim != 4 or layout is not None:
        return array
    first, last = array.shape[1] in (1, 3, 4), array.shape[3] in (1, 3, 4)
    if first == last or 4 not in (
        array.shape[1] if first else None,
        array.shape[3] if last else None,
    ):
        return array
    axis = 1 if first else 3
    colours, alpha = np.split(array.astype(np.uint32), [3], axis)
    notes.append(
        f"images of 4 channels are read as red, green, blue and how opaque they are, and stand on "
        f"white; layout={'first' if first else 'last'} keeps the 4 channels"
    )
    return ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _like_pictures(parts: dict[str, Array]) -> str | None:
    """A sentence on real numbers that seem to be pictures; None if they do not."""
    shape = next(iter(parts.values())).shape[1:]
    sides = [side for side in shape if side >= SMALLEST]
    if len(sides) != 2 or len(shape) > 3 or (len(shape) == 3 and not {1, 3, 4} & {*shape}):
        return None
    low, high = min(a.min() for a in parts.values()), max(a.max() for a in parts.values())
    ways = (
        (0, 1, "(255 * x).round()"),
        (-1, 1, "(127.5 * (x + 1)).round()"),
        (0, 255, "x.round()"),
    )
    for least, most, way in ways:
        if least <= low and high <= most:
            return (
                f"floating point from {low:g} to {high:g} is read as real numbers; if these are "
                f"pictures, save {way}.astype('uint8')"
            )
    return None


def understood(
    parts: dict[str, Array], who: str, layout: Layout | None = None
) -> tuple[Space, dict[str, Array]]:
    """The space of arrays of one kind, and the arrays as `Rows` takes them.

    Args:
        parts: arrays by split, all of one kind.
        who: name of the file in messages.
        layout: layout as in `arrays`.
    """
    for array in parts.values():
        if array.dtype.kind not in "buif":
            raise Refused(f"{who}: holds {array.dtype}; numbers are wanted")
        if array.ndim == 0 or array.size == 0:
            raise Refused(f"{who}: has shape {array.shape}; (rows, ...) is wanted, not empty")
    parts = {k: a[:, None] if a.ndim == 1 else a for k, a in parts.items()}
    first = next(iter(parts.values()))
    for split, array in parts.items():
        if array.shape[1:] != first.shape[1:] or array.dtype != first.dtype:
            raise Refused(
                f"{who}: {split} holds {array.dtype} rows of shape {array.shape[1:]}, the rows "
                f"before are {first.dtype} of {first.shape[1:]}; one kind is wanted"
            )
    if first.dtype.kind == "f":
        parts = {k: _finite(a, f"{who}: {k}" if len(parts) > 1 else who) for k, a in parts.items()}
    binary = all(bool(((a == 0) | (a == 1)).all()) for a in parts.values())
    if first.dtype == np.uint8 or (binary and first.dtype.kind in "bui" and first.ndim > 2):
        parts = {k: _image(a, who, layout) for k, a in parts.items()}
    elif layout is not None:
        raise Refused(f"{who}: layout is for images, of uint8; these are {first.dtype}")
    shape = next(iter(parts.values())).shape[1:]
    if binary:
        return Bits(shape), {k: a.astype(np.uint8) for k, a in parts.items()}
    if first.dtype == np.uint8:
        return Pixels(shape), parts
    if first.dtype.kind == "f":
        return Reals(shape), parts
    return _tokens(parts, who)


def opened(path: Path) -> dict[str, Array]:
    """The arrays in a file, by name."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            return {key: found[key] for key in found.files}
        return {"x": found}
    except DAMAGED as error:
        if isinstance(error, OSError) and error.filename is not None:  # it cannot be opened
            raise
        if "pickle" in str(error).lower():
            raise Refused(
                f"{path}: holds pickled objects, which can run code, or is no array file; save a "
                f"numeric array with numpy.save or numpy.savez"
            ) from None
        raise Refused(f"{path}: is damaged: {error}") from None


def _finite(array: Array, who: str) -> Array:
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    bad = ~np.isfinite(array)
    if bad.any():
        rows = bad.reshape(len(array), -1).any(1)
        raise Refused(
            f"{who}: {bad.sum()} values in {rows.sum()} of {len(array)} rows are NaN, infinite or "
            f"beyond single precision, the first in row {rows.argmax()} (counted from 0); leave "
            f"these rows out or fill them in"
        )
    return array


def _image(array: Array, who: str, layout: Layout | None) -> Array:
    """Channels first, where the rows are images."""
    if array.ndim == 3:
        array, layout = array[:, None], "first"
    if array.ndim != 4:
        if layout is not None:
            raise Refused(f"{who}: has shape {array.shape}; layout is for images")
        return array
    if layout not in (None, "first", "last"):
        raise Refused(f"{who}: layout is '{layout}'; first or last is wanted")
    if layout is None:
        first, last = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
        if first == last:
            raise Refused(
                f"{who}: has shape {array.shape}, and its channels, 1 or 3, may be first or last; "
                f"say layout=first or layout=last"
            )
        layout = "first" if first else "last"
    return array if layout == "first" else np.ascontiguousarray(array.transpose(0, 3, 1, 2))


def _tokens(parts: dict[str, Array], who: str) -> tuple[Space, dict[str, Array]]:
    shape = next(iter(parts.values())).shape[1:]
    low, high = (
        min(int(a.min()) for a in parts.values()),
        max(int(a.max()) for a in parts.values()),
    )
    if len(shape) != 1:
        raise Refused(
            f"{who}: holds integers of shape {shape}; wanted are sequences (n, length), or uint8 "
            f"for images, or floating point"
        )
    if low < 0 or high >= 2**31:
        raise Refused(f"{who}: holds integers in {low} .. {high}; tokens begin at 0")
    return Tokens(high + 1, shape[0]), {k: a.astype(np.int64) for k, a in parts.items()}


PATHS = tuple(
    Source(arrays, pattern=pattern, kind="an array file") for pattern in ("*.npy", "*.npz")
)
