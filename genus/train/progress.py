"""The display of a running training: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

PAUSE = 10.0  # seconds between two plain lines


class Display:
    """Shows losses by player, figures, speed and the time left.

    Args:
        on: whether to show anything.
        rounds, minutes: length of the run.
    """

    def __init__(self, on: bool, rounds: int | None, minutes: float | None):
        self.on, self.rounds, self.minutes = on, rounds, minutes
        self.console = Console(stderr=True)
        self.live: Live | None = None
        self.printed = 0.0
        self.start: tuple[int, float] | None = None  # where this process began to count

    def __enter__(self) -> Self:
        if self.on and self.console.is_terminal:
            self.live = Live(console=self.console, refresh_per_second=4, transient=True)
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def say(self, verdict: str) -> None:
        """Prints what is wrong with a game, if anything is, so that it stays on the screen."""
        if self.on and verdict:
            self.console.print(verdict, style="bold", highlight=False, soft_wrap=True)

    def show(
        self,
        number: int,
        seconds: float,
        losses: Mapping[str, float],
        figures: Mapping[str, float],
        verdict: str = "",
    ) -> None:
        if not self.on:
            return
        begun, then = self.start = self.start or (number, seconds)
        speed = (number - begun) / (seconds - then) if seconds > then else 0.0
        head = f"round {number:,}{self._of()}  {speed:,.1f} rounds/s  {self._left(number, seconds, speed)}"
        if self.live is not None:
            first = verdict.split("\n")[:1]
            self.live.update(Group(_table(head, losses, figures), *first))
        elif time.monotonic() - self.printed > PAUSE:
            self.printed = time.monotonic()
            cells = [f"{name} {value:.4g}" for name, value in {**losses, **figures}.items()]
            self.console.print("  ".join([head, *cells]), highlight=False, soft_wrap=True)
            self.say(verdict.split("\n")[0])

    def _of(self) -> str:
        return f" of {self.rounds:,}" if self.rounds is not None else ""

    def _left(self, number: int, seconds: float, speed: float) -> str:
        ways = []
        if self.rounds is not None and speed:
            ways.append((self.rounds - number) / speed)
        if self.minutes is not None:
            ways.append(60 * self.minutes - seconds)
        return f"{max(0.0, min(ways)):,.0f} s left" if ways else ""


def _table(head: str, losses: Mapping[str, float], figures: Mapping[str, float]) -> Table:
    table = Table(title=head, title_justify="left", box=None, pad_edge=False)
    for column in ("player", "term", "loss"):
        table.add_column(column, justify="right" if column == "loss" else "left")
    before = ""
    for name, value in losses.items():
        player, _, term = name.partition("/")
        table.add_row("" if player == before else player, term, f"{value:,.4g}")
        before = player
    for name, value in figures.items():
        whose, _, term = name.rpartition("/")  # of the game, or of the model
        table.add_row("" if whose == before else whose, term, f"{value:,.4g}", style="bold")
        before = whose
    return table
