"""genus lab: runs experiments of the laboratory, and writes their results.

OUT/NAME.png     the picture
OUT/NAME.gif     what moves, where something does
OUT/NAME.json    the arrays behind it, the table, the sentence
OUT/NAME.html    all of it on one self-contained page, for light and dark
OUT/index.html   after `genus lab all`: every experiment
"""

import argparse
import inspect
import re
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import Refused
from ..laboratory import EXPERIMENTS, find
from .errors import OK, nearest, writing
from .parser import complaint

OUT = Path("lab")
STORY = "usage: genus lab [NAME | all] [--out FOLDER] [options of the experiment]\n"


def run(words: list[str]) -> int:
    """Lists the experiments, or runs them."""
    helping = bool({"-h", "--help"} & {*words})
    name = words[0] if words and not words[0].startswith("-") else None
    if name is None:
        if words and not helping:
            raise Refused("genus lab: which experiment? genus lab lists them; or genus lab all")
        print(_list())
        return OK
    if name != "all" and name not in EXPERIMENTS:
        hint = nearest(name, [*EXPERIMENTS, "all"]) or "; genus lab lists them"
        raise Refused(f"genus lab: there is no experiment {name}{hint}")
    function: Callable[..., Any] = _all if name == "all" else find(name).run
    parser = _parser(name, function)
    if helping:
        print(re.sub(r"--\w+", lambda found: found[0].replace("_", "-"), parser.format_help()))
        return OK
    options = _read(parser, function, words[1:])
    out = options.pop("out")
    from ..train.process import fit_threads

    fit_threads()
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        if name == "all":
            _write_all(out)
        else:
            _write(name, options, out, shlex.join(["genus", "lab", name, *words[1:]]))
    return OK


def _list() -> str:
    lines = [f"  {name:<12} {line}" for name, line in EXPERIMENTS.items()]
    every = f"\n  {'all':<12} every one, and a page about all of them\n"
    hint = "genus lab NAME --help shows the options of an experiment."
    return "\n".join([STORY, *lines, every, hint])


def _all() -> None:
    """Runs every experiment with its defaults, and writes a page about all of them."""


# --- options ----------------------------------------------------------------------------------


def _parser(name: str, function: Callable[..., Any]) -> Any:
    """An experiment's signature as options."""
    from jsonargparse import ArgumentParser, DefaultHelpFormatter

    story = (inspect.getdoc(function) or "").partition("\nArgs:")[0].strip()
    parser = ArgumentParser(
        prog=f"genus lab {name}",
        usage=f"genus lab {name} [options]",
        description=story,
        formatter_class=DefaultHelpFormatter,
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_function_arguments(function, as_group=False)
    parser.add_argument(
        "--out", type=Path, default=OUT, help="folder of the picture, created if it is missing"
    )
    return parser


def _read(parser: Any, function: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """The options, checked; a complaint is one sentence."""
    known = [*inspect.signature(function).parameters, "out"]
    line = []
    for word in words:
        if word.startswith("--"):
            option, equals, value = word[2:].partition("=")
            if option.replace("-", "_") not in known:
                names = [name.replace("_", "-") for name in known]
                raise Refused(
                    f"{parser.prog}: there is no option --{option}{nearest(option, names)}"
                )
            word = f"--{option.replace('-', '_')}{equals}{value}"
        line.append(word)
    try:
        return parser.parse_args(line).as_dict()
    except argparse.ArgumentError as error:
        sentence = complaint(error, partial(_wanted, function), known)
        raise Refused(f"{parser.prog}: {sentence}") from None


def _wanted(function: Callable[..., Any], name: str) -> str:
    """The kind of value that an option of an experiment has, with an example."""
    parameter = inspect.signature(function).parameters.get(name)
    if parameter is None:
        return "a path"
    listed = isinstance(parameter.default, tuple)
    kind = "a list" if listed else inspect.formatannotation(parameter.annotation)
    return f"{kind}, such as {[*parameter.default] if listed else parameter.default}"


# --- files ------------------------------------------------------------------------------------


def _write(name: str, options: dict[str, Any], out: Path, command: str) -> Any:
    """Runs one experiment and writes its files; returns the outcome and both pictures."""
    from ..core.files import write
    from ..laboratory.page import page
    from ..media import save_film
    from ..media.style import png, style

    experiment = find(name)
    outcome = experiment.run(**options)
    pictures = []
    for dark in (False, True):
        with style(dark):
            pictures.append(png(experiment.plot(outcome)))
    write(out / f"{name}.png", pictures[0])
    if outcome.film is not None:
        save_film([*outcome.film], out / f"{name}.gif")
    write(out / f"{name}.json", outcome.to_json().encode())
    write(out / f"{name}.html", page(outcome, *pictures, command).encode())
    print(f"{outcome.sentence}\n{out / f'{name}.html'}", flush=True)
    return outcome, tuple(pictures)


def _write_all(out: Path) -> None:
    """Runs all, and writes the page about them."""
    from ..core.files import write
    from ..laboratory.page import index

    outcomes, pictures = [], {}
    for name in EXPERIMENTS:
        outcome, pictures[name] = _write(name, {}, out, f"genus lab {name}")
        outcomes.append(outcome)
    write(out / "index.html", index(outcomes, pictures).encode())
    print(out / "index.html")
