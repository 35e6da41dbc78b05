"""What `fit` costs over the bare loop, and what `import genus` costs over `import torch`.

The same model, data and optimiser, side by side in one process: a loop written by hand that only
draws a batch, computes the loss and steps; and `fit` with logging and learning-rate schedule, without and
with averaged weights. They take turns; medians are compared.
"""

import copy
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch

from genus.autoregressive import MADE
from genus.core import Model
from genus.data import load
from genus.data.splits import Split
from genus.nn import ConvDecoder, ConvEncoder
from genus.train.fit import adam, fit
from genus.train.game import EVERY, FIRST
from genus.train.run import Run
from genus.train.schedules import cosine
from genus.vae import VAE

from ..bench import Bench, Cell, Cells, Table, size

SPACE = load("digits").space
SHAPE = (1, 8, 8)
ROUNDS, REPEATS = 400, 7  # rounds of the smallest model
BLOCK = 2 * EVERY  # rounds
IMPORTED = ("torch", "genus", "torch, genus.train, genus.data, genus.measure, genus.flow")


def made(width: int) -> Model:
    """Few numbers a parameter: what moves weights weighs most here."""
    return MADE(SPACE, hidden=(width,))


def vae(width: int) -> Model:
    """Many numbers a parameter, as in most networks of images."""
    encoder, decoder = ConvEncoder(SHAPE, 16, width), ConvDecoder(8, (2, 8, 8), width)
    return VAE(SPACE, 8, encoder, decoder)


MODELS = {  # rounds from two to some tens of ms
    "MADE, 16 hidden": partial(made, 16),
    "MADE, 128 hidden": partial(made, 128),
    "VAE, 8 channels": partial(vae, 8),
    "VAE, 16 channels": partial(vae, 16),
    "VAE, 32 channels": partial(vae, 32),
    "MADE, 1024 hidden": partial(made, 1024),
    "MADE, 3072 hidden": partial(made, 3072),
}


BENCH = Bench(
    __file__,
    "What `fit` adds to the bare loop",
    "model | parameters | bare loop | in `fit`, without an average | added | in `fit` | added",
    {
        "training": "digits, batch 128, fused Adam, float32",
        "time": f"of the clock from one batch to the next, median of blocks of {BLOCK} rounds; medians of {REPEATS} turns",
        "`fit`": "log_every 50, ema 0.99, cosine schedule",
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in MODELS:
        yield Cell(name, partial(measure, name))
    yield Cell("imports", imports)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            name,
            f"{took['parameters']:,}",
            f"{took['bare_ms']:.2f} ms",
            *(
                cell
                for way in ("plain", "fit")
                for cell in (
                    f"{took[f'{way}_ms']:.2f} ms",
                    f"{took[f'{way}_ms'] - took['bare_ms']:.2f} ms, {100 * (took[f'{way}_ratio'] - 1):.1f} %",
                )
            ),
        ]
        for name in MODELS
        if (took := found.get(name))
    ]


def measure(name: str) -> dict[str, float]:
    """Milliseconds of a round of the loops, and the medians of their ratios to the bare one."""
    make = MODELS[name]
    rounds = BLOCK * max(5, min(ROUNDS, round(2 / by_hand(make(), BLOCK))) // BLOCK)
    turns = [
        (by_hand(make(), rounds), by_fit(make(), rounds, None), by_fit(make(), rounds, 0.99))
        for _ in range(REPEATS)
    ]
    figures: dict[str, float] = {"parameters": size(make())}
    for way, took in zip(("bare", "plain", "fit"), zip(*turns, strict=True), strict=True):
        figures[f"{way}_ms"] = round(1e3 * statistics.median(took), 4)
        ratios = [one / turn[0] for one, turn in zip(took, turns, strict=True)]
        figures[f"{way}_ratio"] = round(statistics.median(ratios), 4)
    return figures


def by_hand(model: Model, rounds: int) -> float:
    """Seconds a round of the bare loop."""
    data, stamps = stamped()
    optimizer = adam(1e-3)("model", list(model.parameters()))
    for number in range(rounds + 1):
        (x,) = data.batch(number, 128, 0)
        loss = torch.stack([*model.loss(x).values()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return usual(stamps)


def by_fit(model: Model, rounds: int, ema: float | None) -> float:
    """Seconds a round of `fit`, once an average is no longer updated in each of its first rounds."""
    data, stamps = stamped()
    with tempfile.TemporaryDirectory() as folder:
        plan = Run(rounds=FIRST + rounds + 1, ema=ema, out=Path(folder) / "run", device="cpu")
        fit(model, data, plan, schedule=cosine)
    return usual(stamps[FIRST:])


def stamped() -> tuple[Split, list[float]]:
    """Training rows, and the times at which a batch of them was asked for."""
    data, stamps = copy.copy(load("digits").train), list[float]()
    batch = data.batch

    def noted(*given: int) -> tuple[torch.Tensor, ...]:
        stamps.append(time.perf_counter())
        return batch(*given)

    data.batch = noted
    return data, stamps


def usual(stamps: Sequence[float]) -> float:
    """Seconds from one stamp to the next: the median over blocks, in each of which averages are updated alike."""
    ends = stamps[::BLOCK]
    return statistics.median(b - a for a, b in pairwise(ends)) / BLOCK


def imports() -> dict[str, float]:
    """Seconds of `import` in new processes, the interpreter's own start taken off."""
    found = {}
    for what in IMPORTED:
        code = (
            f"import time; t = time.perf_counter(); import {what}; print(time.perf_counter() - t)"
        )
        python = [sys.executable, "-c", code]
        took = [subprocess.check_output(python, text=True) for _ in range(REPEATS)]
        found[what] = round(statistics.median(map(float, took)), 3)
    return found


if __name__ == "__main__":
    BENCH.main()
