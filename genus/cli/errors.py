"""Whose fault is an error? A mistake of the user is answered with one sentence, a failure is shown.

What genus raises as `Refused` is a mistake: it says who, what came and what is wanted. So is what the
system refuses: a missing file, a folder that cannot be written, a full disk. What the user's own code
raises is shown as theirs; what Python or another library raises while it works for us is a failure
of ours.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from sysconfig import get_path
from typing import NamedTuple

from .. import recipes
from ..errors import Refused

HOME = str(Path(__file__).parent.parent)
INSTALLED = {get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
OK, FAILURE, MISTAKE, STOPPED = 0, 1, 2, 130  # exit codes
ERRORS = (  # what a command can end with; each gets its answer
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
    """What the user is told of an error: the exit code, and one sentence."""

    code: int
    sentence: str


def answer(error: Exception) -> Answer:
    """What to tell the user."""
    said = " ".join(str(error).split())
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Answer(MISTAKE, where + (error.strerror or said))
    if isinstance(error, Refused):
        return Answer(MISTAKE, said)
    if isinstance(error, FloatingPointError):
        return Answer(FAILURE, said)
    name = type(error).__name__
    if name in {"MemoryError", "OutOfMemoryError"}:
        return Answer(FAILURE, f"out of memory; a smaller batch may fit: {said}")
    if place := in_code_of_the_user(error):
        return Answer(MISTAKE, f"{place}: {name}: {said}")
    return Answer(FAILURE, f"a failure of genus, not of yours: {name}: {said}{_at(error)}")


def in_code_of_the_user(error: BaseException) -> str:
    """The file and line that raised, if it is neither of genus nor of an installed library; or ""."""
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
    """What the system refuses within is told of this path, if it names none, or an unfinished one."""
    try:
        yield
    except OSError as error:
        if not error.filename or str(error.filename).endswith(".draft"):
            error.filename = str(path)
        raise


def nearest(name: str, names: Iterable[str]) -> str:
    """Asks for the name that was probably meant; empty if none is near."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def known(name: str) -> None:
    """Raises Refused if there is no such recipe."""
    if name not in (names := recipes.names()):
        hint = nearest(name, names) or "; genus list shows them all"
        raise Refused(f"there is no recipe {name}{hint}")


def say(text: str) -> None:
    """One line for the user, beside the results."""
    print(text if text.startswith("genus") else f"genus: {text}", file=sys.stderr, flush=True)
