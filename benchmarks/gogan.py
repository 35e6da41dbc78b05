"""GoGAN on the grid of 25: does the gap shrink from stage to stage, and is it the ranking that does it?

    python benchmarks/gogan.py [--length 2500] [--stages 3] [--seeds 0 1 2]

Each run is measured at the end of each stage, on averaged weights: once with the ranking against the
stage before, once without (one long stage of the same game). The distance is exact: an assignment of
512 samples to 512 test rows. Written to benchmarks/results/gogan.json after each run; a run that was
broken off goes on with those that are missing.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

import genus
from genus.adversarial import GoGAN
from genus.core import Model
from genus.data import load
from genus.measure.evaluation import judging
from genus.measure.samples.toys import mode_values
from genus.recipes.adversarial.gogan import RUN, gogan
from genus.train import artifact

RESULTS = Path(__file__).parent / "results" / "gogan.json"
RANKS = {"with ranking": 0.5, "without ranking": 0.0}
PAIRS = 512  # of the exact distance
SAMPLES = 10_000
MEASURES = {"gap": 3, "distance": 3, "modes": 1, "high_quality": 3, "mode_kl": 4}
COLUMNS = ["Game", "Stage", "E D(x) - E D(G)", "Exact W1", "Modes of 25", "High quality"]
COLUMNS += ["KL of modes, nats", "Seconds"]
NOTES = [
    (
        "The gap is the critic's own, and tells only as much as its slope is held: so the exact "
        "distance stands beside it. Of two draws of real rows it is the floor."
    ),
    "Without ranking, stages are the same rounds of one game.",
    (
        "Mean ± standard deviation over the seeds. Seconds are those of a machine that was shared with "
        "other work."
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--length", type=int, default=2500, help="rounds in a stage")
    parser.add_argument("--stages", type=int, default=3, help="how many there are")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells = json.loads(options.results.read_text())["cells"] if options.results.exists() else {}
    for seed in options.seeds:
        for game, rank in RANKS.items():
            key = named(game, options.stages, options.length, seed)
            if key not in cells:
                cells[key] = measure(rank, options.stages, options.length, seed)
                write(options, cells)
                print(key, cells[key], flush=True)
    write(options, cells)


def named(game: str, stages: int, length: int, seed: int) -> str:
    return f"{game} | {stages} stages of {length} | seed {seed}"


def measure(rank: float, stages: int, length: int, seed: int) -> list[dict[str, float]]:
    """One run, as it is at the end of each stage; it goes on from each checkpoint."""
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
    if not isinstance(model, GoGAN) or data.modes is None:
        raise TypeError(f"gogan: the recipe made a {type(model).__name__}, and no gang")
    with judging(model, seed):
        x = model.sample(SAMPLES)
        gap = model.gap(real)
    values = {name: value for name, (value, _) in mode_values(x, *data.modes).items()}
    return values | {"gap": gap, "distance": distance(x, real)}


def distance(x: Tensor, real: Tensor) -> float:
    """W1 between as many rows of both, by the best assignment."""
    costs = torch.cdist(x[:PAIRS], real[:PAIRS])
    rows, columns = linear_sum_assignment(costs.numpy())
    return costs[rows, columns].mean().item()


def write(options: argparse.Namespace, cells: dict) -> None:
    """The table so far, over the seeds that are there."""
    rows = []
    for game in RANKS:
        keys = [named(game, options.stages, options.length, seed) for seed in options.seeds]
        runs = [cells[key] for key in keys if key in cells]
        for stage in range(options.stages if runs else 0):
            at = [run[stage] for run in runs]
            told = [spread([one[name] for one in at], d) for name, d in MEASURES.items()]
            seconds = statistics.mean(one["seconds"] for one in at)
            rows.append([game, str(stage + 1), *told, f"{seconds:.0f}"])
    data = load("grid")
    if data.modes is None:
        raise TypeError("gogan: the data have no modes")
    (real,), (other,) = data.test.everything(), data.train.everything()
    floors = {name: value for name, (value, _) in mode_values(real, *data.modes).items()}
    floors["distance"] = distance(other, real)
    told = [f"{floors[name]:.{d}f}" if name in floors else "" for name, d in MEASURES.items()]
    rows.append(["real rows in their place", "", *told, ""])
    seeds = " ".join(map(str, options.seeds))
    result = {
        "title": "Stages of GoGAN on the grid of 25",
        "command": f"python benchmarks/gogan.py --length {options.length} --stages "
        f"{options.stages} --seeds {seeds}",
        "protocol": {
            "data": "grid, test split",
            "samples": SAMPLES,
            "pairs": PAIRS,
            "rounds": f"{options.stages} stages of {options.length}",
            "seeds": options.seeds,
            "batch": RUN.batch,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": NOTES,
        "cells": cells,
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(result, indent=1) + "\n")


def spread(values: Sequence[float], digits: int) -> str:
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
