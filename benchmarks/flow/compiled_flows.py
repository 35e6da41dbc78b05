"""Compiled flows beside FlowJAX: a round of training, log_prob and sampling, in processor milliseconds.

FlowJAX runs in a Python of its own, which --flowjax names; make it by

    python -m venv FOLDER && FOLDER/bin/pip install flowjax==19.1.2 jax==0.10.2 equinox==0.13.8

Layers, widths, bins and weights are equal within 10 %. All ways take turns, on one thread; a time is the
median of the turns, and a turn is as many calls as take a quarter of a second. Each way is compiled, and
called a few times, before it is timed. Bare jit is jax.jit on plain arrays; its users' step is FlowJAX's own,
under equinox.filter_jit; its loop is fit_to_data, an epoch of 50 rounds and one batch of validation, divided
by 50.
"""

import json
import subprocess
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch._inductor.utils import fresh_cache

import genus
from genus.train.process import keep_memory
from genus.train.rounds.compiled import CompiledRounds
from genus.train.rounds.plain import Rounds

from ..bench import HERE, Bench, Cell, Cells, Table, given
from ..train.compiled import TURN, in_even_turns, timed
from .flow_speed import BINS, BOUND, ROWS, SIZES, TITLES, Subject, built

BATCHES = (128, 512)
WORKS = {
    **{f"train {batch}": f"round, batch {batch}" for batch in BATCHES},
    "log_prob": f"log_prob, {ROWS:,}",
    "sample": f"sample, {ROWS:,}",
}
TRAINING = {"jit": "bare jit", "filter_jit": "its users' step", "fit_to_data": "its loop"}

BENCH = Bench(
    __file__,
    "Compiled flows beside FlowJAX",
    "model | d | parameters | of FlowJAX | work | genus | genus, compiled | FlowJAX, bare jit | its users' step "
    "| its loop | bare jit / compiled | users' step / compiled | compiled in | pays after",
    lambda options: {
        "timed": f"processor time of one thread, median of {options.repeats} turns of {TURN:g} s",
        "training": "Adam 0.0001; the same rows in each round",
        "versions": "FlowJAX 19.1.2, jax 0.10.2, equinox 0.13.8, optax 0.2.8",
        "sizes": "as in flow/flow_speed",
    },
    """
    Milliseconds. Compiled in: seconds of the clock until the first compiled round was done, with caches empty.

    A sampler of more than 6,000 operations is refused: genus draws as it is, which the ratio is of.

    Pays after: number of calls after which compilation has paid, against genus without it.
    """,
    options={
        "flowjax": (Path, "folder of a virtual environment with FlowJAX"),
        "repeats": (9, "number of turns of which the median is taken"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for kind, sizes in SIZES.items():
        for d in sizes:
            for work in WORKS:
                yield Cell(f"{kind}/{d}/{work}", partial(measure, kind, d, work, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, cell in found.items():
        kind, d, work = name.split("/")
        ms = {way: 1000 * seconds for way, seconds in cell["seconds"].items()}
        users = min((ms[way] for way in ("filter_jit", "fit_to_data") if way in ms), default=None)
        best = ms.get("compiled", ms["genus"])  # a function that is refused is called as it is
        gain = (ms["genus"] - best) / 1000
        table.append(
            [
                TITLES[kind],
                d,
                f"{cell['parameters']:,}",
                f"{cell['of_peer']:,}",
                WORKS[work],
                *(
                    f"{ms[way]:.2f}" if way in ms else ""
                    for way in ("genus", "compiled", "jit", "filter_jit", "fit_to_data")
                ),
                f"{ms['jit'] / best:.2f}",
                "" if users is None else f"{users / best:.2f}",
                f"{cell['compiled in']:.0f} s" if "compiled" in ms else "refused",
                f"{cell['compiled in'] / gain:,.0f}" if gain > 0 else "never",
            ]
        )
    return table


class Peer:
    """FlowJAX in its own Python.

    Args:
        folder: its virtual environment.
        flow: what it builds.
    """

    def __init__(self, folder: Path, flow: Mapping[str, Any]):
        command = [folder / "bin" / "python", HERE / "flowjax_worker.py", json.dumps(flow)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.parameters: int = self.answer()["parameters"]

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def seconds(self, work: str, calls: int) -> float:
        """Processor seconds of a call."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([work, calls]) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        self.process.communicate()


def measure(kind: str, d: int, work: str, options: Namespace) -> dict[str, Any]:
    keep_memory()
    maps, width = SIZES[kind][d]
    batch = int(work.split()[1]) if work.startswith("train") else BATCHES[0]
    flow = {"d": d, "maps": maps, "width": width, "bins": BINS, "bound": BOUND}
    flow |= {"spline": kind.startswith("nsf"), "autoregressive": kind in ("maf", "nsf-ar")}
    flow |= {"batch": batch, "rows": ROWS}
    peer = Peer(given(options.flowjax, "flowjax"), flow)
    own, seconds = ways_of_genus(kind, d, work, batch)
    ways: dict[str, Callable[[int], float]] = {
        n: partial(timed, f, time.process_time) for n, f in own.items()
    }
    for name in TRAINING if work.startswith("train") else (work,):
        ways["jit" if name == work else name] = partial(peer.seconds, name)
    taken = in_even_turns(ways, options.repeats)
    peer.close()
    return {
        "parameters": sum(p.numel() for p in built("genus", kind, d).model.parameters()),
        "of_peer": peer.parameters,
        "seconds": taken,
        "compiled in": seconds,
    }


def ways_of_genus(
    kind: str, d: int, work: str, batch: int
) -> tuple[dict[str, Callable[[], object]], float]:
    """The work as it is and compiled, and the seconds that this took."""
    subject, twin = built("genus", kind, d), built("genus", kind, d)
    with fresh_cache():
        return two_ways(subject, twin, work, batch)


def two_ways(
    subject: Subject, twin: Subject, work: str, batch: int
) -> tuple[dict[str, Callable[[], object]], float]:
    d: int = subject.model.space.dims  # pyright: ignore[reportAttributeAccessIssue, reportAssignmentType]
    begun = time.perf_counter()
    if work.startswith("train"):
        rows = (torch.randn(batch, d),)
        plain, other = (
            Rounds(one.model, {"model": one.optimizer})
            for one in (subject, twin)  # pyright: ignore[reportArgumentType]
        )
        compiled = CompiledRounds(other)
        found = {"genus": lambda: plain.play(0, rows), "compiled": lambda: compiled.play(0, rows)}
        found["compiled"]()
        assert compiled.fits, "it was not compiled"
        return found, time.perf_counter() - begun
    call = genus.compiled(getattr(twin, work), twin.model)
    x = torch.randn(ROWS, d) if work == "log_prob" else ROWS
    found = {"genus": lambda: plainly(getattr(subject, work), x), "compiled": lambda: call(x)}
    found["compiled"]()
    if None in call.programs.values():
        del found["compiled"]  # it was refused
    return found, time.perf_counter() - begun


@torch.no_grad()
def plainly(function: Callable[[Any], object], x: Any) -> object:
    return function(x)


if __name__ == "__main__":
    BENCH.main()
