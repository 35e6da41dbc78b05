"""AdaGAN on the grid of 25: five weak GANs boosted, bagged, and one GAN with all their rounds.

The weak learner is a GAN without a penalty, which drops modes. All three have the same learner,
optimiser and batch, and as many rounds of a GAN in all; the learning rate falls by a cosine over the
rounds of each GAN; no weights are averaged.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial

import torch

from genus.adversarial import GAN, AdaGAN, GeneratorMixture
from genus.core import GenerativeModel
from genus.data import load
from genus.measure.samples.toys import mode_values
from genus.nn import MLP
from genus.train.fit import adam, fit
from genus.train.run import Run
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, spread

COMPONENTS, WIDTH, BATCH, LR, SAMPLES = 5, 128, 256, 1e-3, 10_000


def weak() -> GAN:
    hidden = (WIDTH,) * 3
    generator = MLP(2, 2, hidden, activation="relu")
    critic = MLP(2, 1, hidden, activation="relu")
    return GAN(load("grid").space, generator, critic, 2)


SYSTEMS: dict[str, tuple[int, Callable[[int], GenerativeModel]]] = {
    # runs of a component's rounds, one after the other; and the model, given those rounds
    "one weak GAN": (1, lambda rounds: weak()),
    "one GAN, all rounds": (COMPONENTS, lambda rounds: weak()),
    "bagging, 5 GANs": (1, lambda rounds: GeneratorMixture([weak() for _ in range(COMPONENTS)])),
    "AdaGAN, 5 GANs": (
        COMPONENTS,
        lambda rounds: AdaGAN(weak(), MLP(2, 1, (128, 128), activation="relu"), COMPONENTS, rounds),
    ),
}


BENCH = Bench(
    __file__,
    "AdaGAN against bagging and against one GAN, on the grid of 25",
    "System | Modes of 25 | Held firmly | High quality | Reverse KL | Runs",
    lambda options: {
        "data": "grid: 25 normals, spacing 2, std 0.05, endless",
        "weak learner": f"GAN of perceptrons 3 x {WIDTH}, non-saturating, no penalty",
        "rounds of a component": options.rounds,
        "batch": BATCH,
        "optimiser": f"Adam, lr {LR} falling by a cosine, betas 0.5 and 0.999",
        "judge": "perceptron 2 x 128",
        "samples": SAMPLES,
        "spread": "standard deviation over seeds",
    },
    """
    Modes: those with at least one of 10,000 samples within three standard deviations; held firmly:
    with at least 20. Reverse KL: of the shares of all samples by nearest mode. Bagging trains its five
    side by side, each with rounds of its own.
    """,
    weights="raw",
    options={"rounds": (3000, "rounds of each component"), "seeds": ([0, 1, 2], "of the runs")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for seed in options.seeds:
        for system, (parts, _) in SYSTEMS.items():
            run = Run(parts * options.rounds, batch=BATCH, seed=seed, device="cpu", log_every=500)
            play = partial(train, system, options.rounds)
            name = f"{system} | seed {seed}"
            yield Cell(name, partial(measure, play, run), partial(first_losses, play, run))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for system in SYSTEMS:
        if runs := of_seeds(found, system):
            modes = [spread([run[name] for run in runs], 1) for name in ("modes", "modes_firmly")]
            quality = spread([100 * run["high_quality"] for run in runs], 1)
            kl = spread([run["mode_kl"] for run in runs])
            table.append([system, *modes, f"{quality} %", kl, str(len(runs))])
    return table


def train(system: str, rounds: int, run: Run) -> GenerativeModel:
    """Trains one system, whose components have so many rounds."""
    torch.manual_seed(run.seed)
    model = SYSTEMS[system][1](rounds)
    parts = COMPONENTS if isinstance(model, AdaGAN) else 1
    fit(
        model,
        load("grid").train,
        run,
        optimizers=adam(LR, (0.5, 0.999)),
        schedule=lambda behind: cosine(parts * behind % 1),
    )
    return model


def measure(play: Callable[[Run], GenerativeModel], run: Run) -> dict[str, float]:
    begun = time.perf_counter()
    model = play(run)
    minutes = (time.perf_counter() - begun) / 60
    torch.manual_seed(1000 + run.seed)
    modes, std = load("grid").modes or (torch.empty(0), 1.0)
    found = mode_values(model.sample(SAMPLES), modes, std)
    return {"minutes": minutes} | {name: value for name, (value, _) in found.items()}


if __name__ == "__main__":
    BENCH.main()
