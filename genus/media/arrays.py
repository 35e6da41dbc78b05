"""Samples as .npy and .npz files, written block by block: memory does not grow with their number."""

import zipfile
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
from torch import Tensor

from ..core.files import drafted

FIRST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file knows: equal arrays are equal files


def save_arrays(
    blocks: Iterable[Tensor], n: int, path: Path, others: Mapping[str, Tensor] | None = None
) -> None:
    """Writes a .npy file, or a .npz file with the blocks as x, whole or not at all.

    Args:
        blocks: one block of rows after another, (rows, ...), on the processor; at least one.
        n: number of all rows together.
        path: path of the file, in a folder that there is.
        others: further arrays of a .npz file, by name.
    """
    with drafted(path) as file:
        if path.suffix.lower() != ".npz":
            _write(blocks, n, file)
            return
        parts = {"x": (blocks, n), **{k: ([x], len(x)) for k, x in (others or {}).items()}}
        with zipfile.ZipFile(file, "w") as archive:
            for name, (rows, count) in parts.items():
                entry = zipfile.ZipInfo(f"{name}.npy", FIRST)
                entry.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(entry, "w", force_zip64=True) as part:
                    _write(rows, count, part)


def _write(blocks: Iterable[Tensor], n: int, file: IO[bytes]) -> None:
    rest = iter(blocks)
    first = next(rest)
    like = first.numpy()
    np.lib.format.write_array_header_1_0(
        file,
        {
            "descr": np.lib.format.dtype_to_descr(like.dtype),
            "fortran_order": False,
            "shape": (n, *like.shape[1:]),
        },
    )
    for block in chain([first], rest):
        file.write(block.numpy().tobytes())
