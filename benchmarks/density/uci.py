"""Test log-likelihood of small tables over ten folds: a Gaussian, kernels, factors, beside mixtures and flows.

The tables are read from the folder that GENUS_DATA names, by the protocol of RNADE: columns of whole numbers
are left out, and of two whose correlation is beyond 0.98 the second. Settings are chosen by the validation rows
of each fold. Rows of mixtures and flows, on the same folds, are those of flow/flow_tables.
"""

import json
import math
import statistics
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch

from genus.core import GenerativeModel, Model
from genus.data import Data, load
from genus.data.published.uci import FILES, FOLDS
from genus.density import FactorAnalysis, Gaussian, KernelDensity

from ..bench import RESULTS, Bench, Cell, Cells, Table, with_error
from ..flow.flow_tables import mean_log_prob, stopped

FACTORS = (1, 2, 3, 4, 6, 8, 12, 16)
BESIDE = (  # of flow_tables
    "mixture of Gaussians",
    "MAF, 5 maps",
    "NSF, 3 autoregressive maps",
)
Choice = dict[str, Any]  # what is chosen on validation rows


@dataclass(frozen=True)
class Entry:
    """A model, in several settings.

    Args:
        label: what its row says.
        choices: its settings, for rows of so many numbers.
        begin: the model of a setting, and what it is at each look while it learns.
        words: what its row says of a setting.
    """

    label: str
    choices: Callable[[int], list[Choice]]
    begin: Callable[[Data, Choice, int], tuple[Model, Iterator[Model]]]
    words: str = ""


def only(numbers: int) -> list[Choice]:
    """Of a model that has nothing to choose."""
    return [{}]


def in_factors(numbers: int) -> list[Choice]:
    return [{"factors": k, "floor": 1e-3} for k in FACTORS if k < numbers]


def by_fit(make: Callable[..., GenerativeModel], data: Data, choice: Choice, seed: int) -> Any:
    """A model that has a closed form, or learns by EM: a look after each step."""
    torch.manual_seed(seed)
    model: Any = make(data.space, **choice)
    return model, (model for _ in model.fit(data.train.everything()[0]))


MODELS = {
    "gaussian": Entry("Gaussian", only, partial(by_fit, Gaussian)),
    "factors": Entry(
        "factor analysis",
        in_factors,
        partial(by_fit, FactorAnalysis),
        "{factors:g} factors",
    ),
    "kernels": Entry("kernels", only, partial(by_fit, KernelDensity)),
}

BENCH = Bench(
    __file__,
    "Simple densities of small tables, beside flows",
    "data | model | settings | test log-likelihood | validation log-likelihood | folds | CPU seconds",
    {
        "data": "genus.data.uci: ten folds; one tests, the next validates, eight train",
        "unit": "nats a row; features have mean 0 and deviation 1 over the fold's training rows",
        "factors": f"{', '.join(map(str, FACTORS))}, fewer than numbers; no variance below 0.001",
        "kernels": "the bandwidth that leaving one training row out says",
        "stopping": "each model is that of its best validation rows, looked at after each step of EM",
        "mixtures and flows": "those of flow/flow_tables, on the same folds, with its settings",
    },
    """
    Means over the folds and their standard errors, nats a row; higher is better. CPU seconds are those of
    all folds and settings. Of settings that are not the same in all folds the commonest is named.

    Values are rounded, and some are there many times: a density gains by finding them, without bound. A floor of
    variances, and the resolution below which no kernel gets narrower, limit what factors and kernels can gain
    by that; nothing limits a flow.
    """,
    weights="best",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for model, entry in MODELS.items():
        for data in FILES:
            for fold in range(FOLDS):
                probe = partial(first_values, entry, data) if fold == 0 else None
                yield Cell(f"{model}/{data}/{fold}", partial(of_fold, model, data, fold), probe)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    others = json.loads((RESULTS / "flow_tables.json").read_text("utf-8"))["rows"]
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
        for model, name, test, validation, folds, setting, seconds in others:
            if name == data.replace("_", " ") and model in BESIDE:
                table.append([name, model, setting, test, validation, folds, seconds])
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


def of_fold(name: str, data: str, fold: int) -> dict[str, Any]:
    return measured(MODELS[name], load(data, fold=fold), fold)


def measured(entry: Entry, data: Data, seed: int) -> dict[str, Any]:
    """The test rows by a model in the setting of its best validation rows."""
    begun, best, tried = time.process_time(), {}, []
    validation, test = (split.everything()[0] for split in (data.validation, data.test))
    for now in entry.choices(data.space.dims):
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
