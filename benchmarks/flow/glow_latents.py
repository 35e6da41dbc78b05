"""Figures of Glow's latents on digits: exact projection, the way between two digits, directions.

The recipe is trained twice, on all digits and with classes, about two minutes of a core each; test digits
are looked at through the oracle that comes with genus.
"""

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
from genus.data import Data, load
from genus.density import Dequantised
from genus.measure import Oracle, oracle
from genus.media.style import canvas
from genus.recipes.flow.glow import RUN, glow

from ..bench import Bench, Cell, Cells, Table, first_losses, trained

PAIRS = 500
STRETCHES = (0.5, 1.0, 1.5, 2.0)  # how far along a difference of means
CELL = "latents"
WORDS = {  # how the figures of a row are printed, by the beginning of its name
    "training": ("{:.1f} CPU minutes", ""),
    "decode(encode(x))": (
        "max {:.1e}, mean {:.1e}",
        "{:.1f} % of pictures come back bit for bit",
    ),
    "difference of class means": ("{:.1f} % are the new class", "{:.1f} nats"),
    "samples of a class": ("{:.1f} % are it", "{:.1f} % of real test digits"),
    "a test digit's latent": ("{:.1f} % are the new class", ""),
    "the most probable class": ("{:.1f} % right", ""),
    "": ("{:.1f} nats", "oracle: {:.3f} sure, {:.3f} on the two ends"),
}
Figures = dict[str, list[float]]


BENCH = Bench(
    __file__,
    "Glow's latents on digits",
    "what | figure | beside",
    lambda options: {
        "data": "digits, 300 test rows; latents' class means from 1,297 training rows",
        "models": f"genus.recipes.glow, variational; {length(options)} rounds, seed 0; of all digits, "
        "and of each class",
        "judge": f"the oracle of digits, {oracle('digits').identity()[:16]}",
    },
    """
    The errors of a round trip are in what the flow sees, the logits of the pixels.

    Nats are the bound of the model of all digits: smaller is more probable.

    Paths in latents go along the great circle; directions are differences of means.
    """,
    weights="average",
    options={
        "share": (1.0, "share of the rounds"),
        "weights": (Path, "folder in which runs are kept and continued"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell(CELL, partial(measure, options), partial(first_of_both, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name, values in found.get(CELL, {}).items():
        first, second = next(words for start, words in WORDS.items() if name.startswith(start))
        count = first.count("{")
        table.append([name, first.format(*values[:count]), second.format(*values[count:])])
    return table


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    """Samples of each class; ways between test digits; a digit moved towards each class."""
    (model, _), (given, _) = models(length(options), options.weights)
    data = load("digits").labelled()
    torch.manual_seed(0)
    with torch.no_grad():
        x, label = data.test.everything()
        of = [x[label == c] for c in range(10)]
        samples = given.sample(context=torch.arange(60) % 10).unflatten(0, (6, 10))
        pairs = [(3, 8), (1, 7), (4, 9), (0, 6), (2, 5), (5, 3)]
        ends = [torch.stack([of[p[i]][j] for j, p in enumerate(pairs)]) for i in (0, 1)]
        ways = path(model, *ends, 10)
        z, (train, known) = model.encode(x), data.train.everything()
        code = model.encode(train)
        means = torch.stack([code[known == c].mean(0) for c in range(10)])
        starts = [2, 3, 4, 6, 7, 9]
        moved = [model.decode(z[label == c][:1] + 1.5 * (means - means[c])) for c in starts]
    shown = {
        "Samples, a class in each column": samples,
        "From one test digit to another": ways,
        "A test digit of 2, 3, 4, 6, 7, 9, moved to 0 .. 9": torch.stack(moved),
    }
    figure = canvas(10.5, 2.35)
    for axis, (title, tiles) in zip(figure.subplots(1, 3), shown.items(), strict=True):
        padded = torch.nn.functional.pad(tiles[:, :, 0], (1, 1, 1, 1), value=-0.6)
        sheet = padded.movedim(2, 1).flatten(2).flatten(0, 1)
        axis.imshow(sheet, cmap="gray_r", vmin=-1, vmax=1)
        axis.set(title=title, xticks=[], yticks=[])
        for side in axis.spines.values():
            side.set_visible(False)
    return figure


# --- the models -------------------------------------------------------------------------------


def length(options: Namespace) -> int:
    """Rounds of a training."""
    return max(1, round(options.share * (RUN.rounds or 1)))


def run_of(rounds: int) -> Run:
    return replace(RUN, rounds=rounds, evaluate_every=rounds + 1)


@cache
def models(rounds: int, folder: Path | None) -> list[tuple[Any, float]]:
    """That of all digits and that of each class, and the CPU minutes that each took."""
    return [
        trained(
            partial(glow, variational=True, classes=classes),
            run_of(rounds),
            folder and folder / ("classes" if classes else "all"),
        )
        for classes in (False, True)
    ]


def first_of_both(options: Namespace) -> list[float]:
    trains = [partial(glow, variational=True, classes=classes) for classes in (False, True)]
    run = run_of(length(options))
    return [x for train in trains for x in first_losses(train, run)]


# --- what is measured -------------------------------------------------------------------------


def measure(options: Namespace) -> Figures:
    (model, one), (given, other) = models(length(options), options.weights)
    data, judge = load("digits").labelled(), oracle("digits")
    torch.manual_seed(0)
    with torch.no_grad():
        return {
            "training, both models": [one + other],
            **round_trips(model, data),
            **between(model, data, judge),
            **directions(model, data, judge),
            **conditional(given, data, judge),
        }


def round_trips(model: Dequantised, data: Data) -> Figures:
    """Encoding and decoding test digits: what comes back, before and after it is laid on the grid."""
    x = data.test.everything()[0]
    noisy = model.space.dequantise(x.double())
    found = {}
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        model.to(dtype)
        y, _ = model.to_reals(noisy.to(dtype))
        error = (model.density.decode(model.density.encode(y)) - y).abs()
        back = model.decode(model.encode(x.to(dtype)))
        same = (back == model.space.quantise(x.to(dtype))).flatten(1).all(1).double().mean()
        values = [error.max().item(), error.mean().item(), 100 * same.item()]
        found[f"decode(encode(x)), {name}"] = values
    model.float()
    return found


def between(model: Dequantised, data: Data, judge: Oracle) -> Figures:
    """The middle between two test digits of different classes: in latents, and in pixels."""
    x, label = data.test.everything()
    first, second = torch.randint(len(x), (2, 4 * PAIRS))
    keep = (label[first] != label[second]).nonzero()[:PAIRS, 0]
    first, second = first[keep], second[keep]
    middles = {
        "real digits": x[first],
        "the middle in latents": path(model, x[first], x[second], 3)[:, 1],
        "the middle in pixels": model.space.quantise((x[first] + x[second]) / 2),
    }
    found = {}
    for name, middle in middles.items():
        sure = judge.head(judge.body(middle)).softmax(1)
        ends = sure.gather(1, torch.stack([label[first], label[second]], 1)).sum(1)
        values = (-model.elbo(middle).mean(), sure.max(1).values.mean(), ends.mean())
        found[name] = [value.item() for value in values]
    return found


def path(model: Any, a: Tensor, b: Tensor, steps: int) -> Tensor:
    """From a to b through latents, (n, steps, ...): along the great circle, as noise is a shell."""
    start, end = model.encode(a), model.encode(b)
    long = [z.flatten(1).norm(dim=1) for z in (start, end)]
    cosine = (start * end).flatten(1).sum(1) / (long[0] * long[1])
    angle = cosine.clamp(-1, 1).acos()[:, None, None, None]
    along = []
    for t in torch.linspace(0, 1, steps):
        z = (((1 - t) * angle).sin() * start + (t * angle).sin() * end) / angle.sin()
        along.append(model.decode(z))
    return torch.stack(along, 1)


def directions(model: Dequantised, data: Data, judge: Oracle) -> Figures:
    """Test digits of a class, moved by the difference to another class's mean: what are they now?"""
    x, label = data.test.everything()
    train, train_label = data.train.everything()
    found = {}
    spaces = {
        "latents": (model.encode, model.decode),
        "pixels": (lambda v: v, model.space.quantise),
    }
    for name, (there, back) in spaces.items():
        z, known = there(x), there(train)
        means = torch.stack([known[train_label == c].mean(0) for c in range(data.classes)])
        for stretch in STRETCHES:
            hits, kept = [], []
            for goal in range(data.classes):
                others = label != goal
                moved = z[others] + stretch * (means[goal] - means[label[others]])
                x_moved = back(moved)
                hits.append((judge.see(x_moved, model.space).classes == goal).double())
                kept.append(-model.elbo(x_moved))
            found[f"difference of class means in {name}, times {stretch:g}"] = [
                100 * torch.cat(hits).mean().item(),
                torch.cat(kept).mean().item(),
            ]
    return found


def conditional(model: Dequantised, data: Data, judge: Oracle) -> Figures:
    """Does the class that is asked for come? And does the density know a test digit's class?"""
    x, label = data.test.everything()
    asked = torch.arange(2000) % data.classes
    drawn = judge.see(model.sample(context=asked), model.space).classes
    real = judge.see(x, model.space).classes
    z, hits = model.encode(x, label), []
    for step in range(1, data.classes):
        goal = (label + step) % data.classes
        hits.append((judge.see(model.decode(z, goal), model.space).classes == goal).double())
    scores = torch.stack(
        [
            torch.stack([model.elbo(x, torch.full_like(label, c)) for _ in range(8)]).logsumexp(0)
            for c in range(data.classes)
        ],
        1,
    )

    def share(right: Tensor) -> float:
        return 100 * right.double().mean().item()

    return {
        "samples of a class": [share(drawn == asked), share(real == label)],
        "a test digit's latent, decoded as each other class": [share(torch.cat(hits))],
        "the most probable class of a test digit": [share(scores.argmax(1) == label)],
    }


if __name__ == "__main__":
    BENCH.main()
