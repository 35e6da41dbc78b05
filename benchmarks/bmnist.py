"""Test nats on the fixed binarised MNIST of Larochelle and Murray: one row for each model, with its budget.

    GENUS_DATA=... python benchmarks/bmnist.py NAME [NAME ...] [--weights DIR] [--out FILE]

NAME is one of `MODELS`. Each model is trained by its recipe, for the rounds that stand here; of the
checkpoints the one with the lowest validation nats is scored on all 10,000 test rows. A row is written
as soon as its model is done, and replaces the one that the model had. Trained models stay in DIR, if it is
named, and a model that is there already is only scored.
"""

import argparse
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch

from genus import Run, __version__
from genus.core import HasLogProb, Model
from genus.data import Data, load
from genus.functional.densities.estimates import mean_error
from genus.recipes.autoregressive import eonade, imagetransformer, made_mnist, nade, pixelsnail
from genus.recipes.autoregressive.gatedpixelcnn import gatedpixelcnn
from genus.recipes.autoregressive.pixelcnn import pixelcnn
from genus.recipes.autoregressive.pixelcnnpp import pixelcnnpp
from genus.recipes.autoregressive.pixelrnn import pixelrnn
from genus.train import artifact

ROOT = Path(__file__).parent.parent
DATA = "binarized_mnist"
ROWS = 250  # that are scored at once
COLUMNS = ["model", "weights", "rounds", "CPU minutes", "validation nats", "test nats", "published"]


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Args:
        label: what the row says.
        recipe: trains the model, given data, options and run.
        run: how long; its `evaluate_every` says how often there is a checkpoint to choose from.
        options: of the recipe.
        published: nats of the source, and which model had them; "" where none was checked.
    """

    label: str
    recipe: Callable[..., Model]
    run: Run
    options: dict[str, Any] = field(default_factory=dict)
    published: str = ""


MODELS = {
    "nade": Entry("NADE, 500 units", nade.nade, nade.RUN, published="88.33, NADE"),
    "eonade": Entry(
        "EoNADE, 2 layers of 500 units, 1 order",
        eonade.eonade,
        eonade.RUN,
        {"rows": 250},
        published="84.68, EoNADE",
    ),
    "made": Entry(
        "MADE, 1 mask, 2,000 units, dropout 0.2",
        made_mnist.made_mnist,
        made_mnist.RUN,
    ),
    "made-deep": Entry(
        "MADE, 1 mask, 2 layers of 1,500 units, dropout 0.3",
        made_mnist.made_mnist,
        Run(rounds=8_000, batch=128, lr=2e-3, ema=0.999, autocast=True, evaluate_every=800),
        {"hidden": (1500, 1500), "dropout": 0.3},
    ),
    "made-masks": Entry(
        "MADE, 16 masks, 2,000 units",
        made_mnist.made_mnist,
        Run(rounds=10_000, batch=128, lr=2e-3, ema=0.999, autocast=True, evaluate_every=1000),
        {"masks": 16, "dropout": 0.0},
        published="86.64, MADE, 32 masks, 2 layers of 8,000 units",
    ),
    "pixelcnn": Entry(
        "PixelCNN, 7 blocks of 32",
        pixelcnn,
        Run(rounds=2500, batch=16, lr=5e-3, ema=0.998, autocast=True, evaluate_every=1250),
        published="81.30, PixelCNN",
    ),
    "gatedpixelcnn": Entry(
        "Gated PixelCNN, 5 layers of 24, windows of 5",
        gatedpixelcnn,
        Run(rounds=8000, batch=16, lr=6e-3, ema=0.998, autocast=True, evaluate_every=2000),
    ),
    "pixelcnnpp": Entry(
        "PixelCNN++, 3 scales, 1 block of 16",
        pixelcnnpp,
        Run(rounds=3000, batch=16, lr=5e-3, ema=0.998, autocast=True, evaluate_every=1500),
        {"width": 16, "scales": 3, "dropout": 0.0},
    ),
    "pixelrnn-row": Entry(
        "PixelRNN, row LSTM, 1 layer of 16",
        pixelrnn,
        Run(rounds=24_000, batch=16, lr=1e-2, clip=1.0, ema=0.999, evaluate_every=2000),
        {"kind": "row"},
    ),
    "pixelrnn-diagonal": Entry(
        "PixelRNN, diagonal BiLSTM, 1 layer of 16",
        pixelrnn,
        Run(rounds=5_500, batch=16, lr=1e-2, clip=1.0, ema=0.999, evaluate_every=1100),
        {"kind": "diagonal"},
        "79.20, 7 layers",
    ),
    "image-transformer": Entry(
        "Image Transformer, 3 layers of 64",
        imagetransformer.imagetransformer,
        imagetransformer.RUN,
        published="79.17, pytorch-generative, 8 layers of 64, other binarisation",
    ),
    "pixelsnail": Entry(
        "PixelSNAIL, 3 blocks of 48",
        pixelsnail.pixelsnail,
        replace(pixelsnail.RUN, rounds=1_200),
        published="78.61, pytorch-generative, 8 blocks of 64, other binarisation",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="+", choices=MODELS, metavar="NAME")
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/bmnist.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(DATA)
    for name in options.names:
        with tempfile.TemporaryDirectory() as spare:
            folder = (options.weights or Path(spare)) / name
            row, figures = measure(MODELS[name], data, folder)
        keep(options.out, name, row, figures)
        print(" | ".join(row), flush=True)


def measure(entry: Entry, data: Data, folder: Path) -> tuple[list[str], dict[str, Any]]:
    """A row of the table, and its figures as numbers."""
    note = folder / "minutes.json"
    if not note.exists():
        begun = time.process_time()
        run = replace(entry.run, out=folder, device="cpu")
        entry.recipe(data=DATA, run=run, **entry.options)
        note.write_text(json.dumps((time.process_time() - begun) / 60))
    minutes = json.loads(note.read_text())
    model = artifact.load(folder / "best").eval()
    nats = {
        split: score(model, data.splits[split].everything()) for split in ("validation", "test")
    }
    weights = sum(p.numel() for p in model.parameters())
    row = [
        entry.label,
        f"{weights:,}",
        f"{entry.run.rounds:,} x {entry.run.batch}",
        f"{minutes:.1f}",
        f"{nats['validation'][0]:.2f}",
        "{:.2f} ± {:.2f}".format(*nats["test"]),
        entry.published,
    ]
    return row, {"weights": weights, "minutes": minutes, "seed": entry.run.seed, **nats}


@torch.no_grad()
def score(model: Model, batch: tuple[torch.Tensor, ...]) -> tuple[float, float]:
    """Mean of -log p, nats, and its standard error."""
    if not isinstance(model, HasLogProb):
        raise SystemExit(f"{type(model).__name__} has no log_prob")
    pieces = zip(*(x.split(ROWS) for x in batch), strict=True)
    return mean_error(torch.cat([-model.log_prob(*piece).double() for piece in pieces]))


def keep(path: Path, name: str, row: list[str], figures: dict[str, Any]) -> None:
    """Writes a row into the table, which several processes may write to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{tempfile.gettempdir()}/genus-bmnist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = json.loads(path.read_text()) if path.exists() else {"runs": {}}
        runs = record["runs"] | {name: {"row": row, **figures}}
        record = {
            "title": "Binarised MNIST, test nats",
            "command": "python benchmarks/bmnist.py NAME",
            "protocol": {
                "data": "binarized_mnist, fixed: 50,000 rows train, 10,000 validate, 10,000 test",
                "scores": "-log p(x), exact, nats per image; ± one standard error over test rows",
                "checkpoint": "the averaged weights with the lowest validation nats",
                "seed": 0,
            },
            "date": date.today().isoformat(),
            "machine": "x86_64 CPU, 1 thread",
            "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
            "columns": COLUMNS,
            "rows": [runs[known]["row"] for known in MODELS if known in runs],
            "notes": [
                "CPU minutes are those of the whole run, with its evaluations.",
                "Published figures are of the sources that the models' files name.",
            ],
            "runs": runs,
        }
        spare = path.with_suffix(f".{os.getpid()}")
        spare.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        spare.replace(path)


if __name__ == "__main__":
    main()
