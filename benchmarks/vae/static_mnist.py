"""Latent-variable models on the statically binarised MNIST of Larochelle and Murray: test nats under one estimate.

Each model is trained by its recipe for the rounds that stand here, and validation rows choose its checkpoint. All
are scored by importance weights of 200 draws on the same 1,000 test rows, every tenth, since the file is sorted by
class; rows differ so much that models are compared by the differences of the same rows. What more draws would give
is said by a curve up to 5,000 on 100 of these rows, and by 5,000 draws for all test rows where the networks are
perceptrons. The data are read from the folder GENUS_DATA.
"""

import math
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.core import HasLogWeight, Pixels, promise, sample
from genus.data import load
from genus.functional.densities.estimates import mean_error
from genus.measure.likelihood.likelihood import importance_weighted
from genus.media.style import canvas
from genus.recipes.vae.hierarchical import hierarchical
from genus.recipes.vae.iwae import iwae
from genus.recipes.vae.vae import vae
from genus.recipes.vae.vae_mlp import vae_mlp
from genus.vae import LatentDecoding

from ..bench import (
    Bench,
    Cell,
    Cells,
    Table,
    Training,
    drawn,
    of_seeds,
    seeded_cells,
    sheet,
    size,
    spread,
)

DATA = "binarized_mnist"
EVERY, K = 10, 200  # of the test rows, one in so many is weighed, by so many draws
CURVE = (1, 5, 10, 50, 200, 1000, 5000)  # draws, for every tenth of these rows


@dataclass(frozen=True)
class Entry(Training):
    """A row of the table.

    Args:
        seeds: number of runs.
        beside: name of the model with which its rows are compared.
        thorough: whether all test rows are also weighed by the longest draw of the curve.
    """

    seeds: int = 1
    beside: str = ""
    thorough: bool = False


def run(rounds: int, lr: float = 1e-3, every: int = 2000) -> Run:
    return Run(rounds=rounds, batch=128, lr=lr, ema=0.999, evaluate_every=every)


CLASSIC: Mapping[str, Any] = {"latent": 50, "width": 200, "dropout": 0.0}

MODELS = {
    "vae-conv": Entry(
        "VAE, convolutions, latent 32",
        vae,
        run(3750, lr=2e-3, every=250),
        {"latent": 32, "width": 24, "dropout": 0.0},
    ),
    "hierarchical": Entry(
        "HierarchicalVAE, 3 scales, 5 groups",
        hierarchical,
        replace(run(18_000, lr=2e-3, every=1000), clip=200.0),
        {
            "groups": (1, 2, 2),
            "latents": (4, 8, 16),
            "widths": (48, 64, 96),
            "blocks": (3, 1, 2),
            "patch": 4,
            "dropout": 0.1,
            "free": 0.0,
            "warm_up": 3000,
        },
    ),
    "vae": Entry(
        "VAE, perceptrons 200, latent 50",
        vae_mlp,
        run(220_000),
        CLASSIC,
        seeds=3,
        thorough=True,
    ),
    "iwae": Entry(
        "IWAE, k = 5, the same perceptrons",
        iwae,
        run(58_000),
        CLASSIC,
        seeds=3,
        beside="vae",
        thorough=True,
    ),
}

BENCH = Bench(
    __file__,
    "Latent-variable models on statically binarised MNIST, test nats",
    "model | weights | rounds | CPU minutes | k = 1 | k = 200 | less than beside | k = 5,000, 100 rows | less than at 200 | k = 5,000, all rows | active units",
    {
        "data": "binarized_mnist, fixed (static): 50,000 rows train, 10,000 validation, 10,000 test",
        "k = 1, k = 200": f"test rows 0, {EVERY}, {2 * EVERY} ... (1,000 rows); nats per row; mean ± sd over seeds",
        "k = 5,000": "test rows 0, 100, 200 ... (100 rows), beside the same rows at k = 200",
        "weights": "averaged, decay 0.999; the checkpoint of the best validation bound, which for IWAE is that of its own k",
    },
    """
    All are bounds from above of -log p in expectation (<=): the importance-weighted ones from below of log p, tighter
    as k grows; figures at different k stand in different columns. "less than beside" is the mean of the differences
    of the same rows from the model named, ± its own standard error, the first seeds of both. A unit is active
    where its mean of q(z | x) varies by more than 0.01 over the rows.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield from seeded_cells(MODELS, measure, options, DATA)
    yield Cell("picture of samples", partial(drawn, samples, "static_mnist_samples", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, entry in MODELS.items():
        if not (runs := of_seeds(found, name)):
            continue
        others = of_seeds(found, entry.beside) if entry.beside else []
        first, at = runs[0], CURVE.index(K)
        table.append(
            [
                entry.label,
                f"{first['weights']:,}",
                entry.budget,
                f"{sum(run['minutes'] for run in runs) / len(runs):.0f}",
                f"<= {spread([run['bound'] for run in runs])}",
                f"<= {spread([mean(run['rows']) for run in runs])}",
                less(others[0], first, MODELS[entry.beside].label) if others else "",
                f"<= {first['curve'][-1]:.2f}",
                f"{first['curve'][at] - first['curve'][-1]:.2f}",
                f"<= {first['all']:.2f}" if first["all"] is not None else "",
                f"{first['active']} of {first['latent']}",
            ]
        )
    return table


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def less(one: Any, other: Any, label: str) -> str:
    """By how many nats the second model needs less than the first, over the same rows."""
    gaps = torch.tensor(one["rows"]) - torch.tensor(other["rows"])
    value, error = mean_error(gaps)
    return f"{value:.2f} ± {error:.2f}: {label.split(',')[0]}"


def measure(entry: Entry, folder: Path | None) -> dict[str, Any]:
    """The size of a model, the minutes that it took, and its estimates."""
    model, minutes = entry.trained(folder, data=DATA)
    weighed = promise(model, HasLogWeight)
    assert weighed is not None
    test = load(DATA).test.everything()[0]
    few = test[::EVERY]
    torch.manual_seed(0)
    with torch.no_grad():
        each = -importance_weighted(weighed, (few,), K).log_p
        codes = model.encode(few)
        return {
            "weights": size(model),
            "minutes": minutes,
            "bound": -torch.stack([weighed.log_weight(few) for _ in range(100)]).mean().item(),
            "every": EVERY,
            "rows": [round(value, 3) for value in each.tolist()],
            "curve": curve(weighed, few[::EVERY]),
            "all": all_rows(weighed, test) if entry.thorough else None,
            "active": int((codes.var(0) > 0.01).sum()),
            "latent": codes.shape[1],
        }


def all_rows(model: HasLogWeight, test: Tensor) -> float:
    return -importance_weighted(model, (test,), CURVE[-1]).log_p.mean().item()


def curve(model: HasLogWeight, x: Tensor) -> list[float]:
    """Mean nats at each number of draws: of the smaller ones the mean over all groups of so many."""
    log_w = torch.stack([model.log_weight(x).double() for _ in range(CURVE[-1])])  # (draws, n)
    return [
        -torch.stack([group.logsumexp(0) - math.log(k) for group in log_w.split(k)]).mean().item()
        for k in CURVE
    ]


def samples(options: Namespace) -> Figure:
    """Means of p(x | z) of 96 draws of the hierarchical model's prior."""
    entry = MODELS["hierarchical"].seeded(0)
    model, _ = entry.trained(options.weights and options.weights / "hierarchical-0", data=DATA)
    torch.manual_seed(0)
    x = sample(model, 96, decoding=LatentDecoding(mean=True))
    figure = canvas(7.2, 2.8)
    sheet(figure.subplots(1, 1), 2 * x - 1, Pixels((1, 28, 28)), 16, "")
    return figure


if __name__ == "__main__":
    BENCH.main()
