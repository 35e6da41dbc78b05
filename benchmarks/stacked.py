"""Which of the thousand modes of stacked digits five games find, with the same networks and rounds.

    python benchmarks/stacked.py [--systems NAME ...] [--seeds 0 1 2] [--rounds 3000] [--out FILE]

Each seed of each system is written to benchmarks/results/stacked.json when it is done, and a second
call goes on with those that are missing. The figures are those of `genus evaluate`: 26,000 samples,
the oracle of the 8x8 digits on each channel. Under ours stand the published rows of PacGAN, which are
of 28x28 digits, other networks and another classifier.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from genus import Run, __version__, evaluate, fit
from genus.adversarial import GAN, UnrolledGAN
from genus.core import Model, Pixels
from genus.data import load
from genus.functional.adversarial.objectives import non_saturating, wasserstein
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1, r2
from genus.functional.adversarial.relativistic import RELATIVISTIC
from genus.nn import ConvDecoder, ConvEncoder
from genus.show import grid, save_png
from genus.train.artifact import load as read_model
from genus.train.fit import adam
from genus.train.schedules import cosine

OUT = Path(__file__).parent / "results" / "stacked.json"
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "stacked.png"
SPACE = Pixels((3, 8, 8), 17)
LATENT, WIDTH, BATCH, LR = 64, 16, 64, 1e-3
FIGURES = ("modes", "mode_kl", "channel_frechet")
COLUMNS = ["system", "modes raw", "modes EMA", "KL raw", "KL EMA", "channel Frechet EMA"]
COLUMNS += ["CPU seconds", "source"]
PROTOCOL: dict[str, Any] = {
    "data": "stacked_digits: three random 8x8 digits as channels, 17 levels",
    "networks": f"convolutions without normalisation, width {WIDTH}, latent {LATENT}",
    "batch": BATCH,
    "optimiser": f"Adam(betas 0.5, 0.99), lr {LR}, cosine to 0",
    "samples": 26_000,
    "split": "test",
}
TABLE_2 = "PacGAN, arXiv:1712.04086, table 2 (stacked MNIST, 28x28)"
PUBLISHED = [
    [name, modes, "", kl, "", "", "", TABLE_2]
    for name, modes, kl in (
        ("DCGAN, published", "99.0", "3.40"),
        ("ALI, published", "16.0", "5.40"),
        ("Unrolled GAN, published", "48.7", "4.32"),
        ("VEEGAN, published", "150.0", "2.95"),
        ("DCGAN, PacGAN's own, published", "78.9 ± 6.46", "4.50 ± 0.127"),
        ("PacDCGAN2, published", "1000.0 ± 0.00", "0.06 ± 0.003"),
        ("PacDCGAN3, published", "1000.0 ± 0.00", "0.06 ± 0.003"),
        ("PacDCGAN4, published", "1000.0 ± 0.00", "0.07 ± 0.005"),
    )
]
NOTES = [
    "Ours: mean and standard deviation over the seeds; published: mean and standard error of 10 trials.",
    "raw: the weights after the last round; EMA: their average over the rounds, decay 0.999.",
    (
        "Modes: classes of three digits that at least one of 26,000 samples has. KL: of the samples' "
        "histogram over the 1,000 classes from the uniform one, nats. Channel Frechet: squared, of the "
        "oracle's features of single channels against single test digits: noise has all the modes too."
    ),
    (
        "The published rows are of stacked MNIST, of larger networks with batch normalisation and of "
        "another classifier: they show the order, and are not to be compared number by number."
    ),
    (
        "PacGAN's table 3, in which the critic is a quarter of the generator, has unrolling by 10 steps at "
        "327.2 ± 74.67 modes, DCGAN at 78.5 ± 17.56 and packing by 4 at 667.4 ± 29.00."
    ),
    (
        "Unrolling looks 5 steps of gradient descent of rate 0.1 ahead: a critic that Adam moves faster "
        "than that is not where the generator looked."
    ),
    "Stacked MNIST itself: not measured; no oracle of 28x28 digits ships with genus.",
    "CPU seconds are of one thread, on cores that other work shared.",
]


def game(*penalties: Penalty, packing: int = 1, objective: Any = non_saturating) -> GAN:
    generator, critic = networks(packing)
    return GAN(SPACE, generator, critic, LATENT, objective, penalties, packing=packing)


def networks(packing: int = 1) -> tuple[ConvDecoder, ConvEncoder]:
    channels, height, width = SPACE.shape
    generator = ConvDecoder(LATENT, (channels, height, width), WIDTH)
    return generator, ConvEncoder((packing * channels, height, width), 1, WIDTH)


SLOWER = "unrolled by 5 steps, critic at lr / 10"
SYSTEMS: dict[str, Callable[[], Model]] = {
    "DCGAN's game (non-saturating)": game,
    "packed by 2": lambda: game(packing=2),
    "WGAN-GP, weight 10": lambda: game(Penalty(gradient_penalty, 10.0), objective=wasserstein),
    "R3GAN, weight 0.1": lambda: game(
        Penalty(r1, 0.1), Penalty(r2, 0.1), objective=RELATIVISTIC["relativistic"]
    ),
    "unrolled by 5 steps": lambda: UnrolledGAN(SPACE, *networks(), LATENT, steps=5, rate=0.1),
    SLOWER: lambda: UnrolledGAN(SPACE, *networks(), LATENT, steps=5, rate=0.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=[*SYSTEMS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--picture", type=Path, help="a folder with a model; nothing is measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.picture is not None:
        return draw_picture(options.picture)
    protocol = {**PROTOCOL, "rounds": options.rounds}
    cells: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        cells = record["cells"]
    for seed in options.seeds:
        for system in options.systems:
            if (name := f"{system}/{seed}") not in cells:
                cells[name] = measure(system, seed, options.rounds)
                write(options.out, protocol, cells)
                print(name, json.dumps(cells[name]), flush=True)


def draw_picture(folder: Path, columns: int = 16) -> None:
    """Test images and samples, each over its channels."""
    torch.manual_seed(0)
    lines = []
    for x in (
        load("stacked_digits").test.batch(0, columns, 0)[0],
        read_model(folder).sample(columns),
    ):
        lines += [x, *(x[:, i : i + 1].expand(-1, 3, -1, -1) for i in range(3))]
    save_png(grid(torch.cat(lines), SPACE, columns), PICTURE)


def measure(system: str, seed: int, rounds: int) -> dict[str, Any]:
    """Trains and judges one seed of one system."""
    data = load("stacked_digits")
    torch.manual_seed(seed)
    model = SYSTEMS[system]()
    run = Run(rounds=rounds, batch=BATCH, lr=LR, ema=0.999, seed=seed, device="cpu")
    rates = {"critic": LR / 10 if system == SLOWER else LR, "generator": LR}
    begun = time.process_time()
    average = fit(model, data.train, run, optimizers=adam(rates, (0.5, 0.99)), schedule=cosine)
    seconds = time.process_time() - begun
    raw, ema = (
        {f.name: f for f in evaluate(m, data) if f.name in FIGURES} for m in (model, average)
    )
    return {
        "seconds": round(seconds),
        "raw": {name: figure.value for name, figure in raw.items()},
        "ema": {name: figure.value for name, figure in ema.items()},
        "real": {name: figure.floor for name, figure in ema.items()},
    }


def write(path: Path, protocol: dict[str, Any], cells: dict[str, Any]) -> None:
    rows = []
    for system in SYSTEMS:
        found = [cell for name, cell in cells.items() if name.rpartition("/")[0] == system]
        if found:
            said = [
                spread([cell[kind][name] for cell in found], digits)
                for name, digits in (("modes", 1), ("mode_kl", 3))
                for kind in ("raw", "ema")
            ]
            looks = spread([cell["ema"]["channel_frechet"] for cell in found], 2)
            seconds = f"{statistics.mean(cell['seconds'] for cell in found):.0f}"
            rows.append(
                [
                    system,
                    *said,
                    looks,
                    seconds,
                    f"here, {len(found)} seeds" if len(found) > 1 else "here, 1 seed",
                ]
            )
    real = next(iter(cells.values()))["real"]
    kl, looks = f"{real['mode_kl']:.3f}", f"{real['channel_frechet']:.3f}"
    rows.append(["real rows", f"{real['modes']:.0f}", "", kl, "", looks, "", "here"])
    content = {
        "title": "A thousand modes: stacked digits",
        "command": "python benchmarks/stacked.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": [*rows, *PUBLISHED],
        "notes": NOTES,
        "cells": cells,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def spread(values: list[float], digits: int) -> str:
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
