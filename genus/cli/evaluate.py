"""genus evaluate: measures a trained model."""

import argparse
import math
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..errors import Refused
from .errors import OK, say
from .parser import DATA, EXTRACTOR, ORACLE, Parser

if TYPE_CHECKING:
    from ..measure.pacing import Plan

MOST = 10**7  # samples, and rows
MINUTES = 2.0  # in which to stay
ALL = "all"  # of the rows
SHORT = 5.0  # seconds, below which nothing is said
PAUSE = 10.0  # seconds between two lines where there is no terminal


def run(words: list[str]) -> int:
    """Measures a trained model."""
    parser = Parser(prog="genus evaluate", description="Measures a trained model.")
    parser.add_argument("folder", type=Path, help="folder of a run or of a saved model")
    parser.add_argument("--data", help=f"{DATA} (default: the data of the run)")
    parser.add_argument("--oracle", type=Path, help=ORACLE)
    parser.add_argument("--extractor", type=Path, help=EXTRACTOR)
    parser.add_argument(
        "--samples", type=int, help="number of samples to judge (default: 1000, fewer of slow ones)"
    )
    parser.add_argument(
        "--rows", type=_rows, help="number of test rows, or all (default: as many as time allows)"
    )
    parser.add_argument(
        "--minutes",
        type=_minutes,
        help="time in which to stay, by fewer rows, samples and draws; 0 measures everything "
        f"(default: {MINUTES:g}, or 0 with --rows all)",
    )
    parser.add_allow()
    parser.add_seed()
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    taken = parser.read(words)
    if taken.samples is not None and not 1 <= taken.samples <= MOST:
        raise Refused(f"genus evaluate: --samples is {taken.samples}; 1 to {MOST:,} are wanted")
    from .. import measure
    from ..train.artifact import load
    from ..train.process import begin, fit_threads
    from .work.runs import RunData

    fit_threads()
    oracle = taken.oracle and measure.oracle(taken.oracle)
    extractor = taken.extractor and measure.extractor(taken.extractor)
    model = load(taken.folder, allow=taken.allow, device=str(begin(taken.device)))
    data = RunData(taken.folder, model, taken.data).data
    minutes = taken.minutes
    if minutes is None:
        minutes = 0.0 if taken.rows == ALL else MINUTES
    with Waiting("evaluate") as witness:
        figures = measure.evaluate(
            model,
            data,
            seed=taken.seed,
            samples=taken.samples,
            rows=len(data.test) if taken.rows == ALL else taken.rows,
            oracle=oracle,
            extractor=extractor,
            minutes=minutes,
            witness=witness,
        )
    print(measure.to_json(figures) if taken.json else measure.render(figures))
    if not taken.json and (sentence := measure.said_of(figures)):
        print(f"\n{sentence}")
    return OK


def _rows(word: str) -> int | str:
    if word != ALL and not (word.isdecimal() and 1 <= int(word) <= MOST):
        raise argparse.ArgumentTypeError(f"'{word}' is neither 1 to {MOST:,} nor {ALL}")
    return word if word == ALL else int(word)


def _minutes(word: str) -> float:
    try:
        minutes = float(word)
    except ValueError:
        minutes = math.nan
    if not 0 <= minutes < math.inf:
        raise argparse.ArgumentTypeError(f"'{word}' is not a number of minutes")
    return minutes


# --- what a long measurement says -------------------------------------------------------------


class Waiting:
    """A witness of an evaluation, which prints on stderr.

    Args:
        who: command, for its sentences.
    """

    def __init__(self, who: str):
        self.who, self.part, self.expected = who, "", 0.0
        self.terminal = sys.stderr.isatty()
        self.over = threading.Event()
        self.clock = threading.Thread(target=self._tell, daemon=True)
        self.begun = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.over.set()
        if self.clock.is_alive():
            self.clock.join()
            if self.terminal:
                print("\r\x1b[2K", end="", file=sys.stderr, flush=True)

    def plans(self, plan: "Plan", whole: "Plan") -> None:
        """Says how long the measurement will take, and what it leaves out."""
        fewer = plan.fewer_than(whole)
        self.begun, self.expected = time.monotonic(), plan.seconds
        if plan.seconds < SHORT and not fewer:
            return
        sentence = f"{self.who}: takes {duration(plan.seconds)}"
        if fewer:
            sentence += (
                f", with {', '.join(fewer)}; --minutes 0 measures all, in {duration(whole.seconds)}"
            )
        say(sentence)
        self.clock.start()

    def begins(self, part: str) -> None:
        """Notes the part at work."""
        self.part = part

    def _tell(self) -> None:
        while not self.over.wait(1.0 if self.terminal else PAUSE):
            seconds = time.monotonic() - self.begun
            line = f"{self.who}: {self.part}, {seconds:,.0f} s of {duration(self.expected)}"
            if self.terminal:
                print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
            else:
                say(line)


def duration(seconds: float) -> str:
    """A time in words, with the precision of an estimate."""
    if seconds < 1.5:
        return "about a second"
    if seconds < 100:
        return f"about {seconds:.0f} s"
    if seconds < 100 * 60:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:,.0f} hours"
