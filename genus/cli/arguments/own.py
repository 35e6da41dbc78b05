"""Code of your own on the command line: a recipe that is named package.module:recipe.

To name it is to allow its import; nothing that is read from a folder is imported for its name. Modules
are found as `python -m` finds them: from the current folder, too.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import recipes
from ...errors import Refused
from ..errors import nearest

FAMILY = "own"  # of recipes outside genus
FORM = "def {}(data: str = 'digits', *, width: int = 64, run: Run = Run(minutes=1)) -> Model"


def is_own(name: str) -> bool:
    """Whether a recipe is named by its module."""
    return ":" in name


def known(name: str) -> None:
    """Raises Refused if there is no such recipe."""
    if is_own(name):
        recipe_of(name)
    elif name not in (names := recipes.names()):
        hint = (
            nearest(name, names) or "; genus list shows them all, and module:recipe names your own"
        )
        raise Refused(f"there is no recipe {name}{hint}")


def recipe_of(name: str) -> Callable[..., Any]:
    """The recipe of a name that is known, or of package.module:recipe, which is imported.

    Raises:
        Refused: there is no such module, or nothing of this name in it, or it is no recipe.
    """
    if not is_own(name):
        return recipes.find(name)
    module_name, _, function = name.partition(":")
    from ...train.parts import imported

    look_here()
    module = imported(module_name)
    if module is None:
        raise Refused(
            f"recipe {name}: there is no module {module_name}; it is looked for in {Path.cwd()} and "
            f"where Python finds what is installed"
        )
    recipe = getattr(module, function, None)
    if recipe is None:
        hint = nearest(function, vars(module))
        raise Refused(f"recipe {name}: {module_name} has no {function}{hint}")
    taken = inspect.signature(recipe).parameters if inspect.isfunction(recipe) else {}
    run = taken.get("run")
    if run is None or not _is_run(run.default) or any(p.default is p.empty for p in taken.values()):
        raise Refused(
            f"recipe {name}: is no recipe; a function is wanted whose arguments have defaults, the last "
            f"a genus.Run: {FORM.format(function)}"
        )
    return recipe


def folder_of(name: str) -> str:
    """The name of the folder of a recipe's runs."""
    return name.rpartition(":")[2]


def entry_of(name: str) -> recipes.Entry:
    """The entry of a recipe, also of one of your own: its promises are those of the model it builds."""
    if not is_own(name):
        return next(entry for entry in recipes.catalogue() if entry.name == name)
    recipe = recipe_of(name)
    aim = " ".join((inspect.getdoc(recipe) or "").partition("\n\n")[0].split())
    data = inspect.signature(recipe).parameters.get("data")
    return recipes.Entry(name, FAMILY, (), "", str(data.default) if data else "", aim, None)


def look_here() -> None:
    """Lets modules be found in the current folder, as `python -m` does."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)


def _is_run(value: object) -> bool:
    from ...train.run import Run

    return isinstance(value, Run)
