"""Recipes: functions that build and train a named system.

    recipes/<family>/<name>.py    one function of the file's name

Its signature is the configuration; the first line of its docstring gives the target,
`measured.json` the figure from the benchmarks. `catalogue.json` describes all recipes without
importing them; `make catalogue` writes it from the model that each recipe builds.
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..families import FAMILIES as MODELS

CATALOGUE = Path(__file__).parent / "catalogue.json"
MEASURED = Path(__file__).parent / "measured.json"  # {recipe: {"figure": ..., ...}}
FAMILIES = (*MODELS, "measure")


@dataclass(frozen=True)
class Entry:
    """The entry of a recipe in the catalogue.

    Args:
        name: name of the recipe.
        family: folder of its model.
        promises: promises of its model.
        source: publication of the model.
        data: data on which it trains by default.
        aim: figure to reach, and its comparison.
        measured: figure reached, if the benchmarks have recorded one.
    """

    name: str
    family: str
    promises: tuple[str, ...]
    source: str
    data: str
    aim: str
    measured: str | None


def names() -> list[str]:
    """The names of all recipes."""
    return sorted(_written())


def find(name: str) -> Callable[..., Any]:
    """The recipe of this name, which must be one of `names()`."""
    home = f".{_written()[name]['family']}.{name}"
    return getattr(importlib.import_module(home, __name__), name)


def catalogue() -> list[Entry]:
    """All recipes, family by family."""
    measured = json.loads(MEASURED.read_text("utf-8"))
    entries = [
        Entry(
            name=name,
            family=known["family"],
            promises=tuple(known["promises"]),
            source=known["source"],
            data=known["options"].get("data", ""),
            aim=known["aim"],
            measured=measured.get(name, {}).get("figure"),
        )
        for name, known in _written().items()
    ]
    return sorted(entries, key=lambda entry: (FAMILIES.index(entry.family), entry.name))


def _written() -> dict[str, Any]:
    return json.loads(CATALOGUE.read_text("utf-8"))
