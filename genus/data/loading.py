"""load: a data set by its name or path.

    digits, digits_pairs                        ship with scikit-learn
    moons, ring, grid, spirals, ...             toys: genus.data.toys
    bars                                        a toy of bits: genus.data.bars
    stacked_digits, stacked_mnist               1,000 modes: genus.data.stacked
    grammar                                     a toy of tokens: genus.data.grammar
    dates, reordering                           translations: genus.data.dates, .languages
    analogies, word_pairs                       sentences to learn words from: genus.data.analogies
    linear_mixture                              ten planes in 100 dimensions: its own file
    community_small, grid_graphs, cycles, ...   graphs: genus.data.graphs
    glyphs                                      texts that a pen writes: genus.data.glyphs
    ellipsoids, boxes, shapes                   clouds of points: genus.data.points
    mnist, fashion_mnist, binarized_mnist       from the folder that GENUS_DATA names
    chairs                                      clouds of points, from the same folder
    ego_small, enzymes                          graphs, from the same folder
    accidents, dna, mushrooms, nltcs, plants    tables of bits, from there too: genus.data.debd
    chorales, chorale_toys                      piano rolls, from there and made: genus.data.chorales
    red_wine, white_wine, housing, ionosphere   tables in ten folds, from there too: genus.data.uci
    spoken, spoken8, spoken16, spoken_mel       spoken digits, from there too: genus.data.spoken
    sheep, kanji                                drawings, from there too: genus.data.strokes
    tinyshakespeare                             a text, from the same folder: genus.data.text
    a path                                      a folder of images or idx files; .npy, .npz, .csv,
                                                and .txt, a text

Options may also stand in the name, after a question mark: photos?size=64&colour=L.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

from .arrays import arrays, understood
from .dividing import data_of_rows
from .endless import toy
from .graphs.graphs import MADE as GRAPHS
from .graphs.graphs import ego_small, enzymes, graph_files, graphs
from .images.digits import digits
from .images.folders import images
from .images.idx import binarised_mnist, bit_files, idx, idx_files, read_idx
from .images.stacked import stacked
from .points.points import KINDS, chair_files, chairs, family
from .sets import Data
from .sound.chorales import chorale_files, chorale_toys, chorales
from .sound.spoken import KINDS as SPOKEN
from .sound.spoken import sound_files, spoken
from .strokes.glyphs import glyphs
from .strokes.strokes import FILES as DRAWINGS
from .strokes.strokes import stroke_files, strokes
from .tables.debd import TABLES, debd, debd_files
from .tables.tables import table
from .tables.uci import FILES, uci, uci_files
from .text.analogies import corpus, word_pairs
from .text.dates import dates
from .text.grammar import grammar
from .text.languages import reordering
from .text.text import text, text_files
from .toys.bars import bars
from .toys.linear_mixture import linear_mixture
from .toys.toys import TOYS

VARIABLE = "GENUS_DATA"
BUILT_IN: dict[str, Callable[[], Data]] = {
    "digits": digits,
    "digits_pairs": lambda: replace(digits().coarse(2), name="digits_pairs"),
    **{name: partial(toy, name) for name in TOYS},
    "bars": bars,
    "stacked_digits": lambda: stacked(digits(), "stacked_digits"),
    "grammar": grammar,
    "glyphs": glyphs,
    "analogies": lambda: corpus().data,
    "word_pairs": word_pairs,
    "dates": lambda: dates().data,
    "reordering": lambda: reordering().data,
    "linear_mixture": linear_mixture,
    "chorale_toys": chorale_toys,
    "ellipsoids": lambda: family("ellipsoids", ("ellipsoid",)),
    "boxes": lambda: family("boxes", ("box",)),
    "shapes": lambda: family("shapes", KINDS),
    **{name: partial(graphs, name) for name in (*GRAPHS, "cycles")},
}
OUTSIDE: dict[str, tuple[Callable[..., Data], tuple[str, ...]]] = {  # reader, folders
    "mnist": (idx, ("mnist", "MNIST", "MNIST/raw")),
    "fashion_mnist": (idx, ("fashion_mnist", "fashion-mnist", "FashionMNIST", "FashionMNIST/raw")),
    "binarized_mnist": (binarised_mnist, ("binarized_mnist", "BinarizedMNIST")),
    "stacked_mnist": (
        lambda folder, name: stacked(idx(folder, "mnist"), name),
        ("mnist", "MNIST", "MNIST/raw"),
    ),
    "chairs": (chairs, ("modelnet10_voxels", "chairs")),
    "ego_small": (ego_small, ("graphs",)),
    "enzymes": (enzymes, ("graphs",)),
    **dict.fromkeys(TABLES, (debd, ("debd",))),
    "chorales": (chorales, ("jsb_chorales",)),
    **dict.fromkeys(DRAWINGS, (strokes, ("sketch_rnn", "strokes"))),
    **dict.fromkeys(FILES, (uci, ("uci_small", "uci"))),
    "tinyshakespeare": (text, ("tinyshakespeare",)),
    **dict.fromkeys(SPOKEN, (spoken, ("fsdd", "free-spoken-digit-dataset/recordings"))),
}
FINDERS = (  # each says what it knows of a folder
    text_files,
    idx_files,
    bit_files,
    chair_files,
    stroke_files,
    uci_files,
    graph_files,
    sound_files,
    debd_files,
    chorale_files,
)
NAMES = (*BUILT_IN, *OUTSIDE)
NUMBERS = {"workers", "cache", "fold", "window"}
IMAGES = {"size", "resize", "colour", "background", "broken", "label", "workers", "cache"}


def load(
    source: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    resize: Literal["crop", "stretch"] | None = None,
    colour: Literal["L", "RGB"] | None = None,
    background: Literal["white", "black"] | None = None,
    broken: Literal["refuse", "skip"] | None = None,
    label: str | None = None,
    layout: Literal["first", "last"] | None = None,
    workers: int | None = None,
    cache: int | None = None,
    fold: int | None = None,
    window: int | None = None,
) -> Data:
    """The data set of this name, or in this file or folder. An option that does not apply is refused.

    Args:
        source: a name, or a path: of a folder of images or idx files, or of a .npy, .npz, .csv, .txt
            or idx file. A name comes first: write ./digits for a folder of that name. A path that is
            not here is looked for in the folder that GENUS_DATA names.
        size: images are resized to this height and width, in pixels.
        resize: crop cuts the largest centred part of the right proportions, stretch takes all.
        colour: L makes all images grey, RGB all colour.
        background: what shows through where an image is transparent.
        broken: files in a folder of images that are none: refuse them, or skip them.
        label: the column of labels in a table or in the metadata of a folder of images.
        layout: where the channels of an array's images are.
        workers: threads that read images.
        cache: bytes of decoded images that are kept in memory.
        fold: which tenth of a table in ten folds tests, from 0.
        window: characters of one x, of a text.

    Raises:
        ValueError: says what came, what is wanted and how to mend it.
    """
    given: dict[str, Any] = {
        "size": size,
        "resize": resize,
        "colour": colour,
        "background": background,
        "broken": broken,
        "label": label,
        "layout": layout,
        "workers": workers,
        "cache": cache,
        "fold": fold,
        "window": window,
    }
    source, asked = _asked(str(source), set(given))
    options = asked | {name: value for name, value in given.items() if value is not None}
    if source in BUILT_IN:
        return _without(options, source, BUILT_IN[source])
    if source in FILES:
        return _outside(source, **_only(options, {"fold"}, source, "a table in folds"))
    if source == "tinyshakespeare":
        return _outside(source, **_only(options, {"window"}, source, "a text"))
    if source in OUTSIDE:
        return _without(options, source, lambda: _outside(source))
    path = _found(source)
    if path.is_dir() and idx_files(path):
        return _without(options, f"{path}, a folder of idx files,", lambda: idx(path))
    if path.is_dir() and bit_files(path):
        return _without(options, f"{path}, binarised MNIST,", lambda: binarised_mnist(path))
    if path.is_dir():
        return images(path, **_only(options, IMAGES, path, "a folder of images"))
    kind = path.suffix.lower()
    if kind in (".npy", ".npz"):
        return arrays(path, **_only(options, {"layout"}, path, "an array file"))
    if kind == ".csv":
        return table(path, **_only(options, {"label"}, path, "a table"))
    if kind == ".txt":
        return text(path, **_only(options, {"window"}, path, "a text"))
    if "idx" in path.name:
        return _without(options, f"{path}, an idx file,", lambda: _one_idx(path))
    raise ValueError(
        f"load: {path} is a file of a kind that is not known; known are .npy, .npz, .csv, .txt, idx "
        f"files, and folders of images or idx files"
    )


def _asked(source: str, known: set[str]) -> tuple[str, dict[str, Any]]:
    """The name or path, and the options that stand in it."""
    if "?" not in source or Path(source).exists():
        return source, {}
    source, _, query = source.partition("?")
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = (
                f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
            )
            raise ValueError(f"load: there is no option '{name}' of data{hint}")
        try:
            options[name] = _value(name, value)
        except ValueError:
            wanted = "64 or 48x64 (height x width)" if name == "size" else "a whole number"
            raise ValueError(f"load: {name} is '{value}'; {wanted} is wanted") from None
    return source, options


def _value(name: str, word: str) -> Any:
    if name == "size":
        sides = [int(side) for side in word.split("x")]
        return sides[0] if len(sides) == 1 else tuple(sides)
    return int(word) if name in NUMBERS else word


def _only(options: dict[str, Any], known: set[str], what: str | Path, kind: str) -> dict[str, Any]:
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"load: {what} is {kind}, which takes no option {', '.join(unknown)}")
    return options


def _without(options: dict[str, Any], who: str, make: Callable[[], Data]) -> Data:
    if options:
        raise ValueError(f"load: {who} takes no option {', '.join(sorted(options))}")
    return make()


def _found(source: str) -> Path:
    """The path, here or in GENUS_DATA."""
    root = os.environ.get(VARIABLE)
    places = [Path(source).expanduser(), *([Path(root).expanduser() / source] if root else [])]
    for place in places:
        if place.exists():
            return place
    if os.sep in source or Path(source).suffix:
        raise ValueError(f"load: there is no file or folder '{source}'")
    near = get_close_matches(source, NAMES, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}, and paths"
    raise ValueError(f"load: there is no data set, file or folder '{source}'; {hint}")


def _outside(name: str, **options: Any) -> Data:
    """A data set in a sub-folder of the folder that GENUS_DATA names."""
    reader, folders = OUTSIDE[name]
    root = os.environ.get(VARIABLE)
    if not root:
        raise ValueError(
            f"load: {name} is read from the folder that the variable {VARIABLE} names, and it is "
            f"not set; set it to a folder that holds {folders[0]}/, or give the path of that folder"
        )
    for folder in folders:
        if (path := Path(root).expanduser() / folder).is_dir() and any(
            find(path) for find in FINDERS
        ):
            return reader(path, name, **options)
    raise ValueError(
        f"load: {name} is not in {root}, which the variable {VARIABLE} names; looked for are the "
        f"folders {', '.join(folders)}, with the original files in one of them"
    )


def _one_idx(path: Path) -> Data:
    space, parts = understood({"train": read_idx(path)}, str(path))
    return data_of_rows(path.name.partition(".")[0], space, parts, None)
