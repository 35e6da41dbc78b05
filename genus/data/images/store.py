"""Decoded pictures as rows: in memory, or in a memory-mapped file that a later run finds again.

A folder is decoded once. What it becomes lies in one file of the cache's folder, which is
~/.cache/genus, or the one that the variable GENUS_CACHE names, until a picture or an option changes.
The rows of a file that is mapped into memory belong to the system: it reads them when they are needed
and forgets them when memory is short. Pictures beyond the limit of the cache are decoded whenever
they are needed, and ahead of time by threads.
"""

import hashlib
import io
import json
import math
import mmap
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.files import write
from ...errors import Refused
from .decoding import Decoded, Head, Look, UnfitError, ahead, head, read, reads_heic

Kept = tuple[dict[str, Any], NDArray[np.uint8], mmap.mmap | None]  # index, pictures, their file
VARIABLE = "GENUS_CACHE"
SMALL = 64 * 2**20  # bytes of pictures, and of their files, that are kept in memory
LET_GO = 128 * 2**20  # bytes of the mapped file that are read before its memory is let go
MANY = 1000  # files whose heads are kept
ABANDONED = 24 * 3600.0  # seconds after which a draft belongs to nobody
MOST = 8 * 2**30  # bytes of the files of the cache
VERSION = 1  # of what a cache holds


@dataclass
class Pictures:
    """The pictures of some files, decoded.

    Args:
        paths: files of the usable pictures.
        look: conversion of each.
        shape: shape of each, (channels, height, width).
        digests: SHA-256 of each file, (n, 32).
        rows: the first pictures; others are decoded when they are needed.
        mapping: the file that they are in; None if they are in memory.
        pool: threads that decode those.
        changes: number of pictures of which each kind of change was made.
        faults: files that cannot be used.
    """

    paths: list[Path]
    look: Look
    shape: tuple[int, ...]
    digests: NDArray[np.uint8]
    rows: NDArray[np.uint8]
    mapping: mmap.mmap | None
    pool: ThreadPoolExecutor
    changes: dict[str, int]
    faults: dict[Path, UnfitError]
    touched: int = 0  # bytes of the mapping that were read since it was last let go

    def kept(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures of these numbers, of those that are kept."""
        found = self.rows[numbers]
        self.touched += found.nbytes
        if self.mapping is not None and self.touched > LET_GO and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)  # the system may keep them
            self.touched = 0
        return found


class PictureRows:
    """Some of the pictures, as rows that are read when they are needed.

    Args:
        pictures: all pictures.
        which: numbers of those that are rows.
    """

    def __init__(self, pictures: Pictures, which: Sequence[int]):
        self.pictures, self.which = pictures, np.asarray(which, dtype=np.int64)
        self.shape = (len(self.which), *pictures.shape)
        self.ahead: dict[int, Future[Decoded]] = {}  # pictures that threads decode already
        whole = hashlib.sha256(repr(pictures.look).encode())
        whole.update(np.ascontiguousarray(pictures.digests[self.which]).data)
        self.fingerprint = whole.hexdigest()

    def take(self, indices: Tensor) -> Tensor:
        """The rows of these numbers, uint8."""
        wanted, kept = self.which[indices.numpy()], len(self.pictures.rows)
        if (late := np.flatnonzero(wanted >= kept)).size == 0:
            return torch.from_numpy(self.pictures.kept(wanted))
        found = np.empty((len(wanted), *self.pictures.shape), np.uint8)
        early = np.flatnonzero(wanted < kept)
        found[early] = self.pictures.kept(wanted[early])
        self.prefetch(indices)
        for place in late:
            found[place] = self._again(int(wanted[place]))
        self.ahead = {}
        return torch.from_numpy(found)

    def prefetch(self, indices: Tensor) -> None:
        """Begins to decode the rows of these numbers."""
        wanted = self.which[indices.numpy()]
        for number in wanted[wanted >= len(self.pictures.rows)].tolist():
            if number not in self.ahead:
                job = self.pictures.pool.submit(
                    read, self.pictures.paths[number], self.pictures.look
                )
                self.ahead[number] = job

    def _again(self, number: int) -> NDArray[np.uint8]:
        seen = self.ahead[number].result()
        if seen.digest != self.pictures.digests[number].tobytes() or seen.array is None:
            raise Refused(
                f"{self.pictures.paths[number]}: has changed since the folder was read; begin again"
            )
        return seen.array


def decoded(paths: Sequence[Path], look: Look, pool: ThreadPoolExecutor, limit: int) -> Pictures:
    """Decodes files, or finds what they became before.

    Args:
        paths: files.
        look: conversion of each.
        pool: threads that decode.
        limit: bytes of a file of the cache; 0 for none.
    """
    stamps = _stamps(paths)
    home = _home(paths, look)
    if limit and (known := _known(home, paths, stamps)) is not None:
        return _assembled(paths, look, pool, *known)
    files = partial(read, look=look)
    seen = _Written(home, limit, int(stamps[:, 0].sum()))
    try:
        for one in ahead(pool, files, paths):
            seen.add(one)
        kept = seen.close(stamps)
    finally:
        with suppress(OSError):  # it has its name, or never came to be
            seen.draft.unlink()
    return _assembled(paths, look, pool, *kept)


def _assembled(
    paths: Sequence[Path],
    look: Look,
    pool: ThreadPoolExecutor,
    index: dict[str, Any],
    rows: NDArray[np.uint8],
    mapping: mmap.mmap | None,
) -> Pictures:
    faults = {paths[i]: UnfitError(*fault) for i, *fault in index["faults"]}
    good = [i for i, path in enumerate(paths) if path not in faults]
    digests = np.frombuffer(bytes.fromhex(index["digests"]), np.uint8).reshape(-1, 32)
    shape = tuple(index["shape"])
    kept = [paths[i] for i in good]
    return Pictures(kept, look, shape, digests, rows, mapping, pool, index["changes"], faults)


def _stamps(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Size and time of each file, (n, 2); -1 where there is none."""
    found = np.full((len(paths), 2), -1, np.int64)
    for row, path in enumerate(paths):
        with suppress(OSError):
            status = path.stat()
            found[row] = status.st_size, status.st_mtime_ns
    return found


def heads_of(paths: Sequence[Path], pool: ThreadPoolExecutor, limit: int) -> list[Head]:
    """The heads of files; those of many files are kept in the cache, if it has a limit."""
    if not limit or len(paths) < MANY:
        return [*ahead(pool, head, paths)]
    home = _home(paths, "heads").with_suffix(".json")
    stamps = _digest(_stamps(paths))
    try:
        known = json.loads(home.read_text("utf-8"))
        if known["stamps"] == stamps:
            heads = known["heads"]
            return [Head(*one[:3], UnfitError(*one[3]) if one[3] else None) for one in heads]
    except (OSError, ValueError, KeyError, TypeError):  # it is not there, or not whole
        pass
    found = [*ahead(pool, head, paths)]
    plain = [(*one[:3], one.fault and (one.fault.reason, one.fault.detail)) for one in found]
    if any(one.fault is not None and one.fault.reason == "unreadable" for one in found):
        return found  # they may be mended
    with suppress(OSError):  # `decoded` says that the folder cannot be written
        home.parent.mkdir(parents=True, exist_ok=True)
        write(home, json.dumps({"stamps": stamps, "heads": plain}).encode())
    return found


# --- the cache --------------------------------------------------------------------------------


def _home(paths: Sequence[Path], look: Look | str) -> Path:
    """The file, without its suffix, in which these pictures are looked for."""
    whole = hashlib.sha256(f"{VERSION} {look} {reads_heic()} {len(paths)}".encode())
    for path in paths:
        whole.update(os.fsencode(os.path.abspath(path)) + b"\0")
    return cache_folder() / f"pictures-{whole.hexdigest()[:24]}"


def cache_folder() -> Path:
    """The folder in which pictures are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(VARIABLE) or Path(home, "genus")).expanduser()


def _known(home: Path, paths: Sequence[Path], stamps: NDArray[np.int64]) -> Kept | None:
    """What the cache holds of these files, if none has changed since."""
    try:
        index = json.loads(home.with_suffix(".json").read_text("utf-8"))
        mapping = _mapped(home.with_suffix(".rows"))
        shape = (index["rows"], *index["shape"])
        if index["stamps"] != _digest(stamps) or len(mapping) != math.prod(shape):
            return None
        return index, np.frombuffer(mapping, np.uint8).reshape(shape), mapping
    except (OSError, ValueError, KeyError, TypeError):  # it is not there, or not whole
        return None


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _digest(stamps: NDArray[np.int64]) -> str:
    return hashlib.sha256(stamps.tobytes()).hexdigest()


class _Written:
    """Decoded pictures as they come: kept in memory, and from SMALL bytes on in a file.

    Args:
        home: the file, without its suffix.
        limit: bytes of it.
        size: bytes of the image files.
    """

    def __init__(self, home: Path, limit: int, size: int):
        self.home, self.limit, self.large = home, limit, size > SMALL
        self.shape: tuple[int, ...] = ()
        self.memory: list[NDArray[np.uint8]] = []
        self.file: io.BufferedWriter | None = None
        self.draft = home.with_name(f".{home.name}.{os.getpid()}.draft")
        self.bytes, self.count, self.full = 0, 0, False
        self.digests, self.changes = bytearray(), dict[str, int]()
        self.faults: list[tuple[int, str, str]] = []
        self.number = -1

    def add(self, one: Decoded) -> None:
        self.number += 1
        if one.array is not None and self.shape and one.array.shape != self.shape:
            high, wide = one.array.shape[1:]
            one = Decoded(fault=UnfitError("of another size", f"{wide}x{high}"))
        if one.array is None:
            fault = one.fault or UnfitError("damaged")
            self.faults.append((self.number, fault.reason, fault.detail))
            return
        self.shape = one.array.shape
        self.digests += one.digest
        for change in one.changes:
            self.changes[change] = self.changes.get(change, 0) + 1
        self.full = self.full or (self.bytes + one.array.nbytes > max(self.limit, SMALL))
        if self.full:
            return
        self.bytes += one.array.nbytes
        self.count += 1
        if self.file is None and self.limit and (self.large or self.bytes > SMALL):
            self._open()
        if self.file is None:
            self.memory.append(one.array)
        else:
            with self._said():
                self.file.write(one.array.data)

    def _open(self) -> None:
        with self._said():
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.draft.open("wb")
            for array in self.memory:
                self.file.write(array.data)
        self.memory = []

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turns an error of the file, such as a full disk, into what to do about it."""
        try:
            yield
        except OSError as error:
            raise Refused(
                f"images: decoded pictures are kept in {self.home.parent}, and that cannot be "
                f"written: {error.strerror}; let the variable {VARIABLE} name another folder, or "
                f"say cache=0 to decode them again and again"
            ) from None

    def close(self, stamps: NDArray[np.int64]) -> Kept:
        """The index of the pictures, those that are kept, (kept, *shape), and the mapped file."""
        index = {
            "shape": self.shape,
            "rows": self.count,
            "digests": self.digests.hex(),
            "faults": self.faults,
            "changes": self.changes,
            "stamps": _digest(stamps),
        }
        if self.file is None:
            rows = np.stack(self.memory) if self.memory else np.empty((0, *self.shape), np.uint8)
            return index, rows, None
        where = self.home.with_suffix(".rows")
        with self._said():
            self.file.close()
            os.replace(self.draft, where)
            if all(reason != "unreadable" for _, reason, _ in self.faults):  # they may be mended
                write(self.home.with_suffix(".json"), json.dumps(index).encode())
        forget(self.home, self.limit)
        mapping = _mapped(where)
        rows = np.frombuffer(mapping, np.uint8).reshape(self.count, *self.shape)
        return index, rows, mapping


def forget(home: Path, limit: int) -> None:
    """Removes the oldest files of the cache, until all keep its limit, and what a kill has left."""

    def age(path: Path) -> float:
        return path.stat().st_mtime

    with suppress(OSError):  # another process removes them too
        old = sorted(home.parent.glob("pictures-*.rows"), key=age, reverse=True)
        for path in home.parent.glob(".pictures-*.draft"):
            if time.time() - age(path) > ABANDONED:
                path.unlink()
        room = limit
        for path in old:
            room -= path.stat().st_size
            if room < 0 and path.stem != home.name:
                path.with_suffix(".json").unlink(missing_ok=True)
                path.unlink()
