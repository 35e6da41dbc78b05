"""Bits per dimension of flows on images: RealNVP, Glow, Glow with noise that looks, whole numbers.

Digits of 17 levels with three seeds, Fashion-MNIST of 256 levels with one; GENUS_DATA names the folder
of the second.
"""

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch

from genus import Run
from genus.core import Model
from genus.data import Data, load
from genus.measure.likelihood.likelihood import (
    LikelihoodEstimate,
    bound,
    exact,
    importance_weighted,
)
from genus.recipes.density.gaussian import gaussian
from genus.recipes.flow.glow import glow
from genus.recipes.flow.idf import idf
from genus.recipes.flow.realnvp_images import realnvp_images

from ..bench import Bench, Cell, Cells, Table, first_losses, size, spread

SEEDS = {"digits": (0, 1, 2), "fashion_mnist": (0,)}
LEVELS = {"digits": 17, "fashion_mnist": 256}
WEIGHED = {"digits": (300, 100), "fashion_mnist": (1000, 20)}  # test rows, and draws for each
DRAWS = {"digits": 16, "fashion_mnist": 1}  # of the bound, for each test row
BATCHES = {"digits": 128, "fashion_mnist": 64}


class System(NamedTuple):
    """What is trained.

    Args:
        rounds: how many.
        lr: largest learning rate.
        make: the recipe.
    """

    rounds: int
    lr: float
    make: Callable[[Run], Model]


SYSTEMS = {
    "digits/Gaussian": System(1, 1e-3, lambda run: gaussian("digits", run=run)),
    "digits/RealNVP": System(900, 4e-3, lambda run: realnvp_images(run=run)),
    "digits/Glow": System(900, 4e-3, lambda run: glow(run=run)),
    "digits/Glow, variational": System(900, 4e-3, lambda run: glow(variational=True, run=run)),
    "digits/IDF": System(1200, 3e-3, lambda run: idf(run=run)),
    "digits/IDF, no couplings": System(1200, 3e-3, lambda run: idf(couplings=0, run=run)),
    "fashion_mnist/Gaussian": System(1, 1e-3, lambda run: gaussian("fashion_mnist", run=run)),
    "fashion_mnist/RealNVP": System(
        1000, 2e-3, lambda run: realnvp_images("fashion_mnist", dropout=0.0, run=run)
    ),
    "fashion_mnist/Glow": System(
        1000, 2e-3, lambda run: glow("fashion_mnist", dropout=0.0, run=run)
    ),
    "fashion_mnist/Glow, variational": System(
        700, 2e-3, lambda run: glow("fashion_mnist", dropout=0.0, variational=True, run=run)
    ),
    "fashion_mnist/IDF": System(
        1000, 2e-3, lambda run: idf("fashion_mnist", scales=2, dropout=0.0, run=run)
    ),
    "fashion_mnist/IDF, no couplings": System(
        1000, 2e-3, lambda run: idf("fashion_mnist", scales=2, couplings=0, dropout=0.0, run=run)
    ),
}


BENCH = Bench(
    __file__,
    "Flows on images: bits per dimension",
    "system | data | parameters | rounds | CPU minutes | bits/dim | bits/dim, importance-weighted | "
    "samples/s",
    lambda options: {
        "digits": "1,297 rows to learn, 300 to test; 8 x 8, 17 levels; batch 128; 3 seeds",
        "fashion_mnist": "28 x 28, 256 levels; 10,000 rows to test; batch 64; seed 0",
        "systems": "the recipes' defaults; on Fashion-MNIST without dropout, IDF of 2 scales",
        "rounds": ", ".join(f"{length(name, options)} of {name}" for name in SYSTEMS),
        "bound": "test rows, draws of the noise for each: "
        + ", ".join(f"{data} {draws}" for data, draws in DRAWS.items()),
        "weighted": "test rows and k: "
        + ", ".join(f"{data} {rows} and {k}" for data, (rows, k) in WEIGHED.items()),
    },
    """
    On test rows; <= is an upper bound, = is exact. Mean and standard deviation over seeds.

    The noise that dequantises is what is weighted: 100 draws on digits, 20 on the first 1,000 test rows
    of Fashion-MNIST.

    Fashion-MNIST has a budget of a few minutes of one core: these flows still improve.

    Couplings of whole numbers, learnt through rounding, lose to none here: many pixels are black, and a
    shift takes their pile apart.
    """,
    weights="average",
    options={"share": (1.0, "share of the rounds")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, system in SYSTEMS.items():
        data = name.partition("/")[0]
        for seed in SEEDS[data]:
            rounds = length(name, options)
            run = Run(
                rounds=rounds,
                batch=BATCHES[data],
                lr=system.lr,
                clip=5.0,
                ema=0.99 if system.rounds > 1 else None,
                seed=seed,
                device="cpu",
                evaluate_every=rounds + 1,
            )
            work = partial(measure, data, system.make, run)
            yield Cell(f"{name}/{seed}", work, partial(first_losses, system.make, run))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data, levels in LEVELS.items():
        least = f"= {math.log2(levels):.3f}"
        table.append(["all levels alike", data, "0", "0", "0", least, "", ""])
        for name in [name for name in SYSTEMS if name.startswith(f"{data}/")]:
            keys = [f"{name}/{seed}" for seed in SEEDS[data]]
            if runs := [found[key] for key in keys if key in found]:
                table.append(row(name, runs, length(name, options)))
    return table


def row(name: str, runs: list[dict[str, Any]], rounds: int) -> list[str]:
    data, _, title = name.partition("/")
    weighted = [run["weighted"] for run in runs if "weighted" in run]
    return [
        title,
        data,
        f"{runs[0]['parameters']:,}",
        str(rounds),
        f"{statistics.mean(run['seconds'] for run in runs) / 60:.1f}",
        f"{runs[0]['sign']} {spread([run['bits'] for run in runs], 3)}",
        f"<= {spread(weighted, 3)}" if weighted else "",
        f"{statistics.mean(run['samples_per_second'] for run in runs):,.0f}",
    ]


def length(name: str, options: Namespace) -> int:
    """Rounds of a training."""
    return max(1, round(options.share * SYSTEMS[name].rounds))


def measure(name: str, make: Callable[[Run], Model], run: Run) -> dict[str, Any]:
    """One training, and what the test rows cost."""
    begun = time.process_time()
    model: Any = make(run)
    seconds = time.process_time() - begun
    data = load(name)
    test = data.test.everything()
    torch.manual_seed(run.seed)
    rows, k = WEIGHED[name]
    with torch.no_grad():
        if "log_prob" in model.promises():
            found = {"bits": bits(data, exact(model, test)), "sign": "="}
        else:
            loose = bound(model, test, DRAWS[name])
            tight = importance_weighted(model, tuple(part[:rows] for part in test), k)
            found = {"bits": bits(data, loose), "weighted": bits(data, tight), "sign": "<="}
    begun = time.process_time()
    model.sample(500)
    speed = 500 / (time.process_time() - begun)
    return {
        **found,
        "seconds": seconds,
        "parameters": size(model),
        "samples_per_second": speed,
    }


def bits(data: Data, found: LikelihoodEstimate) -> float:
    return -found.log_p.mean().item() / math.log(2) / data.space.dims


if __name__ == "__main__":
    BENCH.main()
