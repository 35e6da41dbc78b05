"""Images by attention: bits per dimension on digits, and halves of images gone on with.

    python benchmarks/attention.py [NAME ...] [--weights DIR] [--out FILE]
    GENUS_DATA=... python benchmarks/attention.py --weights DIR --bits DIR [--picture FILE]

NAME is one of `MODELS`; without a name, and without --bits, all of them. Of the checkpoints of a run the
one with the lowest validation nats is scored on all test rows. A row is written as soon as its model is
done; trained models stay in DIR, if it is named, and one that is there is only scored. The picture is
drawn if --bits names the folder of models of binarised MNIST (`benchmarks/bmnist.py --weights`).
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

from genus import Run, __version__
from genus.autoregressive import Stepwise
from genus.core import HasLogProb, Model
from genus.data import Data, load
from genus.functional.densities.estimates import mean_error
from genus.measure import evaluate
from genus.recipes.autoregressive.imagetransformer import imagetransformer
from genus.recipes.autoregressive.pixelsnail import pixelsnail
from genus.show import grid
from genus.show.style import canvas, png, style
from genus.train import artifact

ROOT = Path(__file__).parent.parent
SAMPLES = 1000
COLUMNS = [
    "model",
    "weights",
    "rounds",
    "CPU minutes",
    "bits/dim",
    "nats",
    "coverage",
    "right class",
]
RUN = Run(rounds=400, batch=64, lr=3e-3, clip=1.0, ema=0.99, autocast=True, evaluate_every=50)


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    label: str
    recipe: Callable[..., Model]
    options: dict[str, Any] = field(default_factory=dict)


MODELS = {
    "transformer": Entry(
        "Image Transformer, 3 layers of 64", imagetransformer, {"window": 3, "dropout": 0.2}
    ),
    "transformer-alone": Entry(
        "the same, told of no pixels close by", imagetransformer, {"window": 0, "dropout": 0.2}
    ),
    "transformer-classes": Entry(
        "the same with a window, given the class",
        imagetransformer,
        {"window": 3, "dropout": 0.2, "classes": True},
    ),
    "pixelsnail": Entry("PixelSNAIL, 3 blocks of 48, softmax", pixelsnail, {"dropout": 0.2}),
    "pixelsnail-logistics": Entry(
        "the same, 5 logistics", pixelsnail, {"dropout": 0.2, "mixture": 5}
    ),
}
SHOWN = {"image-transformer": "image Transformer", "pixelsnail": "PixelSNAIL"}  # of bits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--bits", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/attention.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/image_attention.png")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(MODELS)):
        raise SystemExit(f"there is no {', '.join(unknown)}; there are {', '.join(MODELS)}")
    torch.set_num_threads(1)
    runs = json.loads(options.out.read_text())["runs"] if options.out.exists() else {}
    for name in options.names or ([] if options.bits else MODELS):
        with tempfile.TemporaryDirectory() as spare:
            runs[name] = measure(MODELS[name], (options.weights or Path(spare)) / name)
        write(options.out, runs)
        print(name, runs[name], flush=True)
    if options.bits:
        draw(options.bits, options.picture)


def measure(entry: Entry, folder: Path) -> dict[str, Any]:
    """The figures of a row."""
    note = folder / "minutes.json"
    if not note.exists():
        begun = time.process_time()
        entry.recipe(data="digits", run=replace(RUN, out=folder, device="cpu"), **entry.options)
        note.write_text(json.dumps((time.process_time() - begun) / 60))
    model = artifact.load(folder / "best").eval()
    data = load("digits").labelled() if entry.options.get("classes") else load("digits")
    nats, error = score(model, data)
    judged = {f.name: f.value for f in evaluate(model, data, samples=SAMPLES)}
    return {
        "weights": sum(p.numel() for p in model.parameters()),
        "minutes": json.loads(note.read_text()),
        "nats": nats,
        "error": error,
        "dims": data.space.dims,
        "coverage": judged["coverage"],
        "right_class": judged.get("right_class"),
    }


@torch.no_grad()
def score(model: Model, data: Data) -> tuple[float, float]:
    """Mean of -log p over test rows, nats, and its standard error."""
    if not isinstance(model, HasLogProb):
        raise SystemExit(f"{type(model).__name__} has no log_prob")
    return mean_error(-model.log_prob(*data.test.everything()).double())


def write(path: Path, runs: dict[str, Any]) -> None:
    content = {
        "title": "Images by attention: digits",
        "command": "python benchmarks/attention.py",
        "protocol": {
            "data": "digits, 8 x 8, 17 levels; 1,297 rows train, 200 validate, 300 test",
            "training": f"{RUN.rounds} rounds of {RUN.batch} rows, Adam {RUN.lr:g}, cosine; average {RUN.ema}",
            "checkpoint": "the averaged weights with the lowest validation nats",
            "scores": "-log p(x) of test rows, exact; ± one standard error",
            "samples": f"{SAMPLES}, seen by the digits' oracle",
            "seed": 0,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": [line(name, runs[name]) for name in MODELS if name in runs],
        "notes": [
            "CPU minutes are those of the whole run, with its evaluations.",
            "Right class: share of samples in which the oracle sees the class that was asked for.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def line(name: str, run: dict[str, Any]) -> list[str]:
    """A row of the table."""
    bit = run["dims"] * math.log(2)
    right = run["right_class"]
    return [
        MODELS[name].label,
        f"{run['weights']:,}",
        f"{RUN.rounds:,} x {RUN.batch}",
        f"{run['minutes']:.1f}",
        f"{run['nats'] / bit:.3f} ± {run['error'] / bit:.3f}",
        f"{run['nats']:.2f}",
        f"{run['coverage']:.2f}",
        "" if right is None else f"{right:.3f}",
    ]


# --- the picture ------------------------------------------------------------------------------


def draw(bits: Path, path: Path) -> None:
    """For each model, samples, and test images whose lower half is drawn, four times each."""
    there = {n: label for n, label in SHOWN.items() if (bits / n / "best/config.json").exists()}
    if not there:
        raise SystemExit(f"{bits} holds none of {', '.join(SHOWN)}")
    test = load("binarized_mnist").test.everything()[0]
    x = test[torch.arange(10) * 1000 + 37]  # rows come class by class
    with style():
        figure = canvas(4.3 * len(there), 5.0)
        places = figure.add_gridspec(2, len(there), height_ratios=(6, 5))
        for column, (name, label) in enumerate(there.items()):
            model = artifact.load(bits / name / "best").eval()
            if not isinstance(model, Stepwise):
                raise SystemExit(f"{name} is not a model that goes on with images")
            torch.manual_seed(0)
            half = x.clone()
            half[:, :, 14:] = 0.5  # grey: not known
            found = [model.complete(x, 14 * 28) for _ in range(4)]
            made = {
                "whole, half, and four ends": torch.cat([x, half, *found]),
                "samples": model.sample(50),
            }
            for row, (what, images) in enumerate(made.items()):
                axes = figure.add_subplot(places[row, column])
                shown = grid(images, model.space, 10)
                axes.imshow(shown, cmap="gray", interpolation="nearest")
                axes.set_axis_off()
                axes.set_title(f"{label}: {what}", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
