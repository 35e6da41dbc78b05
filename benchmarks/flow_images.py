"""Bits per dimension of flows on images: RealNVP, Glow, Glow with noise that looks, whole numbers.

    python benchmarks/flow_images.py [--only digits/Glow ...] [--share 1.0] [--out FILE]

Digits of 17 levels with three seeds, Fashion-MNIST of 256 levels with one; GENUS_DATA names the folder
of the second. `--share 0.01` takes a hundredth of the rounds. Each run is written when it is done, and
a second call goes on with those that are missing.
"""

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import torch

from genus import Run, __version__
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

ROOT = Path(__file__).parent.parent
SEEDS = {"digits": (0, 1, 2), "fashion_mnist": (0,)}
WEIGHED = {"digits": (300, 100), "fashion_mnist": (1000, 20)}  # test rows, and draws for each
DRAWS = {"digits": 16, "fashion_mnist": 1}  # of the bound, for each test row
BATCHES = {"digits": 128, "fashion_mnist": 64}
WEIGHTED = (
    "The noise that dequantises is what is weighted: 100 draws on digits, 20 on the first 1,000 test "
    "rows of Fashion-MNIST."
)
WHOLE = (
    "Couplings of whole numbers, learnt through rounding, lose to none here: many pixels are black, "
    "and a shift takes their pile apart."
)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=[*SYSTEMS])
    parser.add_argument("--share", type=float, default=1.0, help="of the rounds")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/flow_images.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "digits": "1,297 rows to learn, 300 to test; 8 x 8, 17 levels; batch 128; 3 seeds",
        "fashion_mnist": "28 x 28, 256 levels; 10,000 rows to test; batch 64; seed 0",
        "systems": "the recipes' defaults; on Fashion-MNIST without dropout, IDF of 2 scales",
        "rounds": {name: max(1, round(options.share * s.rounds)) for name, s in SYSTEMS.items()},
        "bound": f"test rows, draws of the noise for each: {DRAWS}",
        "weighted": f"test rows and k: {WEIGHED}",
    }
    protocol = json.loads(json.dumps(protocol))
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    for name in options.only:
        data = load(name.split("/")[0])
        for seed in SEEDS[data.name]:
            if f"{name}/{seed}" not in runs:
                found = follow(data, SYSTEMS[name], seed, protocol["rounds"][name])
                runs[f"{name}/{seed}"] = found
                write(options.out, protocol, runs)
                print(f"{name}/{seed}: {found}", flush=True)
    write(options.out, protocol, runs)


def follow(data: Data, system: System, seed: int, rounds: int) -> dict[str, Any]:
    """One training, and what the test rows cost."""
    run = Run(
        rounds=rounds,
        batch=BATCHES[data.name],
        lr=system.lr,
        clip=5.0,
        ema=0.99 if system.rounds > 1 else None,
        seed=seed,
        device="cpu",
        evaluate_every=rounds + 1,
    )
    begun = time.process_time()
    model = system.make(run)
    seconds = time.process_time() - begun
    test = data.test.everything()
    torch.manual_seed(seed)
    rows, k = WEIGHED[data.name]
    with torch.no_grad():
        if "log_prob" in model.promises():
            found = {"bits": bits(data, exact(model, test)), "sign": "="}  # pyright: ignore[reportArgumentType]
        else:
            some = tuple(part[:rows] for part in test)
            loose = bound(model, test, DRAWS[data.name])  # pyright: ignore[reportArgumentType]
            tight = importance_weighted(model, some, k)  # pyright: ignore[reportArgumentType]
            found = {"bits": bits(data, loose), "weighted": bits(data, tight), "sign": "<="}
    begun = time.process_time()
    model.sample(500)  # pyright: ignore[reportCallIssue]
    speed = 500 / (time.process_time() - begun)
    parameters = sum(p.numel() for p in model.parameters())
    return {**found, "seconds": seconds, "parameters": parameters, "samples_per_second": speed}


def bits(data: Data, found: LikelihoodEstimate) -> float:
    return -found.log_p.mean().item() / math.log(2) / data.space.dims


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    rows = []
    for data in SEEDS:
        levels = {"digits": 17, "fashion_mnist": 256}[data]
        rows.append(["all levels alike", data, "0", "0", "0", f"= {math.log2(levels):.3f}", "", ""])
        for name, _ in ((n, s) for n, s in SYSTEMS.items() if n.startswith(f"{data}/")):
            found = [run for key, run in runs.items() if key.rpartition("/")[0] == name]
            if found:
                rows.append(row(name, data, found, protocol["rounds"][name]))
    content = {
        "title": "Flows on images: bits per dimension",
        "command": "python benchmarks/flow_images.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "system",
            "data",
            "parameters",
            "rounds",
            "CPU minutes",
            "bits/dim",
            "bits/dim, importance-weighted",
            "samples/s",
        ],
        "rows": rows,
        "notes": [
            "On test rows; <= is an upper bound, = is exact. Mean and standard deviation over seeds.",
            WEIGHTED,
            "Fashion-MNIST has a budget of a few minutes of one core: these flows still improve.",
            WHOLE,
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def row(name: str, data: str, found: list[dict[str, Any]], rounds: int) -> list[str]:
    sign = found[0]["sign"]
    weighted = [run["weighted"] for run in found if "weighted" in run]
    return [
        name.partition("/")[2],
        data,
        f"{found[0]['parameters']:,}",
        str(rounds),
        f"{statistics.mean(run['seconds'] for run in found) / 60:.1f}",
        f"{sign} {spread([run['bits'] for run in found])}",
        f"<= {spread(weighted)}" if weighted else "",
        f"{statistics.mean(run['samples_per_second'] for run in found):,.0f}",
    ]


def spread(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"


if __name__ == "__main__":
    main()
