"""Autoencoders as critics: EBGAN with and without pulling away, BEGAN at several gammas, on digits.

The picture shows the measure M of the first seed's BEGAN runs, and samples of each.
"""

import json
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus.core import Model, Pixels
from genus.data import load
from genus.measure import evaluate
from genus.media.style import canvas
from genus.recipes.adversarial import began as began_recipe
from genus.recipes.adversarial import ebgan as ebgan_recipe
from genus.recipes.adversarial.began import began
from genus.recipes.adversarial.ebgan import ebgan
from genus.train.run import Run

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, sheet, spread

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


BENCH = Bench(
    __file__,
    "Autoencoders as critics, on digits",
    "System | Frechet | Classes | Class KL, nats | Diversity | Recall | Precision | M at first | "
    "M at last | Falls of M | k at last | Seconds",
    lambda options: {
        "data": "digits",
        "split": "test",
        "samples": 1000,
        "rounds": options.rounds,
        "seeds": options.seeds,
        "batch": began_recipe.RUN.batch,
    },
    f"""
    Diversity is the mean distance, in the oracle's features, of two samples of one class; with
    classes and recall it says how various samples are. Beyond the floor it is noise.

    M is the mean over the first and the last of {WINDOWS} equal parts of a run; falls of M are
    the steps from part to part, out of {WINDOWS - 1}, in which it fell.

    M falls in every run, and ends lowest where samples are worst: it tells that a run goes on,
    not that its samples are good.

    Mean ± standard deviation over the seeds. Samples are of the averaged weights. Seconds are
    those of a machine that was shared with other work.
    """,
    weights="average",
    options={"rounds": (4000, "rounds of each run"), "seeds": ([0, 1], "of the runs")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for seed in options.seeds:
        for system, train in SYSTEMS.items():
            run = ebgan_recipe.RUN if system.startswith("EBGAN") else began_recipe.RUN
            looks = max(1, options.rounds // LOOKS)
            run = replace(run, rounds=options.rounds, seed=seed, evaluate_every=looks, device="cpu")
            yield Cell(
                f"{system} | seed {seed}",
                partial(measure, system, run),
                partial(first_losses, train, run),
            )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = [row(system, runs) for system in SYSTEMS if (runs := of_seeds(found, system))]
    if table:
        floors = next(iter(found.values()))["floors"]
        figures = [f"{floors[name]:.{digits}f}" for name, digits in MEASURES.items()]
        table.append(["real digits in their place", *figures, *[""] * 5])
    return table


def row(system: str, runs: list[dict[str, Any]]) -> list[str]:
    figures = [spread([run["figures"][name] for run in runs], d) for name, d in MEASURES.items()]
    course = [""] * 4
    if runs[0]["course"]:
        parts = [windows(run["course"]) for run in runs]
        falls = [sum(b < a for a, b in pairwise(p)) for p in parts]
        course = [spread([p[0] for p in parts], 3), spread([p[-1] for p in parts], 3)]
        course += [spread(falls, 1), spread([run["k"] for run in runs], 3)]
    return [system, *figures, *course, f"{statistics.mean(run['seconds'] for run in runs):.0f}"]


def windows(course: list[float]) -> list[float]:
    """Means over equal parts of a run."""
    return [part.mean().item() for part in torch.tensor(course).tensor_split(WINDOWS)]


def measure(system: str, run: Run) -> dict[str, Any]:
    """Trains one system; its figures, the course of M, and some samples."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        begun = time.perf_counter()
        model = SYSTEMS[system](replace(run, out=out))
        seconds = time.perf_counter() - begun
        log = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found = {f.name: (f.value, f.floor) for f in evaluate(model, load("digits"), seed=run.seed)}
    torch.manual_seed(run.seed)
    return {
        "figures": {name: found[name][0] for name in MEASURES},
        "floors": {name: found[name][1] for name in MEASURES},
        "course": [line["convergence"] for line in log if "convergence" in line],
        "k": model.get_buffer("k").item() if "gamma" in system else None,
        "samples": SPACE.indices(model.sample(12)).flatten(1).tolist(),
        "seconds": seconds,
    }


@BENCH.picture
def draw(found: Cells, options: Namespace) -> Figure:
    """M of each BEGAN run, and twelve samples of each gamma."""
    names = {g: f"BEGAN, gamma {g} | seed {options.seeds[0]}" for g in GAMMAS}
    runs = {g: found[name] for g, name in names.items() if name in found}
    figure = canvas(8.2, 2.9)
    left, *right = figure.subplots(1, 1 + len(runs), width_ratios=[2.4] + [1] * len(runs))
    for i, (gamma, run) in enumerate(runs.items()):
        at = [(k + 1) * options.rounds / len(run["course"]) for k in range(len(run["course"]))]
        left.plot(at, run["course"], lw=1.2, label=f"gamma {gamma}")
        levels = Tensor(run["samples"]).reshape(-1, *SPACE.shape)
        sheet(right[i], SPACE.values(levels), SPACE, 3, f"gamma {gamma}")
    left.set(xlabel="round", ylabel="M = L(x) + |gamma L(x) - L(G(z))|", yscale="log")
    left.legend()
    return figure


if __name__ == "__main__":
    BENCH.main()
