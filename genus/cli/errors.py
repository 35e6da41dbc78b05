"""Errors: a mistake of the user is answered with one sentence, a failure of genus with its place.

A `Refused` that genus raises is a mistake: it names the part that refuses, the value that came and
what is wanted. So is an error of the system: a missing file, a folder that cannot be written, a
full disk. An error in the user's own code is shown with its file and line; an error that Python or
another library raises in a call of genus is a failure of genus.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from sysconfig import get_path
from typing import NamedTuple

from ..errors import Refused

HOME = str(Path(__file__).parent.parent)
INSTALLED = {get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
OK, FAILURE, MISTAKE, STOPPED = 0, 1, 2, 130  # exit codes
ERRORS = (  # errors that can end a command; each gets its answer
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Answer(NamedTuple):
    """The answer to an error: the exit code, and one sentence for the user."""

    code: int
    sentence: str


def answer(error: Exception) -> Answer:
    """The exit code and the sentence for an error."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Answer(MISTAKE, where + (error.strerror or text))
    if isinstance(error, Refused):
        return Answer(MISTAKE, text)
    if isinstance(error, FloatingPointError):
        return Answer(FAILURE, text)
    name = type(error).__name__
    if name in {"MemoryError", "OutOfMemoryError"}:
        return Answer(FAILURE, f"out of memory; a smaller batch may fit: {text}")
    if place := in_code_of_the_user(error):
        return Answer(MISTAKE, f"{place}: {name}: {text}")
    return Answer(FAILURE, f"a failure of genus, not of yours: {name}: {text}{_at(error)}")


def in_code_of_the_user(error: BaseException) -> str:
    """The file and line that raised, if they are the user's own; otherwise empty."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return ""
    path = at.tb_frame.f_code.co_filename
    installed = any(path.startswith(place) for place in INSTALLED)
    if path.startswith((HOME, "<")) or installed:
        return ""
    return f"{path}, line {at.tb_lineno}"


def _at(error: BaseException) -> str:
    """The line of genus that led to the error."""
    at, place = error.__traceback__, ""
    while at is not None:
        path = Path(at.tb_frame.f_code.co_filename)
        if str(path).startswith(HOME):
            place = f" ({path.relative_to(Path(HOME).parent)}, line {at.tb_lineno})"
        at = at.tb_next
    return place


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Puts this path into errors of the system that name none, or only an unfinished file."""
    try:
        yield
    except OSError as error:
        if not error.filename or str(error.filename).endswith(".draft"):
            error.filename = str(path)
        raise


def nearest(name: str, names: Iterable[str]) -> str:
    """A question for the name that was probably meant; empty if none is near."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def say(text: str) -> None:
    """Prints one line for the user on stderr, apart from the results."""
    print(text if text.startswith("genus") else f"genus: {text}", file=sys.stderr, flush=True)
