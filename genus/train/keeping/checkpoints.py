"""Checkpoints: what of a run goes into its state, and comes back from it once each part is found to fit."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...core import Model, Refused
from .. import artifact
from ..best import Best
from ..budget import Budget
from ..game import Average
from ..log import Log
from ..note import as_given
from ..ranks import gathered
from ..run import Evaluate, Remembers
from .folder import RunFolder
from .state import STATE, buffers_of, check_optimizer, check_tensors, endless, numbers, take

OFTEN = 60.0  # seconds between two checkpoints by the clock, at least
SHARE = 1 / 50  # of a run that is spent on writing them, at most
IDENTITY = ("seed", "batch", "ema", "lr", "clip", "accumulate", "autocast", "rounds")


@dataclass
class Position:
    """Where a run is.

    Args:
        number: number of rounds so far.
        seconds: time of the run so far.
        looked: rounds before the last evaluation; -1 before the first.
        settled: whether a model that learns by itself, by EM, has come to its end.
    """

    number: int = 0
    seconds: float = 0.0
    looked: int = -1
    settled: bool = False


class Checkpoints:
    """The checkpoints of a run.

    Args:
        folder: folder of the run.
        model: model in training.
        average: its average, if the run keeps one.
        optimizers: optimisers of the players.
        best: best evaluation so far.
        evaluate: function that returns figures, which may remember some.
        log: log, which has losses that are not yet in its file.
        budget: time of the run, of which checkpoints take a part.
    """

    def __init__(
        self,
        folder: RunFolder,
        model: Model,
        average: Average | None,
        optimizers: Mapping[str, Optimizer],
        best: Best,
        evaluate: Evaluate | None,
        log: Log,
        budget: Budget,
    ):
        self.folder, self.model, self.optimizers = folder, model, optimizers
        self.average = None if average is None else average.model
        self.best, self.evaluate, self.log, self.budget = best, evaluate, log, budget
        self.clock: Callable[[], float] = budget.clock
        self.written = self.clock()

    def due(self) -> bool:
        """Whether one is due by the clock, so that writing takes a fiftieth of the run at most."""
        if self.folder.run.checkpoint_every is not None or not self.folder.writes:
            return False
        cost = self.budget.costs.get("checkpoint", 0.0)
        return self.clock() - self.written >= max(OFTEN, cost / SHARE)

    def write(self, position: Position, note: Mapping[str, Any]) -> None:
        """Writes the state as one file, then the artifact, which the state could restore.

        Raises:
            FloatingPointError: weights, averages or moments are not finite; nothing is written.
        """
        folder = self.folder
        if folder.run.out is None:
            return
        pending = self.log.waiting()
        if folder.world == 1 and not all(
            math.isfinite(x) for terms in pending for x in terms.values()
        ):
            self.log.flush(position.number, position.seconds)  # which names the loss
        ranks = gathered({"buffers": self._buffers(), "pending": pending})
        if not folder.writes:
            return
        if wrong := endless(self.model, self.average, self.optimizers):
            raise FloatingPointError(
                f"fit: after {position.number} rounds {wrong} not finite; a smaller lr, or clip, may keep "
                f"them so; the checkpoint before is untouched"
            )
        state = {
            **asdict(position),
            **self.best.state(),
            "memory": self.evaluate.memory() if isinstance(self.evaluate, Remembers) else [],
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "ranks": ranks,
        }
        with self.budget.timing("checkpoint"):
            folder.keep(as_given(folder.run), state)
            self.save(note)
        self.written = self.clock()

    def save(self, note: Mapping[str, Any]) -> None:
        """Writes the model so far."""
        artifact.save(self.model, self.folder.path, average=self.average, note=note)

    def open(self, device: torch.device) -> Position | None:
        """Takes over the state of a run that goes on; None where it begins.

        Raises:
            Refused: nobody may write here, or the state is damaged or of another run.
        """
        found = self.folder.open(device)
        if found is None:
            return None
        state, place = found.state, self.folder.path / STATE
        check_tensors(place, "the model", state.get("model"), self.model)
        if self.average is not None:
            check_tensors(place, "the average", state.get("average"), self.average)
        moments = state.get("optimizers")
        if not isinstance(moments, dict) or {*moments} != {*self.optimizers}:
            raise Refused(f"fit: {place} is damaged: it has other optimisers")
        for name, optimizer in self.optimizers.items():
            check_optimizer(place, name, moments[name], optimizer)
        numbers(place, state)
        if state["best_weights"] is not None:
            check_tensors(place, "the best", state["best_weights"], self._models[-1])
        take(place, "the model", self.model, state["model"])
        if self.average is not None:
            take(place, "the average", self.average, state["average"])
        for name, optimizer in self.optimizers.items():
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(moments[name])
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
        self._take_own(state["ranks"])
        if isinstance(self.evaluate, Remembers):
            self.evaluate.remember(state["memory"])
        self.best.resume(state)
        self._take_best()
        return Position(*(state[name] for name in ("number", "seconds", "looked", "settled")))

    def _take_best(self) -> None:
        """Takes the best weights from best/, where the run ends with them now, and its state has none."""
        folder, best = self.folder.path / "best", self.best
        wanted = best.ends_with == "best" and best.weights is None and best.number > 0
        if not wanted or not (folder / "config.json").exists():
            return
        config = artifact.read_config(folder)
        if config["training"]["rounds"] == best.number:
            weights = artifact.read_weights(folder / "model.safetensors")
            check_tensors(folder, "the best", weights, self._models[-1])
            best.weights, best.figures = weights, config["metrics"]

    def _buffers(self) -> list[dict[str, Tensor]]:
        """What this rank has of its own, of the model and of its average; nothing where it is alone."""
        if self.folder.world == 1:
            return []
        return [{name: x.cpu() for name, x in m.named_buffers()} for m in self._models]

    def _take_own(self, ranks: list[dict[str, Any]]) -> None:
        """Gives this rank what it had, if there are as many as there were."""
        if len(ranks) != self.folder.world:
            return
        place, own = self.folder.path / STATE, ranks[self.folder.rank]
        self.log.wait(own["pending"])
        for model, buffers in zip(self._models, own["buffers"], strict=False):
            both = {**model.state_dict(), **{k: buffers[k] for k in buffers_of(model) & {*buffers}}}
            check_tensors(place, "a rank's buffers", both, model)
            take(place, "a rank's buffers", model, both)

    @property
    def _models(self) -> list[Model]:
        return [self.model, *([] if self.average is None else [self.average])]
