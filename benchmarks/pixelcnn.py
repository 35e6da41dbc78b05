"""Pixels of more than two levels: bits per dimension of PixelCNN++ and Gated PixelCNN, and a picture.

    GENUS_DATA=... python benchmarks/pixelcnn.py [NAME ...] [--weights DIR] [--out FILE]
                                                 [--bits DIR] [--picture FILE]

NAME is one of `MODELS`; trained models stay in DIR, if it is named, and one that is there is only scored. A
row is written as soon as its model is done. The picture is drawn if --bits names the folder of a model of
binarised MNIST (`benchmarks/bmnist.py --weights`), and the other models are in --weights: samples, and the
lower halves of test images drawn three times each.
"""

import argparse
import json
import math
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus import Run, __version__
from genus.autoregressive import Stepwise
from genus.core import HasLogProb, Model
from genus.data import Data, load
from genus.functional.densities.estimates import mean_error
from genus.measure import evaluate
from genus.recipes.autoregressive.gatedpixelcnn import gatedpixelcnn
from genus.recipes.autoregressive.pixelcnnpp import pixelcnnpp
from genus.show import grid
from genus.show.style import canvas, png, style
from genus.train import artifact

ROOT = Path(__file__).parent.parent
ROWS, SAMPLES = 250, 1000
COLUMNS = ["model", "data", "weights", "rounds", "CPU minutes", "bits/dim", "nats", "right class"]


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    label: str
    data: str
    recipe: Callable[..., Model]
    run: Run
    options: dict[str, Any] = field(default_factory=dict)


MODELS = {
    "digits": Entry(
        "PixelCNN++",
        "digits",
        pixelcnnpp,
        Run(rounds=2000, batch=32, lr=3e-3, ema=0.998, autocast=True, evaluate_every=500),
    ),
    "digits-classes": Entry(
        "Gated PixelCNN, told the class",
        "digits",
        gatedpixelcnn,
        Run(rounds=1500, batch=32, lr=3e-3, ema=0.99, autocast=True, evaluate_every=100),
        {"classes": True, "layers": 4, "width": 32, "window": 5, "size": 3},
    ),
    "fashion": Entry(
        "PixelCNN++",
        "fashion_mnist",
        pixelcnnpp,
        Run(rounds=2500, batch=16, lr=5e-3, ema=0.998, autocast=True),
        {"width": 16, "scales": 3, "components": 10, "dropout": 0.0},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/pixelcnn.json")
    parser.add_argument("--bits", type=Path, default=None)
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/pixelcnn.png")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODELS):
        raise SystemExit(f"there is no {', '.join(unknown)}; there are {', '.join(MODELS)}")
    torch.set_num_threads(1)
    for name in options.names:
        with tempfile.TemporaryDirectory() as spare:
            folder = (options.weights or Path(spare)) / name
            run = measure(MODELS[name], folder)
        write(options.out, name, run)
        print(name, run, flush=True)
    if options.bits is not None and options.weights is not None:
        draw(options.bits, options.weights, options.picture)


def data_of(entry: Entry) -> Data:
    data = load(entry.data)
    return data.labelled() if entry.options.get("classes") else data


def measure(entry: Entry, folder: Path) -> dict[str, Any]:
    """The figures of a model."""
    note = folder / "minutes.json"
    if not note.exists():
        begun = time.process_time()
        run = replace(entry.run, out=folder, device="cpu")
        entry.recipe(data=entry.data, run=run, **entry.options)
        note.write_text(json.dumps((time.process_time() - begun) / 60))
    data, model = data_of(entry), artifact.load(folder / "best").eval()
    nats, error = score(model, data.test.everything())
    found = {
        "weights": sum(p.numel() for p in model.parameters()),
        "minutes": json.loads(note.read_text()),
        "nats": nats,
        "error": error,
        "bits": nats / data.space.dims / math.log(2),
    }
    if model.context_space is not None:
        torch.manual_seed(0)
        figures = {f.name: f for f in evaluate(model, data, samples=SAMPLES)}
        found["right class"] = figures["right_class"].value
        found["right class error"] = figures["right_class"].error
    return found


@torch.no_grad()
def score(model: Model, batch: tuple[Tensor, ...]) -> tuple[float, float]:
    """Mean of -log p, nats, and its standard error."""
    if not isinstance(model, HasLogProb):
        raise SystemExit(f"{type(model).__name__} has no log_prob")
    pieces = zip(*(x.split(ROWS) for x in batch), strict=True)
    return mean_error(torch.cat([-model.log_prob(*piece).double() for piece in pieces]))


def write(path: Path, name: str, run: dict[str, Any]) -> None:
    record = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    runs = record["runs"] | {name: run}
    content = {
        "title": "Models of pixels of several levels: bits per dimension, exactly",
        "command": "python benchmarks/pixelcnn.py NAME",
        "protocol": {
            "digits": "8 x 8, 17 levels; 1,297 rows train, 200 validate, 300 test",
            "fashion_mnist": "28 x 28, 256 levels; 10,000 test rows",
            "scores": "-log p(x), or -log p(x | class), exact; ± one standard error over test rows",
            "checkpoint": "the averaged weights with the lowest validation nats",
            "right class": f"{SAMPLES} samples, labels as in the test rows; the oracle that ships",
            "seed": 0,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": [line(MODELS[known], runs[known]) for known in MODELS if known in runs],
        "notes": [
            "CPU minutes are those of the whole run, with its evaluations, under bfloat16 autocast.",
            "Each row is one training of a few minutes, with one seed.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def line(entry: Entry, run: dict[str, Any]) -> list[str]:
    right = ""
    if "right class" in run:
        right = f"{run['right class']:.3f} ± {run['right class error'] or 0:.3f}"
    return [
        entry.label,
        entry.data,
        f"{run['weights']:,}",
        f"{entry.run.rounds:,} x {entry.run.batch}",
        f"{run['minutes']:.1f}",
        f"{run['bits']:.3f}",
        f"{run['nats']:.2f} ± {run['error']:.2f}",
        right,
    ]


# --- the picture ------------------------------------------------------------------------------


def draw(bits: Path, weights: Path, path: Path) -> None:
    """Samples of all models, and test images whose lower half is drawn."""
    torch.manual_seed(0)
    model = artifact.load(bits / "best" if (bits / "best").exists() else bits).eval()
    if not isinstance(model, Stepwise):
        raise SystemExit(f"{bits} holds no model that draws value by value")
    told = artifact.load(weights / "digits-classes/best").eval()
    last = "fashion" if (weights / "fashion/best").exists() else "digits"
    levels = artifact.load(weights / last / "best").eval()
    if not (told.context_space is not None) or not isinstance(levels, Stepwise):
        raise SystemExit(f"{weights} holds other models")
    x = load("binarized_mnist").test.everything()[0][::1000]  # they lie digit by digit
    half = model.space.dims // 2
    known = x.clone()
    known[:, :, 14:] = 0.5
    halves = torch.cat([x, known, *(model.complete(x, half) for _ in range(3))])
    pictures = [
        (
            f"binarised MNIST, {type(model).__name__}: test rows, their halves, three continuations",
            halves,
            model,
        ),
        (f"binarised MNIST, {type(model).__name__}: samples", model.sample(50), model),
        (
            "digits, Gated PixelCNN told the class: samples",
            told.sample(context=torch.arange(10).repeat(5)),
            told,
        ),
        (f"{MODELS[last].data}, PixelCNN++: samples", levels.sample(50), levels),
    ]
    with style():
        figure = canvas(9.6, 5.6)
        for i, (title, images, of) in enumerate(pictures):
            axes = figure.add_subplot(2, 2, i + 1)
            axes.imshow(grid(images, of.space, 10), cmap="gray", interpolation="nearest")
            axes.set_axis_off()
            axes.set_title(title, fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
