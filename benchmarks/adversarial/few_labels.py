"""Digits with two labels a class: what rows without a label are worth to games whose critics classify.

The seed of a run chooses its labels, and its networks' first weights. Settings are those of the recipes, but for the
number of rounds; Improved GAN's weight and noise are the best of seven on validation rows, with labels of seeds 11 to
13. The same critic on its labels alone stands beside them.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from genus import Run
from genus.data import load
from genus.recipes.adversarial.catgan import catgan
from genus.recipes.adversarial.improvedgan import improvedgan
from genus.recipes.vae.m2 import m2

from ..bench import Bench, Cell, Cells, Table, Training, of_seeds, seeded_cells, size, spread

DATA, LABELS = "digits", 20


@dataclass(frozen=True)
class Entry(Training):
    """A row of the table.

    Args:
        seeds: number of draws of labels.
    """

    seeds: int = 3


def run(rounds: int, lr: float = 1e-3) -> Run:
    return Run(rounds=rounds, batch=100, lr=lr, ema=0.99, evaluate_every=rounds)


MODELS = {
    "improved": Entry(
        "Improved GAN, features matched",
        improvedgan,
        run(1500),
        {"labels": LABELS, "weight": 4.0, "noise": 0.5},
    ),
    "minibatch": Entry(
        "Improved GAN, rows compared",
        improvedgan,
        run(1000),
        {"labels": LABELS, "kernels": 25},
    ),
    "catgan": Entry("CatGAN", catgan, run(1000), {"labels": LABELS}),
    "m2": Entry("M2", m2, run(1000), {"labels": LABELS}),
    "alone": Entry(
        "Improved GAN's critic, labels alone",
        improvedgan,
        run(400),
        {"labels": LABELS, "weight": 0.0},
        seeds=10,
    ),
}

BENCH = Bench(
    __file__,
    "Digits with two labels a class",
    "model | weights of what classifies | rounds | CPU minutes | test error, % | best | worst | draws of labels",
    {
        "data": f"{DATA}, 8 x 8: 1,297 rows train, of which {LABELS} with a label, two a class; 300 test",
        "rounds": "of 100 rows",
        "weights": "averaged, decay 0.99; the last",
        "error": "mean ± sd over draws of labels",
    },
    """
    With so few labels, which ones they are matters more than who learns from them: the draws are the same for all.
    """,
    weights="last",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield from seeded_cells(MODELS, measure, options, DATA)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, entry in MODELS.items():
        if runs := of_seeds(found, name):
            errors = [100 * run["error"] for run in runs]
            minutes = sum(run["minutes"] for run in runs) / len(runs)
            table.append(
                [
                    entry.label,
                    f"{runs[0]['weights']:,}",
                    entry.budget,
                    f"{minutes:.1f}",
                    spread(errors),
                    f"{min(errors):.1f}",
                    f"{max(errors):.1f}",
                    str(len(runs)),
                ]
            )
    return table


def measure(entry: Training, folder: Path | None) -> dict[str, Any]:
    """The share of test rows with a wrong class."""
    model, minutes = entry.trained(folder, data=DATA)
    x, labels = load(DATA).labelled().test.everything()
    torch.manual_seed(0)
    with torch.no_grad():
        classify: Callable[[Tensor], Tensor] = cast(Any, model).classify
        wrong = (classify(x).argmax(1) != labels).double().mean().item()
    net = getattr(model, "critic", model)
    return {"error": wrong, "minutes": minutes, "weights": size(net)}


if __name__ == "__main__":
    BENCH.main()
