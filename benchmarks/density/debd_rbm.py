"""Test nats of an RBM on five binary tables, beside trees, mixtures, NADE and MADE on the same rows.

An RBM learns with persistent chains while its rate falls to zero. Hidden units and rate are those with the
lowest nats of validation rows; log Z is found by annealed importance sampling. The figures of the other models are
read from the results of `density/bits` and `autoregressive/debd`. The data are read from the folder GENUS_DATA.
"""

import json
import math
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from itertools import islice, product
from typing import Any

import torch
from torch import Tensor

from genus.data import Data, load
from genus.data.published.debd import TABLES
from genus.energy import RBM
from genus.functional.densities.estimates import mean_error
from genus.measure.likelihood.annealing import LogZ, log_z, log_z_from_above

from ..bench import RESULTS, Bench, Cell, Cells, Skipped, Table, of_seeds, size, spread

HIDDEN, RATES = (50, 200), (0.03, 0.1)
ROUNDS, BATCH, CHAINS = 15_000, 128, 128
SEEDS = 3
QUICK, BETAS, PATHS = (
    2_000,
    10_000,
    100,
)  # steps of the annealing: to choose, to test; and its chains
FEW = 16  # bits up to which log Z is also summed
PARTS = 2**14  # of their states, at once

BENCH = Bench(
    __file__,
    "Binary tables, test nats, with an RBM",
    "data | model | parameters | setting | CPU minutes | validation nats | test nats | log weights",
    {
        "data": "the tables' own splits; all rows",
        "scores": "-log p(x), nats per row: exact, and ~ where log Z is an estimate",
        "log Z": f"annealed importance sampling, {BETAS:,} steps of {PATHS} chains; {QUICK:,} to choose",
        "RBM": f"PCD-1, {CHAINS} chains, {ROUNDS:,} rounds of {BATCH} rows, plain gradient descent, its "
        f"rate falls to 0 linearly",
        "settings of RBM": f"{' or '.join(map(str, HIDDEN))} hidden units, rate "
        f"{' or '.join(f'{rate:g}' for rate in RATES)}, by validation nats of seed 0",
        "seeds": SEEDS,
    },
    """
    Mean ± standard deviation over seeds; a closed form has none. CPU minutes of an RBM are those of one training,
    without annealing.

    Log weights: the largest standard deviation of the log weights of a seed, and the largest difference of log Z
    by annealing down, from samples of the model, from that by annealing up. Where both are well below 1 the
    estimate can be trusted, if the samples can.

    Rows without an RBM are those of `density/bits` and `autoregressive/debd`; NADE and MADE were trained on dna
    and mushrooms only.
    """,
    weights="last",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in TABLES:
        for hidden, rate in product(HIDDEN, RATES):
            work, probe = partial(tried, data, hidden, rate), partial(first, data, hidden, rate)
            yield Cell(f"{data} | {hidden} units, rate {rate:g}", work, probe)
        for seed in range(SEEDS):
            yield Cell(f"{data} | chosen | seed {seed}", partial(measure, data, seed, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for data in TABLES:
        for name in ("bits", "debd"):
            others = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))["rows"]
            for table_of, model, parameters, setting, minutes, held, test in others:
                known = {row[1] for row in table if row[0] == data}  # independent bits are in both
                if table_of == data and model not in known:
                    words = f"smoothing {setting}" if name == "bits" else setting
                    table.append([data, model, parameters, words, minutes, held, test, ""])
        if runs := of_seeds(found, f"{data} | chosen"):
            one, minutes = runs[0], sum(run["minutes"] for run in runs) / len(runs)
            apart = max((run["above"][0] - run["log_z"][0] for run in runs), key=abs)
            table.append(
                [
                    data,
                    f"RBM, {one['hidden']} units",
                    f"{one['parameters']:,}",
                    f"rate {one['rate']:g}",
                    f"{minutes:.1f}",
                    f"~ {spread([run['validation'] for run in runs])}",
                    f"~ {spread([run['test'][0] for run in runs])}",
                    f"{max(run['log_z'][2] for run in runs):.2f}, {apart:+.2f}",
                ]
            )
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    """How far annealing is off where the sum over all states is known."""
    apart = [
        (name.partition(" | ")[0], run["log_z"][0] - run["exact"])
        for name, run in found.items()
        if run.get("exact") is not None
    ]
    if not apart:
        return []
    data, off = max(apart, key=lambda one: abs(one[1]))
    return [
        f"Of {data}, whose states can be summed, log Z is found to {abs(off):.3f} nats in all seeds."
    ]


def begin(data: Data, hidden: int, rate: float, seed: int) -> tuple[RBM, Iterator[int]]:
    """A model, and the rounds in which it learns."""
    torch.manual_seed(seed)
    model = RBM(data.space, hidden, steps=1, chains=CHAINS)
    model.prepare(data.train.everything()[0])
    return model, rounds(model, data, rate, seed)


def rounds(model: RBM, data: Data, rate: float, seed: int) -> Iterator[int]:
    descent = torch.optim.SGD(model.parameters(), rate)
    for number in range(ROUNDS):
        for group in descent.param_groups:
            group["lr"] = rate * (1 - number / ROUNDS)
        (x,) = data.train.batch(number, BATCH, seed)
        descent.zero_grad()
        torch.stack([*model.loss(x).values()]).sum().backward()
        descent.step()
        yield number


def learnt(data: Data, hidden: int, rate: float, seed: int) -> tuple[RBM, float]:
    """A model, and the CPU minutes of its training."""
    begun = time.process_time()
    model, steps = begin(data, hidden, rate, seed)
    for _ in steps:
        pass
    return model.eval(), (time.process_time() - begun) / 60


def tried(name: str, hidden: int, rate: float) -> dict[str, Any]:
    """The validation rows of a setting."""
    data = load(name)
    model, minutes = learnt(data, hidden, rate, 0)
    found = log_z(model.annealing_path(data.train.everything()[0]), QUICK, PATHS)
    held = nats(model, data.validation.everything()[0], found)[0]
    return {"validation": held, "log_z": found, "minutes": minutes}


def measure(name: str, seed: int, options: Namespace) -> dict[str, Any]:
    """The test rows, in the setting with the best validation rows."""
    known, best = BENCH.read(options.out), (math.inf, 0, 0.0)
    for hidden, rate in product(HIDDEN, RATES):
        if (record := known.get(f"{name} | {hidden} units, rate {rate:g}")) is None:
            raise Skipped(f"{hidden} units, rate {rate:g} of {name} are wanted before")
        best = min(best, (record["figures"]["validation"], hidden, rate))
    data, (_, hidden, rate) = load(name), best
    model, minutes = learnt(data, hidden, rate, seed)
    path = model.annealing_path(data.train.everything()[0])
    below = log_z(path, BETAS, PATHS)
    above = log_z_from_above(path, model.sample(PATHS), BETAS)
    return {
        "hidden": hidden,
        "rate": rate,
        "parameters": size(model),
        "minutes": minutes,
        "log_z": below,
        "above": above,
        "exact": summed(model) if data.space.dims <= FEW else None,
        "train": nats(model, data.train.everything()[0], below)[0],
        "validation": nats(model, data.validation.everything()[0], below)[0],
        "test": nats(model, data.test.everything()[0], below),
    }


@torch.no_grad()
def nats(model: RBM, x: Tensor, constant: LogZ) -> tuple[float, float]:
    """The mean of -log p of rows, and its standard error."""
    energy = torch.cat([model.energy(part).double() for part in x.split(1000)])
    return mean_error(energy + constant.value)


@torch.no_grad()
def summed(model: RBM) -> float:
    """log Z by a sum over all states."""
    states = torch.arange(2**model.space.dims)
    bits = 2 ** torch.arange(model.space.dims)
    parts = [
        -model.energy((part[:, None] & bits > 0).float()).double() for part in states.split(PARTS)
    ]
    return torch.cat(parts).logsumexp(0).item()


def first(name: str, hidden: int, rate: float) -> list[float]:
    """The mean energy of some validation rows after each of the first rounds."""
    data = load(name)
    x = data.validation.everything()[0][:100]
    model, steps = begin(data, hidden, rate, 0)
    return [model.energy(x).mean().item() for _ in islice(steps, 5)]


if __name__ == "__main__":
    BENCH.main()
