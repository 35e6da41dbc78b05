"""The command line: genus data | list | fit | sample | score | evaluate | compare | diagnose | lab.

Each command is a file beside this one, and its `run` gets the words after its name. Torch is
imported only by commands that need it: help and the catalogue answer at once. Exit codes: 0; 2
after a mistake of the user, explained in one sentence; 1 after a failure; 3 if `diagnose` finds a
fault; 130 after Ctrl-C.
"""

import argparse
import importlib
import io
import os
import sys
import textwrap
import traceback
import warnings
from collections.abc import Sequence

from .. import recipes
from .._version import __version__
from ..errors import Refused
from .errors import ERRORS, MISTAKE, OK, STOPPED, answer, nearest, say
from .parser import Parser

STORY = """\
Deep generative models of every family: one interface, judged by one set of rules.

  genus data photos                                       what is it, and what learns from it?
  genus list                                              every recipe
  genus fit realnvp --data moons --out runs/moons         train a recipe
  genus sample runs/moons -n 64 --out samples.png         sample from a trained model
  genus score runs/moons --data new.csv --out scores.csv    how likely is each row?
  genus evaluate runs/moons                               measure the model
  genus compare vae realnvp_images --minutes 1 --out report    several, side by side
  genus diagnose runs/gan                                 what is wrong with its training
  genus lab all --out lab                                 why GANs fail, in pictures
"""
COMMANDS = {
    "data": "what a folder or file is seen as, and which recipes learn from it",
    "list": "every recipe with what it can do, its source and its figures",
    "fit": "train a recipe, or continue a run",
    "sample": "sample from a trained model into a file",
    "score": "say how likely each row of a file is",
    "evaluate": "measure a trained model",
    "compare": "train several recipes and compare them on one page",
    "diagnose": "say what is wrong with the training of a GAN",
    "lab": "experiments that show why adversarial training fails",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command, and returns the exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before Python began
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    words = list(sys.argv[1:] if argv is None else argv)
    loud = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    replace_unknown_characters()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: say(str(message))
            code = run(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        say("stopped")
        return STOPPED
    except BrokenPipeError:  # the reader of the output has closed it
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


def replace_unknown_characters() -> None:
    """Prints ? for a character that the output's encoding lacks, as those of Windows often do."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def run(words: list[str]) -> int:
    """Runs the command that the first word names; without one, prints help."""
    if words and words[0] in COMMANDS:
        return importlib.import_module(f".{words[0]}", __package__).run(words[1:])
    parser = Parser(
        prog="genus",
        description=STORY,
        usage="genus COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=textwrap.fill(f"recipes: {', '.join(recipes.names())}", 96),
    )
    parser.add_argument("--version", action="version", version=f"genus {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="after an error, print the traceback"
    )
    commands = parser.add_argument_group("commands (each has its own --help)")
    for name, meaning in COMMANDS.items():
        commands.add_argument(f"{name:10}", help=meaning, nargs="?", metavar=name)
    if not words:
        parser.print_help()
        return OK
    if not words[0].startswith("-"):
        raise Refused(f"there is no command {words[0]}{nearest(words[0], COMMANDS)}")
    parser.read(words)
    return OK
