"""GoGAN on the grid of 25: does the gap shrink from stage to stage, and is it the ranking that does it?

Each run is measured at the end of each stage, on averaged weights: once with the ranking against the
stage before, once without (one long stage of the same game). The distance is exact: an assignment of
512 samples to 512 test rows.
"""

import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genus.core import Model
from genus.data import load
from genus.measure.rows import judging
from genus.measure.samples.toys import mode_values
from genus.recipes.adversarial.gogan import RUN, gogan
from genus.train import artifact

from ..bench import Bench, Cell, Cells, Table, first_losses, spread

RANKS = {"with ranking": 0.5, "without ranking": 0.0}
FLOOR = "real rows in their place"
PAIRS = 512  # of the exact distance
SAMPLES = 10_000
MEASURES = {"gap": 3, "distance": 3, "modes": 1, "high_quality": 3, "mode_kl": 4}


BENCH = Bench(
    __file__,
    "Stages of GoGAN on the grid of 25",
    "Game | Stage | E D(x) - E D(G) | Exact W1 | Modes of 25 | High quality | KL of modes, nats | Seconds",
    lambda options: {
        "data": "grid, test split",
        "samples": SAMPLES,
        "pairs": PAIRS,
        "rounds": f"{options.stages} stages of {options.length}",
        "seeds": options.seeds,
        "batch": RUN.batch,
    },
    """
    The gap is the critic's own, and tells only as much as its slope is held: so the exact distance
    stands beside it. Of two draws of real rows it is the floor.

    Without ranking, stages are the same rounds of one game.

    Mean ± standard deviation over the seeds. Seconds are those of a machine that was shared with other
    work.
    """,
    weights="average",
    options={
        "length": (2500, "rounds in a stage"),
        "stages": (3, "number of stages"),
        "seeds": ([0, 1, 2], "seeds of the runs"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell(FLOOR, real_rows)
    for seed in options.seeds:
        for game, rank in RANKS.items():
            train = partial(gogan, length=options.length, stages=options.stages, rank=rank)
            yield Cell(
                named(game, options, seed),
                partial(measure, rank, options.stages, options.length, seed),
                partial(first_losses, train, replace(RUN, seed=seed)),
            )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for game in RANKS:
        keys = [named(game, options, seed) for seed in options.seeds]
        runs = [found[key] for key in keys if key in found]
        for stage in range(options.stages if runs else 0):
            at = [run[stage] for run in runs]
            figures = [spread([one[name] for one in at], d) for name, d in MEASURES.items()]
            seconds = statistics.mean(one["seconds"] for one in at)
            table.append([game, str(stage + 1), *figures, f"{seconds:.0f}"])
    if FLOOR in found:
        floor = [
            f"{found[FLOOR][m]:.{d}f}" if m in found[FLOOR] else "" for m, d in MEASURES.items()
        ]
        table.append([FLOOR, "", *floor, ""])
    return table


def named(game: str, options: Namespace, seed: int) -> str:
    return f"{game} | {options.stages} stages of {options.length} | seed {seed}"


def measure(rank: float, stages: int, length: int, seed: int) -> list[dict[str, float]]:
    """One run, as it is at the end of each stage; it continues from each checkpoint."""
    found, seconds = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        for stage in range(1, stages + 1):
            run = replace(RUN, rounds=stage * length, seed=seed, out=out, resume=stage > 1)
            begun = time.perf_counter()
            gogan(length=length, stages=stages, rank=rank, run=replace(run, device="cpu"))
            seconds += time.perf_counter() - begun
            found.append(figures(artifact.load(out), seed) | {"seconds": seconds})
    return found


def figures(model: Model, seed: int) -> dict[str, float]:
    data = load("grid")
    (real,) = data.test.everything()
    with judging(model, seed):
        x = model.sample(SAMPLES)
        gap = model.gap(real)
    values = {name: value for name, (value, _) in mode_values(x, *data.modes).items()}
    return values | {"gap": gap, "distance": distance(x, real)}


def real_rows() -> dict[str, float]:
    """What test rows score in the place of samples; their distance is that from training rows."""
    data = load("grid")
    (real,), (other,) = data.test.everything(), data.train.everything()
    found = {name: value for name, (value, _) in mode_values(real, *data.modes).items()}
    return found | {"distance": distance(other, real)}


def distance(x: Tensor, real: Tensor) -> float:
    """W1 between as many rows of both, by the best assignment."""
    costs = torch.cdist(x[:PAIRS], real[:PAIRS])
    found, columns = linear_sum_assignment(costs.numpy())
    return costs[found, columns].mean().item()


if __name__ == "__main__":
    BENCH.main()
