"""Files are written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, also when the machine stops in the middle.

    Raises:
        OSError: in the name of this path, not of the draft beside it.
    """
    draft = path.with_name(f".{path.name[:32]}.{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # it has its name, or never came to be
            draft.unlink()
