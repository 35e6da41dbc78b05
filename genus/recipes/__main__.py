"""Writes the catalogues of recipes and data: `python -m genus.recipes`.

    genus/recipes/catalogue.json    family, promises, source, aim and options of each recipe
    genus/data/catalogue.json       the file that loads each name or kind of path, and its options

Each recipe is called for zero rounds, and the promises of its model are recorded: this takes a
minute or two. If GENUS_DATA is not set, recipes whose data lie in that folder keep their entries.
"""

import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..core import PROMISES, Model
from ..core.files import write
from ..data.sources import CATALOGUE as OF_DATA
from ..data.sources import catalogue, collected, source_of_name
from ..density import Dequantised
from ..train import Run
from . import CATALOGUE, FAMILIES

FEW = {"pairs": 8, "beside": ""}  # small values of options that take time before the first round


def main() -> None:
    """Writes both files."""
    _write(OF_DATA, collected())
    catalogue.cache_clear()  # recipes may learn from new data
    known = json.loads(CATALOGUE.read_text("utf-8")) if CATALOGUE.exists() else {}
    found = {}
    for name, family in sorted(homes().items()):
        recipe = recipe_in(family, name)
        record = entry(family, recipe)
        if within_reach(record["options"]["data"]):
            model = built(recipe)
            record |= {"promises": promises(model), "source": source_of(family, recipe, model)}
        elif name in known:
            record |= {word: known[name][word] for word in ("promises", "source")}
        else:
            sys.exit(f"{name} learns from {record['options']['data']}: set GENUS_DATA")
        found[name] = record
        print(f"{name}: {family}, {', '.join(record['promises'])}", flush=True)
    _write(CATALOGUE, found)


def _write(path: Path, content: Any) -> None:
    write(path, (json.dumps(content, indent=1) + "\n").encode())


def homes() -> dict[str, str]:
    """The family of each recipe, from its folder."""
    here = Path(__file__).parent
    return {
        path.stem: family
        for family in FAMILIES
        for path in (here / family).glob("*.py")
        if not path.stem.startswith("_")
    }


def recipe_in(family: str, name: str) -> Callable[..., Any]:
    """The function of this name, in the file of this name."""
    return getattr(importlib.import_module(f"{__package__}.{family}.{name}"), name)


def entry(family: str, recipe: Callable[..., Any]) -> dict[str, Any]:
    """The entry of a recipe from its signature and docstring."""
    taken = {name: p.default for name, p in inspect.signature(recipe).parameters.items()}
    run, usual = taken.pop("run"), Run(rounds=0)
    own = {f.name: getattr(run, f.name) for f in fields(Run)}
    return {
        "family": family,
        "aim": " ".join((inspect.getdoc(recipe) or "").partition("\n\n")[0].split()),
        "options": json.loads(json.dumps(taken)),
        "run": {name: value for name, value in own.items() if value != getattr(usual, name)},
    }


def within_reach(data: str) -> bool:
    """Whether data are built in, or GENUS_DATA names their folder."""
    return bool(os.environ.get("GENUS_DATA")) or not source_of_name(data.partition("?")[0]).folders


def built(recipe: Callable[..., Any]) -> Model:
    """The model of a recipe, before its first round."""
    taken = inspect.signature(recipe).parameters
    few = {name: few for name, few in FEW.items() if name in taken}
    return recipe(run=replace(taken["run"].default, rounds=0, minutes=None), **few)


def promises(model: Model) -> list[str]:
    """The promises of a model, in the order of `PROMISES`."""
    return [word for word in PROMISES if word in model.promises()]


def source_of(family: str, recipe: Callable[..., Any], model: Model) -> str:
    """Authors, title and year from the recipe's file, or from its outermost model of the family."""
    kinds = [type(module) for module in model.modules() if isinstance(module, Model)]
    own = [kind for kind in kinds if kind.__module__.split(".")[1] == family]
    for thing in (recipe, *(kind for kind in own if not issubclass(kind, Dequantised))):
        story = inspect.getdoc(importlib.import_module(thing.__module__)) or ""
        if found := re.search(r"^Source: (.*?)(?=^\w+:|\n\n|\Z)", story, re.DOTALL | re.MULTILINE):
            text = " ".join(found[1].split())
            short = re.match(r'[^"]*"[^"]*".*?\b(?:19|20)\d\d(?:, arXiv:[\d.]+\d)?', text)
            return short[0] if short else text.partition(";")[0]
    return ""


if __name__ == "__main__":
    main()
