"""Test nats of binary data: independent bits, mixtures of Bernoullis, and the Chow-Liu tree.

Each model is fitted to the training rows with each of three smoothings; the one with the lowest nats of
validation rows is scored on all test rows. The data are read from the folder GENUS_DATA.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from genus.core import Space
from genus.data import load
from genus.density import ChowLiu, ProductMixture

from ..bench import Bench, Cell, Cells, Table, nats, of_seeds, size, spread

SMOOTHINGS = (0.01, 0.1, 1.0)
SEEDS = 3


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Args:
        label: what its row says.
        make: the model, from its space and its smoothing.
        seeds: seeds of its beginning, on which a closed form does not depend.
    """

    label: str
    make: Callable[[Space, float], Any]
    seeds: int = SEEDS


def mixture(components: int, space: Space, smoothing: float) -> ProductMixture:
    return ProductMixture(space, components, smoothing, starts=1)


INDEPENDENT = Entry("independent bits", partial(mixture, 1), seeds=1)
TREE = Entry("Chow-Liu tree", ChowLiu, seeds=1)


def mixtures(*counts: int) -> list[Entry]:
    return [Entry(f"mixture of {k} products", partial(mixture, k)) for k in counts]


TABLES = {
    "dna": [INDEPENDENT, TREE, *mixtures(10, 30)],
    "mushrooms": [INDEPENDENT, TREE, *mixtures(30, 100)],
    "nltcs": [INDEPENDENT, TREE, *mixtures(10, 30)],
    "plants": [INDEPENDENT, TREE, *mixtures(30, 100)],
    "accidents": [INDEPENDENT, TREE, *mixtures(30, 100)],
    "binarized_mnist": [INDEPENDENT, TREE, *mixtures(10, 500)],
}

BENCH = Bench(
    __file__,
    "Simple densities of bits, test nats",
    "data | model | parameters | smoothing | CPU minutes | validation nats | test nats",
    {
        "data": "the data's own splits; all rows",
        "scores": "-log p(x), exact, nats per row",
        "settings": "smoothing 0.01, 0.1 or 1, by validation nats",
        "seeds": SEEDS,
    },
    """
    Mean ± standard deviation over seeds; a closed form has none. CPU minutes are those of all three fits.
    """,
    weights="last",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data, entries in TABLES.items():
        for entry in entries:
            for seed in range(entry.seeds):
                work = partial(measure, data, entry, seed)
                yield Cell(f"{data} | {entry.label} | seed {seed}", work)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for data, entries in TABLES.items():
        for entry in entries:
            runs = of_seeds(found, f"{data} | {entry.label}")
            if not runs:
                continue
            smoothing = sorted({run["smoothing"] for run in runs})
            table.append(
                [
                    data,
                    entry.label,
                    f"{runs[0]['parameters']:,}",
                    " or ".join(f"{x:g}" for x in smoothing),
                    f"{sum(run['minutes'] for run in runs) / len(runs):.1f}",
                    spread([run["validation"] for run in runs]),
                    spread([run["test"] for run in runs]),
                ]
            )
    return table


def measure(data: str, entry: Entry, seed: int) -> dict[str, Any]:
    """The fit of the best smoothing, and the minutes of all."""
    source = load(data)
    train, validation, test = (
        part.everything()[0] for part in (source.train, source.validation, source.test)
    )
    begun, best = time.process_time(), {}
    for smoothing in SMOOTHINGS:
        torch.default_generator.manual_seed(seed)
        model = entry.make(source.space, smoothing)
        for _ in model.fit(train):
            pass
        held_out = nats(model, [validation], rows=1000)[0]
        if held_out < best.get("validation", torch.inf):
            best = {"smoothing": smoothing, "validation": held_out}
            best["test"] = nats(model, [test], rows=1000)[0]
            best["parameters"] = size(model)
    return {**best, "minutes": (time.process_time() - begun) / 60}


if __name__ == "__main__":
    BENCH.main()
