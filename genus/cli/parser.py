"""The parser of every command, which reports an error in one sentence."""

import argparse
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from ..errors import Refused
from .arguments.own import look_here
from .errors import nearest

DATA = "name or path; options of the data follow, as in --data.size 64 or in photos?size=64"
ORACLE = "a run of genus fit oracle, to judge samples (default: the one that ships for the data)"
EXTRACTOR = (
    "a run of genus fit extractor, to judge samples of pictures (default: without an oracle, the one "
    "that ships)"
)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises Refused with one sentence, and proposes the nearest option."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{self.prog}: {message}")

    def add_seed(self) -> None:
        """Adds the option --seed, of 64 bits."""
        self.add_argument("--seed", type=_seed, default=0, help="random seed (default: 0)")

    def add_allow(self) -> None:
        """Adds the option --allow, for code outside genus."""
        self.add_argument(
            "--allow",
            action="append",
            default=[],
            type=_allowed,
            metavar="NAME",
            help="code outside genus that the model may run, if you trust it: package.module.Class, or "
            "package.module:function; can be given several times",
        )

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        words, options = data_options(words)
        taken, left = self.parse_known_args(words)
        if getattr(taken, "allow", None):
            look_here()
        if options and not hasattr(taken, "data"):
            self.error(f"there is no option --data.{next(iter(options))}")
        if options:
            taken.data = named(taken.data or learnt_from(taken.folder), options)
        if left:
            options = [name for action in self._actions for name in action.option_strings]
            option = left[0].partition("=")[0]
            if option.startswith("-"):
                hint = nearest(option, options)
                self.error(f"there is no option {option}{hint}")
            self.error(f"does not know what to do with {' '.join(left)}")
        return taken


def complaint(error: Exception, wanted: Callable[[str], str], options: Iterable[str]) -> str:
    """An error of jsonargparse as one sentence.

    Args:
        error: error of jsonargparse.
        wanted: function from an option's name to the kind of value that it takes.
        options: names of options, of which the nearest is proposed.
    """
    text = " ".join(str(error).split())
    if found := re.match(r'Parser key "(\w+)": .*(?:Got|Given) value: (.*)', text):
        return f"--{found[1].replace('_', '-')} is {found[2]}; wanted is {wanted(found[1])}"
    if found := re.match(r"Option '(.*)' is not accepted", text):
        return f"there is no option {found[1]}{nearest(found[1], options)}"
    if found := re.match(r"[Uu]nrecognized arguments: (.*)", text):
        return f"does not know what to do with {found[1]}"
    return text.replace('Parser key "config"', "--config")


def _allowed(word: str) -> str:
    home, _, name = word.replace(":", ".").rpartition(".")
    if not (home and name) or home.partition(".")[0] == "genus":
        raise argparse.ArgumentTypeError(
            f"'{word}' is neither package.module.Class nor package.module:function, outside genus"
        )
    return word


def _seed(word: str) -> int:
    if not re.fullmatch(r"-?\d{1,19}", word) or not -(2**63) <= int(word) < 2**63:
        raise argparse.ArgumentTypeError(f"'{word}' is not a whole number of 64 bits")
    return int(word)


# --- options of data --------------------------------------------------------------------------


def data_options(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words without --data.NAME VALUE and --data.NAME=VALUE, and those options."""
    left, options = [], {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("--data."):
            left.append(word)
            continue
        option, equals, value = word.removeprefix("--data.").partition("=")
        if not equals and (value := next(rest, "--")).startswith("--"):
            raise Refused(f"--data.{option}: a value is wanted")
        options[option.replace("-", "_")] = value
    return left, options


def named(data: str, options: dict[str, str]) -> str:
    """A name or path with options in it, as `genus.data.load` reads it."""
    from ..data.sources import with_options

    return with_options(data, options)


def help_of_data() -> str:
    """A line for each option of data, and one for the parameters of worlds."""
    known = Path(__file__).parent.parent / "data" / "catalogue.json"
    catalogue = json.loads(known.read_text("utf-8"))
    lines = [
        f"  --data.{name} {name.upper()}\n        {text}"
        for name, text in catalogue["options"].items()
    ]
    parameters = textwrap.fill(
        f"  {', '.join(catalogue['parameters'])}", 98, subsequent_indent="  "
    )
    more = "\n\nparameters of worlds are options, too; `genus data portraits` says more of them:\n"
    return "\n".join(lines) + more + parameters


def learnt_from(folder: Path) -> str:
    """The name or path of the training data of the run in a folder, from wherever it is asked."""
    from ..data.sources import find, there
    from ..train.note import data_of

    sources = [there(name, place) if place else name for name, place in data_of(folder)]
    for source in sources:
        try:
            find(source)
        except Refused:  # they are no longer there
            continue
        return source
    return sources[-1]
