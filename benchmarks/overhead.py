"""What `fit` costs over the bare loop, and what `import genus` costs over `import torch`.

    python benchmarks/overhead.py [--rounds 400] [--repeats 7]

The same model, data and optimiser, side by side in one process: a loop written by hand that only
draws a batch, computes the loss and steps; and `fit` with logging, averaged weights and learning-rate
schedule on. The two take turns; medians are compared. Writes benchmarks/results/overhead.json.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from genus.autoregressive import MADE
from genus.core import Model
from genus.data import load
from genus.nn import ConvDecoder, ConvEncoder
from genus.train.fit import adam, fit
from genus.train.run import Run
from genus.train.schedules import cosine
from genus.vae import VAE

RESULTS = Path(__file__).parent / "results" / "overhead.json"
SPACE = load("digits").space
SHAPE = (1, 8, 8)


def made(width: int) -> Model:
    """Few numbers a parameter: what moves weights weighs most here."""
    return MADE(SPACE, hidden=(width,))


def vae(width: int) -> Model:
    """Many numbers a parameter, as in most networks of images."""
    encoder, decoder = ConvEncoder(SHAPE, 16, width), ConvDecoder(8, (2, 8, 8), width)
    return VAE(SPACE, 8, encoder, decoder)


MODELS = {  # rounds from two to some tens of ms
    "MADE, 16 hidden": lambda: made(16),
    "MADE, 128 hidden": lambda: made(128),
    "VAE, 8 channels": lambda: vae(8),
    "VAE, 16 channels": lambda: vae(16),
    "VAE, 32 channels": lambda: vae(32),
    "MADE, 1024 hidden": lambda: made(1024),
    "MADE, 3072 hidden": lambda: made(3072),
}


def by_hand(model: Model, rounds: int) -> float:
    """Seconds a round of the bare loop."""
    data = load("digits").train
    optimizer = adam(1e-3)("model", list(model.parameters()))
    start = time.perf_counter()
    for number in range(rounds):
        (x,) = data.batch(number, 128, 0)
        loss = torch.stack([*model.loss(x).values()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - start) / rounds


def by_fit(model: Model, rounds: int) -> float:
    """Seconds a round of `fit`, logging and averaging; its checkpoints at begin and end are taken off."""
    data = load("digits").train
    with tempfile.TemporaryDirectory() as folder:

        def run(count: int) -> float:
            plan = Run(rounds=count, ema=0.99, out=Path(folder) / str(count), device="cpu")
            start = time.perf_counter()
            fit(model, data, plan, schedule=cosine)
            return time.perf_counter() - start

        return (run(rounds) - run(0)) / rounds


def seconds_to_import(what: str) -> float:
    """Seconds of `import what` in a new process, the interpreter's own start taken off."""
    code = f"import time; t = time.perf_counter(); import {what}; print(time.perf_counter() - t)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(out.stdout)


def median(measure: Callable[[], float], repeats: int) -> float:
    return statistics.median(measure() for _ in range(repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=400, help="rounds of the smallest model")
    parser.add_argument("--repeats", type=int, default=7, help="times that each is measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, make in MODELS.items():
        seconds = by_hand(make(), 10)
        rounds = max(20, min(options.rounds, round(1 / seconds)))
        bare, whole = [], []
        for _ in range(options.repeats):
            bare.append(by_hand(make(), rounds))
            whole.append(by_fit(make(), rounds))
        one, other = statistics.median(bare), statistics.median(whole)
        rows.append(
            {
                "model": name,
                "parameters": sum(p.numel() for p in make().parameters()),
                "bare_ms": round(1e3 * one, 4),
                "fit_ms": round(1e3 * other, 4),
                "added_ms": round(1e3 * (other - one), 4),
                "ratio": round(
                    statistics.median(b / a for a, b in zip(bare, whole, strict=True)), 4
                ),
            }
        )
        print(rows[-1])
    imports = {
        what: round(median(lambda what=what: seconds_to_import(what), options.repeats), 3)
        for what in (
            "torch",
            "genus",
            "torch, genus.running, genus.data, genus.measure, genus.flow",
        )
    }
    print(imports)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {
                "protocol": "digits, batch 128, fused Adam, float32, one thread; medians of "
                f"{options.repeats}; fit with log_every 50, ema 0.99, cosine schedule",
                "date": date.today().isoformat(),
                "machine": f"{platform.machine()}, CPU, one thread of {torch.get_num_threads()}",
                "versions": {"torch": torch.__version__, "python": platform.python_version()},
                "rounds": rows,
                "import_seconds": imports,
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
