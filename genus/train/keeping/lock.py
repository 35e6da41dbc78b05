"""One writer for a folder, by a lock that ends with its process, however that ends.

On Linux and macOS it is a record lock of POSIX on the file `.lock`: the kernel frees it when the process
dies, also by kill -9, and child processes, such as the workers of a loader, do not inherit it. On Windows it
is a lock of the same kind. Where a file system has no locks, the file itself is the lock: it holds the host,
the process and the time at which it began, and must be deleted by hand if that process was killed.

Whoever reads (sample, evaluate, report) takes no lock: files are replaced as a whole.
"""

import json
import os
import platform
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ...core import Refused

NAME = ".lock"
DRAFTS = ".*.draft"  # what a killed writer has left
OWN = ("best", "samples", "states")  # folders of a run beside its files
_HELD: set[Path] = set()  # by this process, whose threads a record lock does not tell apart
_GUARD = threading.Lock()


class Lock:
    """The right to write into a folder.

    Args:
        folder: the folder, which is created if it is missing.

    Raises:
        Refused: somebody else has it; the message says who, as far as that is known.
    """

    def __init__(self, folder: Path):
        self.path = (folder / NAME).absolute()
        self.handle: int | None = None
        place = self.path.parent.resolve()
        with _GUARD:
            if place in _HELD:
                raise Refused(f"fit: {folder} is written by another run of this process")
            folder.mkdir(parents=True, exist_ok=True)
            self._take(folder)
            _HELD.add(place)
        self.place = place
        for own in (folder, *(folder / name for name in OWN)):
            for draft in own.glob(DRAFTS):
                with suppress(OSError):
                    draft.unlink()

    def _take(self, folder: Path) -> None:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            locked = _locked(handle)
            if locked is False or (locked is None and os.fstat(handle).st_size > 0):
                who = _who(self.path)
                os.close(handle)
                more = "" if locked is False else f"; if it has ended, delete {self.path}"
                raise Refused(f"fit: {folder} is written by another run{who}{more}")
            try:
                same = os.path.samestat(os.fstat(handle), os.stat(self.path))
            except FileNotFoundError:
                same = False
            if same:  # otherwise its last holder has just deleted it
                break
            os.close(handle)
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(_self()).encode())
        self.handle = handle

    def free(self) -> None:
        """Gives the right back."""
        if self.handle is None:
            return
        with _GUARD:
            with suppress(OSError):
                self.path.unlink()  # before it is free, so that nobody deletes another's
            os.close(self.handle)
            self.handle = None
            _HELD.discard(self.place)


def _self() -> dict[str, Any]:
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    return {"host": platform.node(), "process": os.getpid(), "since": now}


def _who(path: Path) -> str:
    """Who holds a lock, in words."""
    try:
        known = json.loads(path.read_text("utf-8"))
        return f", process {known['process']} on {known['host']}, since {known['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _locked(handle: int) -> bool | None:
    """Whether the file could be locked; None where that is not possible at all."""
    try:
        import fcntl
    except ImportError:
        return _locked_on_windows(handle)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # no locks in this file system
        return None
    return True


def _locked_on_windows(handle: int) -> bool | None:
    import msvcrt

    lock: Any = msvcrt
    try:
        os.lseek(handle, 2**20, os.SEEK_SET)  # beyond the content, which stays readable
        lock.locking(handle, lock.LK_NBLCK, 1)
    except PermissionError:
        return False
    except OSError:
        return False
    finally:
        os.lseek(handle, 0, os.SEEK_SET)
    return True
