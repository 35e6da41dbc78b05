"""Files and folders are written whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import Refused


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, also when the machine stops in the middle.

    Raises:
        OSError: in the name of this path, not of the draft beside it.
    """
    with drafted(path) as file:
        file.write(content)


@contextmanager
def drafted(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, which takes its name when the last piece is on the disk.

    Raises:
        OSError: in the name of this path, not of the draft beside it.
    """
    draft = _beside(path)
    try:
        with draft.open("xb") as file:  # nobody else knows its name
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # it has its name, or never came to be
            draft.unlink()


@contextmanager
def drafted_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes its name when all files are in it.

    Raises:
        Refused: there is a folder of this name already, with something in it, or a file.
        OSError: in the name of this path, not of the draft beside it.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        holds = "it is a file" if not path.is_dir() else "there is something in it"
        raise Refused(f"{path}: {holds}; a new folder is wanted, or an empty one")
    draft = _beside(path)
    try:
        draft.mkdir(parents=True)
        yield draft
        if path.exists():
            path.rmdir()
        os.replace(draft, path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:32]}.{secrets.token_hex(8)}.draft")
