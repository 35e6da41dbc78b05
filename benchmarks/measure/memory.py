"""What judging many samples takes: memory and time.

    python -m benchmarks.measure.memory

A model that costs nothing, an untrained VAE, draws faces of 32 x 32 pixels in colour; they are judged in a
process of its own. Its peak holds everything: Python, torch, the data and the samples themselves, which are
12 KiB each.
"""

import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial

import torch

import genus
from genus.data import load
from genus.measure.likelihood.likelihood import Effort

from ..bench import Bench, Cell, Cells, Table, apart, kept_bytes

SAMPLES = (2000, 10_000, 50_000)
DATA = "portraits?size=32"

BENCH = Bench(
    __file__,
    "Judging many samples",
    "samples | peak of the process | beyond the import | time",
    {
        "samples": f"of an untrained VAE of {DATA}, judged by the extractor that ships and by random "
        "convolutions, against 10,000 training rows and 2,000 test rows",
        "peak": "VmHWM of Linux, with Python, torch, data and samples",
        "time": "of the clock, one thread",
    },
    "Other work ran on the machine at the same time, so that the times are high.",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for n in SAMPLES:
        yield Cell(f"{n}", partial(apart, judged, n))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            f"{int(n):,}",
            f"{took['peak_bytes'] / 2**20:,.0f} MiB",
            f"{(took['peak_bytes'] - took['import_bytes']) / 2**20:,.0f} MiB",
            f"{took['seconds']:.0f} s",
        ]
        for n, took in found.items()
    ]


def judged(n: int) -> dict[str, float]:
    """Bytes and seconds of judging n samples."""
    torch.set_num_threads(1)
    held = kept_bytes("VmRSS")
    data = load(DATA)
    model = genus.vae.VAE(data.space, 8)
    begun = time.perf_counter()
    genus.evaluate(model, data, samples=n, effort=Effort(draws=1, importance=1))
    return {
        "import_bytes": held,
        "peak_bytes": kept_bytes("VmHWM"),
        "seconds": round(time.perf_counter() - begun, 1),
    }


if __name__ == "__main__":
    BENCH.main()
