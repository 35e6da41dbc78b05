"""The settings of a run: length, folder, device and others. `fit` carries it out."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from torch import Tensor

from ..core import HasFit, Model, Refused, Space, in_range, promise

LONG = 30.0  # seconds of an evaluation that is announced

EndsWith = Literal["auto", "best", "last"]
Figures = dict[str, float]
Evaluate = Callable[[Model], Mapping[str, float]]  # figures of a model


class Batches(Protocol):
    """A source of batches, each a pure function of its number, so there is no state to save."""

    space: Space
    context_space: Space | None

    @property
    def fingerprint(self) -> str:
        """A hash that changes when the data do."""
        ...

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, ...]:
        """The batch of this round: (x,) or (x, context), `size` rows."""
        ...

    def everything(self) -> tuple[Tensor, ...]:
        """All rows, in order; an endless source gives a fixed, large draw."""
        ...


@runtime_checkable
class Examiner(Protocol):
    """An `evaluate` that also examines the game, and reports what is wrong with it."""

    def examine(self, model: Model, data: Batches) -> Mapping[str, float]:
        """Figures of the game, of the model in training, not of an average; it is not changed."""
        ...

    def verdict(self, lines: Sequence[Mapping[str, Any]]) -> str:
        """The faults of a game, from the lines of its log; "" if there are none."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """An `evaluate` whose figures depend on evaluations before, which a resumed run must know."""

    def memory(self) -> list[Tensor]:
        """What it remembers."""
        ...

    def remember(self, memory: Sequence[Tensor]) -> None:
        """Takes over what another one remembered."""
        ...


@runtime_checkable
class Timely(Protocol):
    """An `evaluate` that knows what it costs, and can keep to a time by taking fewer rows."""

    def seconds(self, model: Model) -> float:
        """About how many seconds a call takes."""
        ...

    def within(self, model: Model, seconds: float) -> Mapping[str, float]:
        """Figures of a model, found in about this time, of equally many rows each time."""
        ...


def worked() -> float:
    """Seconds that this process and those that it started have worked, on all cores together."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "processor": worked}


@dataclass(frozen=True)
class Run:
    """Length, folder, device and others: the part of a configuration that every recipe shares.

    Args:
        rounds: number of rounds after which to stop; in a round each player takes one step.
        minutes: length in minutes, with the last evaluation and the time of all stages of a
            recipe; the earlier of the two counts.
        clock: wall counts minutes as they pass, processor those that the cores have worked, with
            compilers that were started: what two runs beside each other can be compared by.
        batch: number of rows in a batch, over all ranks.
        lr: learning rate of the default optimiser, Adam; a recipe multiplies it by its schedule.
        seed: random seed of weights, batches and noise.
        out: folder of the run; without one nothing is written.
        resume: whether to continue the run in `out`; one that is not there yet begins.
        accept_change: whether to continue it under other settings than it was begun with, and to record
            that; by default that is refused.
        device: cpu, cuda, cuda:1, mps, or auto, which takes the fastest available.
        threads: number of threads of the processor; by default torch's. Small networks are often faster
            with one; a run with a display says so. The last digits depend on it.
        autocast: whether to compute losses in bfloat16 where torch considers that safe; on a device
            without its arithmetic, such as a processor without AVX-512, in float32.
        compile: whether to compile whole rounds, with gradients and Adam, into one program each: small
            flows are two to seven times as fast, after seconds to minutes of compilation; docs/guide/speed.md
            says when it pays. A warning says why a model cannot be compiled, and is trained as usual.
        clip: largest norm of a player's gradient; larger ones are scaled down.
        accumulate: number of equal parts into which a batch is split, to save memory.
        ema: decay of the averaged weights, in [0, 1); by default none are kept. Of more than a million
            weights it is updated in every fourth round.
        log_every: number of rounds between two lines of the log.
        evaluate_every: number of rounds between two evaluations with sample pictures; samples are
            also drawn after 5, 10, 20, 40, ... seconds.
        patience: number of evaluations without a better first figure after which the run ends; by default
            it goes on.
        ends_with: the weights that the run ends with: those of its best evaluation, of its last round, or
            by default (auto) of the best one where the run has patience, or where the first figure is
            a likelihood of validation rows or its bound; the lowest of other figures is mostly the luckiest.
        checkpoint_every: number of rounds between two checkpoints; by default they come by the clock: after
            a minute, or later where writing one would take more than a fiftieth of the run.
        keep: number of checkpoints that are kept: state.pt, and those before it in states/. To go back
            to one of these, copy it over state.pt, and resume.
        profile: whether to print, before the first round, where the time of a round goes, and the floor
            that this machine's arithmetic and memory set.
        progress: whether to show a live table, or plain lines where there is no terminal.
        note: further entries of config.json, of JSON types. A recipe's run keeps what its numbers
            stand for; so does one with {"data": data.recorded().to_json()}.
    """

    rounds: int | None = None
    minutes: float | None = None
    clock: Literal["wall", "processor"] = "wall"
    batch: int = 128
    lr: float = 1e-3
    seed: int = 0
    out: Path | None = None
    resume: bool = False
    accept_change: bool = False
    device: str = "auto"
    threads: int | None = None
    autocast: bool = False
    compile: bool = False
    clip: float | None = None
    accumulate: int = 1
    ema: float | None = None
    log_every: int = 50
    evaluate_every: int = 1000
    patience: int | None = None
    ends_with: EndsWith = "auto"
    checkpoint_every: int | None = None
    keep: int = 1
    profile: bool = False
    progress: bool = False
    note: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.out is not None:
            object.__setattr__(self, "out", Path(self.out))
        if self.rounds is None and self.minutes is None:
            raise Refused("Run: neither rounds nor minutes are given; say when to stop")
        for name in (
            "log_every",
            "evaluate_every",
            "checkpoint_every",
            "batch",
            "accumulate",
            "keep",
            "threads",
        ):
            if (value := getattr(self, name)) is not None and value < 1:
                raise Refused(f"Run: {name} is {value}; at least 1 is wanted")
        if self.clock not in CLOCKS:
            raise Refused(f"Run: clock is '{self.clock}'; {' or '.join(CLOCKS)} is wanted")
        if self.ends_with not in get_args(EndsWith):
            raise Refused(f"Run: ends_with is '{self.ends_with}'; auto, best or last is wanted")
        if not -(2**63) <= self.seed < 2**63:
            raise Refused(f"Run: seed is {self.seed}; a whole number of 64 bits is wanted")
        for name in ("rounds", "minutes"):
            if (value := getattr(self, name)) is not None and not value >= 0:
                raise Refused(f"Run: {name} is {value}; it cannot be negative, or no number")
        if not 0 <= self.lr < math.inf:
            raise Refused(f"Run: lr is {self.lr}; a finite number of at least 0 is wanted")
        if self.clip is not None and not self.clip > 0:
            raise Refused(f"Run: clip is {self.clip}; more than 0 is wanted, or none")
        if self.ema is not None:
            in_range("Run", "[0, 1)", ema=self.ema)
        if self.patience is not None and self.patience < 1:
            raise Refused(f"Run: patience is {self.patience}; at least 1 is wanted")
        if self.resume and self.out is None:
            raise Refused("Run: resume needs out, the folder of the run to continue")

    @property
    def time(self) -> Callable[[], float]:
        """The function that returns the time in seconds."""
        return CLOCKS[self.clock]

    def progress_at(self, number: int, seconds: float) -> float:
        """The completed share of the run, in [0, 1]: a function of the round if rounds are set."""
        if self.rounds is not None:
            return min(1.0, number / max(1, self.rounds))
        return min(1.0, seconds / max(1e-9, 60 * (self.minutes or 0.0)))


def examined(
    evaluate: Evaluate, model: Model, playing: Model, data: Batches, seconds: float | None
) -> tuple[Figures, Figures]:
    """The figures of a model, and of the game if `evaluate` examines it.

    Args:
        evaluate: function that returns figures.
        model: model to evaluate, perhaps an average.
        playing: model in training.
        data: training data.
        seconds: time to keep to, if `evaluate` can.
    """
    if seconds is not None and isinstance(evaluate, Timely):
        figures = dict(evaluate.within(model, seconds))
    else:
        figures = dict(evaluate(model))
    examines = isinstance(evaluate, Examiner)
    return figures, dict(evaluate.examine(playing, data)) if examines else {}


def announced(evaluate: Evaluate, model: Model, run: Run) -> str:
    """How long each evaluation of a run of rounds takes, if it is long; otherwise ""."""
    if run.minutes is not None or not isinstance(evaluate, Timely):
        return ""
    if (seconds := evaluate.seconds(model)) <= LONG:
        return ""
    return (
        f"the evaluation takes about {seconds:,.0f} s, and comes every {run.evaluate_every:,} "
        f"rounds: --evaluate-every sets how often, and a run of --minutes takes fewer rows"
    )


def match(model: Model, data: Batches, run: Run) -> None:
    """Raises Refused if the data or the run do not fit the model."""
    name = type(model).__name__
    if promise(model, HasFit) is not None:
        for option, value in {
            "ema": run.ema,
            "compile": run.compile,
            "profile": run.profile,
        }.items():
            if value not in (None, False):
                raise Refused(
                    f"fit: {option} is {value}, but {name} is fitted to all data at once, and plays no "
                    f"rounds; leave {option} out"
                )
    if model.space != data.space:
        raise Refused(
            f"fit: {name} is made for {model.space}, the data are {data.space}; build the model "
            f"with the data's space, or take another view of the data"
        )
    wanted = getattr(model, "context_space", None)  # a classifier has one too, and does not sample
    if wanted is not None and data.context_space is None:
        raise Refused(f"fit: {name} wants a context of {wanted}, and the data have none")
    if wanted != data.context_space:
        raise Refused(f"fit: {name} takes {wanted} as context, the data give {data.context_space}")
