"""Rows of a world: drawn when they are first needed, and kept in a file that a later run finds again.

The file lies beside the decoded pictures of folders (images/store.py), under the same limit: the oldest
files of the folder are removed first. A row is written, and then marked as written; it is the same whoever
draws it, so that several processes may share a file.
"""

import hashlib
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core import Refused
from ..images.store import LET_GO, VARIABLE, cache_folder, forget
from .parameters import Parameters

BLOCK = 1024  # rows that are drawn at once


class Painted:
    """Pictures that a function draws, each of them once.

    Args:
        truth: function of the numbers of rows, (n,) int64, that gives their parameters.
        draw: function of these that gives the pictures, (n, *shape) uint8. A row must not depend on the
            others.
        rows: number of rows.
        shape: shape of one, (channels, height, width).
        says: everything on which the rows depend, in words; the fingerprint is its hash.
        code: hash of the code that draws them: with other code another file is begun.
        cache: bytes of the files that may be kept; 0 keeps the rows in memory.
    """

    def __init__(
        self,
        truth: Callable[[Tensor], Parameters],
        draw: Callable[[Parameters], Tensor],
        rows: int,
        shape: tuple[int, ...],
        says: str,
        code: str,
        cache: int,
    ):
        self.truth, self.draw, self.shape, self.cache = truth, draw, (rows, *shape), cache
        self.fingerprint = hashlib.sha256(says.encode()).hexdigest()
        self.home = f"pictures-{hashlib.sha256(f'{says} {code}'.encode()).hexdigest()[:24]}.rows"
        self.kept: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None  # rows, and marks
        self.mapping: mmap.mmap | None = None
        self.touched = 0  # bytes that were read since the memory of the file was let go

    def take(self, indices: Tensor) -> Tensor:
        """The rows of these numbers, uint8."""
        if self.kept is None:
            self.kept = self._opened()
        rows, marks = self.kept
        wanted = indices.numpy()
        missing = torch.from_numpy(np.unique(wanted[marks[wanted] == 0]))
        for some in missing.split(BLOCK) if len(missing) else ():
            rows[some.numpy()] = self.draw(self.truth(some)).numpy()
            marks[some.numpy()] = 1
        found = torch.from_numpy(rows[wanted])
        self._let_go(found.numel())
        return found

    def _let_go(self, read: int) -> None:
        self.touched += read
        if self.mapping is not None and self.touched > LET_GO and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)  # the system may keep them
            self.touched = 0

    def _opened(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        count, size = self.shape[0], int(np.prod(self.shape))
        if not self.cache or size + count > self.cache:
            return np.zeros(self.shape, np.uint8), np.zeros(count, np.uint8)
        path = cache_folder() / self.home
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.mapping = _mapped(path, size + count)
        except OSError as error:
            raise Refused(
                f"worlds: pictures are kept in {path.parent}, and that cannot be written: "
                f"{error.strerror}; let the variable {VARIABLE} name another folder, or say cache=0 to "
                f"keep them in memory"
            ) from None
        forget(path.with_suffix(""), self.cache)
        whole = np.frombuffer(self.mapping, np.uint8)
        return whole[:size].reshape(self.shape), whole[size:]


def _mapped(path: Path, size: int) -> mmap.mmap:
    """The file, mapped into memory; a new one is full of zeros and takes no room yet."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(number, "r+b") as file:
        if os.fstat(number).st_size != size:
            file.truncate(size)
        with suppress(OSError):
            os.utime(path)  # the oldest files are removed first
        return mmap.mmap(number, size)


@cache
def code_of(*folders: Path) -> str:
    """A hash of the Python files of some folders."""
    whole = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()
