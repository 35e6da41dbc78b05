"""Writes what is known of recipes and data without importing them: `python -m genus.recipes`.

    genus/recipes/catalogue.json    of each recipe: family, promises, source, aim, options
    genus/data/catalogue.json       which file makes the data of which name or path, and its options

Each recipe is called for no round, and its model is asked what it can do: this takes a minute or two.
A recipe whose data lie in the folder GENUS_DATA keeps what is written of it if that is not set.
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
from ..data.sources import collected, source_of_name
from ..density import Dequantised
from ..train import Run
from . import CATALOGUE, FAMILIES

FEW = {"pairs": 8}  # options that decide how long a recipe works before its first round


def main() -> None:
    """Writes both files."""
    known = json.loads(CATALOGUE.read_text("utf-8")) if CATALOGUE.exists() else {}
    found = {}
    for name, family in sorted(homes().items()):
        recipe = recipe_in(family, name)
        said = entry(family, recipe)
        if within_reach(said["options"]["data"]):
            model = built(recipe)
            said |= {"promises": promises(model), "source": source_of(family, recipe, model)}
        elif name in known:
            said |= {word: known[name][word] for word in ("promises", "source")}
        else:
            sys.exit(f"{name} learns from {said['options']['data']}: set GENUS_DATA")
        found[name] = said
        print(f"{name}: {family}, {', '.join(said['promises'])}", flush=True)
    for path, content in ((OF_DATA, collected()), (CATALOGUE, found)):
        write(path, (json.dumps(content, indent=1) + "\n").encode())


def homes() -> dict[str, str]:
    """The family of each recipe: the folder in which it stands."""
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
    """What a recipe says of itself, without being called."""
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
    """Whether data are built in, or the folder that they lie in is named."""
    return bool(os.environ.get("GENUS_DATA")) or not source_of_name(data.partition("?")[0]).folders


def built(recipe: Callable[..., Any]) -> Model:
    """What a recipe trains, before its first round."""
    taken = inspect.signature(recipe).parameters
    few = {name: few for name, few in FEW.items() if name in taken}
    return recipe(run=replace(taken["run"].default, rounds=0, minutes=None), **few)


def promises(model: Model) -> list[str]:
    """What a model can do, in the order of `PROMISES`."""
    return [word for word in PROMISES if word in model.promises()]


def source_of(family: str, recipe: Callable[..., Any], model: Model) -> str:
    """Authors, title and year: of the recipe's file, or of its outermost model of this family."""
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
