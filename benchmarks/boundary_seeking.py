"""Discrete GANs: BS-GAN on binarised digits and on a grammar, beside REINFORCE and likelihood models.

    python benchmarks/boundary_seeking.py [--rounds 4000] [--seeds 0 1 2] [--only "BS-GAN, 20" ...]

REINFORCE has the same networks and rows as BS-GAN; each row is paid by its logit, less the mean of its
z. RBM and MADE learn by likelihood, with their recipes' own settings. Each run is written to
benchmarks/results/boundary_seeking.json as soon as it is measured; a run that was broken off goes on
with those that are missing.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

import genus
from genus.adversarial import BSGAN
from genus.autoregressive import MADE
from genus.core import Losses, Model
from genus.data import Data, load
from genus.data.text.grammar import Grammar
from genus.measure import evaluate, sampled
from genus.measure.evaluation import judging
from genus.measure.likelihood.likelihood import QUICK
from genus.recipes.adversarial import bsgan as bsgan_recipe
from genus.recipes.adversarial.bsgan import bsgan
from genus.recipes.autoregressive import made as made_recipe
from genus.recipes.energy.rbm import RUN as RBM_RUN
from genus.recipes.energy.rbm import rbm
from genus.train.fit import adam, fit
from genus.train.run import Run
from genus.train.schedules import cosine

RESULTS = Path(__file__).parent / "results" / "boundary_seeking.json"
SEQUENCES = 10_000  # sampled from each model of the grammar
COLUMNS = ["Data", "System", "Frechet", "Classes", "Class KL, nats", "Legal transitions"]
COLUMNS += ["Bigram KL, nats", "Turns", "Seconds"]
DIGITS = {"frechet": 2, "classes": 1, "class_kl": 3}
GRAMMAR = {"legal": 3, "bigram_kl": 4, "turns": 3}


class Reinforce(BSGAN):
    """The same game, but each row is paid by what the critic says of it."""

    def generator_loss(self, x: Tensor, made: Tensor, log_g: Tensor) -> Losses:
        with torch.no_grad():
            paid = self.score(made.flatten(0, 1)).reshape(log_g.shape)
            paid = (paid - paid.mean(1, keepdim=True)) / (self.samples - 1)
        return {"reinforce": -(paid * log_g).sum(1).mean()}


def source(data: str) -> Data:
    """Digits as bits, or the grammar."""
    return load("digits").binarised() if data == "digits" else load(data)


def reinforce(data: str, run: Run) -> Model:
    """With the networks of the recipe, before they have learnt anything."""
    twin = bsgan(data, run=replace(run, rounds=0))
    if not isinstance(twin, BSGAN):
        raise TypeError(f"reinforce: the recipe made a {type(twin).__name__}")
    model = Reinforce(twin.space, twin.generator, twin.critic, twin.latent, twin.samples)
    model.requires_grad_(True)
    optimizers = adam(run.lr, betas=(0.0, 0.99))
    return fit(model, source(data).train, run, optimizers=optimizers, schedule=cosine)


def likelihood(data: str, run: Run) -> Model:
    """MADE as its recipe has it, on bits or tokens."""
    torch.manual_seed(run.seed)
    rows = source(data)
    model = MADE(rows.space, (300, 300), 16, True, seed=run.seed)
    run = replace(made_recipe.RUN, seed=run.seed, device="cpu")
    return fit(model, rows.train, run, schedule=cosine)


SYSTEMS: dict[str, Callable[[str, Run], Model]] = {
    "BS-GAN, 20 rows a z": lambda data, run: bsgan(data, run=run),
    "BS-GAN, 5 rows a z": lambda data, run: bsgan(data, samples=5, run=run),
    "REINFORCE, 20 rows a z": reinforce,
    "BS-GAN, untrained": lambda data, run: bsgan(data, run=replace(run, rounds=0)),
    "MADE": likelihood,
    "RBM": lambda data, run: rbm(data, run=replace(RBM_RUN, seed=run.seed, device="cpu")),
}
NOTES = [
    (
        "Legal transitions, bigrams and turns are those of the known grammar: two states, up and down, "
        "on a ring of 8 tokens, 32 tokens long. The bigram KL is that of the legal bigrams against "
        "their true law; the truth turns in 0.1 of the steps."
    ),
    (
        "MADE on the bits of digits and the RBM have likelihoods; a GAN has none, so here all are "
        "judged by their samples. The RBM knows no tokens."
    ),
    (
        "The oracle has seen digits in grey, and normalises its features: on bits even the noise of "
        "untrained networks is not far, and has all classes. Read each Frechet distance between that "
        "of the untrained networks and that of real rows."
    ),
    (
        "Mean ± standard deviation over the seeds; a row without ± has one seed. Seconds are those of "
        "a machine that was shared with other work."
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=4000, help="of every adversarial run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the runs")
    parser.add_argument("--only", nargs="+", default=[], help="systems whose names begin so")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells = json.loads(options.results.read_text())["cells"] if options.results.exists() else {}
    for seed in options.seeds:
        for data in ("digits", "grammar"):
            for system in SYSTEMS:
                key = named(data, system, options.rounds, seed)
                wanted = not options.only or any(system.startswith(name) for name in options.only)
                if not wanted or key in cells or (data, system) == ("grammar", "RBM"):
                    continue
                cells[key] = measure(data, system, options.rounds, seed)
                write(options.results, cells, options.rounds, options.seeds)
                print(key, cells[key], flush=True)
    write(options.results, cells, options.rounds, options.seeds)


def named(data: str, system: str, rounds: int, seed: int) -> str:
    return f"{data} | {system} | rounds {rounds} | seed {seed}"


def measure(data: str, system: str, rounds: int, seed: int) -> dict[str, float]:
    """Trains one system and judges its samples."""
    run = replace(bsgan_recipe.RUN, rounds=rounds, seed=seed, device="cpu")
    begun = time.perf_counter()
    model = SYSTEMS[system](data, run)
    seconds = time.perf_counter() - begun
    if data == "grammar":
        with judging(model, seed):
            found = Grammar().read(sampled(model, SEQUENCES))._asdict()
    else:
        figures = evaluate(model, source(data), seed=seed, effort=QUICK)
        found = {f.name: f.value for f in figures if f.name in DIGITS}
        floors = {f"{f.name} of real rows": f.floor for f in figures if f.name in DIGITS}
        found |= {name: floor for name, floor in floors.items() if floor is not None}
    return found | {"seconds": seconds}


def write(path: Path, cells: dict, rounds: int, seeds: list[int]) -> None:
    """The table so far, over the seeds that are there."""
    rows = []
    for data in ("digits", "grammar"):
        for system in SYSTEMS:
            keys = [named(data, system, rounds, seed) for seed in seeds]
            if runs := [cells[key] for key in keys if key in cells]:
                rows.append(row(data, system, runs))
        rows.append(truth(data, cells))
    result = {
        "title": "Generators of bits and tokens",
        "command": f"python benchmarks/boundary_seeking.py --rounds {rounds} --seeds "
        + " ".join(map(str, seeds)),
        "protocol": {
            "data": "digits as bits, test split; grammar",
            "samples": {"digits": 1000, "grammar": SEQUENCES},
            "rounds": rounds,
            "seeds": seeds,
            "batch": bsgan_recipe.RUN.batch,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": [cells for cells in rows if cells],
        "notes": NOTES,
        "cells": cells,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def row(data: str, system: str, runs: Sequence[dict[str, float]]) -> list[str]:
    def column(name: str, digits: int) -> str:
        return spread([run[name] for run in runs], digits) if name in runs[0] else ""

    figures = [column(name, digits) for name, digits in (DIGITS | GRAMMAR).items()]
    return [data, system, *figures, f"{statistics.mean(run['seconds'] for run in runs):.0f}"]


def truth(data: str, cells: dict) -> list[str]:
    """What real rows score in the place of samples."""
    if data == "grammar":
        read = Grammar().read(load(data).test.everything()[0])
        given = [f"{getattr(read, name):.{digits}f}" for name, digits in GRAMMAR.items()]
        return [data, "real rows in their place", "", "", "", *given, ""]
    found = [run for key, run in cells.items() if key.startswith("digits")]
    if not found:
        return []
    given = [f"{found[0][f'{name} of real rows']:.{digits}f}" for name, digits in DIGITS.items()]
    return [data, "real rows in their place", *given, "", "", "", ""]


def spread(values: Sequence[float], digits: int) -> str:
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
