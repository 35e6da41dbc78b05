"""Test nats on binary tables: NADE, and MADE with one mask and with many.

Each model is trained by its recipe, for the rounds that stand here; of the checkpoints the one with the
lowest validation nats is scored on all test rows. The data are read from the folder GENUS_DATA.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genus import Run
from genus.data import load
from genus.functional.densities.estimates import mean_error
from genus.recipes.autoregressive.made_mnist import made_mnist
from genus.recipes.autoregressive.nade import nade

from ..bench import Bench, Cell, Cells, Table, Training, of_seeds, size, spread

SEEDS = 3
ROWS = 500  # that are scored at once


def run(rounds: int, lr: float) -> Run:
    often = {"evaluate_every": 100, "checkpoint_every": 10**6}
    return Run(rounds=rounds, batch=100, lr=lr, ema=0.99, **often)


MODELS = {
    "nade": Training("NADE, 100 units", nade, run(1_200, 5e-2), {"hidden": 100}),
    "made": Training(
        "MADE, 1 mask, 500 units",
        made_mnist,
        run(1_500, 3e-2),
        {"hidden": (500,), "dropout": 0.2},
    ),
    "narrow": Training(
        "MADE, 1 mask, 50 units", made_mnist, run(1_500, 4e-2), {"hidden": (50,), "dropout": 0.0}
    ),
    "masks": Training(
        "MADE, 64 orders and masks, 500 units",
        made_mnist,
        run(1_500, 4e-2),
        {"hidden": (500,), "dropout": 0.0, "masks": 64, "shuffled": True},
    ),
}


BENCH = Bench(
    __file__,
    "Binary tables, test nats",
    "data | model | weights | rounds | CPU minutes | validation nats | test nats",
    {
        "data": "the tables' own splits; all test rows",
        "scores": "-log p(x), exact, nats per row",
        "checkpoint": "the averaged weights with the lowest nats of up to 1,000 validation rows",
        "optimiser": "AdamW without decay, warmed cosine, 100 rows a round; average 0.99",
        "seeds": SEEDS,
    },
    """
    Mean ± standard deviation over seeds. Over test rows, a mean has a standard error of 0.3 for dna, and 0.02 for
    mushrooms.

    CPU minutes are those of the whole run, with its evaluations.

    Settings were chosen by validation nats on dna and mushrooms, and are the same for all.
    """,
    weights="best",
    options={"data": (["dna", "mushrooms"], "names of tables")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in options.data:
        yield Cell(f"{data} | rates", partial(rates, data))
        for name, entry in MODELS.items():
            for seed in range(SEEDS):
                one = entry.seeded(seed)
                work, probe = partial(measure, data, one), partial(one.probe, data=data)
                yield Cell(f"{data} | {name} | seed {seed}", work, probe)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for data in options.data:
        if figures := found.get(f"{data} | rates"):
            scores = f"{figures['validation']:.2f}", f"{figures['test'][0]:.2f}"
            table.append([data, "independent bits", f"{figures['weights']:,}", "", "", *scores])
        for name, entry in MODELS.items():
            if runs := of_seeds(found, f"{data} | {name}"):
                minutes = sum(run["minutes"] for run in runs) / len(runs)
                scores = (
                    spread([run["validation"] for run in runs]),
                    spread([run["test"][0] for run in runs]),
                )
                weights = f"{runs[0]['weights']:,}"
                table.append([data, entry.label, weights, entry.budget, f"{minutes:.1f}", *scores])
    return table


def rates(name: str) -> dict[str, Any]:
    """Of bits that are independent, each as often 1 as in the training rows."""
    data = load(name)
    (x,) = data.train.everything()
    on = ((x.sum(0) + 1) / (len(x) + 2)).log(), (1 - (x.sum(0) + 1) / (len(x) + 2)).log()

    def score(rows: Tensor) -> Tensor:
        return rows @ on[0] + (1 - rows) @ on[1]

    return {"weights": x.shape[1], **scored(score, name)}


def measure(name: str, entry: Training) -> dict[str, Any]:
    model, minutes = entry.trained(None, data=name)
    return {"weights": size(model), "minutes": minutes, **scored(model.log_prob, name)}


@torch.no_grad()
def scored(log_prob: Callable[[Tensor], Tensor], name: str) -> dict[str, Any]:
    """Nats of the validation rows, and of the test rows with their standard error."""
    held, tested = (
        torch.cat([-log_prob(x) for x in load(name).splits[s].everything()[0].split(ROWS)])
        for s in ("validation", "test")
    )
    return {"validation": held.mean().item(), "test": mean_error(tested)}


if __name__ == "__main__":
    BENCH.main()
