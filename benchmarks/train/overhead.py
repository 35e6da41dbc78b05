"""What `fit` costs over the bare loop, and what `import genus` costs over `import torch`.

The same model, data and optimiser, side by side in one process: a loop written by hand that only
draws a batch, computes the loss and steps; and `fit` with logging, averaged weights and learning-rate
schedule on. The two take turns; medians are compared.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from genus.autoregressive import MADE
from genus.core import Model
from genus.data import load
from genus.nn import ConvDecoder, ConvEncoder
from genus.train.fit import adam, fit
from genus.train.run import Run
from genus.train.schedules import cosine
from genus.vae import VAE

from ..bench import Bench, Cell, Cells, Table, size

SPACE = load("digits").space
SHAPE = (1, 8, 8)
ROUNDS, REPEATS = 400, 7  # rounds of the smallest model
IMPORTED = ("torch", "genus", "torch, genus.running, genus.data, genus.measure, genus.flow")


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
    "model | parameters | bare loop | in `fit` | added",
    {
        "training": "digits, batch 128, fused Adam, float32",
        "time": f"of the clock, medians of {REPEATS}",
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
            f"{took['fit_ms']:.2f} ms",
            f"{took['added_ms']:.2f} ms, {100 * (took['ratio'] - 1):.1f} %",
        ]
        for name in MODELS
        if (took := found.get(name))
    ]


def measure(name: str) -> dict[str, float]:
    """Milliseconds of a round of both loops, and the median of their ratios."""
    make = MODELS[name]
    rounds = max(20, min(ROUNDS, round(1 / by_hand(make(), 10))))
    pairs = [(by_hand(make(), rounds), by_fit(make(), rounds)) for _ in range(REPEATS)]
    bare, whole = (1e3 * statistics.median(took) for took in zip(*pairs, strict=True))
    return {
        "parameters": size(make()),
        "bare_ms": round(bare, 4),
        "fit_ms": round(whole, 4),
        "added_ms": round(whole - bare, 4),
        "ratio": round(statistics.median(b / a for a, b in pairs), 4),
    }


def by_hand(model: Model, rounds: int) -> float:
    """Seconds a round of the bare loop."""
    data = load("digits").train
    optimizer = adam(1e-3)("model", list(model.parameters()))
    start = time.perf_counter()
    for number in range(rounds):
        (x,) = data.batch(number, 128, 0)
        loss = torch.stack([*model.loss(x).values()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - start) / rounds


def by_fit(model: Model, rounds: int) -> float:
    """Seconds a round of `fit`, logging and averaging; its checkpoints at begin and end are taken off."""
    data = load("digits").train
    with tempfile.TemporaryDirectory() as folder:

        def run(count: int) -> float:
            plan = Run(rounds=count, ema=0.99, out=Path(folder) / str(count), device="cpu")
            start = time.perf_counter()
            fit(model, data, plan, schedule=cosine)
            return time.perf_counter() - start

        return (run(rounds) - run(0)) / rounds


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
