"""A recipe's signature as options of the command line.

A recipe takes its own arguments and, last, a `Run`; both become plain options with the recipe's
defaults: `--couplings 8 --rounds 4000`. Options come from four places, the later the stronger: the
recipe's defaults, the run that is resumed, a file named by --config, the command line. `rounds` and
`minutes` go together: the strongest place that names either decides both.
"""

import argparse
import inspect
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from jsonargparse import ArgumentParser, DefaultHelpFormatter

from ...errors import Refused
from ...train.run import Run
from ..errors import nearest
from ..parser import complaint, data_options, help_of_data, named

Options = dict[str, Any]
RUN = [field.name for field in fields(Run) if field.name != "note"]
SWITCH = {"true", "false"}
CLOCK = ("rounds", "minutes")
OF_DATA = "data."  # key of the options of the data among those of the recipe


class _Formatter(DefaultHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Adds types and defaults to each description; keeps the layout of the docstring."""


def _way_here(out: Path) -> str:
    """The path from a run to the folder from which the paths of its options are."""
    try:
        return Path(os.path.relpath(Path.cwd(), out.resolve())).as_posix()
    except ValueError:  # they are on two drives
        return Path.cwd().as_posix()


class RecipeParser:
    """The options of one recipe.

    Args:
        recipe: function of the recipe.
        out: default folder of its runs.
        name: name of the recipe on the command line; by default that of the function.
    """

    def __init__(self, recipe: Callable[..., Any], out: Path, name: str | None = None):
        self.recipe, self.name = recipe, name or recipe.__name__
        self.prog = f"genus fit {self.name}"
        story = inspect.getdoc(recipe) or ""
        self.parser = ArgumentParser(
            prog=self.prog,
            usage=f"{self.prog} [options]",
            description=story.partition("\nArgs:")[0].strip(),
            formatter_class=_Formatter,
            exit_on_error=False,
            allow_abbrev=False,
        )
        self.parser.add_argument("--config", action="config", help="YAML file of options")
        self.parser.add_function_arguments(recipe, as_group=False, skip={"run"})
        self.parser.add_class_arguments(Run, skip={"note"})
        self.default_run: Run = inspect.signature(recipe).parameters["run"].default
        own = {name: getattr(self.default_run, name) for name in RUN}
        self.parser.set_defaults({**own, "out": out, "progress": True})
        defaults = self.parser.get_defaults().as_dict()
        self.defaults: Options = {k: v for k, v in defaults.items() if k != "config"}
        self.switches = {k for k, v in self.defaults.items() if isinstance(v, bool)}

    def help(self) -> str:
        """The text of --help: all options with descriptions and defaults."""
        text = self.parser.format_help()
        text = re.sub(r"\n  --print_config.*?(?=\n\S|\n\n|\n  -)", _PRINT, text, flags=re.DOTALL)
        text = re.sub(r"--\w+", lambda found: found[0].replace("_", "-"), text)
        return f"{text}\noptions of the data, where they apply:\n{help_of_data()}\n"

    def given(self, argv: Sequence[str]) -> Options:
        """The options on the command line, and in the files it names by --config."""
        argv, options = data_options(argv)
        argv = self._spelt(argv)
        line = [
            word
            for before, word in pairwise(["", *argv])
            if before != "--config" and word.partition("=")[0] != "--config"
        ]
        places = [self._parse(argv), self._parse(line)]
        found = {name: value for name, value in _merged(*places).items() if name != "config"}
        if options and "data" not in self.defaults:
            raise Refused(
                f"{self.prog}: takes no data, so there is no --data.{next(iter(options))}"
            )
        return found | ({OF_DATA: options} if options else {})

    def resolved(self, *places: Mapping[str, Any]) -> Options:
        """Every option, from the weakest place to the strongest, over the recipe's defaults."""
        options = _merged(self.defaults, *places)
        if of_data := options.pop(OF_DATA, None):
            options["data"] = named(options["data"], of_data)
        return options

    def checked(self, stored: Mapping[str, Any]) -> Options:
        """The options of a run as their proper types, without those this recipe no longer has."""
        known = {name: value for name, value in stored.items() if name in self.defaults}
        return self._complaining(lambda: self.parser.parse_object(known, defaults=False)).as_dict()

    def train(self, options: Mapping[str, Any]) -> Any:
        """Calls the recipe. Its options are saved with the model."""
        run = {name: value for name, value in options.items() if name in RUN}
        own = {name: value for name, value in options.items() if name not in RUN}
        recipe = {"name": self.name, "options": plain(options)}
        if run["out"] is not None:
            recipe["place"] = _way_here(run["out"])
        note = {"recipe": recipe}
        return self.recipe(**own, run=Run(**run, note=note))

    def _spelt(self, argv: Sequence[str]) -> list[str]:
        """The line with each option's name checked, and with a value for each switch."""
        line = []
        for word, after in pairwise([*argv, ""]):
            if word.startswith("--"):
                option, equals, value = word[2:].partition("=")
                name = option.replace("-", "_")
                if name != "config" and name not in self.defaults:
                    names = [known.replace("_", "-") for known in self.defaults]
                    hint = nearest(option, names).replace("mean ", "mean --")
                    raise Refused(f"{self.prog}: there is no option --{option}{hint}")
                word = f"--{name}{equals}{value}"
                if name in self.switches and not equals and after.lower() not in SWITCH:
                    word = f"--{name}=true"
            line.append(word)
        return line

    def _parse(self, line: list[str]) -> Options:
        return self._complaining(lambda: self.parser.parse_args(line, defaults=False)).as_dict()

    def _complaining(self, parse: Callable[[], Any]) -> Any:
        """Runs the parser, and puts its complaints into one sentence."""
        try:
            return parse()
        except UnicodeDecodeError:
            raise Refused(f"{self.prog}: the file of --config is not text in UTF-8") from None
        except argparse.ArgumentError as error:
            raise Refused(f"{self.prog}: {complaint(error, self._wanted, self.defaults)}") from None

    def _wanted(self, name: str) -> str:
        """The kind of value that an option has, with an example, or all of its words."""
        kind = _kind(self.recipe, name)
        if get_origin(kind) is Literal:
            *most, last = map(str, get_args(kind))
            return f"{', '.join(most)} or {last}" if most else last
        default = self.defaults.get(name)
        example = "" if default is None else f", such as {json.dumps(_plain(default))}"
        words = inspect.formatannotation(kind).replace("typing.", "") if kind else "something else"
        return words + example


_PRINT = "\n  --print-config        print all options as YAML, for --config, and stop"


def _kind(recipe: Callable[..., Any], name: str) -> Any:
    """The type of an option; None if it is not known."""
    for function in (recipe, Run):
        if found := inspect.signature(function).parameters.get(name):
            return found.annotation
    return None


def _merged(*places: Mapping[str, Any]) -> Options:
    options: Options = {}
    for place in places:
        if any(place.get(name) is not None for name in CLOCK):
            options |= dict.fromkeys(CLOCK)
        options |= place
    return options


def plain(options: Mapping[str, Any]) -> Options:
    """Options as JSON types."""
    return {name: _plain(value) for name, value in options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def as_yaml(options: Mapping[str, Any]) -> str:
    """Options as a file for --config: JSON's values are YAML's too."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in plain(options).items())
