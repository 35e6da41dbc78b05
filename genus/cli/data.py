"""genus data: what a path is seen as, and which recipes learn from it."""

import argparse
import json
import shutil
import sys
import textwrap
from pathlib import Path
from shlex import quote
from typing import Any

from .. import recipes
from ..errors import Refused
from .errors import OK
from .parser import Parser, data_options, help_of_data, named

ROWS = 16  # of the picture
RECIPES = 6  # that are named


def run(words: list[str]) -> int:
    """Says what lies at a path, and which recipes learn from it."""
    words, options = data_options(words)
    parser = Parser(
        prog="genus data",
        description="Says what a path is seen as, and which recipes learn from it; without a path, "
        "lists the data sets that have names.",
        epilog="options of data, here and with --data of other commands:\n" + help_of_data(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="?", help="name or path: of a folder, a file, or a pattern")
    parser.add_argument(
        "--all", action="store_true", help="open each file of a folder, and not 2,000 of them"
    )
    parser.add_argument("--out", type=Path, help="file, .png, for a picture of a few rows")
    taken = parser.read(words)
    if taken.out is not None and taken.out.suffix.lower() != ".png":
        raise Refused(f"genus data: --out is {taken.out}; a .png file is wanted")
    if taken.path is None:
        _names()
        return OK
    source = named(taken.path, options) if options else taken.path
    from ..data.described import describe

    found = describe(source, whole=taken.all)
    print(found.kind)
    for line in found.lines:
        print(textwrap.fill(line, 98, initial_indent="  ", subsequent_indent="    "))
    if found.space is not None:
        _show(found, source, taken.out)
        _recipes(found, source)
    return OK


def _names() -> None:
    """Lists the data sets that have names."""
    from ..data.named import GROUPS

    for group, names in GROUPS.items():
        print(f"\n{group}")
        for name, what in names.items():
            print(f"  {name:<18} {what}")
    print("\ngenus data NAME says more; so does genus data PATH of your own folder or file.")


def _show(found: Any, source: str, out: Path | None) -> None:
    """A picture of a few rows: in a file, or in the terminal."""
    if out is None and not sys.stdout.isatty():
        return
    from ..data.described import few
    from ..media import save_png, shown

    x, space, context, context_space = few(found, source, ROWS)
    picture = shown(x, space, context, context_space)
    if out is not None:
        print(f"  a few rows: {save_png(picture, out)}")
    else:
        print(drawn(picture, shutil.get_terminal_size().columns))


def drawn(picture: Any, columns: int) -> str:
    """A picture as half blocks of a terminal, two pixels high each.

    Args:
        picture: (height, width) or (height, width, 3), uint8.
        columns: width of the terminal, in characters.
    """
    import numpy as np
    from PIL import Image

    image = Image.fromarray(picture).convert("RGB")
    width = min(columns - 4, image.width, 96)
    height = max(2, round(image.height * width / image.width) // 2 * 2)
    pixels = np.asarray(image.resize((width, height)))
    lines = []
    for top, bottom in zip(pixels[::2], pixels[1::2], strict=True):
        cells = [
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀"
            for a, b in zip(top, bottom, strict=True)
        ]
        lines.append("  " + "".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def _recipes(found: Any, source: str) -> None:
    """The recipes that learn from such data, as commands to paste."""
    from ..recipes.fitting import fitting

    names = fitting(found.space, found.context_space, labels=found.labels, sounds=found.sounds)
    if found.unpaired:
        print("no recipe learns from two domains without pairs yet")
        return
    if not names:
        print("no recipe learns from such data yet")
        return
    measured = json.loads(recipes.MEASURED.read_text("utf-8"))
    print("recipes that learn from it, the best first:")
    commands = {
        name: f"genus fit {name} --data {quote(source)} --out runs/{name}" for name in names
    }
    width = max(map(len, list(commands.values())[:RECIPES]))
    for name in names[:RECIPES]:
        record = measured.get(name)
        took = ""
        if record is not None:
            took = f"   # {record['minutes']:g} minutes on {record['protocol'].get('data')}"
        print(f"  {commands[name]:<{width}}{took}".rstrip())
    if len(names) > RECIPES:
        print(f"  and {', '.join(names[RECIPES:])}")
