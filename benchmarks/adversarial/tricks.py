"""The usual tricks against mode collapse, one at a time, on the grid of 25; augmentation on 100 digits.

The base is the plain non-saturating game without a penalty; each row changes one thing. On digits 100
training rows are left, the base has R1, and the critic sees augmented rows.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, manual_seed, nn

from genus import Run, evaluate, fit
from genus.adversarial import (
    GAN,
    AdaptiveAugment,
    DiffAugment,
    InstanceNoise,
    MinibatchDiscrimination,
    MinibatchStddev,
)
from genus.core import Model, Pixels
from genus.data import Data, Rows, load
from genus.functional.adversarial.objectives import (
    Smoothed,
    TopK,
    TwoPlayerObjective,
    non_saturating,
)
from genus.functional.adversarial.penalties import Penalty, feature_matching, r1
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.train.fit import adam
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds

LR, HIDDEN, LATENT, FADE, ROWS = 2e-3, (128,) * 3, 2, 2000, 100
FIGURES = (  # of the grid, of digits
    ("modes", "classes"),
    ("high_quality", "precision"),
    ("mode_kl", "class_kl"),
    ("", "frechet"),
    ("", "memorisation"),
)


@dataclass(frozen=True)
class Trick:
    """What one row changes."""

    objective: TwoPlayerObjective = non_saturating
    penalties: tuple[Penalty, ...] = ()
    packing: int = 1
    noise: float = 0.0
    history: float = 0.0
    top: float | None = None
    critic_lr: float = LR
    constraint: str | None = None
    layer: str | None = None  # in which rows meet, before the critic's last
    augment: str | None = None


PLAIN = Trick()
SLOPE = Trick(penalties=(Penalty(r1, 0.3),))
GRID = {
    "none": PLAIN,
    "one-sided smoothing, 0.9": replace(PLAIN, objective=Smoothed(0.9)),
    "instance noise, 0.5 falling to 0": replace(PLAIN, noise=0.5),
    "feature matching, weight 1": replace(
        PLAIN, penalties=(Penalty(feature_matching, 1.0, player="generator"),)
    ),
    "minibatch discrimination": replace(PLAIN, layer="discrimination"),
    "minibatch standard deviation": replace(PLAIN, layer="stddev"),
    "historical averaging, 0.001": replace(PLAIN, history=1e-3),
    "two time scales, critic 4 times": replace(PLAIN, critic_lr=4 * LR),
    "spectral norm": replace(PLAIN, constraint="spectral"),
    "top-k, share 0.5": replace(PLAIN, top=0.5),
    "packing 2": replace(PLAIN, packing=2),
    "packing 4": replace(PLAIN, packing=4),
    "R1, 0.3": SLOPE,
    "R1, 0.3, in every 16th round": Trick(penalties=(Penalty(r1, 0.3, every=16),)),
}
DIGITS = {
    "R1, 0.3": SLOPE,
    "R1 and DiffAugment": replace(SLOPE, augment="diff"),
    "R1 and adaptive augmentation": replace(SLOPE, augment="adaptive"),
}
FEW = "digits, 100 rows"
SETS = {"grid": GRID, FEW: DIGITS}


BENCH = Bench(
    __file__,
    "Tricks, one at a time",
    "data | trick | modes raw | modes EMA | high quality raw | high quality EMA | reverse KL raw | "
    "reverse KL EMA | Frechet EMA | memorisation EMA | CPU seconds",
    lambda options: {
        "networks": "grid: MLP 3 x 128, ReLU, 2-d latent; digits: convolutions, width 16, 32-d latent",
        "rounds": {"grid": options.rounds, "digits": options.digits_rounds},
        "batch": {"grid": 128, "digits": 64},
        "optimiser": f"Adam(betas 0, 0.99), lr {LR}, cosine to 0",
        "samples": {"grid": 10_000, "digits": 1000},
        "split": "test",
    },
    """
    Mean and range over the seeds. raw: the last weights; EMA: their average, decay 0.999.

    High quality: within 3 standard deviations of a bump, of 10,000 samples; on digits, precision.

    Reverse KL: samples over bumps, or over the oracle's classes, from the true shares; nats.

    Memorisation: 1 for new rows of the same kind, 0 for copies of training rows.

    Two seeds show large differences only: rows that are close are not told apart by this table.

    CPU seconds are of one thread, on cores that other work shared.
    """,
    weights="raw, average",
    options={
        "rounds": (4000, "rounds on the grid"),
        "digits_rounds": (2000, "rounds on digits"),
        "seeds": ([0, 1], "of the runs"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for seed in options.seeds:
        run = Run(ema=0.999, seed=seed, device="cpu", rounds=options.rounds, batch=128)
        runs = {"grid": run, FEW: replace(run, rounds=options.digits_rounds, batch=64)}
        for kind, tricks in SETS.items():
            for name in tricks:
                yield Cell(
                    f"{kind} | {name} | seed {seed}",
                    partial(measure, kind, name, runs[kind]),
                    partial(first_losses, partial(train, kind, name), runs[kind]),
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for kind, tricks in SETS.items():
        for name in tricks:
            if runs := of_seeds(found, f"{kind} | {name}"):
                table.append([kind, name, *row(runs)])
        real = [
            run["real"] for cell, run in found.items() if cell.startswith(kind) and "real" in run
        ]
        if real:
            floor = {"raw": real[0], "ema": real[0], "seconds": 0}
            table.append([kind, "real rows", *row([floor])])
    return table


def row(runs: list[dict[str, Any]]) -> list[str]:
    whole = [run for run in runs if "fault" not in run]
    seconds = f"{statistics.mean(run['seconds'] for run in runs):.0f}"
    if not whole:
        return ["not finite", *[""] * (len(BENCH.columns) - 4), seconds]
    figures = []
    for both, digits in zip(FIGURES, (1, 3, 3, 2, 2), strict=True):
        for kind in ("raw", "ema") if both[0] else ("ema",):
            values = [r[kind][one] for r in whole for one in both if r[kind].get(one) is not None]
            figures.append(around(values, digits))
    if len(whole) < len(runs):
        figures[0] += f" ({len(runs) - len(whole)} of {len(runs)} not finite)"
    return [*figures, seconds]


def around(values: list[float], digits: int) -> str:
    """The mean, and how far the outermost are from it."""
    if not values:
        return ""
    mean, half = statistics.mean(values), (max(values) - min(values)) / 2
    return f"{mean:.{digits}f} ± {half:.{digits}f}" if half else f"{mean:.{digits}f}"


def train(kind: str, name: str, run: Run) -> tuple[Model, Model]:
    """The model of one row as it is after the last round, and its average."""
    data, trick = source(kind), SETS[kind][name]
    manual_seed(run.seed)
    model = build(data, trick)
    every = max([p.every for p in trick.penalties], default=1)
    rates = {"critic": trick.critic_lr, "generator": LR}
    optimizers = adam(rates, (0.0, 0.99), {"critic": every} if every > 1 else None)
    return model, fit(model, data.train, run, optimizers=optimizers, schedule=cosine)


def measure(kind: str, name: str, run: Run) -> dict[str, Any]:
    """Trains and judges one seed of one row."""
    begun = time.process_time()
    try:
        models = train(kind, name, run)
    except FloatingPointError as error:
        return {"fault": str(error).split(";")[0], "seconds": time.process_time() - begun}
    values: dict[str, Any] = {"seconds": round(time.process_time() - begun, 1)}
    wanted = {one for both in FIGURES for one in both}
    for what, model in zip(("raw", "ema"), models, strict=True):
        figures = evaluate(model, source(kind), samples=10_000 if kind == "grid" else 1000)
        values[what] = {f.name: f.value for f in figures if f.name in wanted}
        values["real"] = {f.name: f.floor for f in figures if f.name in wanted}
    return values


def source(kind: str) -> Data:
    """The grid; or the digits, of which 100 rows are left to learn from."""
    if kind == "grid":
        return load("grid")
    data = load("digits")
    few, labels = data.train.everything()[0][:ROWS], data.train.labels
    return replace(data, train=Rows(few, data.space, labels=labels[:ROWS], classes=10))


def build(data: Data, trick: Trick) -> GAN:
    space, latent = data.space, LATENT
    if isinstance(space, Pixels):
        channels, height, width = space.shape
        latent, shape = 32, (channels, height, width)
        generator, critic = ConvDecoder(latent, shape, 16), ConvEncoder(shape, 1, 16)
    else:
        generator = MLP(latent, space.dims, HIDDEN, activation="relu")
        critic = perceptron(trick.packing * space.dims, trick)
    view = InstanceNoise(trick.noise, FADE) if trick.noise else None
    if trick.augment == "adaptive":
        view = AdaptiveAugment(("blit", "geometry"), images=50_000)
    elif trick.augment == "diff":
        view = DiffAugment(("translation", "cutout"))
    return GAN(
        space,
        generator,
        critic,
        latent,
        trick.objective,
        trick.penalties,
        packing=trick.packing,
        view=view,
        history=trick.history,
        top=None if trick.top is None else TopK(trick.top, FADE),
    )


def perceptron(d_in: int, trick: Trick) -> nn.Module:
    """The critic of the grid: with a layer in which rows meet, before its last hidden layer."""
    if trick.layer is None:
        return MLP(d_in, 1, HIDDEN, activation="relu", constraint=trick.constraint)
    before = MLP(d_in, HIDDEN[1], HIDDEN[:1], activation="relu")
    if trick.layer == "stddev":
        meeting, more = MinibatchStddev(4), 1
    else:
        meeting, more = MinibatchDiscrimination(HIDDEN[1], 16, 4), 16
    return Meeting(before, meeting, MLP(HIDDEN[1] + more, 1, HIDDEN[2:], activation="relu"))


class Meeting(nn.Module):
    """A perceptron with a layer in which rows meet."""

    def __init__(self, before: nn.Module, meeting: nn.Module, after: nn.Module):
        super().__init__()
        self.before, self.meeting, self.after = before, meeting, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.meeting(self.before(x).relu()))


if __name__ == "__main__":
    BENCH.main()
