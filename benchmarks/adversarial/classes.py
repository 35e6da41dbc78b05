"""Models of pictures given their class, within equal budgets: are samples of it, and of as many kinds as its rows?

A budget is one of CPU seconds of training, on one thread, with validation. Each model has three settings, which are
tried for a third of the budget with seed 0; the one whose samples are nearest to validation rows, class by class, has
the whole budget, with each seed. The judge is the classifier that ships for the data; it has seen the same training
rows as the models, since digits are too few to be halved, and no sample.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.core import GenerativeModel, Model, sample
from genus.data import Data, load
from genus.data.splits import Split
from genus.measure import Oracle
from genus.measure.oracles import OracleOutput, oracle_for
from genus.measure.samples.by_class import by_class
from genus.measure.samples.samples import memorisation
from genus.media.style import canvas
from genus.recipes.adversarial.acgan import acgan
from genus.recipes.adversarial.amgan import amgan
from genus.recipes.adversarial.artgan import artgan
from genus.recipes.adversarial.biggan import biggan
from genus.recipes.adversarial.cgan import cgan
from genus.recipes.diffusion.guided import guided
from genus.recipes.vae.conditional_vae import conditional_vae
from genus.train import adam, play
from genus.vae.likelihoods import NoiseDecoding

from ..bench import (
    Bench,
    Cell,
    Cells,
    Table,
    drawn,
    first_losses,
    of_seeds,
    sheet,
    size,
    spread,
    trained,
)

DATA = {"digits": "digits"}  # name in the table: that of the data
MINUTES, SEEDS = {"digits": 1.0}, {"digits": 3}
SAMPLES = 2000  # as many of each class
STUDENT = 300  # rounds of the classifier that learns from samples alone
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A model of the table.

    Args:
        label: what its row says.
        recipe: recipe that trains it.
        run: its run, without its length.
        settings: three settings, of which validation chooses one; `lr` is the run's.
        fixed: options of all settings.
    """

    label: str
    recipe: Callable[..., Model]
    run: Run
    settings: tuple[Options, Options, Options]
    fixed: Options

    def train(self, data: str, number: int, seed: int = 0) -> tuple[Callable[..., Model], Run]:
        """A setting, as a recipe that takes a run, and its run."""
        options = {**self.fixed, **self.settings[number]}
        fields = {key: options.pop(key) for key in ("lr",) if key in options}
        how = {"minutes": MINUTES[data], "clock": "processor", "seed": seed, **fields}
        return partial(self.recipe, data=DATA[data], **options), replace(self.run, **how)


def run(batch: int, lr: float, ema: float = 0.999) -> Run:
    return Run(minutes=1.0, batch=batch, lr=lr, ema=ema, evaluate_every=500)


GAMES: tuple[Options, Options, Options] = ({}, {"lr": 5e-4}, {"weight": 0.2})
MODELS = {
    "projection": Entry("cGAN, projection", cgan, run(64, 1e-3), GAMES, {}),
    "beside": Entry("cGAN, class beside x", cgan, run(64, 1e-3), GAMES, {"form": "beside"}),
    "acgan": Entry("AC-GAN", acgan, run(64, 1e-3), GAMES, {}),
    "amgan": Entry("AM-GAN", amgan, run(64, 1e-3), GAMES, {}),
    "artgan": Entry("ArtGAN", artgan, run(64, 1e-3), GAMES, {}),
    "biggan": Entry(
        "BigGAN",
        biggan,
        run(64, 2e-3),
        ({}, {"lr": 4e-3}, {"width": 16, "critic_width": 16}),
        {},
    ),
    "guided": Entry(
        "diffusion, classifier-free",
        guided,
        run(64, 2e-3),
        ({}, {"lr": 4e-3}, {"lr": 1e-3}),
        {},
    ),
    "vae": Entry(
        "ConditionalVAE, bits",
        conditional_vae,
        run(64, 2e-3, 0.99),
        ({}, {"latent": 16}, {"dropout": 0.3}),
        {},
    ),
}

BENCH = Bench(
    __file__,
    "Pictures given their class, eight models within equal budgets",
    "pictures | model | weights | setting | right class, % | worst class, % | recall | least recall | spread | least spread | Fréchet | memorisation | student, %",
    {
        "data": "digits, 8 x 8: 1,297 rows train, 200 validation, 300 test",
        "budget": f"{MINUTES['digits']:g} CPU minutes of training on one thread, with validation",
        "settings": "three a model, a third of the budget each, seed 0, chosen by the mean Fréchet distance of classes to validation rows",
        "seeds": f"{SEEDS['digits']}; mean ± sd",
        "samples": f"{SAMPLES:,}, as many of each class; figures of classes of as many as test rows",
        "judge": "the classifier that ships for digits, which has seen the training rows",
        "weights": "averaged",
    },
    """
    Recall: share of a class's test rows that lie among its samples, in the judge's features; spread: mean distance of
    two samples of a class over that of two of its test rows; least: of the worst class. Student: a classifier that has
    seen samples alone, on test rows. A memorisation below 1 would be copies of training rows.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in DATA:
        yield Cell(f"{data} | training rows", partial(real, data))
        for name, entry in MODELS.items():
            for number in range(len(entry.settings)):
                folder = options.weights and options.weights / f"{data}-{name}-{number}"
                probe = partial(first_losses, *entry.train(data, number))
                work = partial(tried, entry, data, number, folder)
                yield Cell(f"{data} | {name}/{number}", work, probe)
            for seed in range(SEEDS[data]):
                folder = options.weights and options.weights / f"{data}-{name}-seed-{seed}"
                work = partial(finished, name, entry, data, seed, folder, options.out)
                yield Cell(f"{data} | {name} | seed {seed}", work)
        yield Cell(
            f"page of {data}", partial(drawn, partial(page, data), f"classes_{data}", options)
        )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for data in DATA:
        if one := found.get(f"{data} | training rows"):
            table.append([data, "training rows", "", "", *_told([one])])
        for name, entry in MODELS.items():
            if runs := of_seeds(found, f"{data} | {name}"):
                setting = entry.settings[runs[0]["setting"]]
                said = ", ".join(f"{key} {value:g}" for key, value in setting.items())
                weights = f"{runs[0]['weights']:,}"
                table.append([data, entry.label, weights, said or "default", *_told(runs)])
    return table


def _told(runs: list[Any]) -> list[str]:
    def of(key: str, many: float = 1.0) -> str:
        return spread([many * run[key] for run in runs])

    distances = f"{of('frechet')} / {runs[0]['floor']:.2f}"
    return [
        *(of(key, 100) for key in ("right", "worst")),
        *(of(key) for key in ("recall", "least_recall", "spread", "least_spread")),
        distances,
        of("memorisation"),
        of("student", 100),
    ]


# --- training ----------------------------------------------------------------------------------


@cache
def data_of(data: str) -> Data:
    return load(DATA[data]).labelled()


@cache
def judge(data: str) -> Oracle:
    found = oracle_for(DATA[data], data_of(data).space)
    assert found is not None
    return found


@cache
def looked(data: str, name: str) -> tuple[OracleOutput, Tensor]:
    """The rows of a split, as the judge sees them, and their classes."""
    split: Split = getattr(data_of(data), name)
    x, labels = split.everything()
    return judge(data).see(x, split.space), labels


def tried(entry: Entry, data: str, number: int, folder: Path | None) -> dict[str, Any]:
    """The figure of a setting on the validation split, after a third of the budget."""
    recipe, plan = entry.train(data, number)
    model, minutes = trained(recipe, replace(plan, minutes=MINUTES[data] / 3), folder)
    found = figures(data, cast(GenerativeModel, model), "validation")
    return {"minutes": minutes, "frechet": found["frechet"], "right": found["right"]}


def finished(
    name: str, entry: Entry, data: str, seed: int, folder: Path | None, out: Path
) -> dict[str, Any]:
    """The best setting after the whole budget, and all figures of it."""
    known = BENCH.read(out)
    trials = [known.get(f"{data} | {name}/{number}") for number in range(len(entry.settings))]
    if None in trials:
        raise SystemExit(f"{name}: all of its settings come first")
    values = [trial["figures"]["frechet"] for trial in trials if trial is not None]
    number = min(range(len(values)), key=values.__getitem__)
    model, minutes = trained(*entry.train(data, number, seed), folder)
    return {
        "setting": number,
        "minutes": minutes,
        "weights": size(model),
        **figures(data, cast(GenerativeModel, model), "test"),
    }


# --- figures -----------------------------------------------------------------------------------


def asked(data: str) -> Tensor:
    return torch.arange(SAMPLES) % data_of(data).classes


def samples_of(model: GenerativeModel, wanted: Tensor) -> Tensor:
    """Samples of classes; of bits the means, which are pictures too."""
    if model.sampling_options is NoiseDecoding:
        return 2 * sample(model, context=wanted, decoding=NoiseDecoding(mean=True)) - 1
    return sample(model, context=wanted)


def figures(data: str, model: GenerativeModel, split: str) -> dict[str, Any]:
    wanted = asked(data)
    return compared(data, samples_of(model, wanted), wanted, split)


def compared(data: str, x: Tensor, wanted: Tensor, split: str) -> dict[str, Any]:
    """All figures of rows in the place of samples."""
    (test, labels), (train, known) = looked(data, split), looked(data, "train")
    fake = judge(data).see(x, data_of(data).space)
    found = by_class(fake, wanted, test, labels, train, known)
    return {
        "right": found.right.mean().item(),
        "worst": found.right.min().item(),
        "recall": found.recall.mean().item(),
        "least_recall": found.recall.min().item(),
        "spread": found.spread.mean().item(),
        "least_spread": found.spread.min().item(),
        "frechet": found.frechet.mean().item(),
        "floor": found.floor_frechet.mean().item(),
        "memorisation": memorisation(train.features, test.features, fake.features).value,
        "student": student(data, x, wanted, split),
    }


def student(data: str, x: Tensor, wanted: Tensor, split: str) -> float:
    """The share of real rows that a classifier gets right which has seen these rows alone."""
    torch.manual_seed(0)
    source = data_of(data)
    model = Oracle(source.space, source.classes)
    batches = []
    for _ in range(STUDENT):
        rows = torch.randint(len(x), (128,))
        batches.append((x[rows], wanted[rows]))
    moves = {name: adam(2e-3)(name, p.parameters()) for name, p in model.players().items()}
    for _ in play(model.train(), batches, moves):
        pass
    rows, labels = getattr(source, split).everything()
    return (model.eval().see(rows, source.space).classes == labels).double().mean().item()


def real(data: str) -> dict[str, Any]:
    """Training rows in the place of samples, which no model can be much better than."""
    x, labels = data_of(data).train.everything()
    return compared(data, x, labels, "test")


def page(data: str, options: Namespace) -> Figure:
    """Six samples of each class, of each model."""
    known = BENCH.read(options.out)
    wanted = torch.arange(10).repeat_interleave(6).reshape(10, 6).T.flatten()
    figure = canvas(7.2, 7.4)
    for axes, (name, entry) in zip(figure.subplots(4, 2).flat, MODELS.items(), strict=True):
        number = known[f"{data} | {name} | seed 0"]["figures"]["setting"]
        folder = options.weights and options.weights / f"{data}-{name}-seed-0"
        model, _ = trained(*entry.train(data, number), folder)
        x = samples_of(cast(GenerativeModel, model), wanted)
        sheet(axes, x, data_of(data).space, 10, entry.label)
    return figure


if __name__ == "__main__":
    BENCH.main()
