"""Sources: how a data set of a name, or of a file or folder, comes about.

A file of this folder that makes data exports

    SETS: dict[str, Source]       by name
    PATHS: tuple[Source, ...]     of files or folders of a kind

and nothing else has to be told: `catalogue.json`, which `make catalogue` writes, maps each name and
each kind of path to its file, so that `load` imports one file.
"""

import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, get_args

from ..errors import Refused
from .sets import Data

CATALOGUE = Path(__file__).parent / "catalogue.json"


@dataclass(frozen=True)
class Source:
    """A data set of a name, or all data that lie in a kind of file or folder.

    Args:
        read: makes the data. It takes nothing if they are built in, (folder, name) if a set of this
            name is read from a folder, and (path) if it is for a kind of path. Its keyword-only
            parameters are the options that the data take.
        folders: where a set is looked for, below the folder that GENUS_DATA names.
        holds: the files, if any, that make a folder one of this kind.
        pattern: of the names of such paths, those of folders with a slash at the end.
        kind: what such a path is called, with an article.
    """

    read: Callable[..., Data]
    folders: tuple[str, ...] = ()
    holds: Callable[[Path], object] | None = None
    pattern: str = ""
    kind: str = ""

    def options(self) -> dict[str, Any]:
        """The annotation of each option that the data take."""
        parameters = inspect.signature(self.read).parameters.values()
        return {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY}

    def checked(self, options: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Options as `read` takes them: words are read as numbers where numbers are wanted."""
        kinds = self.options()
        if unknown := sorted(options.keys() - kinds.keys()):
            known = catalogue()["options"]
            if wrong := [name for name in unknown if name not in known]:
                near = get_close_matches(wrong[0], known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise Refused(f"load: there is no option '{wrong[0]}' of data; {hint}")
            rest = f"; it takes {', '.join(kinds)}" if kinds else ""
            raise Refused(f"load: {who} takes no option {', '.join(unknown)}{rest}")
        return {name: _value(name, value, kinds[name]) for name, value in options.items()}


def _value(name: str, value: Any, kind: Any) -> Any:
    """A word as the whole numbers that an option wants; anything else as it came."""
    kinds = {kind, *get_args(kind)}
    if not isinstance(value, str) or int not in kinds:
        return value
    sides = value.split("x") if tuple[int, int] in kinds else [value]
    try:
        numbers = tuple(int(side) for side in sides)
    except ValueError:
        wanted = "64 or 48x64 (height x width)" if tuple[int, int] in kinds else "a whole number"
        raise Refused(f"load: {name} is '{value}'; {wanted} is wanted") from None
    return numbers[0] if len(numbers) == 1 else numbers


@cache
def catalogue() -> dict[str, Any]:
    """Which file of this folder makes what: names, patterns of paths in their order, options."""
    return json.loads(CATALOGUE.read_text("utf-8"))


def module_of(home: str) -> Any:
    """A file of this folder, such as toys.toys."""
    return importlib.import_module(f".{home}", __package__)


def collected() -> dict[str, Any]:
    """What the catalogue has to say: every file is imported for it."""
    names: dict[str, str] = {}
    paths: list[tuple[bool, str, str]] = []
    options: dict[str, str] = {}
    package = importlib.import_module(str(__package__))
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        home = found.name.removeprefix(f"{package.__name__}.")
        module = module_of(home)
        sets, kinds = getattr(module, "SETS", {}), getattr(module, "PATHS", ())
        names |= dict.fromkeys(sets, home)
        paths += {(one.holds is None, one.pattern, home) for one in kinds}
        for source in (*sets.values(), *kinds):
            options |= {name: _meaning(source.read, name) for name in source.options()}
    places = [[pattern, home] for _, pattern, home in sorted(paths)]
    return {
        "names": dict(sorted(names.items())),
        "paths": places,
        "options": dict(sorted(options.items())),
    }


def _meaning(read: Callable[..., Data], option: str) -> str:
    """What the docstring of a reader says of an option."""
    from docstring_parser import parse  # only needed to write the catalogue

    function = read.func if isinstance(read, partial) else read
    params = parse(inspect.getdoc(function) or "").params
    found = next(param.description for param in params if param.arg_name == option)
    return " ".join((found or "").split())
