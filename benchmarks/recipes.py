"""Runs recipes with their own defaults, judges what they learnt, and writes down the figures.

    python benchmarks/recipes.py [RECIPE ...] [--seed 0] [--threads 1]

Each recipe leaves benchmarks/results/recipes/<name>.json: all figures with their protocols, the time
it took and the kind of machine. The figure that its docstring promises goes into
genus/recipes/measured.json, which `genus list` shows. `benchmarks/render.py` puts both into the README.
"""

import argparse
import inspect
import json
import platform
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch

from genus import __version__, recipes
from genus.data import load
from genus.measure import Figure, evaluate, from_json, to_json
from genus.train.run import Run

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "recipes"
MEASURED = ROOT / "genus" / "recipes" / "measured.json"
LEFT_OUT = {"oracle"}  # no generative model: `genus fit oracle` prints its accuracy
FIRST = (
    "kl_to_truth",
    "right",
    "bits_per_dim",
    "one_nn",
    "nll",
    "modes",
    "l1",
)  # what leads, if there is such a figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe", nargs="*", help="names; all of them without any")
    parser.add_argument("--seed", type=int, default=0, help="of every run")
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in options.recipe or [n for n in recipes.names() if n not in LEFT_OUT]:
        measure(name, options.seed)
    collect()


def measure(name: str, seed: int) -> None:
    """Trains one recipe, judges it, and writes its figures down."""
    recipe = recipes.find(name)
    default: Run = inspect.signature(recipe).parameters["run"].default
    with tempfile.TemporaryDirectory() as folder:
        run = replace(default, seed=seed, device="cpu", progress=True, out=Path(folder) / name)
        begun = time.perf_counter()
        model = recipe(run=run)
        minutes = (time.perf_counter() - begun) / 60
    data = load(inspect.signature(recipe).parameters["data"].default).view_for(model)
    figures = evaluate(model, data, seed=seed)
    record = {
        "recipe": name,
        "run": {"rounds": default.rounds, "batch": default.batch, "lr": default.lr, "seed": seed},
        "minutes": round(minutes, 2),
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "figures": json.loads(to_json(figures)),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    print(f"{name}: {headline(figures)} in {minutes:.1f} minutes", flush=True)


def collect() -> None:
    """What `genus list` shows: the leading figures of all that has been measured."""
    measured = {}
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text())
        figures = from_json(json.dumps(record["figures"]))
        measured[path.stem] = {
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
        said.append(f"{named['classes'].value:.0f} classes")
    return ", ".join(said) or str(figures[0])


if __name__ == "__main__":
    main()
