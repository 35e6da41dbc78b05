"""Test nats on the fixed binarised MNIST of Larochelle and Murray: one row for each model, with its budget.

Each model is trained by its recipe, for the rounds that stand here; of the checkpoints the one with the
lowest validation nats is scored on all 10,000 test rows. The data are read from the folder GENUS_DATA.
"""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from genus import Run
from genus.autoregressive import EoNADE
from genus.data import load
from genus.recipes.autoregressive import eonade, imagetransformer, made_mnist, nade, pixelsnail
from genus.recipes.autoregressive.gatedpixelcnn import gatedpixelcnn
from genus.recipes.autoregressive.pixelcnn import pixelcnn
from genus.recipes.autoregressive.pixelcnnpp import pixelcnnpp
from genus.recipes.autoregressive.pixelrnn import pixelrnn

from ..bench import Bench, Cell, Cells, Table, Training, nats, size, with_error

DATA = "binarized_mnist"


@dataclass(frozen=True)
class Entry(Training):
    """A row of the table.

    Args:
        published: nats of the source, and which model had them; "" where none was checked.
        orders: number of orders that are averaged on the test rows, of EoNADE.
    """

    published: str = ""
    orders: int = 1


MODELS = {
    "nade": Entry("NADE, 500 units", nade.nade, nade.RUN, published="88.33, NADE"),
    "eonade": Entry(
        "EoNADE, 2 layers of 500 units, 1 order",
        eonade.eonade,
        eonade.RUN,
        {"rows": 250},
        published="84.68, EoNADE",
    ),
    "eonade-long": Entry(
        "EoNADE, the same, 16 orders averaged",
        eonade.eonade,
        replace(eonade.RUN, rounds=160_000, lr=2e-3, ema=0.9995, evaluate_every=16_000),
        {"rows": 500},
        published="84.68, EoNADE, 128 orders",
        orders=16,
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
    "gatedpixelcnn-long": Entry(
        "Gated PixelCNN, 7 layers of 32, windows of 7",
        gatedpixelcnn,
        Run(rounds=48_000, batch=16, lr=6e-3, ema=0.9995, autocast=True, evaluate_every=8000),
        {"layers": 7, "width": 32, "window": 7},
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


BENCH = Bench(
    __file__,
    "Binarised MNIST, test nats",
    "model | weights | rounds | CPU minutes | validation nats | test nats | published",
    {
        "data": "binarized_mnist, fixed: 50,000 rows train, 10,000 validate, 10,000 test",
        "scores": "-log p(x), exact, nats per image; ± one standard error over test rows",
        "checkpoint": "the averaged weights with the lowest validation nats",
        "seed": 0,
    },
    """
    CPU minutes are those of the whole run, with its evaluations; those of EoNADE's 160,000 rounds are
    minutes of the clock, on cores that were shared. Its validation nats, and 93.35 ± 0.26 on the test
    rows, are of 1 order.

    Published figures are of the sources that the models' files name.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, entry in MODELS.items():
        folder = options.weights and options.weights / name
        yield Cell(name, partial(measure, entry, folder), partial(entry.probe, data=DATA))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            entry.label,
            f"{found[name]['weights']:,}",
            entry.budget,
            f"{found[name]['minutes']:.1f}",
            f"{found[name]['validation'][0]:.2f}",
            with_error(*found[name]["test"]),
            entry.published,
        ]
        for name, entry in MODELS.items()
        if name in found
    ]


def measure(entry: Entry, folder: Path | None) -> dict[str, Any]:
    """The model's size, the minutes that it took, and its nats on both held-out splits."""
    model, minutes = entry.trained(folder, data=DATA)
    held, test = (load(DATA).splits[split].everything() for split in ("validation", "test"))
    found = {"weights": size(model), "minutes": minutes, "validation": nats(model, held)}
    if isinstance(model, EoNADE) and entry.orders > 1:
        draw = torch.Generator().manual_seed(0)
        dims = model.space.dims
        model = model.ordered(
            torch.stack([torch.randperm(dims, generator=draw) for _ in range(entry.orders)])
        )
    return found | {"test": nats(model, test)}


if __name__ == "__main__":
    BENCH.main()
