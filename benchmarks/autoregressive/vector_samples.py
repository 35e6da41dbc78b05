"""What NADE, MADE and EoNADE draw, and how they complete half an image.

The models are those that autoregressive/bmnist keeps by its --weights. Each has two lines: samples, and test
images of which the model was given the upper half; EoNADE, whose order may be any, was given all but the middle.
"""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus.autoregressive import EoNADE
from genus.autoregressive.stepwise import Stepwise
from genus.data import load
from genus.media.style import canvas
from genus.train import artifact

from ..bench import Bench, Cell, Cells, Table, drawn, given

SHOWN = {
    "nade": "NADE",
    "made": "MADE, 1 mask",
    "made-masks": "MADE, 16 masks",
    "eonade": "EoNADE",
}
COLUMNS = 14
HALF = 14 * 28


BENCH = Bench(
    __file__,
    "What NADE, MADE and EoNADE draw",
    "line of the picture | images",
    {"data": "binarised MNIST, test images", "seed": 0},
    weights="best",
    options={"weights": (Path, "folder of the runs of bmnist")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell("picture", partial(draw, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [[line, str(COLUMNS)] for line in found.get("picture", {}).get("lines", [])]


def draw(options: Namespace) -> dict[str, Any]:
    weights = given(options.weights, "weights")
    torch.manual_seed(0)
    x = load("binarized_mnist").test.everything()[0]
    x = x[:: len(x) // COLUMNS][:COLUMNS]  # they are sorted by their digit
    panels: dict[str, Tensor] = {"test images": x}
    for name, label in SHOWN.items():
        if (weights / name / "best").exists():
            model = artifact.load(weights / name / "best").eval()
            panels[f"{label}: samples"] = model.sample(COLUMNS)
            what, done = completed(model, x)
            panels[f"{label}: {what}"] = done
    return {**drawn(lambda _: lines(panels), "vector_samples", options), "lines": [*panels]}


def lines(panels: dict[str, Tensor]) -> Figure:
    figure = canvas(COLUMNS * 0.5, len(panels) * 0.72)
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (name, images) in zip(axes, panels.items(), strict=True):
        line = torch.cat([*images[:, 0]], 1)
        axis.imshow(line, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(name, fontsize=7, pad=2)
        axis.set_axis_off()
    return figure


def completed(model: Stepwise, x: Tensor) -> tuple[str, Tensor]:
    """What the model was not given, and its images."""
    if not isinstance(model, EoNADE):
        return "the lower half drawn", model.complete(x, HALF)
    middle = torch.zeros(28, 28, dtype=torch.bool)
    middle[9:19, 7:21] = True
    flat = middle.flatten()
    order = torch.cat([(~flat).nonzero()[:, 0], flat.nonzero()[:, 0]])
    known = int((~flat).sum())
    return "the middle drawn", model.ordered(order[None]).complete(x, known)


if __name__ == "__main__":
    BENCH.main()
