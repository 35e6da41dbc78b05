"""Recipes: each a named system, trained.

One file, one function of the same name. Its signature is the configuration; the first line of its
docstring says the figure to reach and what that is compared with. There is no register: what is in
this folder is a recipe.

The catalogue is read from the source text, so that it is there at once: nothing is imported for it.
"""

import ast
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

HERE = Path(__file__).parent
MEASURED = HERE / "measured.json"  # written by the benchmarks: {recipe: {"figure": ..., ...}}
FAMILIES = (
    "density",
    "energy",
    "autoregressive",
    "vae",
    "flow",
    "diffusion",
    "adversarial",
    "translation",
    "measure",
)
MODELS = {"Model", "GenerativeModel", "ConditionalModel"}  # what is none is a part of one
DEQUANTISERS = {"Dequantised", "ConditionalDequantised"}
# what a density on the reals still promises once it is made a model of pixels
DEQUANTISED = {"sample", "elbo", "log_weight", "encode", "decode", "fit"}


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
    return sorted(module.name for module in iter_modules(__path__) if module.name[0] != "_")


def find(name: str) -> Callable[..., Any]:
    """The recipe of this name, which must be one of `names()`."""
    return getattr(importlib.import_module(f".{name}", __name__), name)


def catalogue() -> list[Entry]:
    """All recipes, family by family."""
    entries = [_entry(name) for name in names()]
    return sorted(entries, key=lambda e: ((*FAMILIES, "").index(e.family), e.name))


def _entry(name: str) -> Entry:
    tree = _parsed(_path(name))
    function = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    models = _models(tree)
    inner = [model for model in models if model[1] not in DEQUANTISERS]
    defaults = dict(_defaults(function))
    dequantised = len(inner) < len(models) and defaults.get("data") not in _toys()
    family, kind = inner[-1] if inner else ("", "")
    promises = _methods(family, kind) if family else set()
    if dequantised:
        promises = promises & DEQUANTISED | {"sample", "elbo", "log_weight"}
    written = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    return Entry(
        name=name,
        family=family,
        promises=tuple(word for word in _promises() if word in promises),
        source=_source(tree) or (_source(_home(family, kind)) if family else ""),
        data=str(defaults.get("data", "")),
        aim=_first_line(function),
        measured=written.get(name, {}).get("figure"),
    )


def _models(tree: ast.Module) -> list[tuple[str, str]]:
    """Family and class of each model that a recipe builds, in the order of building.

    So the last is the one that has all others inside. A recipe that builds none calls another.
    """
    homes = {
        alias.asname or alias.name: (_room(node.module), alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = []
    for call in sorted(calls, key=lambda node: (node.end_lineno, node.end_col_offset)):
        if isinstance(call.func, ast.Name):
            family, kind = homes.get(call.func.id, ("", ""))
            line = _line(family, kind) if family in FAMILIES else []
            if MODELS & {ast.unparse(base) for node in line for base in node.bases}:
                found.append((family, kind))
    called = (n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.level == 1)
    others = [_models(_parsed(_path(name))) for name in called if name in names()]
    return found or next((other for other in others if other), [])


def _path(name: str) -> Path:
    return next(path for path in (Path(at) / f"{name}.py" for at in __path__) if path.exists())


def _room(module: str | None) -> str:
    """The folder of genus in a path of import, relative or not."""
    return (module or "").removeprefix("genus.").split(".")[0]


def _methods(family: str, kind: str) -> set[str]:
    """The names of a class's methods, those that it inherits within its family included."""
    items = (item for node in _line(family, kind) for item in node.body)
    return {item.name for item in items if isinstance(item, ast.FunctionDef)}


def _line(family: str, kind: str) -> list[ast.ClassDef]:
    """A class of a family and those it descends from, as far as they are in its family's folder."""
    found, waiting = [], [(_home(family, kind), kind)]
    while waiting:
        tree, name = waiting.pop()
        if (node := _class(tree, name)) is not None:
            found.append(node)
            waiting += [(tree, base.id) for base in node.bases if isinstance(base, ast.Name)]
        near = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.level == 1]
        for other in near if node is None else []:
            if other.module and name in {alias.name for alias in other.names}:
                waiting.append((_parsed(HERE.parent / family / f"{other.module}.py"), name))
    return found


@cache
def _home(family: str, kind: str) -> ast.Module:
    """The file in which a class of a family is written."""
    folder = HERE.parent / family
    for node in _parsed(folder / "__init__.py").body:
        if isinstance(node, ast.ImportFrom) and kind in {alias.name for alias in node.names}:
            return _parsed(folder / f"{node.module}.py")
    return _parsed(folder / "__init__.py")


def _class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    found = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return next(found, None)


def _source(tree: ast.Module) -> str:
    """Authors, title and year, from the `Source:` of a docstring."""
    story = ast.get_docstring(tree) or ""
    found = re.search(r"^Source: (.*?)(?=^\w+:|\n\n|\Z)", story, re.DOTALL | re.MULTILINE)
    text = " ".join(found[1].split()) if found else ""
    short = re.match(r'[^"]*"[^"]*".*?\b(?:19|20)\d\d(?:, arXiv:[\d.]+\d)?', text)
    return short[0] if short else text.partition(";")[0]


def _first_line(function: ast.FunctionDef) -> str:
    story = ast.get_docstring(function) or ""
    return " ".join(story.partition("\n\n")[0].split())


def _defaults(function: ast.FunctionDef) -> Iterator[tuple[str, Any]]:
    """Arguments with a plain default."""
    taken = function.args.args
    for argument, default in zip(reversed(taken), reversed(function.args.defaults), strict=False):
        if isinstance(default, ast.Constant):
            yield argument.arg, default.value


@cache
def _promises() -> tuple[str, ...]:
    """The names in `core.PROMISES`, in its order."""
    for node in _parsed(HERE.parent / "core.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PROMISES":
            return ast.literal_eval(node.value)
    return ()


@cache
def _toys() -> frozenset[str]:
    """The names in `data.toys.TOYS`: vectors, which nothing dequantises."""
    for node in _parsed(HERE.parent / "data" / "toys.py").body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Dict):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target) == "TOYS":
                return frozenset(ast.literal_eval(key) for key in node.value.keys if key)
    return frozenset()


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
