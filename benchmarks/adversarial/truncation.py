"""Truncation of a BigGAN's latents, with and without the term on its weights: what confidence costs in variety.

The same chances are used at every threshold, so that each sample and each test row has its match at the next one, and
differences have errors of their own. The generator's statistics are computed anew at each threshold. The judge is the
classifier that ships for the data; it has seen the training rows, and no sample.
"""

import math
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.adversarial import BigGAN, Truncation
from genus.core import sample
from genus.data import load
from genus.functional.densities.neighbours import manifolds
from genus.measure import Oracle
from genus.measure.oracles import oracle_for
from genus.measure.samples.by_class import by_class
from genus.media.style import canvas
from genus.recipes.adversarial.biggan import biggan

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
    spread,
)

DATA = "digits"
THRESHOLDS = (2.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2)
SAMPLES = 2000  # at each threshold, as many of each class
NEIGHBOUR = 5  # which bounds the ball of a sample, for recall
RUN = Run(
    minutes=2.0,
    clock="processor",
    batch=64,
    lr=4e-3,
    ema=0.999,
    evaluate_every=500,
)


@dataclass(frozen=True)
class Entry(Training):
    """A row of the table.

    Args:
        seeds: number of runs.
    """

    seeds: int = 3


MODELS = {
    "orthogonal": Entry("with the term on weights", biggan, RUN, {"orthogonal": 1e-4}),
    "plain": Entry("without it", biggan, RUN, {"orthogonal": 0.0}),
}

BENCH = Bench(
    __file__,
    "Truncation of a BigGAN's latents",
    "BigGAN | threshold | right class, % | confidence, % | recall | spread | Fréchet",
    {
        "data": f"{DATA}, 8 x 8: 1,297 rows train, 200 validation, 300 test",
        "training": f"{RUN.minutes:g} CPU minutes on one thread, with validation; lr {RUN.lr:g}, the best of the "
        "settings of adversarial/classes",
        "seeds": f"{MODELS['plain'].seeds}; mean ± sd",
        "samples": f"{SAMPLES:,} at each threshold, as many of each class, of the same chances at all of them",
        "judge": "the classifier that ships for digits, which has seen the training rows",
        "weights": "averaged, decay 0.999; the best of validation",
    },
    """
    Confidence: the chance that the judge gives the class that was asked for, mean over samples. Recall: share of the
    test rows of a class that lie among its samples, in the judge's features; spread: mean distance of two samples of a
    class over that of two of its test rows.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield from seeded_cells(MODELS, measure, options, DATA)
    yield Cell("page", lambda: drawn(page, "truncation", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, entry in MODELS.items():
        for place, threshold in enumerate(THRESHOLDS):
            if runs := of_seeds(found, name):
                one = [run["thresholds"][place] for run in runs]
                table.append(
                    [
                        entry.label,
                        f"{threshold:g}",
                        *(spread([100 * run[key] for run in one]) for key in ("right", "sure")),
                        *(spread([run[key] for run in one]) for key in ("recall", "spread")),
                        f"{spread([run['frechet'] for run in one])} / {one[0]['floor']:.2f}",
                    ]
                )
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    """The steps that go the wrong way, in standard errors."""
    lines = []
    for name, entry in MODELS.items():
        runs = of_seeds(found, name)
        if not runs:
            continue
        falls, rises = (
            [step[key] for run in runs for step in run["thresholds"][1:]]
            for key in ("fall_of_confidence", "rise_of_recall")
        )
        lines.append(
            f"BigGAN {entry.label}: of {len(falls)} steps to a lower threshold, {_many(falls)} lower the confidence by "
            f"more than two standard errors (the worst by {max(falls):.1f}), and {_many(rises)} raise the recall so "
            f"(the worst by {max(rises):.1f})."
        )
    return lines


def _many(values: list[float]) -> str:
    return str(sum(value > 2 for value in values))


@cache
def judge() -> Oracle:
    found = oracle_for(DATA, load(DATA).space)
    assert found is not None
    return found


def measure(entry: Training, folder: Path | None) -> dict[str, Any]:
    """Figures at each threshold, and the steps between them in standard errors of paired rows."""
    model, minutes = entry.trained(folder, data=DATA)
    source = load(DATA).labelled()
    (test, labels), (train, known) = source.test.everything(), source.train.everything()
    real, seen = (judge().see(x, source.space) for x in (test, train))
    wanted = torch.arange(SAMPLES) % source.classes
    steps: list[dict[str, float]] = []
    before: list[Tensor] | None = None
    for threshold in THRESHOLDS:
        torch.manual_seed(0)
        x = sample(cast(BigGAN, model), context=wanted, decoding=Truncation(threshold))
        fake = judge().see(x, source.space)
        with torch.no_grad():
            chances = judge().head(fake.features.float()).double().softmax(1)
        sure = chances[torch.arange(SAMPLES), wanted]
        covered = recalled(fake.features, wanted, real.features, labels)
        found = by_class(fake, wanted, real, labels, seen, known, NEIGHBOUR)
        step = {
            "right": (fake.classes == wanted).double().mean().item(),
            "sure": sure.mean().item(),
            "recall": covered.mean().item(),
            "spread": found.spread.mean().item(),
            "frechet": found.frechet.mean().item(),
            "floor": found.floor_frechet.mean().item(),
        }
        if before:
            step["fall_of_confidence"] = in_errors(before[0] - sure)
            step["rise_of_recall"] = in_errors(covered - before[1])
        before = [sure, covered]
        steps.append(step)
    return {"minutes": minutes, "thresholds": steps}


def recalled(features: Tensor, wanted: Tensor, real: Tensor, labels: Tensor) -> Tensor:
    """Whether each test row lies among the samples of its class, (n,) float64."""
    covered = torch.zeros(len(real), dtype=torch.float64)
    for label in labels.unique():
        own = features[wanted == label], real[labels == label]
        covered[labels == label] = manifolds(own[1], own[0], NEIGHBOUR).recall.double()
    return covered


def in_errors(differences: Tensor) -> float:
    """The mean of paired differences, over its standard error; 0 where there is none."""
    mean, error = differences.mean(), differences.std() / math.sqrt(len(differences))
    return (mean / error).item() if error > 0 else 0.0


def page(options: Namespace) -> Figure:
    """Samples of each class at three thresholds, and confidence and recall along all."""
    found = BENCH.read(options.out)
    figure = canvas(7.2, 5.2)
    axes = figure.subplots(2, 3)
    folder = options.weights and options.weights / "orthogonal-0"
    model, _ = MODELS["orthogonal"].seeded(0).trained(folder, data=DATA)
    wanted = torch.arange(10).repeat(8)
    for place, threshold in zip(axes[0], (2.0, 0.7, 0.2), strict=True):
        torch.manual_seed(0)
        x = sample(cast(BigGAN, model), context=wanted, decoding=Truncation(threshold))
        sheet(place, x, load(DATA).space, 10, f"threshold {threshold:g}")
    for place, (key, title) in zip(
        axes[1],
        {"sure": "confidence", "recall": "recall", "frechet": "Fréchet distance"}.items(),
        strict=True,
    ):
        for name, entry in MODELS.items():
            runs = [
                cell["figures"]["thresholds"]
                for label, cell in found.items()
                if label.startswith(f"{name} | seed")
            ]
            means = [sum(run[k][key] for run in runs) / len(runs) for k in range(len(THRESHOLDS))]
            place.plot(THRESHOLDS, means, "o-", ms=3, label=entry.label)
        place.set_xlabel("threshold")
        place.set_title(title)
    axes[1, 0].legend()
    return figure


if __name__ == "__main__":
    BENCH.main()
