"""Drawings: nats per step on sheep and kanji, and texts of glyphs that a rule reads.

Models are trained by their recipes; of the checkpoints the one with the lowest validation nats is scored
on all test rows. The mixture without memory draws each step alone: the pen by its share, the move from
normals that expectation maximisation has found. The picture is of the models in --weights.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.autoregressive import HandwritingSynthesis, PenDecoding
from genus.core import Model, Reals
from genus.data import load
from genus.data.strokes.glyphs import LETTERS, GlyphReader, accuracy, lines_of, spelled, tokens
from genus.density import GaussianMixture
from genus.functional.densities.estimates import mean_error
from genus.media.style import canvas
from genus.recipes.autoregressive.handwriting import RUN as SYNTHESIS
from genus.recipes.autoregressive.handwriting import handwriting
from genus.recipes.autoregressive.handwriting_prediction import RUN as PREDICTION
from genus.recipes.autoregressive.handwriting_prediction import handwriting_prediction

from ..bench import (
    Bench,
    Cell,
    Cells,
    Table,
    drawn,
    first_losses,
    given,
    size,
    trained,
    with_error,
)

SETS: dict[str, tuple[Callable[..., Model], Run]] = {
    "glyphs": (handwriting, SYNTHESIS),
    "kanji": (handwriting_prediction, PREDICTION),
    "sheep": (handwriting_prediction, replace(PREDICTION, rounds=1200)),
}
BIASES = (0.0, 0.5, 1.0)
NORMALS = 20  # of the mixture without memory
ENOUGH = 20_000  # steps that it learns from
TEXTS = 400  # that are written, and read
PRIME = 3  # letters of a text that are there already


BENCH = Bench(
    __file__,
    "Drawings: nats per step, and texts that a rule reads",
    "data | model | weights | CPU minutes | nats a drawing | nats a step | "
    f"{' | '.join(f'read right, bias {bias:g}' for bias in BIASES)} | slant kept",
    {
        "data": "sheep, kanji: steps moved by noise as wide as their grid, divided by the "
        "deviation of the training set's; glyphs: drawn anew, a letter is 2.5 high",
        "scores": "-log p(x), nats; a density of moves, a probability of pens; all test rows",
        "steps": "of each drawing, with the one that ends it",
        "training": "; ".join(
            f"{name}: {run.rounds} x {run.batch}, Adam {run.lr:g}, cosine, average {run.ema}"
            for name, (_, run) in SETS.items()
        ),
        "checkpoint": "the averaged weights with the lowest validation nats",
        "texts": f"{TEXTS} of the test set, of 2 to 6 letters",
        "seed": 0,
    },
    f"""
    CPU minutes are those of the whole run, with its evaluations; ± is one standard error over test rows.

    Read right is 1 - edit distance / letters, by a rule that compares lines with the letters' own; real
    rows show what the rule itself gets wrong.

    Slant kept is the correlation of the slant of {PRIME} real letters that a text begins with and that of
    the letters written after them, at a bias of 0.5.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, (recipe, run) in SETS.items():
        yield Cell(f"{name}, alone", partial(without_memory, name))
        work = partial(measure, name, options.weights)
        yield Cell(name, work, partial(first_losses, partial(recipe, name), run))
    yield Cell("glyphs, real", real)
    yield Cell("picture", partial(drawn, draw, "handwriting", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name in [*(f"{n}{which}" for n in SETS for which in (", alone", "")), "glyphs, real"]:
        if (run := found.get(name)) is None:
            continue
        scores = ["", "", "", ""]
        if "step" in run:
            scores = [
                *(f"{run['weights']:,}", f"{run['minutes']:.1f}"),
                *(with_error(run["drawing"], run.get("error"), 1), f"{run['step']:.3f}"),
            ]
        right = [f"{value:.3f}" for value in run.get("right", [])]
        right += [""] * (len(BIASES) - len(right))
        kept = f"{run['slant']:.2f}" if "slant" in run else ""
        table.append([name.split(",")[0], run["model"], *scores, *right, kept])
    return table


# --- the models -----------------------------------------------------------------------------


def learned(name: str, folder: Path | None) -> tuple[Any, float]:
    recipe, run = SETS[name]
    return trained(partial(recipe, name), run, folder and folder / name)


def without_memory(name: str) -> dict[str, Any]:
    """Each step by itself."""
    torch.manual_seed(0)
    begun = time.process_time()
    train, test = (load(name).splits[split].everything()[0] for split in ("train", "test"))
    pens = torch.bincount(scored(train)[:, 2].long(), minlength=3).double()
    moves = scored(train)
    moves = moves[moves[:, 2] != 2][:, :2]
    mixture = GaussianMixture(Reals((2,)), NORMALS)
    for _ in mixture.fit(moves[torch.randperm(len(moves))[:ENOUGH]]):
        pass
    steps = scored(test)
    each = (pens / pens.sum()).log()[steps[:, 2].long()]
    with torch.no_grad():
        each += mixture.log_prob(steps[:, :2]) * (steps[:, 2] != 2)
    return {
        "model": f"no memory, {NORMALS} normals",
        "weights": size(mixture) + 2,
        "minutes": (time.process_time() - begun) / 60,
        "drawing": float(-each.sum() / len(test)),
        "step": float(-each.mean()),
    }


def scored(x: Tensor) -> Tensor:
    """All steps that have a score, (steps, 3): up to the one that ends a drawing."""
    return x[there(x)]


def there(x: Tensor) -> Tensor:
    """Which steps have a score, (n, length)."""
    on = x[..., 2] != 2
    return torch.cat([torch.ones_like(on[:, :1]), on[:, :-1]], 1)


# --- the figures ----------------------------------------------------------------------------


def measure(name: str, folder: Path | None) -> dict[str, Any]:
    """The figures of a model."""
    model, minutes = learned(name, folder)
    test = load(name).test.everything()
    pieces = zip(*(part.split(100) for part in test), strict=True)
    with torch.no_grad():
        each = torch.cat([-model.log_probs(*piece).double().sum(1) for piece in pieces])
    mean, error = mean_error(each)
    found = {
        "model": f"{type(model).__name__}, {model.layers} x {model.width}",
        "weights": size(model),
        "minutes": minutes,
        "drawing": mean,
        "error": error,
        "step": float(each.sum() / there(test[0]).sum()),
    }
    if isinstance(model, HandwritingSynthesis):
        torch.manual_seed(0)
        texts = test[1][:TEXTS]
        found["right"] = [
            right(model.sample(context=texts, decoding=PenDecoding(bias=bias)), texts)
            for bias in BIASES
        ]
        found["slant"] = slant_kept(*test, model)
    return found


def real() -> dict[str, Any]:
    """What the rule reads in real rows."""
    x, texts = load("glyphs").test.everything()
    found = {"right": [right(x[:TEXTS], texts[:TEXTS])], "slant": slant_kept(x, texts)}
    return {"model": "real rows", **found}


def right(drawings: Tensor, texts: Tensor) -> float:
    """How much of the texts the rule reads."""
    reader = GlyphReader()
    return accuracy([reader(drawing).text for drawing in drawings], spelled(texts))


def slant_kept(x: Tensor, texts: Tensor, model: HandwritingSynthesis | None = None) -> float:
    """The correlation of the slant of PRIME real letters with that of those that follow.

    Those that follow are a model's, or without one those of the row itself.
    """
    pairs, reader = [], GlyphReader()
    for drawing, text in zip(x[: TEXTS // 2], texts[: TEXTS // 2], strict=True):
        if int((text != 0).sum()) <= PRIME + 1:
            continue
        k, whole = steps_of(text[:PRIME]), drawing
        if model is not None:
            primed = {"decoding": PenDecoding(bias=0.5), "prefix": drawing[None, :k]}
            whole = model.sample(context=text[None], **primed)[0]
        halves = cut(whole, 0, k), cut(whole, k, len(whole))
        pairs.append([reader(half).slant for half in halves])
    return float(torch.tensor(pairs).T.corrcoef()[0, 1])


def steps_of(text: Tensor) -> int:
    """How many steps letters take."""
    return sum(sum(map(len, LETTERS[letter])) for letter in spelled(text[None])[0])


def cut(drawing: Tensor, begin: int, end: int) -> Tensor:
    """Some steps of a drawing, and no others: (length, 3)."""
    x = torch.zeros_like(drawing)
    x[:, 2] = 2
    x[: end - begin] = drawing[begin:end]
    return x


# --- the picture ----------------------------------------------------------------------------


def draw(options: Namespace) -> Figure:
    """Drawings that are gone on with, and a text by several hands."""
    weights = given(options.weights, "weights")
    models = {name: learned(name, weights)[0] for name in SETS}
    figure = canvas(9.6, 7.2)
    grid = figure.add_gridspec(5, 6)
    for line, (name, k) in enumerate({"sheep": 40, "kanji": 12}.items()):
        torch.manual_seed(1)
        x = load(name).test.everything()[0][:3]
        alone = models[name].sample(3, decoding=PenDecoding(bias=0.3))
        primed = models[name].sample(3, decoding=PenDecoding(bias=0.3), prefix=x[:, :k])
        for column, drawing in enumerate([*alone, *primed]):
            axes = figure.add_subplot(grid[line, column])
            pen(axes, drawing, k if column > 2 else 0)
            title = {0: f"{name}, drawn", 3: f"{name}, gone on with"}.get(column, "")
            axes.set_title(title, fontsize=9)
    hands(figure, grid, models["glyphs"])
    return figure


def hands(figure: Any, grid: Any, model: HandwritingSynthesis) -> None:
    """A text at each bias, and in the style of real letters before it."""
    torch.manual_seed(2)
    text = tokens(["LATHE"], 6).expand(2, -1)
    for column, bias in enumerate(BIASES):
        for line, drawing in enumerate(model.sample(context=text, decoding=PenDecoding(bias=bias))):
            axes = figure.add_subplot(grid[2 + line, 2 * column : 2 * column + 2])
            pen(axes, drawing, 0)
            axes.set_title(f"LATHE, bias {bias:g}" if line == 0 else "", fontsize=9)
    x, texts = load("glyphs").test.everything()
    reader = GlyphReader()
    long = [i for i in range(200) if len(spelled(texts[i : i + 1])[0]) == 6]
    long.sort(key=lambda i: reader(x[i]).slant)
    for column, i in enumerate((long[0], long[len(long) // 2], long[-1])):
        k = steps_of(texts[i, :PRIME])
        axes = figure.add_subplot(grid[4, 2 * column : 2 * column + 2])
        primed = {"decoding": PenDecoding(bias=0.5), "prefix": x[i : i + 1, :k]}
        pen(axes, model.sample(context=texts[i : i + 1], **primed)[0], k)
        title = f"{spelled(texts[i : i + 1])[0]}, its first {PRIME} letters real"
        axes.set_title(title, fontsize=9)


def pen(axes: Axes, drawing: Tensor, given: int) -> None:
    """A drawing, its first steps in another colour."""
    known = cut(drawing, 0, given)
    for line in lines_of(drawing):
        axes.plot(line[:, 0], -line[:, 1], color="C0", lw=1.1)
    for line in lines_of(known):
        axes.plot(line[:, 0], -line[:, 1], color="C1", lw=1.3)
    axes.set(aspect="equal")
    axes.set_axis_off()


if __name__ == "__main__":
    BENCH.main()
