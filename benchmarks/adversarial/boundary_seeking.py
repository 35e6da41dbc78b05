"""Discrete GANs: BS-GAN on binarised digits and on a grammar, beside REINFORCE and likelihood models.

REINFORCE has the same networks and rows as BS-GAN; each row is paid by its logit, less the mean of its
z. RBM and MADE learn by likelihood, with their recipes' own settings.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from genus.adversarial import BSGAN
from genus.autoregressive import MADE
from genus.core import Losses, Model
from genus.data import Data, load
from genus.data.text.grammar import Grammar
from genus.measure import evaluate
from genus.measure.likelihood.likelihood import QUICK
from genus.measure.rows import judging, sampled
from genus.recipes.adversarial import bsgan as bsgan_recipe
from genus.recipes.adversarial.bsgan import bsgan
from genus.recipes.autoregressive import made as made_recipe
from genus.recipes.energy.rbm import RUN as RBM_RUN
from genus.recipes.energy.rbm import rbm
from genus.train.fit import adam, fit
from genus.train.run import Run
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, spread

SEQUENCES = 10_000  # sampled from each model of the grammar
DIGITS = {"frechet": 2, "classes": 1, "class_kl": 3}
GRAMMAR = {"legal": 3, "bigram_kl": 4, "turns": 3}
DATA = ("digits", "grammar")
REAL = "real rows in their place"


class Reinforce(BSGAN):
    """The same game, but each row is paid by what the critic says of it."""

    def generator_loss(self, x: Tensor, made: Tensor, log_g: Tensor) -> Losses:
        with torch.no_grad():
            paid = self.score(made.flatten(0, 1)).reshape(log_g.shape)
            paid = (paid - paid.mean(1, keepdim=True)) / (self.samples - 1)
        return {"reinforce": -(paid * log_g).sum(1).mean()}


def source(data: str) -> Data:
    """Digits as bits, or the grammar."""
    return load("digits").binarised() if data == "digits" else load(data)


def reinforce(data: str, run: Run) -> Model:
    """With the networks of the recipe, before they have learnt anything."""
    twin = bsgan(data, run=replace(run, rounds=0, out=None))
    model = Reinforce(twin.space, twin.generator, twin.critic, twin.latent, twin.samples)
    model.requires_grad_(True)
    optimizers = adam(run.lr, betas=(0.0, 0.99))
    return fit(model, source(data).train, run, optimizers=optimizers, schedule=cosine)


def likelihood(data: str, run: Run) -> Model:
    """MADE as its recipe has it, on bits or tokens."""
    torch.manual_seed(run.seed)
    rows = source(data)
    model = MADE(rows.space, (300, 300), 16, True, seed=run.seed)
    return fit(model, rows.train, run, schedule=cosine)


SYSTEMS: dict[str, Callable[[str, Run], Model]] = {
    "BS-GAN, 20 rows a z": lambda data, run: bsgan(data, run=run),
    "BS-GAN, 5 rows a z": lambda data, run: bsgan(data, samples=5, run=run),
    "REINFORCE, 20 rows a z": reinforce,
    "BS-GAN, untrained": lambda data, run: bsgan(data, run=run),
    "MADE": likelihood,
    "RBM": lambda data, run: rbm(data, run=run),
}
RUNS = {  # of those whose rounds no option sets
    "BS-GAN, untrained": replace(bsgan_recipe.RUN, rounds=0),
    "MADE": made_recipe.RUN,
    "RBM": RBM_RUN,
}


BENCH = Bench(
    __file__,
    "Generators of bits and tokens",
    "Data | System | Frechet | Classes | Class KL, nats | Legal transitions | Bigram KL, nats | Turns | "
    "Seconds",
    lambda options: {
        "data": "digits as bits, test split; grammar",
        "samples": {"digits": 1000, "grammar": SEQUENCES},
        "rounds": options.rounds,
        "seeds": options.seeds,
        "batch": bsgan_recipe.RUN.batch,
    },
    """
    Legal transitions, bigrams and turns are those of the known grammar: two states, up and down,
    on a ring of 8 tokens, 32 tokens long. The bigram KL is that of the legal bigrams against
    their true law; the truth turns in 0.1 of the steps.

    MADE on the bits of digits and the RBM have likelihoods; a GAN has none, so here all are
    judged by their samples. The RBM knows no tokens.

    The oracle has seen digits in grey, and normalises its features: on bits even the noise of
    untrained networks is not far, and has all classes. Read each Frechet distance between that of
    the untrained networks and that of real rows.

    Mean ± standard deviation over the seeds; a row without ± has one seed. Seconds are those of a
    machine that was shared with other work.
    """,
    weights="average",
    options={"rounds": (4000, "rounds of BS-GAN and REINFORCE"), "seeds": ([0, 1], "of the runs")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell(f"grammar | {REAL}", real_sequences)
    for seed in options.seeds:
        for data in DATA:
            for system, train in SYSTEMS.items():
                run = RUNS.get(system, replace(bsgan_recipe.RUN, rounds=options.rounds))
                run = replace(run, seed=seed, device="cpu")
                if (data, system) != ("grammar", "RBM"):
                    yield Cell(
                        f"{data} | {system} | seed {seed}",
                        partial(measure, data, system, run),
                        partial(first_losses, partial(train, data), run),
                    )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in DATA:
        for system in SYSTEMS:
            if runs := of_seeds(found, f"{data} | {system}"):
                seconds = f"{statistics.mean(run['seconds'] for run in runs):.0f}"
                table.append([data, system, *figures(runs), seconds])
        if real := real_rows(data, found):
            table.append([data, REAL, *figures([real]), ""])
    return table


def figures(runs: list[dict[str, float]]) -> list[str]:
    return [
        spread([run[name] for run in runs], digits) if name in runs[0] else ""
        for name, digits in (DIGITS | GRAMMAR).items()
    ]


def real_rows(data: str, found: Cells) -> dict[str, float]:
    """What real rows score in the place of samples."""
    if data == "grammar":
        return found.get(f"grammar | {REAL}", {})
    runs = [run for name, run in found.items() if name.startswith("digits")]
    return {name: run[f"{name} of real rows"] for run in runs[:1] for name in DIGITS}


def real_sequences() -> dict[str, float]:
    return Grammar().read(load("grammar").test.everything()[0])._asdict()


def measure(data: str, system: str, run: Run) -> dict[str, float]:
    """Trains one system and judges its samples."""
    begun = time.perf_counter()
    model = SYSTEMS[system](data, run)
    seconds = time.perf_counter() - begun
    if data == "grammar":
        with judging(model, run.seed):
            found = Grammar().read(sampled(model, SEQUENCES))._asdict()
    else:
        judged = evaluate(model, source(data), seed=run.seed, effort=QUICK)
        found = {f.name: f.value for f in judged if f.name in DIGITS}
        floors = {f"{f.name} of real rows": f.floor for f in judged if f.name in DIGITS}
        found |= {name: floor for name, floor in floors.items() if floor is not None}
    return found | {"seconds": seconds}


if __name__ == "__main__":
    BENCH.main()
