"""Which of the thousand modes of stacked digits five games find, with the same networks and rounds.

The figures are those of `genus evaluate`: 26,000 samples, the oracle of the 8x8 digits on each channel.
Under ours stand the published rows of PacGAN, which are of 28x28 digits, other networks and another
classifier. With --model, the picture shows test images and that model's samples.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from genus import Run, evaluate, fit
from genus.adversarial import GAN, UnrolledGAN
from genus.core import Model, Pixels
from genus.data import load
from genus.functional.adversarial.objectives import non_saturating, wasserstein
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1, r2
from genus.functional.adversarial.relativistic import RELATIVISTIC
from genus.media.style import canvas
from genus.nn import ConvDecoder, ConvEncoder
from genus.train.artifact import load as read_model
from genus.train.fit import adam
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, first_losses, given, of_seeds, sheet, spread

SPACE = Pixels((3, 8, 8), 17)
LATENT, WIDTH, BATCH, LR = 64, 16, 64, 1e-3
FIGURES = ("modes", "mode_kl", "channel_frechet")
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


BENCH = Bench(
    __file__,
    "A thousand modes: stacked digits",
    "system | modes raw | modes EMA | KL raw | KL EMA | channel Frechet EMA | CPU seconds | source",
    lambda options: {
        "data": "stacked_digits: three random 8x8 digits as channels, 17 levels",
        "networks": f"convolutions without normalisation, width {WIDTH}, latent {LATENT}",
        "batch": BATCH,
        "optimiser": f"Adam(betas 0.5, 0.99), lr {LR}, cosine to 0",
        "samples": 26_000,
        "split": "test",
        "rounds": options.rounds,
    },
    """
    Ours: mean and standard deviation over the seeds; published: mean and standard error of 10 trials.

    raw: the weights after the last round; EMA: their average over the rounds, decay 0.999.

    Modes: classes of three digits that at least one of 26,000 samples has. KL: of the samples'
    histogram over the 1,000 classes from the uniform one, nats. Channel Frechet: squared, of the
    oracle's features of single channels against single test digits: noise has all the modes too.

    The published rows are of stacked MNIST, of larger networks with batch normalisation and of
    another classifier: they show the order, and are not to be compared number by number.

    PacGAN's table 3, in which the critic is a quarter of the generator, has unrolling by 10 steps at
    327.2 ± 74.67 modes, DCGAN at 78.5 ± 17.56 and packing by 4 at 667.4 ± 29.00.

    Unrolling looks 5 steps of gradient descent of rate 0.1 ahead: a critic that Adam moves faster
    than that is not where the generator looked.

    Stacked MNIST itself: not measured; no oracle of 28x28 digits ships with genus.

    CPU seconds are of one thread, on cores that other work shared.
    """,
    weights="raw, average",
    options={
        "rounds": (3000, "rounds of each run"),
        "seeds": ([0, 1, 2], "of the runs"),
        "model": (Path, "folder of a trained model, whose samples are drawn"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for seed in options.seeds:
        run = Run(options.rounds, batch=BATCH, lr=LR, ema=0.999, seed=seed, device="cpu")
        for system in SYSTEMS:
            yield Cell(
                f"{system} | seed {seed}",
                partial(measure, system, run),
                partial(first_losses, partial(train, system), run),
            )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for system in SYSTEMS:
        if runs := of_seeds(found, system):
            figures = [
                spread([run[kind][name] for run in runs], digits)
                for name, digits in (("modes", 1), ("mode_kl", 3))
                for kind in ("raw", "ema")
            ]
            frechet = spread([run["ema"]["channel_frechet"] for run in runs])
            seconds = f"{statistics.mean(run['seconds'] for run in runs):.0f}"
            source = f"here, {len(runs)} seed{'s' if len(runs) > 1 else ''}"
            table.append([system, *figures, frechet, seconds, source])
    if found:
        real = next(iter(found.values()))["real"]
        kl, frechet = f"{real['mode_kl']:.3f}", f"{real['channel_frechet']:.3f}"
        table.append(["real rows", f"{real['modes']:.0f}", "", kl, "", frechet, "", "here"])
    return table + PUBLISHED


@BENCH.picture
def draw(found: Cells, options: Namespace, columns: int = 16) -> Figure:
    """Test images and samples, each over its channels."""
    model = read_model(given(options.model, "model"))
    torch.manual_seed(0)
    test = load("stacked_digits").test.batch(0, columns, 0)[0]
    lines, figure = [], canvas(6.4, 3.3)
    for x in (test, model.sample(columns)):
        lines += [x, *(x[:, i : i + 1].expand(-1, 3, -1, -1) for i in range(3))]
    sheet(figure.subplots(), torch.cat(lines), SPACE, columns)
    return figure


def train(system: str, run: Run) -> tuple[Model, Model]:
    """One system as it is after the last round, and its average."""
    torch.manual_seed(run.seed)
    model = SYSTEMS[system]()
    rates = {"critic": LR / 10 if system == SLOWER else LR, "generator": LR}
    data = load("stacked_digits").train
    return model, fit(model, data, run, optimizers=adam(rates, (0.5, 0.99)), schedule=cosine)


def measure(system: str, run: Run) -> dict[str, Any]:
    begun = time.process_time()
    models = train(system, run)
    seconds = round(time.process_time() - begun)
    data = load("stacked_digits")
    raw, ema = ({f.name: f for f in evaluate(m, data) if f.name in FIGURES} for m in models)
    return {
        "seconds": seconds,
        "raw": {name: figure.value for name, figure in raw.items()},
        "ema": {name: figure.value for name, figure in ema.items()},
        "real": {name: figure.floor for name, figure in ema.items()},
    }


if __name__ == "__main__":
    BENCH.main()
