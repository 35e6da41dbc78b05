"""Densities of small tables: mean test log-likelihood over ten folds, flows beside a Gaussian and mixtures.

The tables are read from the folder that GENUS_DATA names. In the first fold each model is trained in three
settings; the one with the best validation rows is that of all folds. Training stops when validation has
not got better for a while, and goes back to the best; then the test rows count.
"""

import copy
import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor

from genus.core import Model, Space
from genus.data import Data, load
from genus.data.published.uci import FILES
from genus.density import Gaussian, GaussianMixture
from genus.flow import LU, Autoregressive, Coupling, Flow, Permutation, RealNVP, Spline
from genus.train.game import Average, play
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, with_error

FOLDS, EVERY, PATIENCE = 10, 40, 5
BATCH, LR, EMA = 100, 2e-3, 0.98


@dataclass(frozen=True)
class Setting:
    """What of a flow is chosen on validation: hidden units, and how they are kept from overfitting.

    Args:
        width: units of each hidden layer.
        dropout: share of them that is silent in a round.
        decay: of the weights, AdamW's.
    """

    width: int
    dropout: float
    decay: float


SETTINGS = (Setting(32, 0.0, 0.1), Setting(64, 0.2, 0.1), Setting(128, 0.5, 0.1))
COMPONENTS = (4, 10, 25)
Make = Callable[[Space, Setting], Model]


def realnvp(space: Space, s: Setting) -> Model:
    return RealNVP(space, 6, s.width, 1, s.dropout)


def maf(space: Space, s: Setting) -> Model:
    turns = [
        Autoregressive(space.dims, hidden=(s.width,), flip=i % 2 == 1, dropout=s.dropout)
        for i in range(5)
    ]
    return Flow(space, turns)


def nsf(kind: type[Coupling] | type[Autoregressive]) -> Make:
    def make(space: Space, s: Setting) -> Model:
        d, steps = space.dims, []
        for i in range(3):
            spline = kind(d, Spline(8), (s.width,), flip=i % 2 == 1, dropout=s.dropout)
            steps += [Permutation(d, seed=i), LU(d), spline]
        return Flow(space, steps)

    return make


FLOWS: dict[str, tuple[str, Make]] = {
    "realnvp": ("RealNVP, 6 couplings", realnvp),
    "maf": ("MAF, 5 maps", maf),
    "nsf": ("NSF, 3 couplings", nsf(Coupling)),
    "nsf_ar": ("NSF, 3 autoregressive maps", nsf(Autoregressive)),
}
TITLES = {
    "gaussian": "Gaussian",
    "mixture": "mixture of Gaussians",
    **{name: title for name, (title, _) in FLOWS.items()},
}


BENCH = Bench(
    __file__,
    "Densities of small tables",
    "model | table | test log-likelihood | validation log-likelihood | folds | setting chosen | "
    "CPU seconds",
    lambda options: {
        "data": "genus.data.uci: ten folds; one tests, the next validates, eight train",
        "unit": "nats a row; features have mean 0 and deviation 1 over the fold's training rows",
        "flows": f"AdamW, {LR:g}, cosine over {options.rounds} rounds of {BATCH} rows, averaged "
        f"weights; the best of validation every {EVERY} rounds, until {PATIENCE} are no better",
        "settings": ", ".join(f"{s.width} units with dropout {s.dropout:g}" for s in SETTINGS),
        "mixtures": f"full covariances, EM; {', '.join(map(str, COMPONENTS))} components",
        "chosen": "the setting with the best validation rows of the first fold, for all folds",
    },
    """
    Means over the folds and their standard errors, nats a row; higher is better.

    Settings were chosen on rows that test in the second fold, but on no test row of their own.

    Values are rounded, and some are there many times: a density gains by finding them.

    It has no bound where it does, and a spline finds more of them than a mixture.
    """,
    weights="best",
    options={"rounds": (600, "rounds of a flow at most")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in FILES:
        for fold in range(FOLDS):
            for model in TITLES:
                probe = partial(first_values, model, data, fold, options.rounds)
                yield Cell(
                    f"{model}/{data}/{fold}",
                    partial(of_fold, model, data, fold, options),
                    probe if fold == 0 else None,
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in FILES:
        for model, title in TITLES.items():
            keys = [f"{model}/{data}/{fold}" for fold in range(FOLDS)]
            if runs := [found[key] for key in keys if key in found]:
                setting = runs[0]["setting"]
                chosen = {"gaussian": "", "mixture": f"{COMPONENTS[setting]} components"}
                table.append(
                    [
                        title,
                        data.replace("_", " "),
                        mean([run["test"] for run in runs]),
                        mean([run["validation"] for run in runs]),
                        str(len(runs)),
                        chosen.get(model, f"{SETTINGS[setting].width} units"),
                        f"{sum(run['seconds'] for run in runs):.0f}",
                    ]
                )
    return table


def mean(values: list[float]) -> str:
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return with_error(statistics.mean(values), error)


def of_fold(name: str, data: str, fold: int, options: Namespace) -> dict[str, Any]:
    """A model on a fold, in the setting that was best on the first one, if that is there."""
    first = BENCH.read(options.out).get(f"{name}/{data}/0")
    settings = range(len(SETTINGS)) if first is None else [first["figures"]["setting"]]
    return measure(name, load(data, fold=fold), settings, fold, options.rounds)


def measure(
    name: str, data: Data, settings: Sequence[int], seed: int, rounds: int
) -> dict[str, Any]:
    """A model in each setting, and the test rows of the one that validates best."""
    begun, tried = time.process_time(), []
    validation, test = (split.everything()[0] for split in (data.validation, data.test))
    for setting in settings[:1] if name == "gaussian" else settings:
        model, steps = begin(name, data, setting, seed, rounds)
        best, look = stopped(model, steps, validation)
        tried.append((best, setting, look, mean_log_prob(model, test)))
    best, setting, look, value = min(tried)
    return {
        "test": value,
        "validation": -best,
        "setting": setting,
        "look": look,
        "validations": [-one[0] for one in tried],
        "seconds": time.process_time() - begun,
    }


def first_values(name: str, data: str, fold: int, rounds: int) -> list[float]:
    """Validation log-likelihoods at the first two looks, in the first setting."""
    part = load(data, fold=fold)
    _, steps = begin(name, part, 0, fold, rounds)
    (validation,) = part.validation.everything()
    return [mean_log_prob(model, validation) for model in islice(steps, 2)]


def begin(
    name: str, data: Data, setting: int, seed: int, rounds: int
) -> tuple[Model, Iterator[Model]]:
    """A model, and what it is at each look while it is trained."""
    torch.manual_seed(seed)
    if name in FLOWS:
        model = FLOWS[name][1](data.space, SETTINGS[setting])
        return model, played(model, data, SETTINGS[setting], seed, rounds)
    mixture = GaussianMixture(data.space, COMPONENTS[setting], floor=1e-3)
    model = Gaussian(data.space) if name == "gaussian" else mixture
    (x,) = data.train.everything()
    return model, (model for _ in model.fit(x))


def played(model: Model, data: Data, setting: Setting, seed: int, rounds: int) -> Iterator[Model]:
    """The averaged model, every EVERY rounds."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=setting.decay, fused=True)
    average = Average(model, EMA)
    batches = (data.train.batch(number, BATCH, seed) for number in count())
    for number, _ in enumerate(play(model, batches, {"model": optimizer}, clip=1.0), start=1):
        average.update(number - 1)
        for group in optimizer.param_groups:
            group["lr"] = LR * cosine(number / rounds)
        if number % EVERY == 0:
            yield average.model
        if number == rounds:
            return


def stopped(model: Model, steps: Iterator[Model], x: Tensor) -> tuple[float, int]:
    """Leaves in `model` its best on the rows x; the negative log-likelihood there, and which look."""
    best, state, at = math.inf, copy.deepcopy(model.state_dict()), 0
    for look, now in enumerate(steps, start=1):
        if (nll := -mean_log_prob(now, x)) < best:
            best, state, at = nll, copy.deepcopy(now.state_dict()), look
        if look - at >= PATIENCE:
            break
    model.load_state_dict(state)
    return best, at


@torch.no_grad()
def mean_log_prob(model: Model, x: Tensor) -> float:
    was = model.training
    model.eval()
    value = model.log_prob(x).double().mean().item()
    model.train(was)
    return value


if __name__ == "__main__":
    BENCH.main()
