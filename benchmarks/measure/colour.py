"""Colour pictures of 32 x 32 pixels: eight models within equal budgets, judged alike.

    python -m benchmarks.measure.colour --weights FOLDER --only 'portraits/*'

A budget is one of CPU seconds of training, on one thread, with compilers and validation. Each model has three
settings; each setting is tried for a third of the budget, and the one that is best on the validation split
has the whole budget from the start. So every model costs two budgets, and every model costs the same. A run
that was stopped continues in its folder of --weights.
"""

import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from genus import Run, sample
from genus.core import GenerativeModel, Model
from genus.data import Data, load
from genus.measure import scores
from genus.measure.judges import judge_of
from genus.measure.likelihood.likelihood import Effort, likelihood_figures, likelihoods
from genus.measure.pacing import Plan
from genus.measure.rows import Chosen, judging
from genus.media import grid, save_png
from genus.recipes.adversarial.dcgan import dcgan
from genus.recipes.adversarial.r3gan import r3gan
from genus.recipes.autoregressive.pixelcnnpp import pixelcnnpp
from genus.recipes.diffusion.ddpm import ddpm
from genus.recipes.diffusion.edm import edm
from genus.recipes.diffusion.flow_matching import flow_matching
from genus.recipes.flow.glow import glow
from genus.recipes.vae.vae import vae

from ..bench import PICTURES, Bench, Cell, Cells, Table, first_losses, size, trained, with_error

DATA = {"portraits": "portraits?size=32", "avatars": "micah?size=32", "cifar10": "cifar10"}
MINUTES = 25.0
SAMPLES = 2000
SHOWN = 64  # samples of a page
EFFORT = Effort(draws=1, importance=1)
Options = Mapping[str, Any]  # of a recipe; `lr` and `batch` are its run's


@dataclass(frozen=True)
class Entry:
    """A model of the table.

    Args:
        label: what its row says.
        recipe: recipe that trains it.
        run: its run, without its length.
        settings: three settings, of which validation chooses one.
        rows: test rows whose likelihood is found, where that is slow.
        data: names of the data on which it is measured.
    """

    label: str
    recipe: Callable[..., Model]
    run: Run
    settings: tuple[Options, Options, Options]
    rows: int = 2000
    data: tuple[str, ...] = ("portraits",)


EVERYWHERE = ("portraits", "avatars", "cifar10")
DIFFUSION = Run(
    minutes=MINUTES, batch=128, lr=2e-3, ema=0.999, clip=1.0, autocast=True, evaluate_every=500
)
MODELS = {
    "pixelcnnpp": Entry(
        "PixelCNN++",
        pixelcnnpp,
        Run(minutes=MINUTES, batch=32, lr=3e-3, ema=0.998, autocast=True, evaluate_every=500),
        ({"dropout": 0.0}, {"dropout": 0.0, "width": 32}, {"dropout": 0.1, "components": 10}),
        rows=1000,
        data=EVERYWHERE,
    ),
    "glow": Entry(
        "Glow",
        glow,
        Run(minutes=MINUTES, batch=64, lr=2e-3, clip=5.0, ema=0.99, evaluate_every=200),
        (
            {"levels": 3, "dropout": 0.0},
            {"levels": 3, "depth": 8, "dropout": 0.0},
            {"levels": 3, "dropout": 0.0, "lr": 4e-3},
        ),
    ),
    "ddpm": Entry(
        "DDPM",
        ddpm,
        DIFFUSION,
        ({}, {"lr": 1e-3}, {"lr": 4e-3}),
        rows=50,
    ),
    "edm": Entry(
        "EDM",
        edm,
        DIFFUSION,
        ({}, {"lr": 1e-3}, {"lr": 4e-3}),
        rows=50,
        data=EVERYWHERE,
    ),
    "flow_matching": Entry(
        "flow matching",
        flow_matching,
        DIFFUSION,
        ({}, {"lr": 1e-3}, {"coupled": True}),
        rows=50,
    ),
    "vae": Entry(
        "VAE",
        vae,
        Run(minutes=MINUTES, batch=128, lr=2e-3, ema=0.99, evaluate_every=500),
        (
            {"latent": 32, "dropout": 0.0},
            {"latent": 64, "dropout": 0.0, "width": 32},
            {"latent": 64, "dropout": 0.1},
        ),
        data=EVERYWHERE,
    ),
    "dcgan": Entry(
        "DCGAN",
        dcgan,
        Run(minutes=MINUTES, batch=64, lr=2e-3, ema=0.999, evaluate_every=500),
        ({"coarsest": 4}, {"coarsest": 4, "lr": 5e-4}, {"coarsest": 4, "lr": 2e-4}),
    ),
    "r3gan": Entry(
        "R3GAN",
        r3gan,
        Run(minutes=MINUTES, batch=32, lr=1e-3, ema=0.999, evaluate_every=500),
        ({"gamma": 0.5}, {"gamma": 2.0}, {"gamma": 0.5, "lr": 3e-4}),
        data=EVERYWHERE,
    ),
}


BENCH = Bench(
    __file__,
    "Colour pictures of 32 x 32 pixels, eight models within equal budgets",
    "data | model | parameters | rounds x rows | bits/dim | Fréchet | by random features | precision | "
    "recall | told apart | memorisation | seconds for 1,000",
    {
        "data": "portraits: 20,000/2,000/2,000 drawn; avatars: micah, 6,000/1,000/1,000; cifar10: "
        "3,400/300/300 of its pictures",
        "budget": f"{MINUTES:g} CPU minutes of training on one thread, with compilers and validation, "
        "evaluation apart",
        "settings": "three a model, each a third of the budget, chosen on the validation split: by "
        "its likelihood, or without one by the Fréchet distance",
        "samples": SAMPLES,
        "bits": "of 2,000 test rows: exact, or one draw of the bound; PixelCNN++ of 1,000, diffusion of 50",
        "seed": 0,
    },
    """
    Fréchet distances stand over that of as many training rows (the floor).

    No published figure stands beside those of cifar10, which are of 4,000 of its pictures.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in DATA:
        for name, entry in MODELS.items():
            if data not in entry.data:
                continue
            for number in range(len(entry.settings)):
                trial = f"{data}/{name}/{number}"
                folder = options.weights and options.weights / trial
                yield Cell(
                    trial,
                    partial(tried, entry, data, number, folder),
                    partial(probe, entry, data, number),
                )
            folder = options.weights and options.weights / data / name / "whole"
            whole = partial(finished, f"{data}/{name}", entry, data, folder, options.out)
            yield Cell(f"{data}/{name}", whole)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in DATA:
        for name, entry in MODELS.items():
            run = found.get(f"{data}/{name}")
            if run is None:
                continue
            figures = run["figures"]
            bits = figures.get("bits_per_dim")
            table.append(
                [
                    data,
                    entry.label,
                    f"{run['weights']:,}",
                    f"{run['rounds']:,} x {run['batch']}",
                    f"{bits['sign']} {bits['value']:.2f}" if bits else "",
                    over_floor(figures["frechet"]),
                    over_floor(figures["frechet_random"]),
                    with_error(figures["precision"]["value"], figures["precision"]["error"], 3),
                    with_error(figures["recall"]["value"], figures["recall"]["error"], 3),
                    with_error(figures["told_apart"]["value"], figures["told_apart"]["error"], 3),
                    f"{figures['memorisation']['value']:.2f}",
                    f"{run['seconds']:.2f}",
                ]
            )
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    """What the reader of portraits says of each model."""
    lines = []
    for name, entry in MODELS.items():
        figures = found.get(f"portraits/{name}", {}).get("figures", {})
        laws = {key: one for key, one in figures.items() if key.startswith("law_")}
        if "refused" in figures and not laws:
            lines.append(
                f"The reader refuses {_percent(figures['refused'])} of the samples of {entry.label}."
            )
        if not laws:
            continue
        worst = max(laws, key=lambda key: laws[key]["value"])
        lines.append(
            f"The reader on {entry.label}, real portraits in brackets: "
            f"{_percent(figures['refused'])} refused, {_percent(figures['impossible'])} impossible, "
            f"the law of {worst.removeprefix('law_')} off by {_percent(laws[worst])}, the most of "
            f"{len(laws)}; correlations kept to {_percent(figures['correlations_kept'])}."
        )
    return lines


def _percent(figure: Mapping[str, float]) -> str:
    return f"{100 * figure['value']:.1f} % ({100 * figure['floor']:.1f})"


def over_floor(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.2f} / {figure['floor']:.2f}"


# --- training ----------------------------------------------------------------------------------


@cache
def data_of(name: str) -> Data:
    return load(DATA[name])


def train(entry: Entry, data: str, number: int) -> tuple[Callable[..., Model], Run]:
    """A setting of a model, as a recipe that takes a run, and its run."""
    options = dict(entry.settings[number])
    fields = {key: options.pop(key) for key in ("lr", "batch") if key in options}
    recipe = partial(entry.recipe, data=DATA[data], **options)
    return recipe, replace(entry.run, clock="processor", **fields)


def probe(entry: Entry, data: str, number: int) -> list[float]:
    recipe, run = train(entry, data, number)
    return first_losses(recipe, run, rounds=3)


def tried(entry: Entry, data: str, number: int, folder: Path | None) -> dict[str, Any]:
    """The figures of a setting on the validation split, after a third of the budget."""
    recipe, run = train(entry, data, number)
    model, minutes = trained(recipe, replace(run, minutes=MINUTES / 3), folder)
    view = data_of(data).view_for(model)
    with judging(model, 0):
        found = scores(view.validation)(model)
    return {"setting": dict(entry.settings[number]), "minutes": minutes, **found}


def finished(name: str, entry: Entry, data: str, folder: Path | None, out: Path) -> dict[str, Any]:
    """The best setting after the whole budget, and all figures of it."""
    known = BENCH.read(out)
    trials = [known.get(f"{name}/{number}") for number in range(len(entry.settings))]
    if missing := [f"{name}/{number}" for number, trial in enumerate(trials) if trial is None]:
        raise SystemExit(f"{name}: its settings {', '.join(missing)} come first")
    values = [_leading(trial["figures"]) for trial in trials if trial is not None]
    number = min(range(len(values)), key=values.__getitem__)
    recipe, run = train(entry, data, number)
    model, minutes = trained(recipe, replace(run, minutes=MINUTES), folder)
    assert isinstance(model, GenerativeModel)
    return {
        "setting": number,
        "minutes": minutes,
        "weights": size(model),
        "batch": run.batch,
        "rounds": _rounds(folder),
        **judged(model, data_of(data).view_for(model), entry.rows, _page(name)),
    }


def _leading(figures: Mapping[str, Any]) -> float:
    """The first figure of `scores`, which is smaller for a better model."""
    return next(v for key, v in figures.items() if key not in ("setting", "minutes"))


def _page(name: str) -> Path:
    """The file of the samples of a model: docs/pictures/colour-portraits-ddpm.png."""
    return PICTURES / f"colour-{name.replace('/', '-')}.png"


def _rounds(folder: Path | None) -> int | None:
    """The rounds of a run that was kept."""
    log = folder / "metrics.jsonl" if folder else None
    if log is None or not log.exists():
        return None
    return json.loads(log.read_text("utf-8").splitlines()[-1])["round"]


# --- figures -----------------------------------------------------------------------------------


def judged(
    model: GenerativeModel, data: Data, likely: int, page: Path | None = None
) -> dict[str, Any]:
    """All figures of a model on the test split, and the seconds for 1,000 samples.

    Args:
        likely: test rows whose likelihood is found.
        page: file into which some samples are drawn.
    """
    protocol = {"data": data.name, "split": "test"}
    begun = time.process_time()
    sample(model, 1000, 0)
    seconds = time.process_time() - begun
    fake = sample(model, SAMPLES, 1)
    judge = judge_of(data)
    assert judge is not None
    plan = Plan(len(data.test), len(data.train), SAMPLES, EFFORT, {})
    figures = judge.figures(data, fake, None, protocol, 5, plan)
    with judging(model, 0):
        test = Chosen(data.test, model=model).shuffled(min(likely, len(data.test)))
        found = likelihoods(model, test, test.first(2)[0], EFFORT)
        figures += likelihood_figures(found, model.space, protocol)
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        save_png(grid(fake[:SHOWN], data.space, 8), page)
    return {
        "figures": {
            f.name: {"value": f.value, "error": f.error, "floor": f.floor, "sign": f.sign}
            for f in figures
        },
        "seconds": seconds,
    }


if __name__ == "__main__":
    BENCH.main()
