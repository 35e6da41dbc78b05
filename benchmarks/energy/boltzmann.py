"""Boltzmann machines on the fixed binarised MNIST of Larochelle and Murray: test nats, and how far to trust them.

Each model is trained by its recipe, for the rounds that stand here, and its averaged weights are scored at their
end. log Z is estimated by annealed importance sampling from below, and from above by chains that begin where
1,000 Gibbs steps ended, which is a diagnostic and no bound. The data are read from the folder GENUS_DATA.
"""

import math
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus import Run
from genus.core import HasConditionals, HasEnergy, promise
from genus.data import load
from genus.measure.likelihood.annealing import log_prob_annealed
from genus.measure.likelihood.likelihood import THOROUGH, likelihoods
from genus.recipes.energy.dbm import dbm
from genus.recipes.energy.dbn import dbn
from genus.recipes.energy.gsn import gsn
from genus.recipes.energy.rbm import rbm

from ..bench import Bench, Cell, Cells, Table, Training, of_seeds, seeded_cells, size, spread

DATA = "binarized_mnist"
EVERY = 50  # of the test rows, one in so many is weighed by chains of its own
CHAINS = 2  # of each such row
LATENTS = 50_000  # of a bound by samples


@dataclass(frozen=True)
class Entry(Training):
    """A row of the table.

    Args:
        seeds: number of runs.
        published: nats of the source, and how it had them; "" where none was checked.
    """

    seeds: int = 1
    published: str = ""


def run(rounds: int, lr: float = 0.1) -> Run:
    return Run(rounds=rounds, batch=128, lr=lr, ema=0.999, evaluate_every=50_000)


MODELS = {
    "rbm": Entry(
        "RBM, 500 units, PCD-1", rbm, run(80_000), {"hidden": 500, "decay": 1e-3}, seeds=3
    ),
    "cd-1": Entry(
        "RBM, 500 units, CD-1", rbm, run(60_000), {"hidden": 500, "chains": 0, "decay": 1e-3}
    ),
    "cd-25": Entry(
        "RBM, 500 units, CD-25",
        rbm,
        run(20_000),
        {"hidden": 500, "chains": 0, "steps": 25, "decay": 1e-3},
    ),
    "tempered": Entry(
        "RBM, 500 units, 10 temperatures",
        rbm,
        run(30_000),
        {"hidden": 500, "temperatures": 10, "decay": 1.5e-3},
    ),
    "dbn": Entry(
        "DBN, 500 and 2,000 units", dbn, run(100_000), {"hidden": (500, 2000), "decay": 1.5e-3}
    ),
    "dbm": Entry(
        "DBM, 500 and 1,000 units",
        dbm,
        run(50_000),
        {"hidden": (500, 1000), "steps": 1, "updates": 5, "decay": 1e-3},
    ),
    "gsn": Entry(
        "GSN, 1,000 units, 4 walkbacks",
        gsn,
        run(20_000, lr=1e-3),
        {"hidden": (1000,), "walkbacks": 4},
    ),
}

BENCH = Bench(
    __file__,
    "Boltzmann machines on binarised MNIST, test nats",
    "model | weights | rounds | CPU minutes | test nats | bound | log Z, above - below | annealed model - it | Parzen | published",
    {
        "data": "binarized_mnist, fixed: 50,000 rows train, 10,000 test",
        "test nats": "energy + log Z, or by 100 weights where there is no energy; ± over seeds",
        "log Z": "annealed importance sampling: 10,000 temperatures, 100 chains, from the data's base rates",
        "annealed model": f"every {EVERY}th test row, {CHAINS} chains down 10,000 temperatures",
        "weights": "averaged, decay 0.999",
    },
    """
    All test nats are estimates (~): log Z is from below, so they are too few rather than too many. The bound is
    one but for the error of log Z. The last but one column is a lower bound of log p of the annealed model, not
    of the machine, over the same rows: nats more than by energy + log Z. A GSN has only a bound, by 50,000 draws
    of its latents. Parzen is a warning: -log of a density of real numbers, by normal kernels around 10,000 of the
    model's P(x | h), of a width that validation rows chose, beside the same around 10,000 rows of the training data.
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
        runs = of_seeds(found, name)
        if not runs:
            continue

        def said(figure: str, runs: list[Any] = runs) -> str:
            known = [run[figure] for run in runs if run[figure] is not None]
            return spread(known) if known else ""

        table.append(
            [
                entry.label,
                f"{runs[0]['weights']:,}",
                entry.budget,
                f"{sum(run['minutes'] for run in runs) / len(runs):.0f}",
                f"{'<=' if name == 'gsn' else '~'} {said('nats')}",
                said("bound"),
                said("log_z_gap"),
                said("annealed_gap"),
                warned(runs[0]),
                entry.published,
            ]
        )
    return table


def warned(figures: Any) -> str:
    if figures.get("parzen") is None:
        return ""
    return f"{figures['parzen']:.0f}, data {figures['parzen_of_data']:.0f}"


def measure(entry: Training, folder: Path | None) -> dict[str, Any]:
    """The size of a model, the minutes that it took, and its estimates."""
    model, minutes = entry.trained(folder, data=DATA)
    source = load(DATA)
    test, base = source.test.everything(), source.train.everything()[0]
    torch.manual_seed(0)
    drawing = promise(model, HasConditionals)
    effort = THOROUGH._replace(betas=LATENTS) if drawing else THOROUGH
    best, *bounds = likelihoods(model, test, base, effort)
    below, above = (best.estimator.get(name) for name in ("log_z", "log_z_from_above"))
    found = {
        "weights": size(model),
        "minutes": minutes,
        "nats": -best.log_p.mean().item(),
        "bound": -bounds[0].log_p.mean().item() if bounds else None,
        "log_z": below,
        "log_z_gap": above["value"] - below["value"] if below and above else None,
        "annealed_gap": None,
        "parzen": None,
    }
    if drawing:
        with torch.no_grad():
            centres = torch.cat([drawing.conditionals(1000) for _ in range(10)]).sigmoid()
        held = source.validation.first(1000)[0]
        found["parzen"] = parzen(centres, held, test[0])
        found["parzen_of_data"] = parzen(source.train.first(len(centres))[0], held, test[0])
    if known := promise(model, HasEnergy):
        few = test[0][::EVERY]
        with torch.no_grad():
            path, log_f = model.annealing_path(base), -known.energy(few)
        annealed = log_prob_annealed(path, few, log_f, chains=CHAINS)
        found["annealed_gap"] = (best.log_p[::EVERY] - annealed).mean().item()
    return found


def parzen(centres: Tensor, held: Tensor, test: Tensor) -> float:
    """-log of the mean of normal kernels around the centres, at the test rows; the held rows choose the width."""

    def at(x: Tensor, width: float) -> float:
        total = 0.0
        for rows in x.flatten(1).split(500):
            squares = torch.cdist(rows, centres.flatten(1)).square().double()
            total += (-squares / (2 * width**2)).logsumexp(1).sum().item()
        dims = centres[0].numel()
        volume = math.log(len(centres)) + 0.5 * dims * math.log(2 * math.pi * width**2)
        return volume - total / len(x)

    best = min((at(held, width), width) for width in (0.1, 0.14, 0.17, 0.2, 0.24, 0.28))[1]
    return at(test, best)


if __name__ == "__main__":
    BENCH.main()
