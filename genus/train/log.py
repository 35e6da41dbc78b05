"""The log of a run: losses of its rounds, checked and averaged, and figures, a line for each record."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..core import Losses
from ..core.files import write
from .ranks import mean_of


class Log:
    """Gathers losses without waiting for the device, until a line is due.

    Args:
        path: file of the lines; None to write none.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self.pending: list[Losses] = []  # the losses of the rounds since the last line
        self.means: dict[str, float] = {}  # of the losses in the last line

    def add(self, losses: Losses) -> None:
        """Takes the losses of one more round."""
        self.pending.append(losses)

    def waiting(self) -> list[dict[str, float]]:
        """The losses of the rounds since the last line, as numbers."""
        return [{name: float(value) for name, value in terms.items()} for terms in self.pending]

    def wait(self, losses: Sequence[Mapping[str, float]]) -> None:
        """Takes over what was waiting in a run that goes on."""
        self.pending = [
            {name: torch.tensor(value, dtype=torch.float64) for name, value in terms.items()}
            for terms in losses
        ]

    def flush(self, number: int, seconds: float) -> None:
        """Checks the losses since the last line, all in one transfer, and writes their means.

        Of several ranks, that is of all: each calls it after the same round.

        Args:
            number: number of rounds so far.
            seconds: time of the run so far.
        """
        if not self.pending:
            return
        names = list(dict.fromkeys(name for terms in self.pending for name in terms))
        cells = [(i, k, v) for i, terms in enumerate(self.pending) for k, v in terms.items()]
        values = mean_of(torch.stack([v.reshape(()).double() for _, _, v in cells]).cpu()).tolist()
        first = number - len(self.pending)
        sums: dict[str, list[float]] = {name: [] for name in names}
        for (i, name, _), value in zip(cells, values, strict=True):
            if not math.isfinite(value):
                player, _, term = name.partition("/")
                raise FloatingPointError(
                    f"fit: in round {first + i} the term '{term}' of the player '{player}' is "
                    f"{value}; a smaller lr, or clip, may keep it finite; the checkpoint before "
                    f"is untouched"
                )
            sums[name].append(value)
        self.means = {name: sum(column) / len(column) for name, column in sums.items()}
        self.pending = []
        self.record("losses", number, seconds, self.means)

    def recent(self) -> dict[str, float]:
        """The means of the losses since the last line, or of that line, for the display."""
        names = list(dict.fromkeys(name for terms in self.pending for name in terms))
        columns = {name: [t[name] for t in self.pending if name in t] for name in names}
        return {
            name: torch.stack([x.reshape(()) for x in column]).double().mean().item()
            for name, column in columns.items()
        } or self.means

    def record(self, event: str, number: int, seconds: float, values: dict[str, float]) -> None:
        """Writes a line."""
        line = {"event": event, "round": number, "seconds": round(seconds, 3)} | values
        self.lines.append(line)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_text(line))

    def resume(self, path: Path, until: int) -> None:
        """Takes over the lines of a file up to a round, but that of its end, and leaves out others there."""
        self.lines = [line for line in logged(path, until) if line["event"] != "ended"]
        if self.path is not None and path.exists():
            write(path, "".join(map(_text, self.lines)).encode())


def _text(line: Mapping[str, Any]) -> str:
    """A line of the file, in which null stands for what is not finite: JSON has no nan."""
    endless = {k: None for k, v in line.items() if isinstance(v, float) and not math.isfinite(v)}
    return json.dumps({**line, **endless}) + "\n"


def logged(path: Path, until: int) -> list[dict[str, Any]]:
    """The lines of a log up to a round; a killed run may have left half a line."""
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [
        {name: math.nan if value is None else value for name, value in line.items()}
        for line in found
        if isinstance(line, dict) and line.get("round", until + 1) <= until
    ]
