"""The folder of a run: begun once, resumed by what it holds, written by one."""

import json
import platform
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ..._version import __version__
from ...core import Refused
from ...data.sources import Note
from ..ranks import ranks, said_by_first
from ..run import Run
from .lock import Lock
from .state import STATE, Kept, keep, keep_earlier, kept

FREE = ("rounds", "minutes")  # that may change where nothing is planned over them


class RunFolder:
    """The folder of a run, on the rank that writes it and on those that read.

    Args:
        run: run whose folder it is; one without a folder writes nothing.
        identity: what the run is: its model, its data, and what changes its training.
        planned: whether the learning rate follows the length of the run.
    """

    def __init__(self, run: Run, identity: Mapping[str, Any], planned: bool):
        self.run, self.planned = run, planned
        self.identity = json.loads(json.dumps(identity))
        self.path = Path(run.out or ".")
        self.rank, self.world = ranks()
        self.writes = run.out is not None and self.rank == 0
        self.changes: list[dict[str, Any]] = []  # of settings and circumstances, with their rounds
        self.lock: Lock | None = None

    def open(self, device: torch.device) -> Kept | None:
        """The state that the run goes on from; None if it begins. All ranks agree, or refuse together.

        Raises:
            Refused: another run writes here or has been here, or the state is damaged.
        """
        if self.run.out is None:
            return None
        found: str | bool = False
        if self.writes:
            try:
                found = self._claim()
            except Refused as error:
                found = str(error)
        found = said_by_first(found)
        if isinstance(found, str):
            raise Refused(found)
        if not found:
            return None
        state = kept(self.path / STATE, device)
        self._compare(state)
        return state

    def _claim(self) -> bool:
        """Whether there is a state to go on from, once nobody else can write here."""
        if self.path.exists() and not self.path.is_dir():
            raise Refused(f"fit: {self.path} is a file; out must be a folder")
        new = [p for p in (self.path, *self.path.parents) if not p.exists()]
        self.lock = Lock(self.path)
        begun = (self.path / STATE).exists()
        whole = (self.path / "config.json").exists()
        wrong = ""
        if self.run.resume and not begun and whole:
            wrong = f"fit: {self.path} holds a model without its {STATE}, so it cannot be resumed"
        elif not self.run.resume and (begun or whole):
            wrong = f"fit: {self.path} holds a run already; resume it, or name another"
        if wrong:
            self.free()
            for folder in new:
                with suppress(OSError):
                    folder.rmdir()
            raise Refused(wrong)
        if self.run.resume and not begun:
            _say(f"there is no run in {self.path} yet: it begins")
        return begun

    def _compare(self, state: Kept) -> None:
        """Takes over what was recorded, and records what is different now.

        Raises:
            Refused: the run is another, or was changed, and that is not accepted.
        """
        was, now = dict(state.header.get("identity", {})), self.identity
        number, rounds = state.state.get("number"), self.run.rounds
        over = rounds is not None and isinstance(number, int) and number >= rounds
        free = FREE if over or not self.planned else ()
        other = [name for name in now if was.get(name) != now[name] and name not in free]
        fixed = [n for n in other if n == "model" or (n == "ema" and None in (was.get(n), now[n]))]
        told = [
            f"{name} was {_short(was.get(name))}, and is {_short(now[name])}"
            for name in other
            if name != "model"
        ]
        if fixed or (other and not self.run.accept_change):
            mend = "" if fixed else "; --accept-change goes on with the new ones, and records them"
            raise Refused(
                f"fit: the run in {self.path} had another {', '.join(other)}; resume it with the options "
                f"it was begun with{''.join(f': {one}' for one in ['; '.join(told)] if one)}{mend}"
            )
        self.changes = list(state.header.get("changes", []))
        before = state.header.get("circumstances", {})
        here = circumstances(self.run)
        moved = [name for name in here if name in before and before[name] != here[name]]
        told += [f"{name} was {before[name]}, and is {here[name]}" for name in moved]
        if told and self.rank == 0:
            _say(f"goes on where other things have changed: {'; '.join(told)}")
        if told:
            self.changes.append({"round": number, "changes": told})

    def keep(self, header: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Writes the state."""
        keep_earlier(self.path, state["number"], self.run.keep - 1)
        known = {
            "round": state["number"],
            "identity": self.identity,
            "changes": self.changes,
            "circumstances": circumstances(self.run),
        }
        keep(self.path, {**known, **header}, state)

    def free(self) -> None:
        """Lets others write."""
        if self.lock is not None:
            self.lock.free()
            self.lock = None


def _say(sentence: str) -> None:
    warnings.warn(f"fit: {sentence}", Note, stacklevel=2)


def circumstances(run: Run) -> dict[str, Any]:
    """What a run goes on under, whatever it is, though its last digits may depend on it."""
    return {
        "ranks": ranks()[1],
        "threads": torch.get_num_threads(),
        "compile": run.compile,
        "genus": __version__,
        "torch": torch.__version__,
        "python": ".".join(map(str, sys.version_info[:2])),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."
