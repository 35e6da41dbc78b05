"""Test log-likelihood of small tables over ten folds: a Gaussian, mixtures, kernels, factors, flows.

The tables are read from the folder that GENUS_DATA names, by the protocol of RNADE: columns of whole numbers
are left out, and of two whose correlation is beyond 0.98 the second. What is fitted in seconds chooses its
settings by the validation rows of each fold; a flow chooses them in the first fold, for all of them.
"""

import math
import statistics
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice, product
from typing import Any

import torch

from genus.core import GenerativeModel, Model, Space
from genus.data import Data, load
from genus.data.published.uci import FILES, FOLDS
from genus.density import FactorAnalysis, Gaussian, GaussianMixture, KernelDensity
from genus.train.game import Average, play
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, with_error
from ..flow.flow_tables import FLOWS, LR, Setting, mean_log_prob, stopped

EVERY, EMA = 50, 0.98  # rounds between two looks at the validation rows, and the average of weights
COUNTS, FLOORS = (2, 5, 10, 20, 40), (1e-1, 1e-2, 1e-3, 1e-4)  # of mixtures
FACTORS = (1, 2, 3, 4, 6, 8, 12, 16)
UNITS = ((64, 0.2), (128, 0.5))  # of a flow's hidden layers, with their dropout
BATCHES = (100, 400)
MAF_ROUNDS, NSF_ROUNDS = 1500, 1000  # at most
DECAY = 0.1  # of a flow's weights, AdamW's
Choice = dict[str, Any]  # what is chosen on validation rows


@dataclass(frozen=True)
class Entry:
    """A model, in several settings.

    Args:
        label: what its row says.
        choices: its settings, for rows of so many numbers.
        begin: the model of a setting, and what it is at each look while it learns.
        words: what its row says of a setting.
        anew: whether each fold chooses its settings; else the first one chooses for all.
    """

    label: str
    choices: Callable[[int], list[Choice]]
    begin: Callable[[Data, Choice, int], tuple[Model, Iterator[Model]]]
    words: str = ""
    anew: bool = True


def only(numbers: int) -> list[Choice]:
    """Of a model that has nothing to choose."""
    return [{}]


def in_counts(kind: str, numbers: int) -> list[Choice]:
    """Mixtures with a kind of covariance."""
    return [
        {"components": k, "floor": floor, "covariance": kind}
        for k, floor in product(COUNTS, FLOORS)
    ]


def in_factors(numbers: int) -> list[Choice]:
    return [{"factors": k, "floor": 1e-3} for k in FACTORS if k < numbers]


def in_units(numbers: int) -> list[Choice]:
    return [
        {"units": width, "dropout": dropout, "batch": batch}
        for (width, dropout), batch in product(UNITS, BATCHES)
    ]


def by_fit(make: Callable[..., GenerativeModel], data: Data, choice: Choice, seed: int) -> Any:
    """A model that has a closed form, or learns by EM: a look after each step."""
    torch.manual_seed(seed)
    model: Any = make(data.space, **choice)
    return model, (model for _ in model.fit(data.train.everything()[0]))


def by_play(
    make: Callable[[Space, Setting], Model], rounds: int, data: Data, choice: Choice, seed: int
) -> tuple[Model, Iterator[Model]]:
    """A flow that is trained for so many rounds at most: its averaged weights at each look."""
    torch.manual_seed(seed)
    model = make(data.space, Setting(int(choice["units"]), choice["dropout"], DECAY))
    return model, played(model, data, int(choice["batch"]), seed, rounds)


def played(model: Model, data: Data, batch: int, seed: int, rounds: int) -> Iterator[Model]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=DECAY, fused=True)
    average = Average(model, EMA)
    batches = (data.train.batch(number, batch, seed) for number in count())
    steps = play(model, batches, {"model": optimizer}, clip=1.0)
    for number, _ in enumerate(islice(steps, rounds), start=1):
        average.update(number - 1)
        for group in optimizer.param_groups:
            group["lr"] = LR * cosine(number / rounds)
        if number % EVERY == 0:
            yield average.model


def flow(name: str, rounds: int) -> Entry:
    title, make = FLOWS[name]
    words = "{units:g} units, dropout {dropout:g}, batches of {batch:g}"
    return Entry(title, in_units, partial(by_play, make, rounds), words, anew=False)


def mixture(kind: str) -> Entry:
    return Entry(
        f"mixture of Gaussians, {kind}",
        partial(in_counts, kind),
        partial(by_fit, GaussianMixture),
        "{components:g} components, floor {floor:g}",
    )


MODELS = {
    "gaussian": Entry("Gaussian", only, partial(by_fit, Gaussian)),
    "factors": Entry(
        "factor analysis",
        in_factors,
        partial(by_fit, FactorAnalysis),
        "{factors:g} factors",
    ),
    "kernels": Entry("kernels", only, partial(by_fit, KernelDensity)),
    "mixture": mixture("full"),
    "diagonal": mixture("diagonal"),
    "maf": flow("maf", MAF_ROUNDS),
    "nsf_ar": flow("nsf_ar", NSF_ROUNDS),
}

BENCH = Bench(
    __file__,
    "Simple densities of small tables, beside flows",
    "data | model | settings | test log-likelihood | validation log-likelihood | folds | CPU seconds",
    {
        "data": "genus.data.uci: ten folds; one tests, the next validates, eight train",
        "unit": "nats a row; features have mean 0 and deviation 1 over the fold's training rows",
        "mixtures": f"EM; {', '.join(map(str, COUNTS))} components, no variance below "
        f"{', '.join(f'{floor:g}' for floor in FLOORS)}",
        "factors": f"{', '.join(map(str, FACTORS))}, fewer than numbers; no variance below 0.001",
        "kernels": "the bandwidth that leaving one training row out says",
        "flows": f"AdamW, {LR:g}, cosine over {MAF_ROUNDS:,} rounds (MAF) or {NSF_ROUNDS:,} (NSF), averaged "
        f"weights",
        "settings of flows": f"{', '.join(f'{w} units with dropout {p:g}' for w, p in UNITS)}; "
        f"batches of {BATCHES[0]} or {BATCHES[1]} rows",
        "stopping": f"each model is that of its best validation rows, looked at after each step of EM and "
        f"every {EVERY} rounds of a flow, until five looks are no better",
        "chosen": "by validation rows: in each fold; flows in the first one, for all folds",
    },
    """
    Means over the folds and their standard errors, nats a row; higher is better. CPU seconds are those of
    all folds and settings. Of settings that are not the same in all folds the commonest is named.

    Values are rounded, and some are there many times: a density gains by finding them, without bound. Floors of
    variances, and the resolution below which no kernel gets narrower, limit what mixtures, factors
    and kernels can gain by that; nothing limits a flow.
    """,
    weights="best",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for model, entry in MODELS.items():
        for data in FILES:
            for fold in range(FOLDS):
                probe = partial(first_values, entry, data) if fold == 0 else None
                yield Cell(
                    f"{model}/{data}/{fold}", partial(of_fold, model, data, fold, options), probe
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in FILES:
        for model, entry in MODELS.items():
            keys = [f"{model}/{data}/{fold}" for fold in range(FOLDS)]
            if runs := [found[key] for key in keys if key in found]:
                seconds = sum(run["seconds"] for run in runs)
                table.append(
                    [
                        data.replace("_", " "),
                        entry.label,
                        chosen(entry, [run["choice"] for run in runs]),
                        mean([run["test"] for run in runs]),
                        mean([run["validation"] for run in runs]),
                        str(len(runs)),
                        f"{seconds:.0f}" if seconds >= 1 else f"{seconds:.1f}",
                    ]
                )
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    """A far row costs a normal kernel a hundred nats: such means are of a few rows."""
    least = [run["least"] for name, run in found.items() if name.startswith("kernels/white_wine/")]
    if not least:
        return []
    words = (
        "A row far from all others costs kernels most: the least likely of the white wines has a"
    )
    return [f"{words} log-likelihood of {min(least):.0f}."]


def mean(values: Sequence[float]) -> str:
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return with_error(statistics.mean(values), error)


def chosen(entry: Entry, choices: Sequence[Choice]) -> str:
    """The commonest of the settings of several folds, and in how many of them it is."""
    (words, often), *others = Counter(entry.words.format(**one) for one in choices).most_common()
    return f"{words} ({often} of {len(choices)})" if others else words


def of_fold(name: str, data: str, fold: int, options: Namespace) -> dict[str, Any]:
    """A model on a fold: the settings of the first fold, where it is measured and chooses for all."""
    entry = MODELS[name]
    first = BENCH.read(options.out).get(f"{name}/{data}/0")
    if entry.anew or fold == 0 or first is None:
        return measured(entry, load(data, fold=fold), None, fold)
    return measured(entry, load(data, fold=fold), first["figures"]["choice"], fold)


def measured(entry: Entry, data: Data, choice: Choice | None, seed: int) -> dict[str, Any]:
    """The test rows by a model in one setting, or in that of its best validation rows."""
    begun, best, tried = time.process_time(), {}, []
    validation, test = (split.everything()[0] for split in (data.validation, data.test))
    for now in entry.choices(data.space.dims) if choice is None else [choice]:
        model, steps = entry.begin(data, now, seed)
        loss, look = stopped(model, steps, validation)
        tried.append([now, -loss])
        if -loss > best.get("validation", -math.inf):
            best = {"validation": -loss, "choice": now, "look": look, "model": model}
    with torch.no_grad():
        log_prob = best.pop("model").eval().log_prob(test).double()
    return {
        "test": log_prob.mean().item(),
        "least": log_prob.min().item(),
        **best,
        "tried": tried,
        "seconds": time.process_time() - begun,
    }


def first_values(entry: Entry, data: str) -> list[float]:
    """Validation log-likelihoods at the first two looks, in the first setting."""
    part = load(data, fold=0)
    _, steps = entry.begin(part, entry.choices(part.space.dims)[0], 0)
    (validation,) = part.validation.everything()
    return [mean_log_prob(model, validation) for model in islice(steps, 2)]


if __name__ == "__main__":
    BENCH.main()
