"""Odd rows found by likelihood, typicality and complexity, beside three detectors of scikit-learn.

    python -m benchmarks.measure.anomalies --only 'wine*' 'digits*'

Each model learns from usual rows alone. A figure is the area under the ROC curve: how often an odd row is
found odder than a usual one, both unseen. wine: rows of red wine, and the same rows with each column
shuffled by itself, so that only what columns have to do with each other is odd. digits: the digits of
scikit-learn, and the same with black and white exchanged. clothes: Fashion-MNIST, and MNIST, which
likelihoods find likelier than clothes.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from torch import Tensor

from genus.data import Data, load
from genus.measure.anomalies.complexity import complexity, has_complexity
from genus.measure.anomalies.reference import referred
from genus.measure.anomalies.scorer import Scorer
from genus.measure.rows import Chosen
from genus.recipes.autoregressive import gatedpixelcnn, made
from genus.recipes.density import gmm
from genus.recipes.flow import nsf
from genus.recipes.vae import vae

from ..bench import Bench, Cell, Cells, Table, Training, spread

FOLDS = 5  # of red wine
ROWS = 1000  # usual rows, and as many odd ones, at most
LEARNT = 10_000  # training rows of scikit-learn's detectors, at most
REFERRED = 60.0  # seconds for the scores of validation rows

BENCH = Bench(
    __file__,
    "Odd rows found: area under the ROC curve",
    "usual | odd | by | likelihood | typicality | complexity | training, CPU minutes",
    {
        "wine": f"{FOLDS} folds of red_wine; test rows, and those with each column shuffled by itself",
        "digits": "test digits, and the same inverted",
        "clothes": f"{ROWS:,} test rows each of fashion_mnist and of mnist",
        "genus": "recipes by their best checkpoints; 16 draws of a bound",
        "scikit-learn": f"at most {LEARNT:,} training rows, values as genus has them; IsolationForest and "
        "LocalOutlierFactor(novelty=True) by default; GaussianMixture of 10 components, their covariances "
        "full for wine and diagonal for pictures",
        "seed": 0,
    },
    """
    1 finds all, 0.5 guesses, and less than 0.5 finds the odd rows more usual than the usual ones. ± is the
    standard deviation over folds.

    Likelihood: log p, its bound, or the score of scikit-learn. Typicality: distance from the mean validation
    score. Complexity: log p and the length of the picture as a PNG together.
    """,
    weights="best",
    options={"runs": (Path, "folder in which runs are kept; without one they are thrown away")},
)

TRAININGS: Mapping[str, Mapping[str, Training]] = {
    "wine": {
        "gmm": Training("gmm", gmm.gmm, gmm.RUN, {}),
        "nsf": Training("nsf", nsf.nsf, replace(nsf.RUN, rounds=600, evaluate_every=50)),
    },
    "digits": {
        "gmm": Training("gmm", gmm.gmm, gmm.RUN, {"data": "digits"}),
        "made": Training("made", made.made, made.RUN, {"data": "digits"}),
        "vae": Training("vae", vae.vae, vae.RUN, {"data": "digits"}),
    },
    "clothes": {
        "vae": Training("vae", vae.vae, replace(vae.RUN, rounds=1500), {"data": "fashion_mnist"}),
        "gatedpixelcnn": Training(
            "gatedpixelcnn",
            gatedpixelcnn.gatedpixelcnn,
            replace(gatedpixelcnn.RUN, rounds=600),
            {"data": "fashion_mnist"},
        ),
    },
}
ODD = {"wine": "shuffled columns", "digits": "inverted", "clothes": "MNIST"}


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for task, trainings in TRAININGS.items():
        for name, training in trainings.items():
            work = partial(of_genus, task, training, options.runs)
            yield Cell(f"{task} | {name}", work, partial(training.probe, **of_fold(task, 0)))
        for name in PEERS:
            yield Cell(f"{task} | {name}", partial(of_peer, task, name))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for cell in cells(options):
        if figures := found.get(cell.name):
            task, name = cell.name.split(" | ")
            ways = [spread(figures[way], 3) if way in figures else "" for way in WAYS]
            minutes = f"{figures['minutes']:.1f}" if "minutes" in figures else ""
            table.append([task, ODD[task], name, *ways, minutes])
    return table


WAYS = ("likelihood", "typicality", "complexity")


# --- rows -------------------------------------------------------------------------------------


def folds(task: str) -> range:
    return range(FOLDS if task == "wine" else 1)


def of_fold(task: str, fold: int) -> dict[str, str]:
    """The option `data` of a recipe, for a task in folds."""
    return {"data": f"red_wine?fold={fold}"} if task == "wine" else {}


@dataclass(frozen=True)
class Task:
    """Rows to learn from, and rows to tell apart.

    Args:
        data: data set of the usual rows.
        usual, odd: unseen rows of both kinds, (n, *shape).
    """

    data: Data
    usual: Tensor
    odd: Tensor


def task_of(task: str, fold: int) -> Task:
    if task == "wine":
        data = load(of_fold(task, fold)["data"])
        x = data.test.everything()[0]
        noise = torch.Generator().manual_seed(fold)
        odd = torch.stack([column[torch.randperm(len(x), generator=noise)] for column in x.T], 1)
        return Task(data, x, odd)
    if task == "digits":
        data = load("digits")
        x = data.test.everything()[0]
        return Task(data, x, -x)
    data, other = load("fashion_mnist"), load("mnist")
    usual, odd = (Chosen(one.test).shuffled(ROWS).whole()[0] for one in (data, other))
    return Task(data, usual, odd)


def auc(usual: Tensor | NDArray[Any], odd: Tensor | NDArray[Any]) -> float:
    """How often an odd row scores lower than a usual one."""
    scores = np.concatenate([np.asarray(usual), np.asarray(odd)])
    return float(roc_auc_score([0] * len(usual) + [1] * len(odd), -scores))


# --- genus ------------------------------------------------------------------------------------


def of_genus(task: str, training: Training, runs: Path | None) -> dict[str, Any]:
    """Figures of a model of genus, one for each fold."""
    found: dict[str, Any] = {way: [] for way in WAYS}
    total = 0.0
    for fold in folds(task):
        folder = runs and runs / f"{task}-{training.label}-{fold}"
        model, minutes = training.trained(folder, **of_fold(task, fold))
        total += minutes
        rows, space = task_of(task, fold), model.space
        scorer = Scorer(model, rows.data.recorded())
        known = referred(scorer, rows.data.view_for(model).validation, REFERRED)
        assert known is not None
        sides = [scorer(x).value for x in (rows.usual, rows.odd)]
        found["likelihood"].append(auc(*sides))
        found["typicality"].append(auc(*(-known.typicality(side) for side in sides)))
        if has_complexity(space):
            both = [
                side + complexity(x, space)
                for side, x in zip(sides, (rows.usual, rows.odd), strict=True)
            ]
            found["complexity"].append(auc(*both))
    return {way: values for way, values in found.items() if values} | {"minutes": total}


# --- scikit-learn -----------------------------------------------------------------------------


def mixture(task: str) -> GaussianMixture:
    kind = "full" if task == "wine" else "diag"
    return GaussianMixture(10, covariance_type=kind, reg_covar=1e-3, random_state=0)


PEERS: Mapping[str, Callable[[str], Any]] = {
    "IsolationForest": lambda task: IsolationForest(random_state=0),
    "GaussianMixture": mixture,
    "LocalOutlierFactor": lambda task: LocalOutlierFactor(novelty=True),
}


def of_peer(task: str, name: str) -> dict[str, Any]:
    """Figures of a detector of scikit-learn, one for each fold."""
    found = []
    for fold in folds(task):
        rows = task_of(task, fold)
        train = Chosen(rows.data.train).shuffled(min(LEARNT, len(rows.data.train))).whole()[0]
        detector = PEERS[name](task).fit(train.flatten(1).numpy())
        sides = (detector.score_samples(x.flatten(1).numpy()) for x in (rows.usual, rows.odd))
        found.append(auc(*sides))
    return {"likelihood": found}


if __name__ == "__main__":
    BENCH.main()
