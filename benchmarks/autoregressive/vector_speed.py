"""How fast NADE and MADE learn and draw, beside pytorch-generative and beside whole passes.

    GENUS_DATA=... python benchmarks/vector_speed.py --peer DIR [--repeats 7]

DIR is a clone of github.com/EugenHotaj/pytorch-generative; without it its columns stay empty. Models have
the sizes of its README: NADE of 500 and MADE of 8,000 units, on rows of the binarised MNIST. Both sides take
turns in one process of one thread; figures are medians of CPU time. Writes
benchmarks/results/vector_speed.json.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genus import __version__
from genus.autoregressive import MADE, NADE
from genus.autoregressive.stepwise import Stepwise
from genus.core import Bits, Model
from genus.data import load

RESULTS = Path(__file__).parent / "results" / "vector_speed.json"
SHAPE = (1, 28, 28)
BATCH, DRAWN = 128, 16
COLUMNS = ["what", "ours", "pytorch-generative", "its / ours", "whole passes", "whole / ours"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", type=Path, default=None)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    peer = peers(options.peer) if options.peer else None
    (x,) = load("binarized_mnist").train.batch(0, BATCH, 0)
    space, rows, notes = Bits(SHAPE), [], []
    ours = {"NADE, 500 units": NADE(space, 500), "MADE, 8,000 units": MADE(space, (8000,))}
    for name, model in ours.items():
        theirs = peer[name]() if peer else None
        calls: list[Callable[[], object]] = [lambda model=model: step(model, x)]
        if theirs is not None:
            calls.append(lambda theirs=theirs: peer_step(theirs, x))
        took = times(calls, options.repeats)
        rows.append(row(f"{name}: a training step, {BATCH} rows", took, None))
        calls = [lambda model=model: model.sample(DRAWN)]
        if theirs is not None:
            calls.append(lambda theirs=theirs: theirs.sample(DRAWN))
        took = times(calls, min(3, options.repeats))
        u = torch.rand(DRAWN, space.dims)
        begun = time.process_time()
        naive = by_whole_passes(model, u)
        whole = time.process_time() - begun
        rows.append(row(f"{name}: {DRAWN} rows drawn", took, whole))
        same = (model.sample_from(u).flatten(1) == naive).all(1).sum().item()
        notes.append(f"{name}: {same} of {DRAWN} rows are bit for bit those of whole passes.")
        print(*rows[-2:], notes[-1], sep="\n", flush=True)
        write(rows, notes, options.repeats, float(x.mean()))


def peers(folder: Path) -> dict[str, Callable[[], Any]]:
    """The peer's two models. Its package would load all others too, and what they need."""
    for name in ("pytorch_generative", "pytorch_generative.models"):
        package = ModuleType(name)
        package.__path__ = [str(folder / name.replace(".", "/"))]
        sys.modules[name] = package
    from pytorch_generative.models.autoregressive import (  # pyright: ignore[reportMissingImports]
        made,
        nade,
    )

    return {
        "NADE, 500 units": lambda: ready(nade.NADE(784, 500)),
        "MADE, 8,000 units": lambda: ready(made.MADE(784, [8000])),
    }


def ready(model: nn.Module) -> nn.Module:
    """It learns the shape of its images from the first ones that it sees."""
    model(torch.zeros(1, *SHAPE))
    return model


def step(model: Model, x: Tensor) -> None:
    model.loss(x)["nll"].backward()
    model.zero_grad()


def peer_step(model: nn.Module, x: Tensor) -> None:
    (binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)).backward()
    model.zero_grad()


@torch.no_grad()
def by_whole_passes(model: Stepwise, u: Tensor) -> Tensor:
    """What `sample_from` draws, with one pass over everything for each value."""
    x = torch.zeros_like(u)
    for feature in model.order.tolist():
        logits = model.logits(x.reshape(len(u), *SHAPE)).flatten(1)[:, feature]
        x[:, feature] = (u[:, feature] < logits.sigmoid()).float()
    return x


def times(calls: list[Callable[[], object]], repeats: int) -> list[float]:
    """The median CPU seconds of each call, which take turns; the first turn does not count."""
    took: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, seconds in zip(calls, took, strict=True):
            begun = time.process_time()
            call()
            seconds.append(time.process_time() - begun)
    return [statistics.median(seconds[1:]) for seconds in took]


def row(what: str, took: list[float], whole: float | None) -> list[str]:
    cells = [what, shown(took[0])]
    for other in (took[1] if len(took) > 1 else None, whole):
        cells += ["", ""] if other is None else [shown(other), f"{other / took[0]:.1f}"]
    return cells


def shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def write(rows: list[list[str]], notes: list[str], repeats: int, density: float) -> None:
    record = {
        "title": "NADE and MADE: CPU time of a training step and of drawing",
        "command": "python benchmarks/vector_speed.py --peer DIR",
        "protocol": {
            "rows": f"binarised MNIST, 784 bits, of which {100 * density:.0f} % are 1",
            "training step": "loss and gradient, without the optimiser",
            "repeats": f"medians of {repeats}, of drawing of {min(3, repeats)}; whole passes once",
            "threads": 1,
        },
        "date": date.today().isoformat(),
        "machine": "x86_64 CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": rows,
        "notes": [
            "pytorch-generative's NADE has rectified units, ours sigmoids; its MADE draws masks anew.",
            *notes,
        ],
    }
    RESULTS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
