"""The command line: genus list | fit | sample | evaluate | compare | diagnose | lab.

Torch is imported by the commands that need it, when they need it: help and the catalogue answer at
once. Exit codes: 0; 2 after a mistake of the user, told in one sentence; 1 after a failure; 3
if `diagnose` finds something wrong; 130 after Ctrl-C.
"""

import argparse
import json
import os
import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from .. import recipes
from .._version import __version__
from .commands import DATA, compare, diagnose, evaluate, known, sample
from .errors import ERRORS, MISTAKE, OK, STOPPED, Mistake, answer, nearest, say, writing
from .lab import lab
from .parser import Parser

STORY = """\
Deep generative models of every family: one interface, judged by one set of rules.

  genus list                                              what there is
  genus fit realnvp --data moons --out runs/moons         train a recipe
  genus sample runs/moons -n 64 --out samples.png         draw from a trained model
  genus evaluate runs/moons                               measure it
  genus compare vae realnvp_images --minutes 1 --out report    several, side by side
  genus diagnose runs/gan                                 what is wrong with its game
  genus lab all --out lab                                 why GANs fail, in pictures
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command, and returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    loud = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: say(str(message))
            code = run(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        say("stopped")
        return STOPPED
    except BrokenPipeError:  # who read the output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except SystemExit as end:  # help has been shown
        return int(end.code or OK)
    except ERRORS as error:
        if loud:
            traceback.print_exc()
        code, sentence = answer(error)
        hint = "" if loud or code == MISTAKE else "; --traceback shows where"
        say(sentence + hint)
        return code


def run(words: list[str]) -> int:
    """Finds the command."""
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]][0](words[1:])
    parser = Parser(
        prog="genus",
        description=STORY,
        usage="genus COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=textwrap.fill(f"recipes: {', '.join(recipes.names())}", 96),
    )
    parser.add_argument("--version", action="version", version=f"genus {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="after an error, show where it came from"
    )
    commands = parser.add_argument_group("commands (each has its own --help)")
    for name, (_, meaning) in COMMANDS.items():
        commands.add_argument(f"{name:10}", help=meaning, nargs="?", metavar=name)
    if not words:
        parser.print_help()
        return OK
    if not words[0].startswith("-"):
        raise Mistake(f"there is no command {words[0]}{nearest(words[0], COMMANDS)}")
    parser.read(words)
    return OK


# --- list -------------------------------------------------------------------------------------


def list_recipes(words: list[str]) -> int:
    """Prints the catalogue."""
    parser = Parser(prog="genus list", description="Every recipe, family by family.")
    parser.add_argument("--json", action="store_true", help="as JSON, for other programs")
    if parser.read(words).json:
        print(json.dumps([asdict(entry) for entry in recipes.catalogue()], indent=2))
        return OK
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    family = None
    for entry in recipes.catalogue():
        if entry.family != family:
            console.print(f"\n[bold]{entry.family or 'others'}[/bold]")
            family = entry.family
        console.print(f"  [bold cyan]{entry.name}[/bold cyan]  {escape(entry.aim)}")
        lines = [
            entry.measured and f"measured: {entry.measured}",
            entry.data and f"data: {entry.data}",
            entry.promises and f"can: {', '.join(entry.promises)}",
            entry.source,
        ]
        for line in filter(None, lines):
            console.print(f"      [dim]{escape(line)}[/dim]")
    return OK


# --- fit --------------------------------------------------------------------------------------


def fit(words: list[str]) -> int:
    """Trains a recipe, or goes on with a run."""
    name = words[0] if words and not words[0].startswith("-") else None
    if name is None and {"-h", "--help"} & {*words}:
        _fit_help()
        return OK
    if name is None:
        name = _recipe_of(words)
    else:
        words = words[1:]
        known(name)
    from .options import RecipeParser, as_yaml

    parser = RecipeParser(recipes.find(name), out=Path("runs") / name)
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
    from .trained import fit_threads

    fit_threads()
    try:
        with writing(Path(options["out"])):
            parser.train(options)
    except KeyboardInterrupt:
        say(f"stopped; genus fit {name} --out {options['out']} --resume goes on")
        return STOPPED
    if int(os.environ.get("RANK", "0")) == 0:
        _conclude(Path(options["out"]))
    return OK


def _fit_help() -> None:
    print("usage: genus fit RECIPE [options of the recipe]\n")
    print("Trains a recipe; genus fit RECIPE --help shows its options. The recipes:\n")
    for entry in recipes.catalogue():
        print(textwrap.fill(f"  {entry.name:<16} {entry.aim}", 96, subsequent_indent=" " * 19))
    print("\ngenus fit --resume --out DIR goes on with the run in DIR.")
    print(f"--data takes a {DATA}.")


def _recipe_of(words: list[str]) -> str:
    """The recipe of the run in --out, for a resume that names none."""
    parser = Parser(prog="genus fit", add_help=False)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--resume", action="store_true")
    taken, _ = parser.parse_known_args(words)
    if not taken.resume or taken.out is None:
        raise Mistake("fit: which recipe? genus list shows them; or --resume --out DIR, to go on")
    from ..train.artifact import read_config

    recipe = read_config(taken.out).get("recipe")
    if not isinstance(recipe, dict) or recipe.get("name") not in recipes.names():
        raise Mistake(f"fit: {taken.out} does not say by which recipe it was begun; name it")
    return recipe["name"]


def _stored(out: Path, name: str) -> dict[str, object]:
    """The options with which the run in `out` was begun."""
    from ..train.artifact import read_config

    recipe = read_config(out).get("recipe", {"name": name, "options": {}})
    if recipe["name"] != name:
        raise Mistake(f"fit: the run in {out} is of the recipe {recipe['name']}, not of {name}")
    return {k: v for k, v in recipe["options"].items() if k not in ("out", "resume")}


def _conclude(out: Path) -> None:
    """What has been reached, and what to do with it."""
    from ..train.artifact import read_config

    config = read_config(out)
    training, metrics = config["training"], config.get("metrics", {})
    kind = config["model"]["class"].rpartition(".")[2]
    print(
        f"{kind}: {config['parameters']:,} parameters, {training['rounds']:,} rounds "
        f"in {training['seconds']:,.0f} s"
    )
    if metrics:
        print("  ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(f"kept in {out}; genus sample {out} -n 64 --out samples.png shows what it has learnt")


COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "list": (list_recipes, "every recipe: what it can do, its source, its figures"),
    "fit": (fit, "train a recipe, or go on with a run"),
    "sample": (sample, "draw from a trained model into a file"),
    "evaluate": (evaluate, "measure a trained model"),
    "compare": (compare, "train several recipes, and put them side by side on one page"),
    "diagnose": (diagnose, "say what is wrong with the game of an adversarial run"),
    "lab": (lab, "experiments that show why adversarial training fails"),
}
