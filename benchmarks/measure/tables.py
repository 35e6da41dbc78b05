"""Rows of tables: the likelihood of unseen ones, and whether samples are told from them.

    python -m benchmarks.measure.tables --tables FOLDER --peer sdv/bin/python

Each model learns from eight tenths of a table, chooses by one and is tested on one, in folds. All nats are of
a row in the table's own units: the probability of its categories and rounded numbers, times the density of
its real numbers. The recipe rows knows them exactly. The simpler models are densities of the looser view of
a table, in which a category is a place within its share of a normal distribution and a rounded number a
place within its bin, so that theirs are a bound by many draws of these places. Samples of all folds
together stand against all rows that were tested.
"""

import itertools
import json
import math
import subprocess
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from torch import Tensor

from genus.core import Model, Reals
from genus.data.tables.columns import Columns
from genus.data.tables.loose import Loose
from genus.data.tables.rows import LooseRows
from genus.data.tables.sheets import Sheet, sheet
from genus.density import Gaussian, GaussianMixture
from genus.functional.densities.estimates import mean_error
from genus.measure.samples.two_sample import told_apart
from genus.recipes.autoregressive import rows as recipe

from ..bench import Bench, Cell, Cells, Skipped, Table, Training, with_error
from ..table_sources import (
    FRESH,
    LAWS,
    SOURCES,
    Fold,
    as_sheet,
    drawn,
    folds_of,
    fresh,
    hand_over,
    log_law,
)

DRAWS = 200  # of the looser view, by which a density becomes a bound
LEARNT = 5_000  # rows of the looser view that the simpler models learn from, about
MIXTURES = (2, 4, 8)  # components that are tried
FLOORS = (1e-3, 1e-5)  # least variances in any direction that are tried
STEPS = 50  # of a mixture, at most
LIMIT = 0.05  # nats a column that rows may be worse than the best simpler model
SIMPLE = ("gaussian", "mixture", "independent columns")
PEER = Path(__file__).parent.with_name("table_peers.py")
PEERS = ("GaussianCopula", "CTGAN")
TRAINED = Training("rows", recipe.rows, recipe.RUN)


def words(values: Iterable[float]) -> str:
    return ", ".join(map(str, values))


BENCH = Bench(
    __file__,
    "Rows of tables: nats, and how well samples are told from unseen rows",
    "table | by | rows tested | nats | against the best simpler one, nats a column | told apart | "
    "forest | CPU minutes",
    {
        "folds": ", ".join(f"{name} {source.folds}" for name, source in SOURCES.items()),
        "split": "a tenth tests, the next validates, eight train",
        "rows": "the recipe by its defaults, best checkpoint",
        "simpler": f"full and diagonal normal distribution; of mixtures of {words(MIXTURES)}, full or "
        f"diagonal, least variance {words(FLOORS)}, the best for validation rows; all learn from at least "
        f"{LEARNT:,} draws of the looser view; bounds by {DRAWS} draws",
        "law": f"{words(LAWS.values())} rows; tested on {FRESH:,} fresh ones",
        "SDV": "GaussianCopula and CTGAN by default, which is 300 epochs, on the same training rows",
        "seed": 0,
    },
    """
    Nats: mean -log p of an unseen row, ± its standard error; ≤ marks a bound. Negative: rows are no worse
    than the best of the simpler models on the same rows; the error is that of the paired difference.

    Told apart: share of rows that a logistic regression on values and their squares tells right, 0.5 if
    none. Forest: area under the ROC curve of a random forest of 200 trees, five folds, which also sees what
    columns have to do with each other. ± is the standard error.

    A row that is tested in one fold is learnt from in the others: copies of training rows would be found
    less often than by chance. Of the law there is one fold, whose 10,000 fresh rows test densities alone;
    samples of it stand against its own tenth.

    Numbers that stand for themselves, such as 3, 4, 5 and 6 among the decimals of s4 in diabetes,
    are features of their own for both classifiers, as they are fields of their own in genus.
    """,
    weights="best",
    options={
        "tables": (Path, "folder with penguins-raw.csv and ml-100k.inter, .user and .item"),
        "peer": (Path, "interpreter that has SDV"),
        "runs": (Path, "folder in which runs are kept; without one they are thrown away"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in SOURCES:
        work = partial(of_rows, name, options)
        yield Cell(f"{name} | rows", work, partial(probe, name, options))
        for simple in SIMPLE:
            yield Cell(f"{name} | {simple}", partial(of_simple, name, simple, options))
        if name in LAWS:
            yield Cell(f"{name} | the law", partial(of_law, name, options))
        for peer in PEERS:
            yield Cell(f"{name} | {peer}", partial(of_peer, name, peer, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for cell in cells(options):
        if (figures := found.get(cell.name)) is None:
            continue
        name, by = cell.name.split(" | ")
        nats = f"{'≤ ' * (by in SIMPLE)}{with_error(*figures['nats'])}" if "nats" in figures else ""
        gap = with_error(*behind(figures), 3) if "behind" in figures else ""
        told, forest = (
            with_error(*figures[key], 3) if key in figures else "" for key in ("told", "forest")
        )
        minutes = f"{figures['minutes']:.1f}" if "minutes" in figures else ""
        table.append([name, by, f"{figures['rows']:,}", nats, gap, told, forest, minutes])
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    told = [
        f"Of {LAWS[name]:,} rows of the law, the recipe learns one that is "
        f"{with_error(*known['above'], 3)} nats a row worse than the law itself, on the same {FRESH:,} rows; "
        f"its entropy is {with_error(*known['entropy'], 3)} nats, by {MANY:,} draws."
        for name in LAWS
        if (known := found.get(f"{name} | rows"))
    ]
    worse = {
        cell.split(" | ")[0]: gap
        for cell, figures in found.items()
        if "behind" in figures and (gap := behind(figures))[0] > LIMIT
    }
    if worse:
        which = ", ".join(f"{name} by {gap:.3f}" for name, (gap, _) in worse.items())
        told.append(
            f"Rows of the recipe are worse than the best simpler one by more than {LIMIT} nats a column: {which}."
        )
    return told


MANY = 1_000_000  # draws by which the entropy of the law is found


def behind(figures: Mapping[str, Any]) -> tuple[float, float]:
    """How many nats a column rows are worse than the best simpler model, and the standard error."""
    return max(figures["behind"].values(), key=lambda pair: pair[0])


# --- samples ----------------------------------------------------------------------------------


def judged(folds: Sequence[Fold], samples: Sequence[Sheet]) -> dict[str, Any]:
    """How well samples, as many as the test rows of each fold, are told from these."""
    columns = folds[0].columns
    real = [fold.columns.decode(fold.data.test.everything()[0]) for fold in folds]
    sides = [
        _shuffled(torch.cat([_features(columns, part) for part in x])) for x in (real, samples)
    ]
    return {"told": told_apart(*sides), "forest": forest(*sides)}


def _features(columns: Columns, part: Sheet) -> Tensor:
    x, reasons = columns.encode(part)
    if fault := next((reason for reason in reasons if reason), None):
        raise ValueError(f"a sample cannot be encoded: {fault}")
    return columns.records.features(x)


def _shuffled(x: Tensor) -> Tensor:
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))]


def forest(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """The area under the ROC curve of a random forest on rows that it has not learnt from, and its error.

    The error is that of Hanley, McNeil, "The meaning and use of the area under a ROC curve", 1982.
    """
    n, m = len(real), len(fake)
    x, y = torch.cat([real, fake]).numpy(), np.repeat([0, 1], [n, m])
    cut = StratifiedKFold(5, shuffle=True, random_state=0)
    trees = RandomForestClassifier(200, min_samples_leaf=3, random_state=0)
    area = float(
        roc_auc_score(y, cross_val_predict(trees, x, y, cv=cut, method="predict_proba")[:, 1])
    )
    one, other = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (m - 1) * (one - area**2) + (n - 1) * (other - area**2)
    return area, math.sqrt(max(spread, 0.0) / (n * m))


# --- models -----------------------------------------------------------------------------------


def of_rows(name: str, options: Namespace) -> dict[str, Any]:
    """Figures of the recipe rows, beside the simpler models on the same rows."""
    folds, own, minutes, samples = folds_of(name, options.tables), [], 0.0, []
    simple: dict[str, list[Tensor]] = {kind: [] for kind in SIMPLE}
    wide = 0
    for k, fold in enumerate(folds):
        folder = options.runs and options.runs / f"tables-{name}-{k}"
        model, spent = TRAINED.trained(folder, data=str(fold.path))
        minutes += spent
        own.append(exact(model, fold))
        for kind in SIMPLE:
            simple[kind].append(simpler(kind, fold))
        torch.manual_seed(k)
        samples.append(fold.columns.decode(model.sample(len(fold.data.test))))
        wide = len({column for column, _ in fold.columns.order})
    nats = torch.cat(own)
    gaps = {kind: mean_error((nats - torch.cat(each)) / wide) for kind, each in simple.items()}
    figures = {**of_nats(nats), "columns": wide, "behind": gaps, "minutes": minutes}
    if name in LAWS:
        truth = torch.from_numpy(-log_law(fresh()))
        entropy = torch.from_numpy(-log_law(drawn(MANY, seed=2)))
        figures |= {"above": mean_error(nats - truth), "entropy": mean_error(entropy)}
    return figures | judged(folds, samples)


def of_simple(name: str, kind: str, options: Namespace) -> dict[str, Any]:
    """Figures of a simpler model."""
    folds, own, samples = folds_of(name, options.tables), [], []
    for k, fold in enumerate(folds):
        model = fitted(kind, fold)
        own.append(simpler(kind, fold))
        torch.manual_seed(k)
        z = model.sample(len(fold.data.test))
        x = Loose(fold.columns).undo(z) if fold.columns.dequantises else z
        samples.append(fold.columns.decode(x))
    return of_nats(torch.cat(own)) | judged(folds, samples)


def of_law(name: str, options: Namespace) -> dict[str, Any]:
    """Figures of the law itself."""
    folds = folds_of(name, options.tables)
    samples = [as_sheet(drawn(len(fold.data.test), seed=3)) for fold in folds]
    return of_nats(torch.from_numpy(-log_law(fresh()))) | judged(folds, samples)


def of_nats(nats: Tensor) -> dict[str, Any]:
    return {"rows": len(nats), "nats": mean_error(nats)}


def probe(name: str, options: Namespace) -> list[float]:
    """The first losses of rows, and the nats of the first fold under a simpler model."""
    fold = next(iter(folds_of(name, options.tables)))
    return [*TRAINED.probe(data=str(fold.path)), simpler("gaussian", fold).mean().item()]


@torch.no_grad()
def exact(model: Model, fold: Fold) -> Tensor:
    """The nats of each tested row under a model of its fields, (n,) float64."""
    x: Any = fold.tested
    log_p: Any = model.log_prob
    return -(log_p(x).double() + fold.columns.log_jacobian(x))


@torch.no_grad()
def bound(model: Model, x: Tensor, columns: Columns) -> Tensor:
    """The nats of each row, (n, k), at most, under a density of the looser view, (n,) float64."""
    log_p: Any = model.log_prob
    if not columns.dequantises:
        return -(log_p(x).double() + columns.log_jacobian(x))
    loose, noise, found = Loose(columns), torch.Generator().manual_seed(0), []
    for _ in range(DRAWS):
        z = loose.draw(x, noise)
        found.append(log_p(z).double() + loose.log_jacobian(z))
    return math.log(DRAWS) - torch.stack(found).logsumexp(0)


@cache
def simpler(kind: str, fold: Fold) -> Tensor:
    """The nats of each tested row under a simpler model, (n,) float64."""
    return bound(fitted(kind, fold), fold.tested, fold.columns)


@cache
def fitted(kind: str, fold: Fold) -> Any:
    """A simpler model, fitted to the training rows, and of mixtures the best for validation rows."""
    train = fold.data.train
    loose = fold.data.loosened().train
    if isinstance(loose, LooseRows):
        z = torch.cat([loose.drawn(k, len(train)) for k in range(-(-LEARNT // len(train)))])
    else:
        z = train.everything()[0]
    space = Reals(z.shape[1:])
    if kind != "mixture":
        return _settled(Gaussian(space, "full" if kind == "gaussian" else "diagonal"), z)
    unseen = fold.data.validation.everything()[0]
    torch.manual_seed(0)
    tried = (
        _settled(GaussianMixture(space, count, covariance, floor), z)
        for count, covariance, floor in itertools.product(MIXTURES, ("full", "diagonal"), FLOORS)
    )
    return min(tried, key=lambda model: bound(model, unseen, fold.columns).mean().item())


def _settled(model: Any, z: Tensor) -> Any:
    for _ in itertools.islice(model.fit(z), STEPS):
        pass
    return model


# --- SDV --------------------------------------------------------------------------------------


def of_peer(name: str, peer: str, options: Namespace) -> dict[str, Any]:
    """Figures of samples of a model of SDV."""
    if options.peer is None:
        raise Skipped("an interpreter that has SDV is wanted: --peer sdv/bin/python")
    folds = folds_of(name, options.tables)
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare)
        hand_over(folds, folder)
        command = [options.peer, PEER, peer, folder]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        samples = [sheet(folder / f"drawn-{k}.csv") for k in range(len(folds))]
    figures = json.loads(told.stdout.splitlines()[-1])
    return {"rows": sum(part.rows for part in samples)} | figures | judged(folds, samples)


if __name__ == "__main__":
    BENCH.main()
