"""What a checkpoint costs, and a round, beside an earlier genus and beside what has to be done in any case.

    git archive a6ab733^ genus | tar x -C BEFORE     # before states were checked
    python -m benchmarks.train.checkpoints --before BEFORE

A process of each genus in turn trains the same model, whose loss touches few of its weights. Writing is what
six checkpoints add to a run of six rounds, over six, and a round is what further ones add, over these; going
on is what `fit` takes to resume a run that is over, less the checkpoint that it writes at its end. The
floor is torch.save into memory, one file, fsync; and torch.load.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..bench import Bench, Cell, Cells, Table

WORKER = Path(__file__).parents[1] / "checkpoint_worker.py"
REPEATS = 7
SIZES = {
    "100 MB": 8_700_000,
    "1 MB": 87_000,
}  # numbers of a model: with moments three times as many

BENCH = Bench(
    __file__,
    "What a checkpoint costs",
    "state | what | floor | before its checks | now | now over before",
    {
        "model": "one tensor of float32, Adam",
        "time": f"of the clock, medians of {REPEATS} processes of each, in turn",
        "before": "the commit before a6ab733; torch.save and torch.load do no check",
    },
    options={"before": (Path, "folder with the genus of that commit")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in SIZES:
        yield Cell(name, partial(measure, name, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            name,
            what,
            *(f"{took[side][key]:.3g} s" if key in took[side] else "" for side in SIDES),
            f"{took['now'][key] / took['before'][key]:.2f}",
        ]
        for name in SIZES
        if (took := found.get(name))
        for key, what in WHAT.items()
    ]


SIDES = ("floor", "before", "now")
WHAT = {
    "write": "write a checkpoint",
    "resume": "go on from it",
    "load": "load its artifact",
    "round": "a round",
}


def measure(name: str, options: Namespace) -> dict[str, Any]:
    """Median seconds of each part, of each side."""
    if options.before is None:
        raise SystemExit("checkpoints: --before is missing; the docstring says what it wants")
    homes = {"before": options.before, "now": Path(__file__).parents[2]}
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(REPEATS):
        found["floor"].append(floor(SIZES[name]))
        for side, home in homes.items():
            found[side].append(_worked(home, SIZES[name]))
    return {
        side: {key: round(statistics.median(one[key] for one in took), 6) for key in took[0]}
        for side, took in found.items()
    }


def floor(size: int) -> dict[str, float]:
    """Seconds of writing and reading three tensors, with nothing else."""
    state = {name: torch.randn(size) for name in "abc"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        begun = time.perf_counter()
        content = io.BytesIO()
        torch.save(state, content)
        with path.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        written = time.perf_counter()
        torch.load(path, weights_only=True)
        return {"write": written - begun, "resume": time.perf_counter() - written}


def _worked(home: Path, size: int) -> dict[str, float]:
    """What a process of one genus has measured."""
    environment = {**os.environ, "PYTHONPATH": str(home)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(WORKER), str(size), folder]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    took = json.loads(said.stdout.splitlines()[-1])
    if Path(took.pop("genus")).parents[1].resolve() != home.resolve():
        raise RuntimeError(f"checkpoints: the genus of {home} was not the one that ran")
    return took


if __name__ == "__main__":
    BENCH.main()
