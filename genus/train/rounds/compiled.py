"""Rounds as compiled programs: one for each set of players that move together."""

import time
import warnings
from collections.abc import Callable, Sequence
from itertools import chain

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen

from ...compiling.calls import Compiler, inductor
from ...compiling.graphs import drop_unused, lifted
from ...compiling.sight import Unfit, as_before, check_graph, traceable
from ...core import Losses
from ...core.parts import undisturbed
from ...data.sources import Note
from ..ranks import ranks
from .bundles import Bundle, Traced, bundled, suits, views_of_bundles
from .plain import Rounds, Step

QUICK = 0.25  # seconds in which rounds of a kind are timed


class CompiledRounds:
    """The rounds of a game, each compiled when its players first move together.

    Args:
        rounds: rounds as they are played otherwise.
        say: function that is told how long compilation takes, and what it brings; without one, that is not
            found out. A warning says why rounds are not compiled.
        compiler: makes a program of a graph and of arguments like those of its calls; by default, torch's.
    """

    def __init__(
        self,
        rounds: Rounds,
        say: Callable[[str], None] | None = None,
        compiler: Compiler | None = None,
    ):
        self.plain, self.say, self.compiler = rounds, say, compiler or inductor
        self.bundles: list[Bundle] = []
        self.programs: dict[tuple[str, ...], Program] = {}
        self.why = ""  # it cannot be compiled

    @property
    def fits(self) -> bool:
        """Whether all rounds so far could be compiled."""
        return not self.why

    def play(self, number: int, batch: Sequence[Tensor]) -> Losses:
        """Plays the round of a number; returns its losses."""
        names = self.plain.moving(number)
        if self.fits and names and names not in self.programs:
            self.prepare(names, batch)
        if (known := self.programs.get(names)) and self.fits and known.takes(batch):
            return known.play(batch)
        losses = self.plain.round(names, batch, self.plain.moves)
        for bundle in self.bundles:
            bundle.count = int(bundle.steps[0])
        return losses

    def prepare(self, names: tuple[str, ...], batch: Sequence[Tensor]) -> None:
        """Compiles the round in which these players move, or finds that it cannot be."""
        begun = time.perf_counter()
        try:
            if (device := batch[0].device).type not in ("cpu", "cuda"):
                raise Unfit(f"there are no programs for {device}")
            if ranks()[1] > 1:
                raise Unfit("several ranks average their gradients in the middle of a round")
            if not self.programs:
                if self.say:
                    self.say("a round is compiled, which takes seconds to minutes")
                self.bundles = bundled(self.plain, batch)
            program = Program(self.plain, self.bundles, names, batch, self.compiler)
        except Unfit as why:
            self.why = str(why)
            who = type(self.plain.model).__name__
            warnings.warn(f"{who} is trained without compilation: {why}", Note, stacklevel=2)
            return
        self.programs[names] = program
        if self.say:
            passed = time.perf_counter() - begun
            gain = "" if program.later else gained(passed, *self.compared(program, batch))
            self.say(f"a round of {' and '.join(names)} was compiled in {passed:.0f} s{gain}")

    def compared(self, program: "Program", batch: Sequence[Tensor]) -> tuple[float, float]:
        """Seconds of a round, compiled and as it is played otherwise; what these rounds change is taken back."""
        moments = [x for b in self.bundles for x in (b.first, b.second, b.steps)]
        counts = [bundle.count for bundle in self.bundles]
        plain = self.plain
        with as_before(plain.model, moments):
            compiled = quickest(lambda: program.play(batch), program.device)
            usual = quickest(lambda: plain.round(program.names, batch, plain.moves), program.device)
        for bundle, number in zip(self.bundles, counts, strict=True):
            bundle.count = number
        plain.model.zero_grad()
        return compiled, usual


def quickest(play: Callable[[], object], device: torch.device) -> float:
    """Seconds of a round: the best of those that fit into a fraction of a second, after one that warms up."""
    found, begun = [], time.perf_counter()
    while len(found) < 2 or time.perf_counter() - begun < QUICK:
        start = time.perf_counter()
        play()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - start)
    return min(found[1:])


def gained(passed: float, compiled: float, usual: float) -> str:
    """What compilation brings, as the end of a sentence."""
    times = f": it takes {1000 * compiled:.1f} ms, and {1000 * usual:.1f} ms without compilation"
    if compiled >= usual:
        return f"{times}, which is faster here"
    return f"{times}; this pays after {passed / (usual - compiled):,.0f} rounds"


class Program:
    """The program of a round in which some players move.

    Args:
        rounds: rounds as they are played otherwise.
        bundles: the weights of all players.
        names: the players that move.
        batch: rows, for their shapes.
        compiler: makes a program of a graph.
    """

    def __init__(
        self,
        rounds: Rounds,
        bundles: Sequence[Bundle],
        names: tuple[str, ...],
        batch: Sequence[Tensor],
        compiler: Compiler,
    ):
        self.rounds, self.names, self.batch = rounds, names, [(x.shape, x.dtype) for x in batch]
        self.device = batch[0].device
        self.moved = {name: [g for g in bundles if name in g.players] for name in names}
        self.later = step_after(rounds, names)  # of an optimiser that is no part of the program
        self.terms: list[str] = []  # the losses that the program returns
        self.reached: list[nn.Parameter] = []  # and then the gradients, for a step after it
        tensors = [*dict.fromkeys(chain(rounds.model.parameters(), rounds.model.buffers()))]
        weights = [weight for bundle in bundles for weight in bundle.weights]
        grouped = set(map(id, weights))
        self.state = [x for x in tensors if id(x) not in grouped]
        for bundle in bundles:
            self.state += [bundle.flat, bundle.first, bundle.second]
        numbers = self.numbers([[1.0, 1.0, 1.0] for moved in self.moved.values() for _ in moved])
        graph = self.trace(weights, numbers, batch)
        check_graph(graph, [*tensors, *self.state])
        views_of_bundles(graph, [*self.state, *weights], bundles)
        self.noise = lifted(graph)
        self.used = drop_unused(graph)
        with undisturbed(rounds.model, self.device), torch.no_grad():
            self.call = compiler(graph, self.arguments(numbers, batch))

    def trace(
        self, weights: list[nn.Parameter], numbers: Tensor, batch: Sequence[Tensor]
    ) -> GraphModule:
        """The graph of a round, whose arguments are state, weights, numbers and batch."""
        rounds, sizes = self.rounds, [len(moved) for moved in self.moved.values()]

        def whole(
            state: list[Tensor], weights: list[Tensor], numbers: Tensor, batch: list[Tensor]
        ) -> list[Tensor]:
            steps = zip(self.names, numbers.split(sizes), strict=True)
            moves = {name: Traced(rounds, name, self.moved[name], own) for name, own in steps}
            losses = rounds.round(self.names, batch, moves)
            self.terms = list(losses)
            gradients = moves[self.names[0]].gradients if self.later else {}
            self.reached = list(gradients)
            return [torch.stack([x.detach() for x in losses.values()]), *gradients.values()]

        with as_before(rounds.model, self.state), traceable(rounds.model):
            graph = make_fx(whole)(self.state, weights, numbers, list(batch))
        graph.graph.set_codegen(CodeGen())  # arguments one by one
        return graph

    def takes(self, batch: Sequence[Tensor]) -> bool:
        """Whether the program is made for rows of these shapes."""
        return [(x.shape, x.dtype) for x in batch] == self.batch

    def numbers(self, steps: list[list[float]]) -> Tensor:
        """What the steps of bundles depend on, (bundles, 3)."""
        return torch.tensor(steps, dtype=torch.float64, device=self.device).view(-1, 3)

    def arguments(self, numbers: Tensor, batch: Sequence[Tensor]) -> list[Tensor]:
        """The arguments of the program, with noise that is drawn here."""
        every = [*self.state, numbers, *batch, *(draw() for draw in self.noise)]
        return [every[i] for i in self.used]

    @torch.no_grad()
    def play(self, batch: Sequence[Tensor]) -> Losses:
        """Plays a round; returns its losses."""
        steps = [bundle.count_step() for name in self.names for bundle in self.moved[name]]
        losses, *gradients = self.call(*self.arguments(self.numbers(steps), batch))
        if self.later is not None:
            self.later.begin()
            for weight, gradient in zip(self.reached, gradients, strict=True):
                weight.grad = gradient
            self.later.finish()
        return dict(zip(self.terms, losses.unbind(), strict=True))


def step_after(rounds: Rounds, names: Sequence[str]) -> Step | None:
    """The step of an optimiser that is no part of the program, but follows it.

    Raises:
        Unfit: something else follows that step.
    """
    others = [name for name in names if not suits(rounds.optimizers[name])]
    if not others:
        return None
    if len(names) > 1 or rounds.players[names[0]].after is not None:
        kind = type(rounds.optimizers[others[0]]).__name__
        raise Unfit(
            f"{others[0]} is moved by {kind}, and more follows in a round; Adam or AdamW is wanted"
        )
    return Step(rounds, names[0])
