"""Recipes: each a named system, trained.

    recipes/<family>/<name>.py    one function of the file's name

Its signature is the configuration; the first line of its docstring says the target, `measured.json`
what the benchmarks have reached. What is known of all recipes without importing them stands in
`catalogue.json`, which `make catalogue` writes from what each recipe builds.
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
    """What the catalogue says of a recipe.

    Args:
        name: of the recipe.
        family: the folder of its model.
        promises: what its model can do.
        source: where the model was published.
        data: what it is trained on by default.
        aim: the figure to reach, and what it is compared with.
        measured: the figure reached, if the benchmarks have written it down.
    """

    name: str
    family: str
    promises: tuple[str, ...]
    source: str
    data: str
    aim: str
    measured: str | None


def names() -> list[str]:
    """Every recipe."""
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
