"""load: a data set by its name or path.

    digits, digits_pairs, digits_stages         ship with scikit-learn
    moons, ring, grid, spirals, ...             toys: data/toys/toys.py
    bars                                        a toy of bits
    scenes, scenes_six                          drawn solids, of which everything is known
    stacked_digits, stacked_mnist               1,000 modes
    portraits, portraits_six                    worlds: drawn faces whose truth is known
    figures                                     drawn people in any pose, and what they wear
    grammar                                     a toy of tokens
    dates, reordering                           translations
    documents, speeches                         documents, of topics that are planted, and of plays
    analogies, word_pairs                       sentences from which word vectors are learnt
    linear_mixture                              ten planes in 100 dimensions
    community_small, grid_graphs, cycles, ...   graphs
    glyphs                                      texts that a pen writes
    ellipsoids, boxes, shapes                   clouds of points
    chorale_toys                                generated piano rolls
    mnist, fashion_mnist, binarized_mnist       from the folder that GENUS_DATA names
    micah, toonhead, avatars                    drawn faces, from there too
    cifar10, frey_faces                         photographs, from there too
    chairs                                      clouds of points, from the same folder
    ego_small, enzymes                          graphs, from there too
    accidents, dna, mushrooms, nltcs, plants    tables of bits, from there too
    chorales                                    piano rolls, from there too
    red_wine, white_wine, housing, ionosphere   tables in ten folds, from there too
    spoken, spoken8, spoken16, spoken_mel       spoken digits, from there too
    sheep, kanji                                drawings, from there too
    tinyshakespeare                             a text, from there too
    a path                                      a folder of pictures or idx files, or a pattern of
                                                pictures such as photos/*.jpg; a picture, in tiles;
                                                .npy, .npz; .txt, a text; and tables: .csv, .tsv,
                                                .jsonl, .parquet, .xlsx, also in .gz or .zip

Options may also stand in the name, after a question mark: photos?size=64&colour=L.

A file of this folder that provides data exports

    SETS: dict[str, Source]       by name
    PATHS: tuple[Source, ...]     of files or folders of a kind

and needs no further registration: `catalogue.json`, which `make catalogue` writes, maps each name
and each kind of path to its file, so that `load` imports one file.
"""

import importlib
import inspect
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import cache, partial
from glob import glob, has_magic
from os.path import expanduser
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, get_args
from urllib.parse import parse_qsl, quote

from ..errors import Refused
from .kinds import kind_of
from .sets import Data

CATALOGUE = Path(__file__).parent / "catalogue.json"
VARIABLE = "GENUS_DATA"


@dataclass(frozen=True)
class Source:
    """A data set of a name, or all data that lie in a kind of file or folder.

    Args:
        read: function that returns the data. It takes nothing if they are built in, (folder, name)
            if a set of this name is read from a folder, and (path) if it is for a kind of path. Its
            keyword-only parameters are the options that the data take.
        folders: folders in which a set is looked for, below the one that GENUS_DATA names.
        holds: function that finds the files which make a folder one of this kind.
        pattern: pattern of the names of such paths; those of folders end in a slash.
        kind: name of such a path in messages, with an article.
        wishes: further options, by name, with their meaning: parameters of a world, which `read`
            takes as words in its argument `wishes`, also with a condition, as in smile|glasses.
    """

    read: Callable[..., Data]
    folders: tuple[str, ...] = ()
    holds: Callable[[Path], object] | None = None
    pattern: str = ""
    kind: str = ""
    wishes: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """The annotation of each option that the data take."""
        parameters = inspect.signature(self.read).parameters.values()
        return {
            p.name: p.annotation
            for p in parameters
            if p.kind is p.KEYWORD_ONLY and not (self.wishes and p.name == "wishes")
        }

    def described(self) -> dict[str, str]:
        """Each option that the data take, and its meaning."""
        return {name: _meaning(self.read, name) for name in self.options()}

    def checked(self, options: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Options as `read` takes them: words are read as numbers where numbers are wanted."""
        kinds = self.options()
        wishes = {name: str(options[name]) for name in options if self._wishes(name)}
        options = {name: value for name, value in options.items() if name not in wishes}
        if unknown := sorted(options.keys() - kinds.keys()):
            usual = catalogue()["options"]
            known = [*usual, *catalogue()["parameters"]]
            if wrong := [name for name in unknown if name not in known]:
                near = get_close_matches(wrong[0], known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(usual)}"
                raise Refused(f"load: there is no option '{wrong[0]}' of data; {hint}")
            takes = [*kinds, *self.wishes]
            rest = f"; it takes {', '.join(takes)}" if takes else ""
            raise Refused(f"load: {who} takes no option {', '.join(unknown)}{rest}")
        found = {name: _value(name, value, kinds[name]) for name, value in options.items()}
        return found | ({"wishes": wishes} if wishes else {})

    def _wishes(self, name: str) -> bool:
        """Whether an option is a wish, such as glasses or smile|glasses."""
        return name.partition("|")[0] in self.wishes


def _value(name: str, value: Any, kind: Any) -> Any:
    """A word as the numbers, or as the yes or no, that an option wants; anything else as it came."""
    kinds = {kind, *get_args(kind)}
    if bool in kinds and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise Refused(f"load: {name} is '{value}'; true or false is wanted")
        return value.lower() == "true"
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
    """The contents of `catalogue.json`: names, patterns of paths in their order, options."""
    return json.loads(CATALOGUE.read_text("utf-8"))


def module_of(home: str) -> Any:
    """A file of this folder, such as toys.toys."""
    return importlib.import_module(f".{home}", __package__)


def load(source: Any, **options: Any) -> Data:
    """The data set of this name, or in this file or folder, or the table in this data frame.

    Args:
        source: name or path: of a folder of pictures or idx files, of a picture, or of a .npy, .npz,
            .txt or idx file, or of a table; or a pattern of pictures. A name comes first: write ./digits for a folder of that name. A path that is
            not here is looked for in the folder that GENUS_DATA names. Or a data frame of pandas,
            polars or another library that narwhals knows.
        options: those that the data take, such as size for a folder of images; each is a
            keyword-only argument of the function that reads them. None is as if left out.

    Raises:
        Refused: the source or an option is unknown or does not apply; the message says the mend.
    """
    if not isinstance(source, str | Path):
        return module_of("own.frames").table_of(source, **options)
    name, found = _parsed(str(source))
    given = found | {option: value for option, value in options.items() if value is not None}
    if name in catalogue()["names"]:
        found = source_of_name(name)
        place = (_folder_of(name, found), name) if found.folders else ()
        return found.read(*place, **found.checked(given, name)).asked(given)
    path = _found(name)
    if (found := source_of_path(path)) is None:
        known = kind_of(path.name)
        came = (
            f"one of the {known.plural}, which cannot be read yet"
            if known
            else "of an unknown kind"
        )
        raise Refused(
            f"load: {path} is {came}; known are tables, .npy, .npz, .txt, idx files, pictures, and "
            f"folders of pictures or idx files"
        )
    data = found.read(path, **found.checked(given, f"{path} is {found.kind}, which")).asked(given)
    for note in data.notes:
        warnings.warn(f"{path}: {note}", Note, stacklevel=2)
    return data


class Note(UserWarning):
    """What was decided when data were read, and the option that decides otherwise."""


def source_of_name(name: str) -> Source:
    """The source of a name of the catalogue."""
    return module_of(catalogue()["names"][name]).SETS[name]


def source_of_path(path: Path) -> Source | None:
    """The source for a path of this kind; None if there is none."""
    folder = not path.is_file()  # a pattern names many files, as a folder does
    name = path.name.lower() + "/" * folder
    for pattern, home in catalogue()["paths"]:
        if fnmatch(name, pattern) and name.endswith("/") == pattern.endswith("/"):
            for source in module_of(home).PATHS:
                holds = source.holds is None or (path.is_dir() and source.holds(path))
                if source.pattern == pattern and holds:
                    return source
    return None


def find(source: str) -> tuple[Path | None, Source | None, dict[str, Any]]:
    """What a source names, without reading it.

    Returns:
        The path, None for the name of a set; its source, None for a kind that is not known; and the
        options that stand in the name.
    """
    name, given = _parsed(source)
    if name in catalogue()["names"]:
        return None, source_of_name(name), given
    path = _found(name)
    found = source_of_path(path)
    return path, found, found.checked(given, f"{path} is {found.kind}, which") if found else {}


def there(source: str, place: Path) -> str:
    """The source, with the path that it has from another folder if something lies there.

    Args:
        source: name or path, perhaps with options.
        place: folder from which a path was given.
    """
    name = _parsed(source)[0]
    if name in catalogue()["names"] or not name:
        return source
    path = place / expanduser(name)
    there_is = path.exists() or (has_magic(str(path)) and bool(glob(str(path), recursive=True)))
    if not there_is or os.path.abspath(path) == os.path.abspath(expanduser(name)):
        return source
    try:
        found = os.path.relpath(path)
    except ValueError:  # it is on another drive
        found = os.path.abspath(path)
    return Path(found).as_posix() + source.removeprefix(name)


def with_options(source: str, options: Mapping[str, str]) -> str:
    """A name or path with options in it: those that it has, and these, which take precedence."""
    name, own = _parsed(source)
    words = [
        f"{option}={quote(value, safe='/')}" for option, value in (own | dict(options)).items()
    ]
    return f"{name}?{'&'.join(words)}" if words else source


def _parsed(source: str) -> tuple[str, dict[str, str]]:
    """The name or path, and the options that stand in it."""
    if "?" not in source or Path(source).exists():
        return source, {}
    name, _, query = source.rpartition("?")
    return name, dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))


def _found(source: str) -> Path:
    """The path, here or in GENUS_DATA."""
    root = os.environ.get(VARIABLE)
    if not source:
        raise Refused("load: the name of the data is empty; a name or a path is wanted")
    places = [Path(expanduser(source)), *([Path(expanduser(root)) / source] if root else [])]
    for place in places:
        if place.exists() or (has_magic(str(place)) and glob(str(place), recursive=True)):
            return place
    if has_magic(source):
        raise Refused(f"load: there is no file '{source}'; a shell would find none either")
    if "/" in source or os.sep in source or Path(source).suffix:
        raise Refused(f"load: there is no file or folder '{source}'")
    names = catalogue()["names"]
    near = get_close_matches(source, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}, and paths"
    raise Refused(f"load: there is no data set, file or folder '{source}'; {hint}")


def _folder_of(name: str, source: Source) -> Path:
    """The folder of the files of a set, below the one that GENUS_DATA names."""
    root = os.environ.get(VARIABLE)
    if not root:
        raise Refused(
            f"load: {name} is read from the folder that the variable {VARIABLE} names, and it is "
            f"not set; set it to a folder that holds {source.folders[0]}/, or give the path of that "
            f"folder"
        )
    for folder in source.folders:
        path = Path(expanduser(root)) / folder
        if path.is_dir() and (source.holds is None or source.holds(path)):
            return path
    raise Refused(
        f"load: {name} is not in {root}, which the variable {VARIABLE} names; looked for are the "
        f"folders {', '.join(source.folders)}, with the original files in one of them"
    )


# --- the catalogue -----------------------------------------------------------------------------


def collected() -> dict[str, Any]:
    """The contents of the catalogue, for which every file is imported."""
    names: dict[str, str] = {}
    paths: list[tuple[bool, str, str]] = []
    options: dict[str, str] = {}
    usual: dict[str, str] = {}  # of files and folders: what they mean by an option goes first
    parameters: dict[str, str] = {}
    package = importlib.import_module(str(__package__))
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        home = found.name.removeprefix(f"{package.__name__}.")
        module = module_of(home)
        sets, kinds = getattr(module, "SETS", {}), getattr(module, "PATHS", ())
        names |= dict.fromkeys(sets, home)
        paths += {(one.holds is None, one.pattern, home) for one in kinds}
        for source in sets.values():
            options |= source.described()
            parameters |= source.wishes
        for source in kinds:
            usual = source.described() | usual
    places = [[pattern, home] for _, pattern, home in sorted(paths)]
    return {
        "names": dict(sorted(names.items())),
        "paths": places,
        "options": dict(sorted((options | usual).items())),
        "parameters": dict(sorted(parameters.items())),
    }


def _meaning(read: Callable[..., Data], option: str) -> str:
    """The description of an option in a reader's docstring."""
    from docstring_parser import parse  # only needed to write the catalogue

    function = read.func if isinstance(read, partial) else read
    params = parse(inspect.getdoc(function) or "").params
    found = next(param.description for param in params if param.arg_name == option)
    return " ".join((found or "").split())
