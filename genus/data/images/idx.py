"""idx files, the format of MNIST, plain or gzipped; and the fixed binarised MNIST.

An idx file is two zero bytes, a type, the number of axes, the axes as big-endian 32-bit integers, and
the numbers, big-endian.
"""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core import Bits, Refused
from ..arrays import opened, understood
from ..dividing import data_of_rows, split_name
from ..sets import Data
from ..sources import Source
from .matlab import read_matrix

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FILE = re.compile(r"(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?$")
BITS = re.compile(r"binarized_mnist_(train|valid|test)\.(mat|amat|npy)$")
SIDE = 28


def idx_files(folder: Path) -> dict[str, Path]:
    """The idx files of a folder in MNIST's naming: train-images, test-labels, ..."""
    found = {}
    for path in sorted(folder.iterdir()):
        if match := FILE.search(path.name):
            key = f"{match[1].replace('t10k', 'test')}-{match[2]}"
            if key in found and found[key].name.removesuffix(".gz") != path.name.removesuffix(
                ".gz"
            ):
                raise Refused(f"{folder}: holds both {found[key].name} and {path.name}; which?")
            found.setdefault(key, path)
    return found


def idx(folder: Path, name: str | None = None) -> Data:
    """A folder of idx files as a data set: the last sixth of the training file is for validation.

    For MNIST and Fashion-MNIST these are the usual 50,000, 10,000 and 10,000 images.

    Args:
        folder: folder with train-images-idx3-ubyte and, perhaps, train-labels, t10k-images,
            t10k-labels.
        name: name of the data set; by default that of the folder.
    """
    found = idx_files(folder)
    if "train-images" not in found:
        raise Refused(f"{folder}: there is no train-images-idx3-ubyte, plain or .gz, in it")
    images = {s: read_idx(p) for s in ("train", "test") if (p := found.get(f"{s}-images"))}
    labels = {s: read_idx(p) for s in images if (p := found.get(f"{s}-labels"))}
    if labels and labels.keys() != images.keys():
        raise Refused(f"{folder}: labels of {', '.join(labels)} only; all or none are wanted")
    for split, given in labels.items():
        if len(given) != len(images[split]):
            counts = f"{len(images[split])} images and {len(given)} labels"
            raise Refused(f"{folder}: {split} has {counts}; as many are wanted")
    for part in (images, labels) if len(images["train"]) >= 6 else ():
        if part:
            bound = len(part["train"]) - len(part["train"]) // 6
            part["train"], part["validation"] = part["train"][:bound], part["train"][bound:]
    space, parts = understood(images, str(folder))
    return data_of_rows(name or folder.resolve().name, space, parts, labels or None)


def read_idx(path: Path) -> NDArray[np.generic]:
    """The array in an idx file."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Refused(f"{path}: is damaged: {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        raise Refused(f"{path}: is not an idx file: it begins with {content[:4].hex(' ')}")
    kind, axes = np.dtype(TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist()) if len(content) >= start else ()
    wanted = math.prod(shape) * kind.itemsize
    if len(shape) != axes or len(content) - start != wanted:
        raise Refused(
            f"{path}: is damaged: its header says {wanted:,} bytes of {' x '.join(map(str, shape))}, "
            f"{len(content) - start:,} follow"
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))


# --- binarised MNIST --------------------------------------------------------------------------


def bit_files(folder: Path) -> dict[str, Path]:
    """The files of the fixed binarised MNIST in a folder, by split."""
    matches = ((BITS.search(path.name), path) for path in sorted(folder.iterdir()))
    return {split_name(m[1]) or m[1]: path for m, path in matches if m}


def binarised_mnist(folder: Path, name: str | None = None) -> Data:
    """The fixed binarised MNIST of Larochelle and Murray: 50,000, 10,000 and 10,000 rows of bits.

    Args:
        folder: folder with binarized_mnist_train, _valid and _test: .mat (MATLAB, key X), .amat
            (text, or MATLAB in spite of the name) or .npy.
        name: name of the data set; by default that of the folder.
    """
    found = bit_files(folder)
    if missing := [s for s in ("train", "validation", "test") if s not in found]:
        raise Refused(f"{folder}: binarized_mnist is incomplete: {', '.join(missing)} missing")
    parts = {}
    for split, path in found.items():
        bits = _bits(path)
        if bits.ndim != 2 or bits.shape[1] != SIDE**2 or not ((bits == 0) | (bits == 1)).all():
            raise Refused(f"{path}: holds {bits.dtype} {bits.shape}; (n, {SIDE**2}) bits wanted")
        parts[split] = bits.astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
    return data_of_rows(name or folder.resolve().name, Bits((1, SIDE, SIDE)), parts, None)


def _bits(path: Path) -> NDArray[np.generic]:
    content = path.read_bytes()
    if content.startswith(b"MATLAB"):
        return read_matrix(content, "X", str(path))
    if path.suffix == ".npy":
        return next(iter(opened(path).values()))
    text = np.frombuffer(content, np.uint8)
    if not np.isin(text, np.frombuffer(b"01 \t\r\n", np.uint8)).all():
        raise Refused(f"{path}: is neither MATLAB v5 nor zeros and ones in text")
    bits = text[(text == ord("0")) | (text == ord("1"))] - ord("0")
    if len(bits) % SIDE**2:
        raise Refused(f"{path}: holds {len(bits):,} bits; a multiple of {SIDE**2} is wanted")
    return bits.reshape(-1, SIDE**2)


def one_idx(path: Path) -> Data:
    """The images of a single idx file."""
    space, parts = understood({"train": read_idx(path)}, str(path))
    return data_of_rows(path.name.partition(".")[0], space, parts, None)


MNIST = ("mnist", "MNIST", "MNIST/raw")
FASHION = ("fashion_mnist", "fashion-mnist", "FashionMNIST", "FashionMNIST/raw")
SETS = {
    "mnist": Source(idx, MNIST, idx_files),
    "fashion_mnist": Source(idx, FASHION, idx_files),
    "binarized_mnist": Source(binarised_mnist, ("binarized_mnist", "BinarizedMNIST"), bit_files),
}
PATHS = (
    Source(idx, holds=idx_files, pattern="*/", kind="a folder of idx files"),
    Source(binarised_mnist, holds=bit_files, pattern="*/", kind="binarised MNIST"),
    Source(one_idx, pattern="*idx*", kind="an idx file"),
)
