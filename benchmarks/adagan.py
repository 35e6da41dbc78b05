"""AdaGAN on the grid of 25: five weak GANs boosted, bagged, and one GAN with all their rounds.

    python benchmarks/adagan.py [--seeds 0 1 2] [--rounds 3000]

The weak learner is a GAN without a penalty, which drops modes. All three have the same learner,
optimiser and batch, and as many rounds of a GAN in all; the learning rate falls by a cosine over the
rounds of each GAN; no weights are averaged. Writes benchmarks/results/adagan.json after each run, and
goes on with what is there.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

import genus
from genus.adversarial import GAN, AdaGAN, GeneratorMixture
from genus.core import GenerativeModel
from genus.data import load
from genus.measure.samples.toys import mode_values
from genus.nn import MLP
from genus.train.fit import adam, fit
from genus.train.run import Run
from genus.train.schedules import cosine

RESULTS = Path(__file__).parent / "results" / "adagan.json"
COMPONENTS, WIDTH, BATCH, LR, SAMPLES = 5, 128, 256, 1e-3, 10_000
COLUMNS = ["System", "Modes of 25", "Held firmly", "High quality", "Reverse KL", "Runs"]


def weak() -> GAN:
    hidden = (WIDTH,) * 3
    generator = MLP(2, 2, hidden, activation="relu")
    critic = MLP(2, 1, hidden, activation="relu")
    return GAN(load("grid").space, generator, critic, 2)


SYSTEMS: dict[str, Callable[[int], tuple[GenerativeModel, int]]] = {  # a model, and its rounds
    "one weak GAN": lambda rounds: (weak(), rounds),
    "one GAN, all rounds": lambda rounds: (weak(), COMPONENTS * rounds),
    "bagging, 5 GANs": lambda rounds: (
        GeneratorMixture([weak() for _ in range(COMPONENTS)]),
        rounds,
    ),
    "AdaGAN, 5 GANs": lambda rounds: (
        AdaGAN(weak(), MLP(2, 1, (128, 128), activation="relu"), COMPONENTS, rounds),
        COMPONENTS * rounds,
    ),
}


def run(system: str, seed: int, rounds: int) -> dict[str, Any]:
    data = load("grid")
    torch.manual_seed(seed)
    model, total = SYSTEMS[system](rounds)
    plan = Run(total, batch=BATCH, seed=seed, device="cpu", log_every=500)
    start = time.perf_counter()
    parts = COMPONENTS if isinstance(model, AdaGAN) else 1
    fit(
        model,
        data.train,
        plan,
        optimizers=adam(LR, (0.5, 0.999)),
        schedule=lambda behind: cosine(parts * behind % 1),
    )
    minutes = (time.perf_counter() - start) / 60
    modes, std = data.modes or (torch.empty(0), 1.0)
    torch.manual_seed(1000 + seed)
    found = mode_values(model.sample(SAMPLES), modes, std)
    figures = {name: value for name, (value, _) in found.items()}
    print(system, seed, {k: round(v, 3) for k, v in figures.items()}, round(minutes, 1), flush=True)
    return {"system": system, "seed": seed, "rounds": rounds, "minutes": minutes, **figures}


def spread(values: list[float], form: str) -> str:
    """Mean and standard deviation over seeds."""
    mean = format(statistics.mean(values), form)
    return f"{mean} ± {format(statistics.stdev(values), form)}" if len(values) > 1 else mean


def write(runs: list[dict[str, Any]], rounds: int) -> None:
    rows: list[list[str]] = []
    for system in SYSTEMS:
        found = [r for r in runs if (r["system"], r["rounds"]) == (system, rounds)]
        if not found:
            continue
        row = [system, spread([r["modes"] for r in found], ".1f")]
        row += [spread([r["modes_firmly"] for r in found], ".1f")]
        row += [spread([100 * r["high_quality"] for r in found], ".1f") + " %"]
        row += [spread([r["mode_kl"] for r in found], ".2f")]
        row += [str(len(found))]
        rows.append(row)
    content = {
        "title": "AdaGAN against bagging and against one GAN, on the grid of 25",
        "command": "python benchmarks/adagan.py",
        "protocol": {
            "data": "grid: 25 normals, spacing 2, std 0.05, endless",
            "weak learner": f"GAN of perceptrons 3 x {WIDTH}, non-saturating, no penalty",
            "rounds of a component": rounds,
            "batch": BATCH,
            "optimiser": f"Adam, lr {LR} falling by a cosine, betas 0.5 and 0.999",
            "judge": "perceptron 2 x 128",
            "samples": SAMPLES,
            "spread": "standard deviation over seeds",
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": [
            (
                "Modes: those with at least one of 10,000 samples within three standard deviations; "
                "held firmly: with at least 20. Reverse KL: of the shares of all samples by nearest "
                "mode. Bagging trains its five side by side, each with rounds of its own."
            ),
        ],
        "runs": runs,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3000, help="of each component")
    given = parser.parse_args()
    torch.set_num_threads(1)
    runs: list[dict[str, Any]] = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else []
    for seed in given.seeds:
        for system in SYSTEMS:
            key = (system, seed, given.rounds)
            if all((r["system"], r["seed"], r["rounds"]) != key for r in runs):
                runs.append(run(system, seed, given.rounds))
                write(runs, given.rounds)
    write(runs, given.rounds)


if __name__ == "__main__":
    main()
