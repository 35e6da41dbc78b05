"""Guidance: how sure a sample's class is, against how different samples of a class still are.

Three ways, each at several scales w: without a classifier; by a classifier of noisy digits, of a diffusion
that knows no labels; and by the same classifier, of the conditional diffusion.
"""

import time
from argparse import Namespace
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run, fit
from genus.core import Classes, GenerativeModel, Losses, Model
from genus.data import load
from genus.diffusion import (
    DDIM,
    ByClassifier,
    ClassifierGuided,
    Diffusion,
    Guided,
    TimeEncoder,
    UNet,
)
from genus.measure import evaluate, real_floor
from genus.media.style import canvas
from genus.nn import Labels
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses, sheet, trained, with_error

FREE, PULLED, BOTH = "classifier-free", "by classifier, no labels", "by classifier, conditional"
SCALES = {
    FREE: (0.0, 0.25, 0.5, 1.0, 2.0, 4.0),
    PULLED: (0.0, 1.0, 2.0, 4.0, 8.0),
    BOTH: (0.5, 1.0, 2.0, 4.0),
}
SHOWN = {FREE: (0.0, 0.5, 4.0), PULLED: (1.0, 4.0, 8.0)}
UNTIL = 0.95  # the time above which a classifier's pull is left out
PLOTTED = {
    "right_class": "share of right classes",
    "diversity": "spread in a class",
    "recall": "recall",
}
TICKS = (0, 0.5, 1, 2, 4, 8)
FIGURES = ("right_class", "diversity", "recall", "coverage", "frechet")
EVALUATIONS, CLASSES = 30, 10


BENCH = Bench(
    __file__,
    "Guidance: the class of a sample, and how different samples are",
    "way | w | right class | spread in a class | recall | coverage | Frechet | CPU seconds",
    lambda options: {
        "data": "digits, 8 x 8, 17 levels; 300 test rows",
        "networks": "U-Net of width 16; classifier: its half, width 16",
        "training": f"{options.rounds} rounds of 64 rows, Adam 3e-3, cosine; average 0.995",
        "path": "cosine, velocity; 15 % of labels are not told",
        "sampler": f"DDIM, {EVALUATIONS} evaluations, eta 0",
        "samples": f"{options.samples}, labels as in the test rows",
        "classifier": f"pulls below t = {UNTIL}; trained with a dropout of 0.1",
        "oracle": "digits, as it ships",
        "seed": 0,
    },
    """
    w = 0 is the model itself: the conditional one, or for the second way one of p(x) alone.

    Each value with its standard error over draws of samples; one training of each network.

    Real rows, and the Frechet distance's errors, leave to chance how many of a class there are.

    Samples do not: differences between their Frechet distances are surer than the errors say.

    Right class: the oracle sees the label that was asked for.

    Spread in a class: mean distance of the oracle's features of two samples of one class.

    Other counts of guidance have 1 where there is none: that is 1 + w.
    """,
    weights="average",
    options={
        "rounds": (4000, "rounds of each training"),
        "samples": (1000, "number of samples of each scale"),
        "weights": (Path, "folder in which runs are kept and continued"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell("real", partial(real_rows, options.samples))
    for way, scales in SCALES.items():
        for scale in scales:
            work = partial(measure, way, scale, options)
            yield Cell(f"{way}/{scale:g}", work, partial(first_of_both, options.rounds))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    real = found.get("real", {})
    table = [["real rows", "", *(f"{real[n]:.3f}" if n in real else "" for n in FIGURES), ""]]
    for way, scales in SCALES.items():
        for scale in scales:
            if run := found.get(f"{way}/{scale:g}"):
                values = [with_error(run[name], run[f"{name} error"], 3) for name in FIGURES]
                table.append([way, f"{scale:g}", *values, f"{run['seconds']:.0f}"])
    return table


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    """What each way does at each scale; below, five samples of each class at several scales."""
    both, space = nets(options.rounds, options.weights), load("digits").space
    figure = canvas(9.6, 6.6)
    places = figure.add_gridspec(3, 3, height_ratios=(1.2, 1, 1))
    for place, (name, title) in enumerate(PLOTTED.items()):
        axes = figure.add_subplot(places[0, place])
        for way, scales in SCALES.items():
            values = [found[f"{way}/{scale:g}"][name] for scale in scales]
            axes.plot(scales, values, "o-", ms=4, label=way)
        if name in found["real"]:
            axes.axhline(found["real"][name], color="C7", lw=0.9, ls=":", label="real rows")
        labels = [f"{x:g}" for x in TICKS]
        axes.set(xlabel="w", xscale="symlog", xticks=TICKS, xticklabels=labels, title=title)
        axes.set_ylim(bottom=0)
        if name == "recall":
            axes.legend(fontsize=7)
    for line, (way, scales) in enumerate(SHOWN.items(), 1):
        for column, scale in enumerate(scales):
            axes = figure.add_subplot(places[line, column])
            torch.manual_seed(1)
            x = guided(both, way, scale).eval().sample(context=torch.arange(10).repeat(5))
            sheet(axes, x, space, title=f"{way}, w = {scale:g}")
    return figure


# --- the models -----------------------------------------------------------------------------


class Nets(NamedTuple):
    """What was trained."""

    conditional: Diffusion
    pulled: ClassifierGuided


@cache
def nets(rounds: int, folder: Path | None) -> Nets:
    """Both models, which draw by the benchmark's sampler."""
    found: list[Any] = [
        trained(partial(learned, name), run_of(rounds), folder and folder / name)[0]
        for name in Nets._fields
    ]
    both = Nets(*found)
    both.conditional.sampler = both.pulled.model.sampler = DDIM(EVALUATIONS)
    return both


@cache
def first_of_both(rounds: int) -> list[float]:
    """The first losses of both trainings, which all cells share."""
    trains = [partial(learned, name) for name in Nets._fields]
    return [loss for train in trains for loss in first_losses(train, run_of(rounds))]


def run_of(rounds: int) -> Run:
    return Run(rounds=rounds, batch=64, lr=3e-3, ema=0.995)


def learned(name: str, run: Run) -> Model:
    torch.manual_seed(0)
    data, context = load("digits").labelled(), Classes(CLASSES)
    if name == "conditional":
        net = UNet(1, 16, (1, 2), context=CLASSES)
        embed = Labels(CLASSES)
        model = Diffusion(net, data.space, context_space=context, embed=embed, drop_context=0.15)
    else:
        judge = TimeEncoder(1, CLASSES, 16, (1, 2), dropout=0.1)
        model = ClassifierGuided(Diffusion(UNet(1, 16, (1, 2)), data.space), judge, CLASSES)
    return fit(model, data.train, run, schedule=warmed(cosine))


class Pulled(GenerativeModel):
    """The conditional diffusion, pulled by the other model's classifier."""

    def __init__(self, both: Nets, scale: float):
        super().__init__()
        self.both, self.scale = both, scale
        self.parts = torch.nn.ModuleList([both.conditional, both.pulled.classifier])
        self.space, self.context_space = both.conditional.space, both.conditional.context_space

    def loss(self, *batch: Tensor) -> Losses:
        return {}

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, sampler: Any = None
    ) -> Tensor:
        conditional, judge = self.both.conditional, self.both.pulled.classifier
        given = conditional.given(context)
        denoiser = ByClassifier(given, judge, context, self.scale, (0.0, UNTIL), self.space)
        start = conditional.path.spread * self.noise(len(context), *self.space.shape)
        return self.space.quantise((sampler or conditional.sampler)(denoiser, start))


def guided(both: Nets, way: str, scale: float) -> GenerativeModel:
    if way == FREE:
        return Guided(both.conditional, scale)
    if way == PULLED:
        pulled = both.pulled
        return ClassifierGuided(pulled.model, pulled.classifier, CLASSES, scale, (0.0, UNTIL))
    return Pulled(both, scale)


# --- the figures ----------------------------------------------------------------------------


def real_rows(samples: int) -> dict[str, float]:
    return {f.name: f.value for f in real_floor(load("digits").labelled(), samples=samples)}


def measure(way: str, scale: float, options: Namespace) -> dict[str, float]:
    """The figures of one scale, and the CPU seconds that they took."""
    model = guided(nets(options.rounds, options.weights), way, scale)
    begun = time.process_time()
    figures = evaluate(model, load("digits").labelled(), samples=options.samples)
    found = {f.name: f for f in figures}
    values = {name: found[name].value for name in FIGURES}
    errors = {f"{name} error": found[name].error or 0.0 for name in FIGURES}
    return {**values, **errors, "seconds": time.process_time() - begun}


if __name__ == "__main__":
    BENCH.main()
