"""A conditional VAE on MNIST: digits rewritten with another label, and completed from one quadrant.

Rewriting: the code of each test digit, found with its own label, is decoded with another one, drawn at random from the
nine others. A classifier that has seen training rows alone says whether the result is of that class; and moments of the
picture say whether it is by the same hand: the slant, the width once the slant is undone, and the thickness of the
stroke. Correlations are of what is left of a moment once the mean of all rows of the same label is taken away, on both
sides, since a 1 is narrow whoever writes it.

Completion: the lower left quadrant is given, the rest is drawn, beside a network of as many weights which gives each
missing pixel a probability of its own. A few rows are held against quadrature, with a latent of two units.

The data are read from the folder GENUS_DATA.
"""

import math
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.core import GenerativeModel, Pixels, Space
from genus.data import load
from genus.functional.densities.densities import log_bernoulli
from genus.functional.densities.estimates import mean_error
from genus.measure import Oracle, scores
from genus.media.style import canvas
from genus.media.ways import masked
from genus.nn import MLP
from genus.recipes.measure.oracle import oracle
from genus.recipes.vae.conditional_vae import conditional_vae, parting_of
from genus.train import fit
from genus.train.schedules import cosine
from genus.vae.given.conditional import ConditionalVAE
from genus.vae.likelihoods import NoiseDecoding

from ..bench import (
    Bench,
    Cell,
    Cells,
    Table,
    Training,
    drawn,
    first_losses,
    sheet,
    size,
    with_error,
)

LABELLED, FIXED, KNOWN = "mnist", "binarized_mnist", "quadrant"
EVERY = 10  # of the test rows, one in so many is completed: they are sorted by class
K = (10, 100, 1000)  # importance weights of each row
DRAWS = (1, 2, 5, 10, 20, 50, 100)  # completions of each row, of which the best counts
STYLE = ("slant", "width", "thickness")


def run(rounds: int, lr: float = 1e-3, every: int = 1000) -> Run:
    return Run(rounds=rounds, batch=128, lr=lr, ema=0.999, evaluate_every=every)


NET: dict[str, Any] = {"latent": 16, "width": 400, "dropout": 0.0}
MODELS = {
    "judge": Training(
        "",
        oracle,
        Run(rounds=1500, lr=4e-3, ema=0.99, evaluate_every=500),
        {"data": LABELLED, "width": 8, "dropout": 0.2},
    ),
    "labels": Training("", conditional_vae, run(12_000), {"data": LABELLED, **NET}),
    "completion": Training("", conditional_vae, run(9000), {"data": FIXED, "known": KNOWN, **NET}),
    "two units": Training(
        "",
        conditional_vae,
        run(3000),
        {"data": FIXED, "known": KNOWN, "latent": 2, "width": 200, "dropout": 0.0},
    ),
}
REGRESSION = run(6000)

BENCH = Bench(
    __file__,
    "A conditional VAE on MNIST: digits with another label, and digits of which a quadrant is given",
    "task | by | weights | CPU minutes | -log p, nats | right class | slant | width | thickness | "
    "wrong pixels, k = 1 | best of 10 | best of 100",
    {
        "labels": "mnist, pixels drawn as bits; 10,000 test rows; results are means of p(x | z, c)",
        "completion": "binarized_mnist (static), the lower left quadrant given, 588 pixels missing; "
        "test rows 0, 10, 20 ... (1,000 rows)",
        "-log p": "by importance weights, k = 1,000, an upper bound in expectation; exact for the regression",
        "slant, width, thickness": "correlations within labels, of the result and of the digit it was made from",
        "wrong pixels": "squared error of completions in bits, the mean over rows; of means, squared error too",
        "networks": "perceptrons of two hidden layers, of 400 units, and of 780 for the regression; latent 16",
        "rounds": "of 128 rows: 12,000 with labels, 9,000 for completions, 6,000 of the regression, 1,500 of the judge",
        "weights": "averaged, decay 0.999; the checkpoint of the best validation bound",
    },
    """
    Wrong pixels: of k completions the one that is nearest to the truth, which only says whether the truth is among
    them. Means leave the noise of the pixels out; the regression has one mean alone, which nothing beats at k = 1.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    works = {
        "judge": judged,
        "labels": rewritten,
        "completion": completed,
        "two units": by_quadrature,
    }
    for name, work in works.items():
        yield Cell(name, partial(work, options.weights), MODELS[name].probe)
    yield Cell("regression", guessed, partial(first_losses, regressed, REGRESSION))
    for name, figure in {"rewritten": rewritten_digits, "completed": completed_digits}.items():
        yield Cell(f"picture of {name}", partial(drawn, figure, f"conditional_{name}", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    if "judge" in found and (labels := found.get("labels")):
        right = f"{100 * found['judge']['right']:.1f} %"
        table.append(["label", "test rows themselves", "", "", "", right, *[""] * 6])
        for name, one in labels["results"].items():
            first = name == "another label"
            told = [f"{labels['weights']:,}", f"{labels['minutes']:.1f}", nats(labels)]
            right = f"{100 * one['right']:.1f} %"
            styles = [f"{one['within'][moment]:.3f}" for moment in STYLE]
            table.append(["label", name, *(told if first else [""] * 3), right, *styles, *[""] * 3])
    for name, label in {"completion": "ConditionalVAE", "regression": "regression"}.items():
        if one := found.get(name):
            told = [f"{one['weights']:,}", f"{one['minutes']:.1f}", nats(one)]
            for kind, best in one["best"].items():
                errors = [f"{best[str(k)]:.1f}" if str(k) in best else "" for k in (1, 10, 100)]
                head = [f"{label}, {kind}", *told]
                table.append([KNOWN, *head, *[""] * 4, *errors])
                told = [""] * 3
    return table


def nats(one: Any) -> str:
    bound = "<= " if len(one["nats"]) > 1 else ""
    return bound + with_error(one["nats"][-1], one["error"])


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    notes = []
    if one := found.get("labels"):
        raw = ", ".join(f"{one['results']['another label']['raw'][m]:.2f} of {m}" for m in STYLE)
        notes.append(f"With labels' means left in, the correlations with another label are {raw}.")
    if one := found.get("completion"):
        at = ", ".join(f"{value:.2f} at {k:,}" for value, k in zip(one["nats"], K, strict=True))
        notes.append(
            f"-log p(missing | known) by k weights: {at}; the bound is {one['bound']:.2f}. The estimate of a row has a "
            f"standard error of {one['own_error']:.2f} nats at {K[-1]:,}, the median over rows."
        )
        best = one["best"]
        curves = {f"ConditionalVAE, {kind}": curve for kind, curve in best.items()}
        if other := found.get("regression"):
            curves["regression, bits"] = other["best"]["bits"]
        for name, curve in curves.items():
            values = ", ".join(f"{curve[str(k)]:.1f} of {k}" for k in DRAWS)
            notes.append(f"{name}: squared error of the best {values}.")
    if one := found.get("two units"):
        notes.append(
            f"With a latent of two units, {one['rows']} rows: quadrature gives {one['exact']:.3f} nats, "
            f"{one['k']:,} weights {one['weighed']:.3f}; rows differ by {one['away']:.3f} at most, "
            f"{one['errors']:.1f} of their standard errors. Every other point of the grid gives the same to "
            f"{one['coarse']:.0e} nats."
        )
    return notes


# --- models -----------------------------------------------------------------------------------


@cache
def network(name: str, folder: Path | None) -> tuple[Any, float]:
    """A model, which is trained no further, and the CPU minutes that it took."""
    model, minutes = MODELS[name].trained(folder and folder / name.replace(" ", "_"))
    return model.requires_grad_(False), minutes


class Regression(GenerativeModel):
    """Bits that are independent given a context.

    Args:
        space: Bits.
        context_space: vectors.
        hidden: widths of the hidden layers.
    """

    def __init__(self, space: Space, context_space: Space, hidden: tuple[int, ...]):
        super().__init__()
        self.space, self.context_space, self.hidden = space, context_space, hidden
        self.net = MLP(context_space.dims, space.dims, hidden)

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        return log_bernoulli(x, self.net(context))

    def mean(self, context: Tensor) -> Tensor:
        return self.net(context).sigmoid()

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        return self.mean(self.context_given(n, context)).bernoulli()


def regressed(run: Run) -> Regression:
    """A regression of as many weights as the model of completions, by its best evaluation."""
    torch.manual_seed(run.seed)
    source = load(FIXED)
    parting = parting_of(KNOWN, source.space)
    source = source.parted(parting)
    model = Regression(parting.missing_space, parting.known_space, (780, 780))
    evaluate = scores(source.validation)
    found = fit(model, source.train, run, schedule=cosine, evaluate=evaluate)
    assert isinstance(found, Regression)
    return found


@cache
def regression() -> tuple[Regression, float]:
    """The regression, and the CPU minutes that it took."""
    begun = time.process_time()
    model = regressed(replace(REGRESSION, device="cpu")).requires_grad_(False)
    return model, (time.process_time() - begun) / 60


# --- another label ----------------------------------------------------------------------------


def moments(x: Tensor) -> Tensor:
    """Slant, width and thickness of strokes, (n, 3), of pictures with ink in [0, 1], (n, 1, h, w).

    slant        columns that a row is further left than the one above it, by the moments of ink: m_xy / m_yy
    width        deviation of the ink from side to side in columns, once the slant is undone
    thickness    twice the ink over the length of its edge, the sum of the slopes' sizes: that of a long bar is its width
    """
    ink = x[:, 0].double()
    rows, columns = (torch.arange(side, dtype=ink.dtype) for side in ink.shape[1:])
    total = ink.sum((1, 2))

    def mean(values: Tensor) -> Tensor:
        return (ink * values).sum((1, 2)) / total

    down = rows[None, :, None] - mean(rows[:, None])[:, None, None]
    right = columns - mean(columns)[:, None, None]
    m_yy, m_xy, m_xx = mean(down * down), mean(down * right), mean(right * right)
    padded = torch.nn.functional.pad(ink, (1, 1, 1, 1))
    slopes = [padded.diff(dim=1)[:, :, :-1], padded.diff(dim=2)[:, :-1]]
    edge = torch.stack(slopes).square().sum(0).sqrt().sum((1, 2))
    width = (m_xx - m_xy.square() / m_yy).clamp(min=0).sqrt()
    return torch.stack([-m_xy / m_yy, width, 2 * total / edge], 1)


def within(values: Tensor, labels: Tensor) -> Tensor:
    """Values, (n, d), less the mean of all rows of the same label."""
    means = torch.stack([values[labels == label].mean(0) for label in range(10)])
    return values - means[labels]


def correlations(first: Tensor, second: Tensor) -> dict[str, float]:
    """Of each moment in two sets of rows, (n, 3)."""
    values = [
        torch.corrcoef(torch.stack(pair))[0, 1].item()
        for pair in zip(first.T, second.T, strict=True)
    ]
    return dict(zip(STYLE, values, strict=True))


def judged(folder: Path | None, split: str = "test") -> dict[str, Any]:
    """The share of pictures whose class the judge sees rightly."""
    judge, minutes = network("judge", folder)
    x, labels = getattr(load(LABELLED).labelled(), split).everything()
    right = (judge.see(x, judge.space).classes == labels).double().mean().item()
    return {"right": right, "weights": size(judge), "minutes": minutes}


def rewritten(folder: Path | None, split: str = "test") -> dict[str, Any]:
    """What becomes of all rows with another label, with their own, and with another code."""
    model, minutes = network("labels", folder)
    judge: Oracle = network("judge", folder)[0]
    grey, labels = getattr(load(LABELLED).labelled(), split).everything()
    x, _ = getattr(load(LABELLED).binarised().labelled(), split).everything()
    torch.manual_seed(0)
    others = (labels + torch.randint(1, 10, labels.shape)) % 10
    before = moments((grey + 1) / 2)

    def look(code: Tensor, targets: Tensor) -> dict[str, Any]:
        found = model.decode(code, targets)
        seen = judge.see(2 * found - 1, judge.space).classes
        after = moments(found)
        return {
            "right": (seen == targets).double().mean().item(),
            "within": correlations(within(before, labels), within(after, targets)),
            "raw": correlations(before, after),
        }

    code = model.encode(x, labels)
    results = {
        "another label": look(code, others),
        "their own label": look(code, labels),
        "another label and another code": look(torch.randn_like(code), others),
    }
    told = {"weights": size(model), "minutes": minutes, "results": results}
    return {**likelihood(model, x[::EVERY], labels[::EVERY]), **told}


def likelihood(model: ConditionalVAE, x: Tensor, context: Tensor) -> dict[str, Any]:
    """Mean nats by each number of weights, their error over rows, and that of a row's own estimate."""
    torch.manual_seed(0)
    found = [model.log_p(x, context, k=k) for k in K]
    bound = torch.stack([model.elbo(x, context) for _ in range(K[0])]).mean()
    log_p, own = found[-1]
    return {
        "nats": [-value.mean().item() for value, _ in found],
        "error": mean_error(log_p)[1],
        "own_error": own.median().item(),
        "bound": -bound.item(),
    }


# --- completion -------------------------------------------------------------------------------


def parts(split: str = "test") -> tuple[Tensor, Tensor]:
    """What is missing and what is known of the rows that are completed."""
    source = load(FIXED)
    x = getattr(source, split).everything()[0][::EVERY]
    return parting_of(KNOWN, source.space).apart(x)


def nearest(draws: Tensor, truth: Tensor) -> dict[int, float]:
    """Mean squared error of the best of k draws, (100, n, d), over all groups of so many."""
    errors = (draws - truth).square().sum(2)
    return {
        k: torch.stack([group.amin(0) for group in errors.split(k)]).mean().item() for k in DRAWS
    }


def completed(folder: Path | None, split: str = "test") -> dict[str, Any]:
    """Likelihood and errors of completions by the conditional VAE."""
    model, minutes = network("completion", folder)
    missing, known = parts(split)
    torch.manual_seed(0)
    best = {}
    for kind, decoding in {"bits": NoiseDecoding(), "means": NoiseDecoding(mean=True)}.items():
        draws = [model.sample(context=known, decoding=decoding) for _ in range(DRAWS[-1])]
        best[kind] = nearest(torch.stack(draws), missing)
    figures = {"best": best, "weights": size(model), "minutes": minutes}
    return {**likelihood(model, missing, known), **figures}


def guessed(split: str = "test") -> dict[str, Any]:
    """The same of the regression."""
    model, minutes = regression()
    missing, known = parts(split)
    torch.manual_seed(0)
    draws = torch.stack([model.sample(context=known) for _ in range(DRAWS[-1])])
    value, error = mean_error(-model.log_prob(missing, known).double())
    mean = (model.mean(known) - missing).square().sum(1).mean().item()
    return {
        "nats": [value],
        "error": error,
        "best": {"bits": nearest(draws, missing), "the mean": {1: mean}},
        "weights": size(model),
        "minutes": minutes,
    }


def by_quadrature(folder: Path | None, split: str = "test") -> dict[str, Any]:
    """log p of a few rows by importance weights, and by a sum over a grid of all codes of two units."""
    model, _ = network("two units", folder)
    k, rows = 5000, 5
    missing, known = (part[:: len(part) // rows][:rows] for part in parts(split))
    torch.manual_seed(0)
    log_p, error = model.log_p(missing, known, k=k)
    exact, coarse = (quadrature(model, missing, known, step) for step in (0.02, 0.04))
    away = (log_p - exact).abs()
    return {
        "rows": rows,
        "k": k,
        "exact": -exact.mean().item(),
        "weighed": -log_p.mean().item(),
        "away": away.max().item(),
        "errors": (away / error).max().item(),
        "coarse": (exact - coarse).abs().max().item(),
    }


def quadrature(model: ConditionalVAE, x: Tensor, context: Tensor, step: float) -> Tensor:
    """log p(x | c) of each row, (n,) float64, by a sum over codes in [-6, 6]^2."""
    line = torch.arange(round(-6 / step), round(6 / step) + 1) * step
    grid = torch.cartesian_prod(line, line)
    prior = -0.5 * grid.double().square().sum(1) - math.log(2 * math.pi) + 2 * math.log(step)
    found = []
    for row, given in zip(x, context, strict=True):
        log_p = []
        for codes in grid.split(20_000):
            h = model.embedded(given.expand(len(codes), -1))
            mean, log_std = model.prior_given(h)
            numbers = model.numbers(mean + log_std.exp() * codes, h)
            log_p.append(model.likelihood.log_prob(row.expand(len(codes), -1), numbers))
        found.append((torch.cat(log_p).double() + prior).logsumexp(0))
    return torch.stack(found)


# --- pictures ---------------------------------------------------------------------------------


def rewritten_digits(options: Namespace) -> Figure:
    """A test digit of each class at the left, and beside it its code with each of the ten labels."""
    model, _ = network("labels", options.weights)
    x, labels = load(LABELLED).binarised().labelled().test.everything()
    grey = load(LABELLED).test.everything()[0]
    first = torch.stack([(labels == label).nonzero()[7, 0] for label in range(10)])
    targets = torch.arange(10).repeat(10)
    code = model.encode(x[first], labels[first]).repeat_interleave(10, 0)
    found = 2 * model.decode(code, targets) - 1
    figure = canvas(6.2, 5.8)
    left, right = figure.subplots(1, 2, width_ratios=(1, 10))
    space = Pixels((1, 28, 28))
    sheet(left, grey[first], space, 1, "test digit")
    sheet(right, found, space, 10, "its code, with each label from 0 to 9")
    return figure


def completed_digits(options: Namespace) -> Figure:
    """What is known of test digits, what was there, completions of it, and the mean of the regression."""
    model, _ = network("completion", options.weights)
    source = load(FIXED)
    parting = parting_of(KNOWN, source.space)
    x = source.test.everything()[0]
    x = x[:: len(x) // 14][:14]  # they are sorted by class
    known = parting.apart(x)[1]
    torch.manual_seed(0)
    mean = NoiseDecoding(mean=True)
    lines = {
        "known": masked(x, parting.known, source.space),
        "the truth": x,
        **{f"draw {i}": parting.completed(model, x, mean) for i in range(1, 7)},
        "with noise": parting.completed(model, x),
        "regression": parting.together(regression()[0].mean(known), known),
    }
    figure = canvas(6.8, 5.2)
    for axes, (name, line) in zip(figure.subplots(len(lines), 1), lines.items(), strict=True):
        axes.imshow(
            torch.cat([*line[:, 0]], 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
        for side in axes.spines.values():
            side.set_visible(False)
    return figure


if __name__ == "__main__":
    BENCH.main()
