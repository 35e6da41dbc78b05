"""Autoencoders as critics: EBGAN with and without pulling away, BEGAN at several gammas, on digits.

    python benchmarks/began.py [--rounds 4000] [--seeds 0 1 2] [--only EBGAN ...]

Each row is written to benchmarks/results/began.json as soon as it is measured; a run that was broken
off goes on with the rows that are missing. The picture docs/pictures/began.png shows the measure M of
the first seed's BEGAN runs, and samples of each.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

import genus
from genus.core import Model, Pixels
from genus.data import load
from genus.measure import evaluate
from genus.recipes.adversarial import began as began_recipe
from genus.recipes.adversarial import ebgan as ebgan_recipe
from genus.recipes.adversarial.began import began
from genus.recipes.adversarial.ebgan import ebgan
from genus.show.pictures import grid
from genus.train.run import Run

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "began.json"
PICTURE = HERE.parent / "docs" / "pictures" / "began.png"
SPACE = Pixels((1, 8, 8), 17)
LOOKS = 50  # values of M in a run
WINDOWS = 10  # over whose means M is to fall
GAMMAS = (0.3, 0.5, 0.7, 0.9)
SYSTEMS: dict[str, Callable[[Run], Model]] = {
    "EBGAN": lambda run: ebgan(weight=0.0, run=run),
    "EBGAN, pulling away 0.1": lambda run: ebgan(weight=0.1, run=run),
    **{f"BEGAN, gamma {g}": lambda run, g=g: began(gamma=g, run=run) for g in GAMMAS},
}
MEASURES = {"frechet": 2, "classes": 1, "class_kl": 2, "diversity": 2, "recall": 2, "precision": 2}
COLUMNS = ["System", "Frechet", "Classes", "Class KL, nats", "Diversity", "Recall", "Precision"]
COLUMNS += ["M at first", "M at last", "Falls of M", "k at last", "Seconds"]
NOTES = [
    (
        "Diversity is the mean distance, in the oracle's features, of two samples of one class; with "
        "classes and recall it says how various samples are. Beyond the floor it is noise."
    ),
    (
        f"M is the mean over the first and the last of {WINDOWS} equal parts of a run; falls of M are "
        f"the steps from part to part, out of {WINDOWS - 1}, in which it fell."
    ),
    (
        "M falls in every run, and ends lowest where samples are worst: it tells that a run goes on, "
        "not that its samples are good."
    ),
    (
        "Mean ± standard deviation over the seeds. Samples are of the averaged weights. Seconds are "
        "those of a machine that was shared with other work."
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=4000, help="of every run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the runs")
    parser.add_argument("--only", nargs="+", default=[], help="systems whose names begin so")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="the file of the picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells = json.loads(options.results.read_text())["cells"] if options.results.exists() else {}
    for seed in options.seeds:
        for system in SYSTEMS:
            key = f"{system} | seed {seed} | rounds {options.rounds}"
            wanted = not options.only or any(system.startswith(name) for name in options.only)
            if wanted and key not in cells:
                cells[key] = measure(system, options.rounds, seed)
                write(options.results, cells, options.rounds, options.seeds)
                print(key, cells[key]["figures"], flush=True)
    write(options.results, cells, options.rounds, options.seeds)
    draw(options.picture, cells, options.rounds, options.seeds[0])


def measure(system: str, rounds: int, seed: int) -> dict[str, object]:
    """Trains one system; its figures, the course of M, and some samples."""
    default = ebgan_recipe.RUN if system.startswith("EBGAN") else began_recipe.RUN
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        looks = max(1, rounds // LOOKS)
        run = replace(
            default, rounds=rounds, seed=seed, out=out, evaluate_every=looks, device="cpu"
        )
        begun = time.perf_counter()
        model = SYSTEMS[system](run)
        seconds = time.perf_counter() - begun
        log = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found = {f.name: (f.value, f.floor) for f in evaluate(model, load("digits"), seed=seed)}
    torch.manual_seed(seed)
    return {
        "figures": {name: found[name][0] for name in MEASURES},
        "floors": {name: found[name][1] for name in MEASURES},
        "course": [line["convergence"] for line in log if "convergence" in line],
        "k": model.get_buffer("k").item() if "gamma" in system else None,
        "samples": SPACE.indices(model.sample(12)).flatten(1).tolist(),
        "seconds": seconds,
    }


def windows(course: list[float]) -> list[float]:
    """Means over equal parts of a run."""
    return [part.mean().item() for part in torch.tensor(course).tensor_split(WINDOWS)]


def write(path: Path, cells: dict, rounds: int, seeds: list[int]) -> None:
    """The table so far, over the seeds that are there."""
    rows = []
    for system in SYSTEMS:
        keys = [f"{system} | seed {seed} | rounds {rounds}" for seed in seeds]
        if runs := [cells[key] for key in keys if key in cells]:
            rows.append(row(system, runs))
    if rows:
        floors = next(iter(cells.values()))["floors"]
        given = [f"{floors[name]:.{digits}f}" for name, digits in MEASURES.items()]
        rows.append(["real digits in their place", *given, *[""] * 5])
    result = {
        "title": "Autoencoders as critics, on digits",
        "command": f"python benchmarks/began.py --rounds {rounds} --seeds "
        + " ".join(map(str, seeds)),
        "protocol": {
            "data": "digits",
            "split": "test",
            "samples": 1000,
            "rounds": rounds,
            "seeds": seeds,
            "batch": began_recipe.RUN.batch,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": NOTES,
        "cells": cells,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def row(system: str, runs: list[dict]) -> list[str]:
    figures = [
        spread([run["figures"][name] for run in runs], digits) for name, digits in MEASURES.items()
    ]
    course = [""] * 4
    if runs[0]["course"]:
        parts = [windows(run["course"]) for run in runs]
        falls = [sum(b < a for a, b in pairwise(p)) for p in parts]
        course = [spread([p[0] for p in parts], 3), spread([p[-1] for p in parts], 3)]
        course += [spread(falls, 1), spread([run["k"] for run in runs], 3)]
    return [system, *figures, *course, f"{statistics.mean(run['seconds'] for run in runs):.0f}"]


def spread(values: Sequence[float], digits: int) -> str:
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def draw(path: Path, cells: dict, rounds: int, seed: int) -> None:
    """M of each BEGAN run, and twelve samples of each gamma."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    runs = {g: cells.get(f"BEGAN, gamma {g} | seed {seed} | rounds {rounds}") for g in GAMMAS}
    runs = {g: run for g, run in runs.items() if run}
    if not runs:
        return
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, *right = figure.subplots(
        1, 1 + len(runs), gridspec_kw={"width_ratios": [2.4] + [1] * len(runs)}
    )
    for i, (gamma, run) in enumerate(runs.items()):
        at = [(k + 1) * rounds / len(run["course"]) for k in range(len(run["course"]))]
        colour = f"C{i}"
        left.plot(at, run["course"], color=colour, lw=1.2, label=f"gamma {gamma}")
        levels = Tensor(run["samples"]).reshape(-1, *SPACE.shape)
        right[i].imshow(grid(SPACE.values(levels), SPACE, columns=3), cmap="gray")
        right[i].set_title(f"gamma {gamma}", color=colour, fontsize=9)
        right[i].axis("off")
    left.set(xlabel="round", ylabel="M = L(x) + |gamma L(x) - L(G(z))|", yscale="log")
    left.legend(frameon=False, fontsize=8)
    left.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
