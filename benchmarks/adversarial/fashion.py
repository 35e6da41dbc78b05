"""DCGAN, SNGAN and R3GAN on Fashion-MNIST, each given about the same processor time of one core.

GENUS_DATA names the folder of the data; --oracle that of `genus fit oracle --data fashion_mnist --out
FOLDER`. Rounds are such that each system takes about five minutes of one core. Samples are drawn into
docs/pictures/fashion_<name>.png.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from genus import __version__
from genus.core import Model
from genus.data import load
from genus.measure import evaluate, oracle
from genus.media import picture
from genus.recipes.adversarial.dcgan import dcgan
from genus.recipes.adversarial.r3gan import r3gan
from genus.recipes.adversarial.sngan import sngan
from genus.train.run import Run

from ..bench import PICTURES, Bench, Cell, Cells, Table, first_losses, size

DATA = "fashion_mnist"
SAMPLES = 5000
ORACLE = {
    "hash": "13cd466e4840dd4c",
    "features": 32,
    "accuracy": 0.8899,
}  # of the committed figures
SYSTEMS: dict[str, tuple[Callable[[Run], Model], Run]] = {
    "DCGAN": (
        lambda run: dcgan(DATA, latent=64, width=32, coarsest=4, run=run),
        Run(3500, batch=64, lr=1e-3, ema=0.998, evaluate_every=10_000, device="cpu"),
    ),
    "SNGAN": (
        lambda run: sngan(DATA, latent=64, width=32, critic_width=32, run=run),
        Run(1200, batch=64, lr=1e-3, ema=0.998, evaluate_every=10_000, device="cpu"),
    ),
    "R3GAN": (
        lambda run: r3gan(DATA, latent=64, width=32, blocks=1, run=run),
        Run(700, batch=32, lr=3e-3, ema=0.99, evaluate_every=10_000, device="cpu"),
    ),
}
MEASURES = {"frechet": 2, "kernel_distance": 3, "precision": 3, "recall": 3, "coverage": 3}


def protocol(options: Namespace) -> dict[str, Any]:
    judge = ORACLE if options.oracle is None else oracle(options.oracle).account()
    return {
        "data": DATA,
        "split": "test",
        "fingerprint": "d026317482a8b16c",
        "rows": 10_000,
        "space": "Pixels(shape=(1, 28, 28), levels=256)",
        "context": None,
        "seed": 0,
        "genus": __version__,
        "train": "f73baa070c207810",
        "oracle": ORACLE if judge["hash"] == ORACLE["hash"] else judge,
        "samples": SAMPLES,
        "floor_rows": SAMPLES,
        "neighbours": 5,
        "batch": {name: run.batch for name, (_, run) in SYSTEMS.items()},
        "lr": {name: run.lr for name, (_, run) in SYSTEMS.items()},
        "weights": "averaged",
    }


BENCH = Bench(
    __file__,
    "Fashion-MNIST, five minutes of a core",
    "System | Parameters | Rounds | Minutes of a core | Frechet | Kernel distance | Precision | Recall | "
    "Coverage",
    protocol,
    """
    Distances are taken in the features of the named oracle; FID, which wants the Inception network,
    was not measured: these figures may not stand beside published ones.

    Minutes are processor time of the process, on cores that were shared with other work.

    The floor is what as many training images score in the place of samples.
    """,
    weights="average",
    options={"oracle": (Path, "folder of an oracle of fashion_mnist")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, (train, run) in SYSTEMS.items():
        path = (PICTURES if options.out == BENCH.results else options.out.parent) / (
            f"fashion_{name.lower()}.png"
        )
        yield Cell(
            name, partial(measure, name, options.oracle, path), partial(first_losses, train, run, 5)
        )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name, (_, run) in SYSTEMS.items():
        if name in found:
            known = found[name]
            ends = [f"{known['parameters']:,}", f"{run.rounds:,}", f"{known['minutes']:.1f}"]
            if not table:
                table.append(["Real images", "", "", "", *printed(known["floor"])])
            table.append([name, *ends, *printed(known)])
    return table


def printed(figures: dict[str, float]) -> list[str]:
    return [f"{figures[name]:.{d}f}" if name in figures else "" for name, d in MEASURES.items()]


def measure(name: str, folder: Path | None, path: Path) -> dict[str, Any]:
    """Trains one system, draws samples and judges them."""
    if folder is None:
        raise SystemExit("fashion: --oracle is not given; it names the folder of an oracle")
    data, judge = load(DATA), oracle(folder)
    judge.suits(data.space)  # else this stops before the work, not after it
    train, run = SYSTEMS[name]
    begun = time.process_time()
    model = train(run)
    minutes = (time.process_time() - begun) / 60
    torch.manual_seed(0)
    picture(model, path, 64)
    judged = {f.name: f for f in evaluate(model, data, samples=SAMPLES, oracle=judge)}
    floors = {key: judged[key].floor for key in MEASURES}
    return {
        "parameters": size(model),
        "minutes": minutes,
        **{key: judged[key].value for key in MEASURES},
        "floor": {key: floor for key, floor in floors.items() if floor is not None},
    }


if __name__ == "__main__":
    BENCH.main()
