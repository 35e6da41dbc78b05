"""load: a data set by its name or path.

    digits, digits_pairs                        ship with scikit-learn
    moons, ring, grid, spirals, ...             toys: data/toys/toys.py
    bars                                        a toy of bits
    stacked_digits, stacked_mnist               1,000 modes
    grammar                                     a toy of tokens
    dates, reordering                           translations
    analogies, word_pairs                       sentences to learn words from
    linear_mixture                              ten planes in 100 dimensions
    community_small, grid_graphs, cycles, ...   graphs
    glyphs                                      texts that a pen writes
    ellipsoids, boxes, shapes                   clouds of points
    chorale_toys                                made-up piano rolls
    mnist, fashion_mnist, binarized_mnist       from the folder that GENUS_DATA names
    chairs                                      clouds of points, from the same folder
    ego_small, enzymes                          graphs, from there too
    accidents, dna, mushrooms, nltcs, plants    tables of bits, from there too
    chorales                                    piano rolls, from there too
    red_wine, white_wine, housing, ionosphere   tables in ten folds, from there too
    spoken, spoken8, spoken16, spoken_mel       spoken digits, from there too
    sheep, kanji                                drawings, from there too
    tinyshakespeare                             a text, from there too
    a path                                      a folder of images or idx files; .npy, .npz, .csv,
                                                and .txt, a text

Options may also stand in the name, after a question mark: photos?size=64&colour=L.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatch
from os.path import expanduser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from ..errors import Refused
from .sets import Data
from .sources import Source, catalogue, module_of

VARIABLE = "GENUS_DATA"


def load(source: str | Path, **options: Any) -> Data:
    """The data set of this name, or in this file or folder.

    Args:
        source: a name, or a path: of a folder of images or idx files, or of a .npy, .npz, .csv, .txt
            or idx file. A name comes first: write ./digits for a folder of that name. A path that is
            not here is looked for in the folder that GENUS_DATA names.
        options: those that the data take, such as size for a folder of images; each is a
            keyword-only argument of the function that reads them. None is as if left out.

    Raises:
        Refused: says what came, what is wanted and how to mend it. An option that does not apply
            is refused.
    """
    name, asked = _asked(str(source))
    given = asked | {option: value for option, value in options.items() if value is not None}
    if name in catalogue()["names"]:
        found = source_of_name(name)
        place = (_folder_of(name, found), name) if found.folders else ()
        return found.read(*place, **found.checked(given, name))
    path = _found(name)
    if (found := source_of_path(path)) is None:
        raise Refused(
            f"load: {path} is a file of a kind that is not known; known are .npy, .npz, .csv, .txt, "
            f"idx files, and folders of images or idx files"
        )
    return found.read(path, **found.checked(given, f"{path} is {found.kind}, which"))


def source_of_name(name: str) -> Source:
    """The source of a name of the catalogue."""
    return module_of(catalogue()["names"][name]).SETS[name]


def source_of_path(path: Path) -> Source | None:
    """The source for a path of this kind; None if there is none."""
    name = path.name.lower() + "/" * path.is_dir()
    for pattern, home in catalogue()["paths"]:
        if fnmatch(name, pattern) and name.endswith("/") == pattern.endswith("/"):
            for source in module_of(home).PATHS:
                if source.pattern == pattern and (source.holds is None or source.holds(path)):
                    return source
    return None


def with_options(source: str, options: Mapping[str, str]) -> str:
    """A name or path with options in it: those that it has, and these, which are the stronger."""
    name, asked = _asked(source)
    words = [
        f"{option}={quote(value, safe='/')}" for option, value in (asked | dict(options)).items()
    ]
    return f"{name}?{'&'.join(words)}" if words else source


def _asked(source: str) -> tuple[str, dict[str, str]]:
    """The name or path, and the options that stand in it."""
    if "?" not in source or Path(source).exists():
        return source, {}
    name, _, query = source.rpartition("?")
    return name, dict(parse_qsl(query, keep_blank_values=True))


def _found(source: str) -> Path:
    """The path, here or in GENUS_DATA."""
    root = os.environ.get(VARIABLE)
    if not source:
        raise Refused("load: the name of the data is empty; a name or a path is wanted")
    places = [Path(expanduser(source)), *([Path(expanduser(root)) / source] if root else [])]
    for place in places:
        if place.exists():
            return place
    if os.sep in source or Path(source).suffix:
        raise Refused(f"load: there is no file or folder '{source}'")
    names = catalogue()["names"]
    near = get_close_matches(source, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}, and paths"
    raise Refused(f"load: there is no data set, file or folder '{source}'; {hint}")


def _folder_of(name: str, source: Source) -> Path:
    """Where the files of a set lie, below the folder that GENUS_DATA names."""
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
