"""Images by attention: bits per dimension on digits, and halves of images that are completed.

Of the checkpoints of a run the one with the lowest validation nats is scored on all test rows. The
picture is of the models of binarised MNIST that autoregressive/bmnist keeps by its --weights.
"""

import math
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from genus import Run
from genus.core import Model
from genus.data import load
from genus.measure import evaluate
from genus.media.style import canvas
from genus.recipes.autoregressive.imagetransformer import imagetransformer
from genus.recipes.autoregressive.pixelsnail import pixelsnail
from genus.train import artifact

from ..bench import (
    Bench,
    Cell,
    Cells,
    Table,
    Training,
    drawn,
    given,
    nats,
    of_seeds,
    sheet,
    size,
    spread,
)

SAMPLES, SEEDS = 1000, 3
RUN = Run(rounds=400, batch=64, lr=3e-3, clip=1.0, ema=0.99, autocast=True, evaluate_every=50)


def entry(label: str, recipe: Callable[..., Model], **options: Any) -> Training:
    return Training(label, recipe, RUN, {"data": "digits", "dropout": 0.2, **options})


MODELS = {
    "transformer": entry("Image Transformer, 3 layers of 64", imagetransformer, window=3),
    "transformer-alone": entry("the same, told of no pixels close by", imagetransformer, window=0),
    "transformer-classes": entry(
        "the same with a window, given the class", imagetransformer, window=3, classes=True
    ),
    "pixelsnail": entry("PixelSNAIL, 3 blocks of 48, softmax", pixelsnail),
    "pixelsnail-logistics": entry("the same, 5 logistics", pixelsnail, mixture=5),
}
SHOWN = {"image-transformer": "image Transformer", "pixelsnail": "PixelSNAIL"}  # of bits


BENCH = Bench(
    __file__,
    "Images by attention: digits",
    "model | weights | rounds | CPU minutes | bits/dim | nats | coverage | right class",
    {
        "data": "digits, 8 x 8, 17 levels; 1,297 rows train, 200 validate, 300 test",
        "training": f"{RUN.rounds} rounds of {RUN.batch} rows, Adam {RUN.lr:g}, cosine; average {RUN.ema}",
        "checkpoint": "the averaged weights with the lowest validation nats",
        "scores": "-log p(x) of test rows, exact",
        "samples": f"{SAMPLES}, seen by the digits' oracle",
        "seeds": SEEDS,
    },
    """
    Mean ± standard deviation over seeds; over test rows, nats have a standard error of 0.6.

    CPU minutes are those of a whole run, with its evaluations.

    Right class: share of samples in which the oracle sees the class that was asked for.
    """,
    weights="best",
    options={
        "weights": (Path, "folder in which runs are kept and continued"),
        "bits": (Path, "folder of the runs of bmnist, for the picture"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, entry in MODELS.items():
        for seed in range(SEEDS):
            one = entry.seeded(seed)
            folder = options.weights and options.weights / f"{name}-{seed}"
            yield Cell(f"{name} | seed {seed}", partial(measure, one, folder), one.probe)
    yield Cell("picture", partial(drawn, draw, "image_attention", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, entry in MODELS.items():
        if not (runs := of_seeds(found, name)):
            continue

        def over(figure: str, digits: int, runs: list[Any] = runs) -> str:
            values = [run[figure] for run in runs if run[figure] is not None]
            return spread(values, digits) if values else ""

        table.append(
            [
                entry.label,
                f"{runs[0]['weights']:,}",
                entry.budget,
                f"{sum(run['minutes'] for run in runs) / len(runs):.1f}",
                *(over(figure, digits) for figure, digits in FIGURES.items()),
            ]
        )
    return table


FIGURES = {"bits": 3, "nats": 2, "coverage": 3, "right_class": 3}


def measure(entry: Training, folder: Path | None) -> dict[str, Any]:
    """The figures of a row."""
    model, minutes = entry.trained(folder)
    data = load("digits").labelled() if entry.options.get("classes") else load("digits")
    judged = {f.name: f.value for f in evaluate(model, data, samples=SAMPLES)}
    mean, error = nats(model, data.test.everything())
    return {
        "weights": size(model),
        "minutes": minutes,
        "nats": mean,
        "error": error,
        "bits": mean / data.space.dims / math.log(2),
        "coverage": judged["coverage"],
        "right_class": judged.get("right_class"),
    }


def draw(options: Namespace) -> Figure:
    """For each model, samples, and test images whose lower half is drawn, four times each."""
    bits = given(options.bits, "bits")
    test = load("binarized_mnist").test.everything()[0]
    x = test[torch.arange(10) * 1000 + 37]  # rows come class by class
    figure = canvas(4.3 * len(SHOWN), 5.0)
    places = figure.add_gridspec(2, len(SHOWN), height_ratios=(6, 5))
    for column, (name, label) in enumerate(SHOWN.items()):
        model = artifact.load(bits / name / "best").eval()
        torch.manual_seed(0)
        half = x.clone()
        half[:, :, 14:] = 0.5  # grey: not known
        ends = [model.complete(x, 14 * 28) for _ in range(4)]
        panels = {
            "whole, half, and four ends": torch.cat([x, half, *ends]),
            "samples": model.sample(50),
        }
        for row, (what, images) in enumerate(panels.items()):
            axes = figure.add_subplot(places[row, column])
            sheet(axes, images, model.space, title=f"{label}: {what}")
    return figure


if __name__ == "__main__":
    BENCH.main()
