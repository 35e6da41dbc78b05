"""The public paths that a saved model may name: `python tests/train/public_paths.py` writes them anew.

A path that stands in public_paths.txt is a promise: models that are saved with it must load. Files may
move and new paths come; a path that goes, goes with a new format of artifacts.
"""

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from pkgutil import walk_packages
from types import FunctionType

from torch import nn

import genus
from genus.train.parts.rebuilding import FORMULAS, public_path

FILE = Path(__file__).parent / "public_paths.txt"


def public_paths() -> Iterator[str]:
    """Every class that an artifact may build, and every formula that it may name."""
    for found in walk_packages(genus.__path__, "genus."):
        if found.name.rpartition(".")[2] == "__main__":
            continue
        module = importlib.import_module(found.name)
        own = (t for t in vars(module).values() if getattr(t, "__module__", None) == found.name)
        yield from filter(None, (public_path(thing) for thing in own if nameable(thing)))


def nameable(thing: object) -> bool:
    if inspect.isclass(thing):
        return issubclass(thing, nn.Module) or is_dataclass(thing)
    return isinstance(thing, FunctionType) and thing.__module__.split(".")[1] in FORMULAS


if __name__ == "__main__":
    now, promised = {*public_paths()}, {*FILE.read_text("utf-8").split()}
    FILE.write_text("\n".join(sorted(now | promised)) + "\n", "utf-8")
    if gone := sorted(promised - now):
        sys.exit(f"gone, and still promised: {', '.join(gone)}; give them back, or raise FORMAT")
