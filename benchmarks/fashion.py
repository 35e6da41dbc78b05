"""DCGAN, SNGAN and R3GAN on Fashion-MNIST, each given about the same processor time of one core.

    python benchmarks/fashion.py ORACLE [--only DCGAN ...] [--share 1.0] [--seed 0]

ORACLE is the folder of `genus fit oracle --data fashion_mnist --out ORACLE`; GENUS_DATA names the folder
of the data. Rounds are such that each system takes about five minutes of one core; `--share 0.1` takes
a tenth of them. Each row is written to benchmarks/results/fashion.json as soon as it is measured, and
what is there is kept; samples are drawn into docs/pictures/fashion_<name>.png.
"""

import argparse
import fcntl
import json
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

import genus
from genus.core import Model
from genus.data import load
from genus.measure import evaluate, oracle
from genus.measure.figures import Figure
from genus.recipes.adversarial.dcgan import dcgan
from genus.recipes.adversarial.r3gan import r3gan
from genus.recipes.adversarial.sngan import sngan
from genus.show import picture
from genus.train.run import Run

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "fashion.json"
PICTURES = HERE.parent / "docs" / "pictures"
DATA = "fashion_mnist"
SAMPLES = 5000
SYSTEMS: dict[str, tuple[int, Callable[[Run], Model]]] = {  # rounds, and the recipe
    "DCGAN": (3500, lambda run: dcgan(DATA, latent=64, width=32, coarsest=4, run=run)),
    "SNGAN": (1200, lambda run: sngan(DATA, latent=64, width=32, critic_width=32, run=run)),
    "R3GAN": (700, lambda run: r3gan(DATA, latent=64, width=32, blocks=1, run=run)),
}
RATES = {"DCGAN": 1e-3, "SNGAN": 1e-3, "R3GAN": 3e-3}
BATCHES = {"DCGAN": 64, "SNGAN": 64, "R3GAN": 32}
MEASURES = {"frechet": 2, "kernel_distance": 3, "precision": 3, "recall": 3, "coverage": 3}
COLUMNS = ["System", "Parameters", "Rounds", "Minutes of a core"]
COLUMNS += ["Frechet", "Kernel distance", "Precision", "Recall", "Coverage"]
NOTES = [
    (
        "Distances are taken in the features of the named oracle; FID, which wants the Inception "
        "network, was not measured: these figures may not stand beside published ones."
    ),
    "Minutes are processor time of the process, on cores that were shared with other work.",
    "The floor is what as many training images score in the place of samples.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("oracle", type=Path, help="folder of an oracle of fashion_mnist")
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=[*SYSTEMS])
    parser.add_argument("--share", type=float, default=1.0, help="of the rounds")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(DATA)
    oracle(options.oracle).suits(data.space)  # else this stops before the work, not after it
    for name in options.only:
        rounds, make = SYSTEMS[name]
        rounds = max(1, round(options.share * rounds))
        run = Run(
            rounds=rounds,
            batch=BATCHES[name],
            lr=RATES[name],
            ema=0.998 if rounds > 1000 else 0.99,
            seed=options.seed,
            device="cpu",
            evaluate_every=rounds + 1,
        )
        start = time.process_time()
        model = make(run)
        minutes = (time.process_time() - start) / 60
        PICTURES.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        picture(model, PICTURES / f"fashion_{name.lower()}.png", 64)
        figures = {
            f.name: f for f in evaluate(model, data, samples=SAMPLES, oracle=oracle(options.oracle))
        }
        count = sum(p.numel() for p in model.parameters())
        cells = [name, f"{count:,}", f"{rounds:,}", f"{minutes:.1f}"]
        row = cells + [f"{figures[key].value:.{d}f}" for key, d in MEASURES.items()]
        print(*row, sep="  ", flush=True)
        write(row, figures, options.seed)


def write(row: list[str], figures: dict[str, Figure], seed: int) -> None:
    """Puts the row beside those that are there, in the order of `SYSTEMS`, below the floor."""
    RESULTS.parent.mkdir(exist_ok=True)
    with (Path(tempfile.gettempdir()) / "genus-fashion.lock").open(
        "w"
    ) as lock:  # two may run at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
        floors = (figures[key].floor for key in MEASURES)
        floor = ["Real images", "", "", ""]
        floor += [
            "" if value is None else f"{value:.{d}f}"
            for value, d in zip(floors, MEASURES.values(), strict=True)
        ]
        known = {line[0]: line for line in old} | {floor[0]: floor, row[0]: row}
        rows = [known[name] for name in ("Real images", *SYSTEMS) if name in known]
        content: dict[str, Any] = {
            "title": "Fashion-MNIST, five minutes of a core",
            "command": "python benchmarks/fashion.py ORACLE",
            "protocol": dict(figures["frechet"].protocol)
            | {
                "batch": BATCHES,
                "lr": RATES,
                "seed": seed,
                "samples": SAMPLES,
                "weights": "averaged",
            },
            "date": date.today().isoformat(),
            "machine": f"{platform.machine()} CPU, 1 thread",
            "versions": {"genus": genus.__version__, "torch": torch.__version__},
            "columns": COLUMNS,
            "rows": rows,
            "notes": NOTES,
        }
        RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
