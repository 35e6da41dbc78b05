"""Where a picture comes from: the run, the seed, the command and the version, as a note in its file.

A picture is passed on more readily than a folder, and so is its note: it names files by their path from
the current folder, or, outside of it, by their name alone, and no home.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._version import __version__


def origin(run: Path | str, seed: int, words: Sequence[str] | None = None) -> dict[str, Any]:
    """The note of a picture, of JSON types.

    Args:
        run: folder of the model.
        seed: random seed of the samples.
        words: words of the command after `genus`; by default those with which Python was started.
    """
    if words is None:
        program, *words = sys.argv or [""]
        program = "genus" if Path(program).parent.name == "genus" else Path(program).name
    else:
        program = "genus"
    return {
        "run": presentable(str(run)),
        "name": Path(run).resolve().name,
        "seed": seed,
        "command": shlex.join([program, *(presentable(word) for word in words)]),
        "genus": __version__,
    }


def presentable(value: Any, climbing: bool = False) -> Any:
    """A value of JSON types in which no text names a path from the root or from a home.

    A text may be a path, an option with one, `--out=/a/b`, or data with options, `/a/b?c=/d`.

    Args:
        value: value of JSON types.
        climbing: whether a relative path may lead out of the current folder, as ../photos does.
    """
    if isinstance(value, dict):
        return {key: presentable(one, climbing) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [presentable(one, climbing) for one in value]
    if not isinstance(value, str):
        return value
    for mark in ("&", "?", "="):
        if mark in value and "/" in value:
            return mark.join(presentable(part, climbing) for part in value.split(mark))
    path = Path(value)
    if not path.is_absolute() and not value.startswith("~"):
        return path.name if path.parts[:1] == ("..",) and not climbing else value
    here = Path.cwd()
    if path.is_relative_to(here):
        return path.relative_to(here).as_posix() + ("/" if value.endswith("/") else "")
    return path.name
