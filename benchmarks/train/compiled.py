"""A round of the families as it is, compiled, and of a loop written by hand with its loss compiled.

Each recipe gives its model, its first batch and its optimisers, as it would train by them. All ways take
turns; a time is the median of the turns, and a turn is as many rounds as take a quarter of a second. The
loop by hand draws no batch either: it computes the loss, its gradient and the step of the same optimiser;
torch.compile compiles the loss, and refuses gradients of gradients. A game of several players has no such
loop.
"""

import copy
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._inductor.utils import fresh_cache

from genus import recipes
from genus.core import Model
from genus.train.fit import _Session  # pyright: ignore[reportPrivateUsage]
from genus.train.process import keep_memory
from genus.train.rounds.compiled import CompiledRounds
from genus.train.rounds.plain import Rounds

from ..bench import Bench, Cell, Cells, Table, size

TURN = 0.25  # seconds
RECIPES = {
    "vae": "VAE",
    "vae_mlp": "VAE, perceptrons",
    "made": "MADE",
    "realnvp": "RealNVP",
    "nsf": "NSF",
    "maf": "MAF",
    "ddpm": "DDPM, U-Net",
    "edm": "EDM, U-Net",
    "flow_matching": "flow matching",
    "dit": "diffusion Transformer",
    "transformer": "Transformer, text",
    "char_rnn": "LSTM, text",
    "pixelcnnpp": "PixelCNN++",
    "imagetransformer": "image Transformer",
    "rbm": "RBM",
    "pointflow": "PointFlow",
    "gan": "GAN, perceptrons",
    "wgan_gp": "WGAN with gradient penalty",
    "dcgan": "DCGAN",
    "r3gan": "R3GAN, two gradient penalties",
}


def speed(file: str, threads: int) -> Bench:
    """The benchmark, by so many threads."""
    bench = Bench(
        file,
        "Compiled rounds of the families",
        "model | weights | rows | genus | genus, compiled | gain | loop by hand | its loss by torch.compile "
        "| compiled in | again in | pays after",
        lambda options: {
            "timed": f"the clock, {options.threads} thread{'s' * (options.threads > 1)}, median of {options.repeats} turns of {TURN:g} s",
            "round": "batch, optimiser and precision of the recipe, on the CPU",
        },
        """
        Milliseconds of a round; of games, the mean over a round of each kind that comes.

        Compiled in: seconds until the first compiled round was done, with caches empty; again: with what they keep.

        Pays after: number of rounds after which compilation has paid, from empty caches.
        """,
        options={"repeats": (9, "number of turns of which the median is taken")},
        threads=threads,
    )
    bench.cells(cells)
    bench.rows(rows)
    return bench


def cells(options: Namespace) -> Iterator[Cell]:
    for name in RECIPES:
        yield Cell(name, partial(measure, name, options.repeats))


def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, title in RECIPES.items():
        if (cell := found.get(name)) is None:
            continue
        ms = {way: 1000 * value for way, value in cell["seconds"].items()}
        row = [title, f"{cell['weights']:,}", f"{cell['rows']:,}", f"{ms['plain']:.2f}"]
        if "refused" in cell:
            table.append([*row, "refused: " + cell["refused"], *[""] * 6])
            continue
        gain = (ms["plain"] - ms["compiled"]) / 1000
        table.append(
            [
                *row,
                f"{ms['compiled']:.2f}",
                f"{ms['plain'] / ms['compiled']:.2f}",
                f"{ms['hand']:.2f}" if "hand" in ms else "",
                f"{ms['loss']:.2f}" if "loss" in ms else "refused" if "hand" in ms else "",
                f"{cell['cold']:.0f} s",
                f"{cell['warm']:.0f} s",
                f"{cell['cold'] / gain:,.0f}" if gain > 0 else "never",
            ]
        )
    return table


class Begun(Exception):
    """A run that is about to begin."""

    def __init__(self, session: _Session):
        self.session = session


def begun(name: str) -> _Session:
    """The first run of a recipe, before its first round."""

    def stop(session: _Session) -> Model:
        raise Begun(session)

    try:
        with mock.patch.object(_Session, "go", stop):
            recipes.find(name)()
    except Begun as found:
        return found.session
    raise AssertionError(f"{name} does not train")


def measure(name: str, repeats: int) -> dict[str, Any]:
    keep_memory()
    torch.default_generator.manual_seed(0)
    session = begun(name)
    run, model = session.run, session.model.train()
    batch = tuple(x.to(session.device) for x in session.data.batch(0, run.batch, run.seed))
    twins = {way: rounds_of(session) for way in ("plain", "compiled", "again")}
    figures: dict[str, Any] = {"weights": size(model), "rows": len(batch[0])}
    kinds = range(max(1, *(player.every for player in model.players().values())))
    plain = twins["plain"]

    def whole(play: Callable[[int, Sequence[Tensor]], object]) -> None:
        for number in kinds:
            play(number, batch)

    compiled, again = (CompiledRounds(twins[way]) for way in ("compiled", "again"))
    with fresh_cache():
        for way, one in (("cold", compiled), ("warm", again)):
            start = time.perf_counter()
            whole(one.play)
            figures[way] = time.perf_counter() - start
    works: dict[str, Callable[[], object]] = {
        "plain": partial(whole, plain.play),
        "compiled": partial(whole, compiled.play),
    }
    if not compiled.fits:
        figures["refused"] = compiled.why
        del works["compiled"]
    if list(model.players()) == ["model"]:
        works |= by_hand(session, batch)
    taken = in_even_turns(
        {way: partial(timed, work, time.perf_counter) for way, work in works.items()}, repeats
    )
    figures["seconds"] = {way: seconds / len(kinds) for way, seconds in taken.items()}
    return figures


def rounds_of(session: _Session) -> Rounds:
    """Rounds of a copy of the model, with an optimiser of its own."""
    model, run = copy.deepcopy(session.model), session.run
    players = model.players()
    optimizers = {}
    for name, known in session.optimizers.items():
        kind, group = type(known), known.param_groups[0]
        how = {k: v for k, v in group.items() if k not in ("params", "decoupled_weight_decay")}
        optimizers[name] = kind(players[name].parameters(), **how)
    return Rounds(model, optimizers, run.clip, run.accumulate, run.autocast)


def by_hand(session: _Session, batch: Sequence[Tensor]) -> dict[str, Callable[[], object]]:
    """The loop that one would write, and the same with its loss compiled, where torch can."""
    found: dict[str, Callable[[], object]] = {}
    for way in ("hand", "loss"):
        rounds = rounds_of(session)
        model, optimizer = rounds.model, rounds.optimizers["model"]
        loss = torch.compile(model.loss, dynamic=False) if way == "loss" else model.loss

        def step(
            loss: Callable[..., Any] = loss,
            optimizer: torch.optim.Optimizer = optimizer,
            rounds: Rounds = rounds,
        ) -> None:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=rounds.autocast):
                total = torch.stack([*loss(*rounds.model.deal(*batch)).values()]).sum()
            total.backward()
            if rounds.clip is not None:
                torch.nn.utils.clip_grad_norm_(rounds.owns["model"], rounds.clip)
            optimizer.step()

        if way == "hand":
            found[way] = step
        else:
            try:
                step()
            except (RuntimeError, AttributeError, TypeError) as error:  # torch could not compile it
                print(f"torch.compile of the loss fails: {error}", flush=True)
            else:
                found[way] = step
    return found


def timed(work: Callable[[], object], clock: Callable[[], float], calls: int) -> float:
    """Seconds of a call."""
    start = clock()
    for _ in range(calls):
        work()
    return (clock() - start) / calls


def in_even_turns(ways: Mapping[str, Callable[[int], float]], repeats: int) -> dict[str, float]:
    """The median of turns of about equal time, of ways that say how long each of so many calls took."""
    for way in ways.values():
        way(2)
    calls = {name: max(1, round(TURN / max(way(3), 1e-6))) for name, way in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            found[name].append(way(calls[name]))
    return {name: statistics.median(values) for name, values in found.items()}


BENCH = speed(__file__, 1)

if __name__ == "__main__":
    BENCH.main()
