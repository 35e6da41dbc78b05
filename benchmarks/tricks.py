"""The usual tricks against mode collapse, one at a time, on the grid of 25; augmentation on 100 digits.

    python benchmarks/tricks.py [--tricks NAME ...] [--seeds 0 1] [--rounds 4000]
                                [--digits-rounds 2000] [--out FILE]

The base is the plain non-saturating game without a penalty; each row changes one thing. On digits 100
training rows are left, the base has R1, and the critic sees augmented rows. Each seed of each row is
written to benchmarks/results/tricks.json when it is done; a second call goes on with what is missing.
"""

import argparse
import json
import platform
import statistics
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genus import Run, __version__, evaluate, fit
from genus.adversarial import (
    GAN,
    AdaptiveAugment,
    DiffAugment,
    InstanceNoise,
    MinibatchDiscrimination,
    MinibatchStddev,
)
from genus.core import Pixels
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

OUT = Path(__file__).parent / "results" / "tricks.json"
LR, HIDDEN, LATENT, FADE, ROWS = 2e-3, (128,) * 3, 2, 2000, 100
FIGURES = (  # of the grid, of digits
    ("modes", "classes"),
    ("high_quality", "precision"),
    ("mode_kl", "class_kl"),
    ("", "frechet"),
    ("", "memorisation"),
)
COLUMNS = ["data", "trick", "modes raw", "modes EMA", "high quality raw", "high quality EMA"]
COLUMNS += ["reverse KL raw", "reverse KL EMA", "Frechet EMA", "memorisation EMA", "CPU seconds"]
NOTES = [
    "Mean and range over the seeds. raw: the last weights; EMA: their average, decay 0.999.",
    "High quality: within 3 standard deviations of a bump, of 10,000 samples; on digits, precision.",
    "Reverse KL: samples over bumps, or over the oracle's classes, from the true shares; nats.",
    "Memorisation: 1 for new rows of the same kind, 0 for copies of training rows.",
    "Two seeds show large differences only: rows that are close are not told apart by this table.",
    "CPU seconds are of one thread, on cores that other work shared.",
]


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
SETS = {"grid": GRID, "digits, 100 rows": DIGITS}


def main() -> None:
    names = [f"{data}/{trick}" for data, tricks in SETS.items() for trick in tricks]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tricks", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--rounds", type=int, default=4000, help="on the grid")
    parser.add_argument("--digits-rounds", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "networks": "grid: MLP 3 x 128, ReLU, 2-d latent; digits: convolutions, width 16, 32-d latent",
        "rounds": {"grid": options.rounds, "digits": options.digits_rounds},
        "batch": {"grid": 128, "digits": 64},
        "optimiser": f"Adam(betas 0, 0.99), lr {LR}, cosine to 0",
        "samples": {"grid": 10_000, "digits": 1000},
        "split": "test",
    }
    cells: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        cells = record["cells"]
    for seed in options.seeds:
        for name in options.tricks:
            if (cell := f"{name}/{seed}") not in cells:
                data, trick = name.split("/")
                rounds = options.rounds if data == "grid" else options.digits_rounds
                cells[cell] = measure(data, trick, seed, rounds)
                write(options.out, protocol, cells)
                print(cell, json.dumps(cells[cell]), flush=True)


# --- one cell ---------------------------------------------------------------------------------


def measure(kind: str, name: str, seed: int, rounds: int) -> dict[str, Any]:
    """Trains and judges one seed of one row."""
    data, trick = source(kind), SETS[kind][name]
    torch.manual_seed(seed)
    images = isinstance(data.space, Pixels)
    model = build(data, trick)
    run = Run(rounds=rounds, batch=64 if images else 128, ema=0.999, seed=seed, device="cpu")
    every = max([p.every for p in trick.penalties], default=1)
    rates = {"critic": trick.critic_lr, "generator": LR}
    optimizers = adam(rates, (0.0, 0.99), {"critic": every} if every > 1 else None)
    begun = time.process_time()
    try:
        average = fit(model, data.train, run, optimizers=optimizers, schedule=cosine)
    except FloatingPointError as error:
        return {"fault": str(error).split(";")[0], "seconds": time.process_time() - begun}
    values: dict[str, Any] = {"seconds": round(time.process_time() - begun, 1)}
    for what, judged in (("raw", model), ("ema", average)):
        figures = evaluate(judged, data, samples=1000 if images else 10_000)
        wanted = {one for both in FIGURES for one in both}
        values[what] = {f.name: f.value for f in figures if f.name in wanted}
        values["real"] = {f.name: f.floor for f in figures if f.name in wanted}
    return values


def source(kind: str) -> Data:
    """The grid; or the digits, of which 100 rows are left to learn from."""
    if kind == "grid":
        return load("grid")
    data = load("digits")
    assert isinstance(data.train, Rows)
    few, labels = data.train.everything()[0][:ROWS], data.train.labels
    assert labels is not None
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
    body = MLP(d_in, HIDDEN[1], HIDDEN[:1], activation="relu")
    if trick.layer == "stddev":
        meeting, more = MinibatchStddev(4), 1
    else:
        meeting, more = MinibatchDiscrimination(HIDDEN[1], 16, 4), 16
    head = MLP(HIDDEN[1] + more, 1, HIDDEN[2:], activation="relu")
    return nn.Sequential(body, nn.ReLU(), meeting, head)


# --- the table --------------------------------------------------------------------------------


def write(path: Path, protocol: dict[str, Any], cells: dict[str, Any]) -> None:
    rows = []
    for data, tricks in SETS.items():
        for trick in tricks:
            found = [c for name, c in cells.items() if name.rpartition("/")[0] == f"{data}/{trick}"]
            if found:
                rows.append([data, trick, *row(found)])
        real = [c["real"] for name, c in cells.items() if name.startswith(data) and "real" in c]
        if real:
            rows.append([data, "real rows", *row([{"raw": real[0], "ema": real[0], "seconds": 0}])])
    content = {
        "title": "Tricks, one at a time",
        "command": "python benchmarks/tricks.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": NOTES,
        "cells": cells,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def row(cells: list[dict[str, Any]]) -> list[str]:
    whole = [cell for cell in cells if "fault" not in cell]
    seconds = f"{statistics.mean(cell['seconds'] for cell in cells):.0f}"
    if not whole:
        return ["not finite", *[""] * (len(COLUMNS) - 4), seconds]
    said = []
    for both, digits in zip(FIGURES, (1, 3, 3, 2, 2), strict=True):
        for kind in ("raw", "ema") if both[0] else ("ema",):
            values = [c[kind][one] for c in whole for one in both if c[kind].get(one) is not None]
            said.append(spread(values, digits))
    if len(whole) < len(cells):
        said[0] += f" ({len(cells) - len(whole)} of {len(cells)} not finite)"
    return [*said, seconds]


def spread(values: list[float], digits: int) -> str:
    """The mean, and how far the outermost are from it."""
    if not values:
        return ""
    mean, half = statistics.mean(values), (max(values) - min(values)) / 2
    return f"{mean:.{digits}f} ± {half:.{digits}f}" if half else f"{mean:.{digits}f}"


if __name__ == "__main__":
    main()
