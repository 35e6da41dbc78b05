"""Runs recipes with their own defaults, judges what they learnt, and writes down the figures.

    python -m benchmarks.recipes [RECIPE ...] [--seed 0] [--threads 1] [--stamp]

Each recipe leaves benchmarks/results/recipes/<name>.json: all figures with their protocols, the time
it took, the kind of machine, and the losses of the first rounds, by which `make stale` sees whether the
recipe has changed since. The figure that its docstring promises goes into
genus/recipes/measured.json, which `genus list` shows. `benchmarks/render.py` puts both into the README.
"""

import argparse
import inspect
import json
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench import HERE, Cell, first_losses, stamped
from genus import __version__, recipes
from genus.data import load
from genus.measure import Figure, evaluate, from_json, to_json
from genus.train.run import Run

RESULTS = HERE / "results" / "recipes"
MEASURED = HERE.parent / "genus" / "recipes" / "measured.json"
LEFT_OUT = {"oracle"}  # no generative model: `genus fit oracle` prints its accuracy
FIRST = (
    "kl_to_truth",
    "right",
    "bits_per_dim",
    "one_nn",
    "nll",
    "modes",
    "l1",
    "right_class",
)  # what leads, if there is such a figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe", nargs="*", help="names; all of them without any")
    parser.add_argument("--seed", type=int, default=0, help="of every run")
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    parser.add_argument(
        "--stamp",
        action="store_true",
        help="measure nothing; give a fingerprint of today's code to records that have none",
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    chosen = [cell for cell in cells(options.seed) if cell.name in (options.recipe or [cell.name])]
    if options.stamp:
        for name, record in stamped(chosen, read()):
            write(name, record)
        return
    for cell in chosen:
        write(cell.name, cell.work())
    collect()


def cells(seed: int = 0) -> Iterator[Cell]:
    """All recipes: a record of each, and its first losses."""
    for name in recipes.names():
        if name not in LEFT_OUT:
            probe = partial(first_losses, recipes.find(name), replace(default(name), seed=seed))
            yield Cell(name, partial(measure, name, seed), probe)


def default(name: str) -> Run:
    return inspect.signature(recipes.find(name)).parameters["run"].default


def measure(name: str, seed: int) -> dict[str, Any]:
    """Trains one recipe, and judges it."""
    recipe, run = recipes.find(name), replace(default(name), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        model = recipe(run=replace(run, device="cpu", progress=True, out=Path(folder) / name))
        minutes = (time.perf_counter() - begun) / 60
    data = load(inspect.signature(recipe).parameters["data"].default).view_for(model)
    figures = evaluate(model, data, seed=seed)
    print(f"{name}: {headline(figures)} in {minutes:.1f} minutes", flush=True)
    return {
        "recipe": name,
        "run": {"rounds": run.rounds, "batch": run.batch, "lr": run.lr, "seed": seed},
        "minutes": round(minutes, 2),
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "figures": json.loads(to_json(figures)),
        "fingerprint": first_losses(recipe, run),
    }


def read() -> dict[str, Any]:
    """The records that are there."""
    return {p.stem: json.loads(p.read_text("utf-8")) for p in sorted(RESULTS.glob("*.json"))}


def write(name: str, record: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, "utf-8")


def collect() -> None:
    """What `genus list` shows: the leading figures of all that has been measured."""
    measured = {}
    for name, record in read().items():
        figures = from_json(json.dumps(record["figures"]))
        measured[name] = {
            "figure": headline(figures),
            "protocol": {k: v for k, v in figures[0].protocol.items() if k != "genus"},
            "minutes": record["minutes"],
            "date": record["date"],
        }
    MEASURED.write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n")


def headline(figures: list[Figure]) -> str:
    """The figures that lead, in one line."""
    named = {f.name: f for f in figures}
    if "Bits" in str(figures[0].protocol.get("space")):
        named.pop("bits_per_dim", None)  # the field speaks of bits in nats
    said = [str(named[name]) for name in FIRST if name in named][:1]
    if "high_quality" in named:
        said.append(str(named["high_quality"]))
    if "frechet" in named and (floor := named["frechet"].floor):
        said.append(f"frechet {named['frechet'].value / floor:.1f} times the floor")
    if "classes" in named:
        said.append(f"{named['classes'].value:.0f} classes")
    return ", ".join(said) or str(figures[0])


if __name__ == "__main__":
    main()
