"""The display of a running training: a live table on a terminal and in a notebook, else plain lines."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from ...core import GenerativeModel, Model, Reals
from .notebook import Notebook
from .previews import Picture

PAUSE = 10.0  # seconds between two plain lines
FIRST = 2.0  # seconds before the first, so that it has a speed to tell
TABLE = 0.5  # seconds between two changes of a table

Row = tuple[str, str, str, bool]  # player, term, value, and whether it is a figure


class Display:
    """Shows losses by player, figures, speed and the time left.

    Args:
        on: whether to show anything.
        rounds, minutes: length of the run.
        clock: function that returns the time in seconds.
    """

    def __init__(
        self, on: bool, rounds: int | None, minutes: float | None, clock: Callable[[], float]
    ):
        self.on, self.rounds, self.minutes, self.clock = on, rounds, minutes, clock
        self.console = Console(stderr=True)
        self.live: Live | None = None
        self.notebook = Notebook() if on and in_notebook() else None
        self.pictures = self.notebook is not None  # whether it shows samples
        self.shown, self.said = 0, ""  # how often, and what with
        self.told: dict[str, float] = {}  # figures in the latest line
        self.next = 0.0
        self.start = (0, 0.0)  # where this process began to count
        self.samples = ""  # the file of the latest
        self.spare: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        if self.on and self.notebook is None and self.console.is_terminal:
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
        if self.spare is not None:
            self.spare.cleanup()

    def begin(self, number: int, seconds: float) -> None:
        """Says where the run, or its continuation, begins: speed is counted from here."""
        self.start = (number, seconds)
        self.next = self.clock() + (TABLE if self.live or self.notebook else FIRST)

    def say(self, sentence: str) -> None:
        """Prints a sentence that stays on the screen, such as what is wrong with a game."""
        if self.on and sentence:
            self.console.print(sentence, style="bold", highlight=False, soft_wrap=True)

    def drawing(self, picture: Picture | None, model: Model) -> Picture | None:
        """The function that draws samples: the one given, or, in a notebook, that of `genus.show`."""
        if picture is not None or not self.pictures or not isinstance(model, GenerativeModel):
            return picture
        from ...media import samples, show
        from ...media.pictures import has_pictures

        space, given = model.space, model.context_space
        seen = has_pictures(space) or (isinstance(space, Reals) and space.dims <= 2)
        told = given is None or show.in_turn(given, 1) is not None
        return samples.picture if seen and told else None

    def folder(self) -> Path:
        """A folder for samples that are only shown, of a run that has none; it does not stay."""
        self.spare = self.spare or tempfile.TemporaryDirectory()
        return Path(self.spare.name)

    def drew(self, path: Path) -> None:
        """Shows new samples, or where they are."""
        if not self.on:
            return
        if self.notebook is not None:
            self.notebook.picture(path)
        elif self.live is None and not self.samples:
            line = f"samples so far: {path}"
            self.console.print(line, highlight=False, soft_wrap=True)
        self.samples = str(path)

    def due(self, last: bool = False) -> bool:
        """Whether it is time for something new; at the last, whether the end would go unseen."""
        if last and self.on and (self.live or self.notebook or not self.shown):
            return True
        return self.on and self.clock() >= self.next

    def show(
        self,
        number: int,
        seconds: float,
        losses: Mapping[str, float],
        figures: Mapping[str, float],
        verdict: str = "",
    ) -> None:
        """Shows the state of the run; `due` says when there is something new."""
        if not self.on:
            return
        self.shown += 1
        self.next = self.clock() + (TABLE if self.live or self.notebook else PAUSE)
        head, rows = self._head(number, seconds), table_rows(losses, figures)
        first = verdict.split("\n")[0]
        if self.notebook is not None:
            self.notebook.table(head, rows, first)
        elif self.live is not None:
            where = [f"samples: {self.samples}"] if self.samples else []
            self.live.update(Group(_table(head, rows), *where, *([first] if first else [])))
        else:
            new = {} if dict(figures) == self.told else dict(figures)  # which make long lines
            self.told = dict(figures)
            cells = [f"{name} {value:.4g}" for name, value in {**losses, **new}.items()]
            self.console.print("  ".join([head, *cells]), highlight=False, soft_wrap=True)
            if first != self.said:
                self.say(first)
            self.said = first

    def _head(self, number: int, seconds: float) -> str:
        begun, then = self.start
        speed = (number - begun) / (seconds - then) if seconds > then else 0.0
        of = f" of {self.rounds:,}" if self.rounds is not None else ""
        parts = [f"round {number:,}{of}", pace(speed), self._left(number, seconds, speed)]
        return "  ".join(part for part in parts if part)

    def _left(self, number: int, seconds: float, speed: float) -> str:
        ways = []
        if self.rounds is not None and speed:
            ways.append((self.rounds - number) / speed)
        if self.minutes is not None:
            ways.append(60 * self.minutes - seconds)
        return f"{max(0.0, min(ways)):,.0f} s left" if ways else ""


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    find = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return hasattr(find() if find else None, "kernel")


def pace(speed: float) -> str:
    """A speed in words, from rounds in a second; "" if it is not known."""
    if not speed:
        return ""
    return f"{speed:,.1f} rounds/s" if speed >= 1 else f"{1 / speed:,.1f} s a round"


def table_rows(losses: Mapping[str, float], figures: Mapping[str, float]) -> list[Row]:
    """Losses and figures as rows of a table; a player is named once."""
    rows, before = [], ""
    for name, value in losses.items():
        player, _, term = name.partition("/")
        rows.append(("" if player == before else player, term, f"{value:,.4g}", False))
        before = player
    for name, value in figures.items():
        whose, _, term = name.rpartition("/")  # of the game, or of the model
        rows.append(("" if whose == before else whose, term, f"{value:,.4g}", True))
        before = whose
    return rows


def _table(head: str, rows: list[Row]) -> Table:
    table = Table(title=head, title_justify="left", box=None, pad_edge=False)
    for column in ("player", "term", "loss"):
        table.add_column(column, justify="right" if column == "loss" else "left")
    for player, term, value, figure in rows:
        table.add_row(player, term, value, style="bold" if figure else None)
    return table
