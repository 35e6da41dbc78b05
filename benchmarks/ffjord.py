"""FFJORD on four toys: how far from the truth, at how many evaluations, and how well it is undone.

    python benchmarks/ffjord.py [--data moons checkerboard ring spirals] [--seeds 0] [--rounds 3000]

Each run is the recipe's, and is judged on 10,000 test rows. Written to benchmarks/results/ffjord.json
after each run, and drawn to docs/pictures/ffjord.png; a run that was broken off goes on with those that
are missing.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import genus
from genus.data import load
from genus.flow import Continuous, Flow
from genus.functional.integrators import Counted, DormandPrince
from genus.laboratory.style import canvas, png, style
from genus.recipes.ffjord import RUN, ffjord

ROOT = Path(__file__).parent
RESULTS = ROOT / "results" / "ffjord.json"
PICTURE = ROOT.parent / "docs" / "pictures" / "ffjord.png"
DATA = ("moons", "checkerboard", "ring", "spirals")
ROWS = 10_000
TIGHT = 1e-6  # of the solver that judges
GRID = 72  # points of a picture's side
DOTS = 1500  # samples in a picture
COLUMNS = ["Data", "Test nats", "Entropy", "Gap", "Evaluations", "Round trip", "Seconds"]
NOTES = [
    (
        "Gap: the mean of log p(x) - log q(x) over the test rows, p the truth: how many nats are lost. "
        "Mean ± standard deviation where there are several seeds."
    ),
    f"log q is judged at tolerances of {TIGHT:g}; training and all else keep the recipe's.",
    (
        "Evaluations: of the field, for log q of all test rows together, by the recipe's solver. Round "
        "trip: the largest |decode(encode(x)) - x| of a number, in the data's units."
    ),
    "Seconds are those of a machine that was shared with other work.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the runs")
    parser.add_argument("--rounds", type=int, default=RUN.rounds, help="of training")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    parser.add_argument(
        "--picture", type=Path, default=PICTURE, help="the picture of the first seed"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells = json.loads(options.results.read_text())["cells"] if options.results.exists() else {}
    for seed in options.seeds:
        for data in options.data:
            key = named(data, options.rounds, seed)
            if key not in cells:
                cells[key] = measure(data, options.rounds, seed, seed == options.seeds[0])
                write(options, cells)
                shown = {k: v for k, v in cells[key].items() if k not in ("density", "samples")}
                print(key, shown, flush=True)
    write(options, cells)
    draw(options, cells)


def named(data: str, rounds: int, seed: int) -> str:
    return f"{data} | {rounds} rounds | seed {seed}"


def measure(data: str, rounds: int, seed: int, drawn: bool) -> dict[str, Any]:
    """One training, and what it is worth; what is drawn of it too."""
    begun = time.perf_counter()
    model = ffjord(data, run=replace(RUN, rounds=rounds, seed=seed, device="cpu"))
    seconds = time.perf_counter() - begun
    if not isinstance(model, Flow):
        raise TypeError(f"ffjord: the recipe made a {type(model).__name__}, and no flow")
    source = load(data)
    if source.truth is None:
        raise TypeError(f"ffjord: the truth of {data} is not known")
    x = source.test.everything()[0][:ROWS]
    (field,) = (step for step in model.eval().steps if isinstance(step, Continuous))
    with torch.no_grad():
        z, _ = model.encode_with_logdet(x)
        trip = (model.decode(z) - x).abs().max().item()
        found: dict[str, Any] = {"seconds": seconds, "trip": trip}
        found["evaluations"] = asked(model, field, x)
        solver, field.solver = field.solver, DormandPrince(TIGHT, TIGHT)
        scores = model.log_prob(x).double()
        if drawn:
            torch.manual_seed(seed)
            found |= {"density": density(model, x), "samples": packed(model.sample(DOTS))}
        field.solver = solver
    gaps = source.truth.log_prob(x).double() - scores
    entropy = source.entropy
    return found | {"nats": -scores.mean().item(), "gap": gaps.mean().item(), "entropy": entropy}


def asked(model: Flow, field: Continuous, x: Tensor) -> int:
    """How often the field is evaluated for log_prob of all rows together."""
    solver, count = field.solver, 0

    def counting(f: Any, y: Any, t0: float, t1: float) -> Any:
        nonlocal count
        counted = Counted(f)
        end = solver(counted, y, t0, t1)
        count = counted.evaluations
        return end

    field.solver = counting
    model.log_prob(x)
    field.solver = solver
    return count


def lattice(x: Tensor) -> tuple[Tensor, list[float]]:
    """Points of a square around the data, (GRID^2, 2), and its left, right, bottom and top."""
    middle = (x.amax(0) + x.amin(0)) / 2
    half = 0.58 * (x.amax(0) - x.amin(0)).max()
    axes = [torch.linspace(-1, 1, GRID) * half + m for m in middle]
    points = torch.cartesian_prod(*axes)
    return points, [(m + s * half).item() for m in middle for s in (-1, 1)]


def density(model: Flow, x: Tensor) -> dict[str, Any]:
    """q on a lattice, rows from the bottom, with its extent."""
    points, extent = lattice(x)
    values = model.log_prob(points).exp().reshape(GRID, GRID).T
    return {"values": packed(values), "extent": [round(edge, 3) for edge in extent]}


def packed(x: Tensor) -> list[list[float]]:
    return [[round(value, 3) for value in row] for row in x.tolist()]


def write(options: argparse.Namespace, cells: dict[str, Any]) -> None:
    """The table so far, over the seeds that are there."""
    rows = []
    for data in DATA:
        keys = [named(data, options.rounds, seed) for seed in options.seeds]
        if runs := [cells[key] for key in keys if key in cells]:
            entropy = runs[0]["entropy"]
            evaluations = statistics.mean(run["evaluations"] for run in runs)
            rows.append(
                [
                    data,
                    spread([run["nats"] for run in runs]),
                    f"{entropy:.4f}",
                    spread([run["gap"] for run in runs]),
                    f"{evaluations:.0f}",
                    f"{max(run['trip'] for run in runs):.0e}",
                    f"{statistics.mean(run['seconds'] for run in runs):.0f}",
                ]
            )
    seeds = " ".join(map(str, options.seeds))
    result = {
        "title": "FFJORD on toys",
        "command": f"python benchmarks/ffjord.py --rounds {options.rounds} --seeds {seeds}",
        "protocol": {
            "test rows": ROWS,
            "rounds": options.rounds,
            "batch": RUN.batch,
            "lr": RUN.lr,
            "seeds": options.seeds,
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
    options.results.write_text(json.dumps(result) + "\n")


def spread(values: Sequence[float]) -> str:
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def draw(options: argparse.Namespace, cells: dict[str, Any]) -> None:
    """The density above, samples below, for each data set of the first seed."""
    keys = [named(data, options.rounds, options.seeds[0]) for data in DATA]
    there = [(key.split(" |")[0], cells[key]) for key in keys if key in cells]
    with style():
        figure = canvas(2.2 * len(there), 4.6)
        for place, (name, cell) in enumerate(there, 1):
            extent = cell["density"]["extent"]
            above = figure.add_subplot(2, len(there), place)
            above.imshow(
                np.array(cell["density"]["values"]), origin="lower", extent=extent, cmap="magma"
            )
            above.set_title(f"{name}: {cell['gap']:.3f} nats")
            below = figure.add_subplot(2, len(there), len(there) + place)
            below.scatter(*np.array(cell["samples"]).T, s=1, linewidths=0, color="C0")
            below.set(xlim=extent[:2], ylim=extent[2:], aspect="equal")
            for axes in (above, below):
                axes.set(xticks=[], yticks=[])
        options.picture.write_bytes(png(figure))


if __name__ == "__main__":
    main()
