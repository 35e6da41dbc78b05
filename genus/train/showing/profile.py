"""Where the time of a round goes, and how fast this machine could be: from rounds of a copy, which change nothing."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ...core import HasFit, Model, Refused, promise
from ...core.parts import has_bfloat16, undisturbed
from ...data.own.loaders import Loaded
from ..game import Average, MakesOptimizers
from ..log import Log
from ..ranks import ranks
from ..rounds.plain import Rounds, Step, own_optimizers
from ..run import Batches, Run
from .progress import Display

SECONDS = 2.0  # of rounds that are timed
FEW = 3  # rounds that warm up, and rounds at least
SIDE, BLOCK = 1024, 2**24  # of the matrices and the numbers that say how fast the machine is
QUICK = 0.25  # seconds for which a number of threads is tried
SLOW = 3.0  # seconds of a round that takes too long to be tried
AHEAD = 0.9  # share of the time from which fewer threads are worth a sentence


class Watch:
    """Adds up what passes between two looks at the clock, under a name.

    Args:
        device: device whose work is waited for.
    """

    def __init__(self, device: torch.device):
        self.device, self.spent = device, dict[str, float]()
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        self.spent[name] = self.spent.get(name, 0.0) + now - self.last
        self.last = now


class TimedStep(Step):
    """A step whose parts are timed."""

    def __init__(self, rounds: Rounds, name: str, watch: Watch):
        super().__init__(rounds, name)
        self.watch = watch

    def begin(self) -> None:
        self.watch.lap("after moves")
        super().begin()
        self.watch.lap("optimiser")

    def learn(self, total: Tensor, retain: bool) -> None:
        self.watch.lap("losses")
        super().learn(total, retain)
        self.watch.lap("gradients")

    def finish(self) -> None:
        super().finish()
        self.watch.lap("optimiser")


class Twin:
    """A copy of a run's model with optimisers of its own, whose rounds change nothing of the run.

    Args:
        model, data, make, run: what the run has.
        device: where it trains.
    """

    def __init__(
        self, model: Model, data: Batches, make: MakesOptimizers, run: Run, device: torch.device
    ):
        try:
            self.model = copy.deepcopy(model)
        except (TypeError, RuntimeError) as error:  # a generator, a tensor that has a graph
            who = type(model).__name__
            raise Refused(f"profile: {who} cannot be copied: {error}; leave profile out") from None
        self.data, self.run, self.device = data, run, device
        players = self.model.players()
        optimizers: Mapping[str, Optimizer] = {
            name: make(name, players[name].parameters()) for name in own_optimizers(players)
        }
        autocast = run.autocast and has_bfloat16(device)
        self.rounds = Rounds(self.model, optimizers, run.clip, run.accumulate, autocast)
        self.average = None if run.ema is None else Average(self.model, run.ema)
        self.numbers = count()

    def batch(self, number: int) -> tuple[Tensor, ...]:
        return tuple(x.to(self.device) for x in self.data.batch(number, self.run.batch, 0))

    def play(self) -> None:
        number = next(self.numbers)
        self.rounds.play(number, self.batch(number))

    def seconds(self, most: float) -> float:
        """Seconds of a round: the best of those that fit into some seconds."""
        found, begun = [], time.perf_counter()
        while not found or time.perf_counter() - begun < most:
            start = time.perf_counter()
            self.play()
            found.append(time.perf_counter() - start)
        return min(found)

    def watched(self) -> tuple[dict[str, float], int]:
        """Seconds of each part of a round, and the number of rounds in which they were spent."""
        for _ in range(FEW):
            self.play()
        watch, log = Watch(self.device), Log(None)
        self.rounds.moves = {name: TimedStep(self.rounds, name, watch) for name in self.rounds.owns}
        begun, played = time.perf_counter(), 0
        while played < FEW or time.perf_counter() - begun < SECONDS:
            number = next(self.numbers)
            batch = self.batch(number)
            watch.lap("data")
            losses = self.rounds.play(number, batch)
            watch.lap("after moves")
            if self.average is not None:
                self.average.update(number)
                watch.lap("average")
            log.add(losses)
            watch.lap("log")
            played += 1
        return watch.spent, played


class Counting(TorchDispatchMode):
    """Counts operations, and the bytes that they read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.operations, self.bytes = 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.operations += 1
            seen = [x for x in tree_leaves((args, kwargs, found)) if isinstance(x, Tensor)]
            self.bytes += sum(x.nbytes for x in seen)
        return found


def tell(
    model: Model,
    data: Batches,
    make: MakesOptimizers,
    run: Run,
    device: torch.device,
    display: Display,
) -> None:
    """Prints the profile of a run if it asks for one, and says if one thread were faster.

    Args:
        model, data, make, run: what the run has.
        device: where it trains.
        display: display of the run.
    """
    if (
        promise(model, HasFit) is not None or ranks()[1] > 1
    ):  # without rounds, or with those of all ranks
        return
    if run.profile:
        profile(model, data, make, run, device)
    if display.on and not isinstance(data, Loaded):  # whose rows may come just once
        display.say(fewer_threads(model, data, make, run, device))


def profile(
    model: Model, data: Batches, make: MakesOptimizers, run: Run, device: torch.device
) -> None:
    """Prints where the time of a round goes, and the floor of this machine."""
    from torch.utils.flop_counter import FlopCounterMode

    with undisturbed(model, device):
        twin = Twin(model, data, make, run, device)
        spent, rounds = twin.watched()
        with FlopCounterMode(display=False) as flops:
            twin.play()
        with Counting() as counting:
            twin.play()
    whole = sum(spent.values())
    table = Table(title=f"a round: {1000 * whole / rounds:.2f} ms, {threads(device)}", min_width=40)
    table.add_column("part")
    table.add_column("ms", justify="right")
    table.add_column("share", justify="right")
    for name in ("data", "losses", "gradients", "optimiser", "after moves", "average", "log"):
        if name in spent:
            table.add_row(
                name, f"{1000 * spent[name] / rounds:.3f}", f"{100 * spent[name] / whole:.1f} %"
            )
    console = Console(stderr=True)
    console.print(table)
    kind = torch.bfloat16 if run.autocast and has_bfloat16(device) else torch.float32
    speed, flow = arithmetic(device, kind), traffic(device)
    console.print(
        f"the floor: {1000 * flops.get_total_flops() / speed:.3f} ms of products at {speed / 1e9:.0f} GFLOP/s; "
        f"{1000 * counting.bytes / flow:.3f} ms of memory, if each of {counting.operations:,} operations "
        f"reads and writes it at {flow / 1e9:.0f} GB/s; "
        f"{1e6 * whole / rounds / counting.operations:.1f} microseconds an operation",
        highlight=False,
        soft_wrap=True,
    )


def threads(device: torch.device) -> str:
    number = torch.get_num_threads()
    return str(device) if device.type != "cpu" else f"{number} thread{'s' * (number > 1)}"


def best_of(work: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """Seconds of a work, the best of several."""
    found = []
    for _ in range(repeats):
        watch = Watch(device)
        work()
        watch.lap("all")
        found.append(watch.spent["all"])
    return min(found)


def arithmetic(device: torch.device, kind: torch.dtype) -> float:
    """Operations of a second, in a product of large matrices."""
    a, b = (torch.ones(SIDE, SIDE, dtype=kind, device=device) for _ in range(2))
    return 2 * SIDE**3 / best_of(lambda: a @ b, device)


def traffic(device: torch.device) -> float:
    """Bytes of a second that a copy reads and writes."""
    a, b = (torch.ones(BLOCK, device=device) for _ in range(2))
    return 2 * a.nbytes / best_of(lambda: a.copy_(b), device)


def fewer_threads(
    model: Model, data: Batches, make: MakesOptimizers, run: Run, device: torch.device
) -> str:
    """A sentence if rounds are faster with one thread than with those that there are, or ""."""
    number = torch.get_num_threads()
    if device.type != "cpu" or number == 1 or run.threads is not None:
        return ""
    with undisturbed(model, device):
        try:
            twin = Twin(model, data, make, run, device)
        except Refused:  # it cannot be copied, which is no reason not to train
            return ""
        if twin.seconds(0.0) > SLOW:
            return ""
        many = twin.seconds(QUICK)
        try:
            torch.set_num_threads(1)
            twin.play()
            one = twin.seconds(QUICK)
        finally:
            torch.set_num_threads(number)
    if one > AHEAD * many:
        return ""
    return (
        f"a round takes {1000 * many:.1f} ms with {number} threads, and {1000 * one:.1f} ms with one: "
        f"--threads 1 is faster here"
    )
