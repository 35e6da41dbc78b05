"""What a long measurement says while it works: what it will do, and where in its time it is."""

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .errors import say

if TYPE_CHECKING:
    from ..measure.pacing import Plan

SHORT = 5.0  # seconds, below which nothing is said
PAUSE = 10.0  # seconds between two lines where there is no terminal


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
