"""genus fit: trains a recipe, or continues a run. Torch is imported when it is needed."""

import os
import textwrap
from pathlib import Path
from typing import Any

from .. import recipes
from ..errors import Refused
from .arguments.own import folder_of, is_own, known, recipe_of
from .errors import OK, STOPPED, say, writing
from .parser import DATA, Parser, learnt_from

ONCE = ("out", "resume", "accept_change")  # which a resumed run does not take over


def run(words: list[str]) -> int:
    """Trains a recipe, or continues a run."""
    name = words[0] if words and not words[0].startswith("-") else None
    if name is None and {"-h", "--help"} & {*words}:
        _fit_help()
        return OK
    if name is None:
        name = _recipe_of(words)
    else:
        words = words[1:]
        known(name)
    from .arguments.options import RecipeParser, as_yaml

    parser = RecipeParser(recipe_of(name), Path("runs") / folder_of(name), name)
    if {"-h", "--help"} & {*words}:
        print(parser.help())
        return OK
    printing = {"--print-config", "--print_config"} & {*words}
    given = parser.given([word for word in words if word not in printing])
    stored = {}
    if given.get("resume"):
        stored = parser.checked(_stored(given.get("out", parser.defaults["out"]), name))
    options = parser.resolved(stored, given)
    if printing:
        print(as_yaml(options), end="")
        return OK
    from ..train.process import fit_threads

    fit_threads()
    try:
        with writing(Path(options["out"])):
            model = parser.train(options)
    except KeyboardInterrupt:
        say(f"stopped; genus fit {name} --out {options['out']} --resume continues it")
        return STOPPED
    if int(os.environ.get("RANK", "0")) == 0:
        _conclude(Path(options["out"]), model)
    return OK


def _fit_help() -> None:
    print("usage: genus fit RECIPE [options of the recipe]\n")
    print("Trains a recipe; genus fit RECIPE --help shows its options. The recipes:\n")
    for entry in recipes.catalogue():
        print(textwrap.fill(f"  {entry.name:<16} {entry.aim}", 96, subsequent_indent=" " * 19))
    print("\ngenus fit --resume --out DIR continues the run in DIR.")
    print(f"--data takes a {DATA}.")
    print(
        "A recipe of your own is named package.module:recipe, and found from the current folder, too."
    )


def _recipe_of(words: list[str]) -> str:
    """The recipe of the run in --out, for a resume that names none."""
    parser = Parser(prog="genus fit", add_help=False)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--resume", action="store_true")
    taken, _ = parser.parse_known_args(words)
    if not taken.resume or taken.out is None:
        raise Refused(
            "fit: which recipe? genus list shows them; or --resume --out DIR continues a run"
        )
    recipe = _begun_by(taken.out)
    if recipe is None and not _has_begun(taken.out):
        raise Refused(f"fit: there is no run in {taken.out} yet; name a recipe, and it begins")
    name = recipe.get("name") if recipe else None
    if isinstance(name, str) and is_own(name):  # no folder says what is imported
        raise Refused(
            f"fit: the run in {taken.out} was begun by {name}, which is outside genus; if you trust its "
            f"code, name it: genus fit {name} --resume --out {taken.out}"
        )
    if name not in recipes.names():
        raise Refused(f"fit: {taken.out} does not say by which recipe it was begun; name it")
    return name


def _has_begun(out: Path) -> bool:
    """Whether a folder holds a run: its state, or the model that it has written."""
    from ..train.keeping.state import STATE

    return (out / STATE).exists() or (out / "config.json").exists()


def _begun_by(out: Path) -> dict[str, Any] | None:
    """The recipe of the run in a folder, perhaps in its first stage; None where none is known."""
    from ..train.note import recipe_of_stage, recipes_of

    return next(iter(recipes_of(out)), None) if _has_begun(out) else recipe_of_stage(out)


def _stored(out: Path, name: str) -> dict[str, object]:
    """The options with which the run in `out` was begun; none of a run that is not there yet."""
    recipe = _begun_by(out) or {"name": name, "options": {}}
    if recipe["name"] != name:
        raise Refused(f"fit: the run in {out} is of the recipe {recipe['name']}, not of {name}")
    options: dict[str, object] = {k: v for k, v in recipe["options"].items() if k not in ONCE}
    found = options.get("data") and _has_begun(out)
    return options | ({"data": learnt_from(out)} if found else {})


def _conclude(out: Path, model: Any) -> None:
    """Prints the figures of the trained model, and how to sample from it."""
    from ..core import Model
    from ..train.artifact import read_config
    from ..train.best import whose_weights
    from ..train.parts import outside

    if not isinstance(model, Model):
        raise Refused(
            f"fit: the recipe returned {type(model).__name__}; the trained model is wanted"
        )
    config = read_config(out)
    training, metrics = config["training"], config.get("metrics", {})
    kind = config["model"]["class"].rpartition(".")[2]
    print(
        f"{kind}: {config['parameters']:,} parameters, {training['rounds']:,} rounds "
        f"in {training['seconds']:,.0f} s{whose_weights(training)}"
    )
    if metrics:
        print("  ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    kind = _kind_of_samples(out, config)
    allow = "".join(f" --allow {name}" for name in outside(config["model"]))
    command = f"genus sample {out} -n 64 --out samples{kind}{allow}"
    print(f"kept in {out}; {command} shows what it has learnt")


def _kind_of_samples(out: Path, config: dict[str, Any]) -> str:
    """The suffix of the file that shows samples of a run best."""
    from ..media.files import natural_kind
    from ..train.artifact import ArtifactError, decode
    from .work.runs import RunData

    try:
        model = decode(config["model"])
        whole = model.space if model.parting is None else model.parting.space
        return natural_kind(whole, lambda: RunData(out, model).meaning)
    except ArtifactError:  # a class of the user's own, which is built only where it is allowed
        return ".png"
