"""Pixels of more than two levels: bits per dimension of PixelCNN++ and Gated PixelCNN, and a picture.

The picture is of the models in --weights and of one of binarised MNIST in --bits: samples, and the lower
halves of test images drawn three times each.
"""

import math
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from genus import Run
from genus.data import load
from genus.measure import evaluate
from genus.media.style import canvas
from genus.recipes.autoregressive.gatedpixelcnn import gatedpixelcnn
from genus.recipes.autoregressive.pixelcnnpp import RUN, pixelcnnpp
from genus.train import artifact

from ..bench import Bench, Cell, Cells, Table, Training, drawn, given, nats, sheet, size, with_error

SAMPLES = 1000


MODELS = {
    "digits": Training("PixelCNN++", pixelcnnpp, RUN, {"data": "digits"}),
    "digits-classes": Training(
        "Gated PixelCNN, told the class",
        gatedpixelcnn,
        Run(rounds=1500, batch=32, lr=3e-3, ema=0.99, autocast=True, evaluate_every=100),
        {"data": "digits", "classes": True, "layers": 4, "width": 32, "window": 5, "size": 3},
    ),
    "fashion": Training(
        "PixelCNN++",
        pixelcnnpp,
        Run(rounds=2500, batch=16, lr=5e-3, ema=0.998, autocast=True),
        {"data": "fashion_mnist", "width": 16, "scales": 3, "components": 10, "dropout": 0.0},
    ),
}


BENCH = Bench(
    __file__,
    "Models of pixels of several levels: bits per dimension, exactly",
    "model | data | weights | rounds | CPU minutes | bits/dim | nats | right class",
    {
        "digits": "8 x 8, 17 levels; 1,297 rows train, 200 validate, 300 test",
        "fashion_mnist": "28 x 28, 256 levels; 10,000 test rows",
        "scores": "-log p(x), or -log p(x | class), exact; ± one standard error over test rows",
        "checkpoint": "the averaged weights with the lowest validation nats",
        "right class": f"{SAMPLES} samples, labels as in the test rows; the oracle that ships",
        "seed": 0,
    },
    """
    CPU minutes are those of the whole run, with its evaluations, under bfloat16 autocast.

    Each row is one training of a few minutes, with one seed.
    """,
    weights="best",
    options={
        "weights": (Path, "folder in which runs are kept and continued"),
        "bits": (Path, "folder of one run of bmnist, for the picture"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, entry in MODELS.items():
        folder = options.weights and options.weights / name
        yield Cell(name, partial(measure, entry, folder), entry.probe)
    yield Cell("picture", partial(drawn, draw, "pixelcnn", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            entry.label,
            entry.options["data"],
            f"{run['weights']:,}",
            entry.budget,
            f"{run['minutes']:.1f}",
            f"{run['bits']:.3f}",
            with_error(run["nats"], run["error"]),
            with_error(*run["right class"], 3) if "right class" in run else "",
        ]
        for name, entry in MODELS.items()
        if (run := found.get(name))
    ]


def measure(entry: Training, folder: Path | None) -> dict[str, Any]:
    """The figures of a model."""
    model, minutes = entry.trained(folder)
    data = load(entry.options["data"])
    data = data.labelled() if entry.options.get("classes") else data
    mean, error = nats(model, data.test.everything())
    found = {"weights": size(model), "minutes": minutes, "nats": mean, "error": error}
    found["bits"] = mean / data.space.dims / math.log(2)
    if model.context_space is not None:
        torch.manual_seed(0)
        figures = {f.name: f for f in evaluate(model, data, samples=SAMPLES)}
        found["right class"] = figures["right_class"].value, figures["right_class"].error or 0
    return found


def draw(options: Namespace) -> Figure:
    """Samples of all models, and test images whose lower half is drawn."""
    bits, weights = given(options.bits, "bits"), given(options.weights, "weights")
    torch.manual_seed(0)
    model = artifact.load(bits / "best" if (bits / "best").exists() else bits).eval()
    classes = artifact.load(weights / "digits-classes/best").eval()
    last = "fashion" if (weights / "fashion/best").exists() else "digits"
    levels = artifact.load(weights / last / "best").eval()
    x = load("binarized_mnist").test.everything()[0][::1000]  # they lie digit by digit
    known = x.clone()
    known[:, :, 14:] = 0.5
    ends = [model.complete(x, model.space.dims // 2) for _ in range(3)]
    of = f"binarised MNIST, {type(model).__name__}"
    labels = torch.arange(10).repeat(5)
    panels = [
        (
            f"{of}: test rows, their halves, three continuations",
            torch.cat([x, known, *ends]),
            model,
        ),
        (f"{of}: samples", model.sample(50), model),
        (
            "digits, Gated PixelCNN given the class: samples",
            classes.sample(context=labels),
            classes,
        ),
        (f"{MODELS[last].options['data']}, PixelCNN++: samples", levels.sample(50), levels),
    ]
    figure = canvas(9.6, 5.6)
    for i, (title, images, of) in enumerate(panels):
        sheet(figure.add_subplot(2, 2, i + 1), images, of.space, title=title)
    return figure


if __name__ == "__main__":
    BENCH.main()
