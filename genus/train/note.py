"""What a run notes of itself: in its artifact, which may be passed on, and in its state, which may not.

An artifact names a file of the run's recipe by its path from the folder in which the run was begun, or,
outside of that, by its name alone. The state keeps the recipe as it was given, with any path.
"""

from pathlib import Path
from typing import Any

from ..core import Model
from ..data.meaning import Meaning
from ..media.origin import presentable
from .artifact import ArtifactError, read_config
from .keeping.state import STATE, header_of
from .run import Batches, Run


def noted(run: Run, data: Batches) -> dict[str, Any]:
    """The entries of config.json that say what was learnt from, and how."""
    known = {"fingerprint": data.fingerprint, "name": getattr(data, "name", None)}
    found = {**run.note, "data": known | dict(run.note.get("data", {}))}
    if "recipe" in found:
        found["recipe"] = presentable(found["recipe"], climbing=True)
    return found


def as_given(run: Run) -> dict[str, Any]:
    """What the state keeps of a run's note: the recipe with its paths, and numbers that were found."""
    found = {name: value for name, value in run.note.items() if isinstance(value, int | float)}
    return {"recipe": run.note.get("recipe"), "found": found}


def found_number(folder: Path, name: str) -> Any:
    """A number that a run found when it began; None if it found none, or has not begun."""
    header = header_of(folder / STATE) or {}
    found = header.get("found")
    return found.get(name) if isinstance(found, dict) else None


def recipes_of(folder: Path) -> list[dict[str, Any]]:
    """The recipe of a run: first as it was given, if its state is there, then as its artifact has it.

    Args:
        folder: folder of a run, or of its best model.
    """
    given = (header_of(_root(folder) / STATE) or {}).get("recipe")
    whole = given is None or (folder / "config.json").exists()  # a kill may come between the two
    found = (given, read_config(folder).get("recipe") if whole else None)
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("options"), dict)]


def kept_meaning(folder: Path, model: Model) -> Meaning | None:
    """What the run in a folder keeps of its data; None of a run that kept nothing.

    Args:
        folder: folder of the run.
        model: its model, whose spaces these are.
    """
    record = read_config(folder).get("data")
    if not isinstance(record, dict):
        return None
    return Meaning.from_json(record, model.space, model.context_space)


def recipe_of_stage(folder: Path) -> dict[str, Any] | None:
    """The recipe of a run that has begun with another model, in a folder of its own; None without one."""
    for state in sorted(folder.glob(f"*/{STATE}")):
        recipe = (header_of(state) or {}).get("recipe")
        if isinstance(recipe, dict) and isinstance(recipe.get("options"), dict):
            return recipe
    return None


def data_of(folder: Path) -> list[tuple[str, Path | None]]:
    """Where the training data of a run may lie: sources, each with the folder that it is seen from.

    Args:
        folder: folder of a run, or of its best model.
    """
    found = []
    for recipe in recipes_of(folder):
        name, place = recipe["options"].get("data"), recipe.get("place")
        if isinstance(name, str) and name:
            found.append((name, _root(folder) / place if isinstance(place, str) else None))
    if not found:
        raise ArtifactError(
            f"{folder}: does not say which data it learnt from; name them with --data"
        )
    return list(dict.fromkeys(found))


def _root(folder: Path) -> Path:
    """The folder of the run, from that of its best model too."""
    best = folder.name == "best" and (folder.parent / "config.json").exists()
    return folder.parent if best else folder
