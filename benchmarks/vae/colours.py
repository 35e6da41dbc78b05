"""Grey pictures coloured: a VAE that knows many colourings, beside a regression that knows one.

The regression has the networks of the VAE's decoder, without a latent, and the same rounds; so its colours are the mean
of what is likely. Noise makes many colourings of it in two ways: normal noise of each number's own, of the width that
its errors have, or the whole error that it made on another picture, of the training rows, drawn at random.

An error is that of a and b of L*a*b*, whose unit is about the least difference that people see: the root of the mean
square over places, rows, and both. Of k colourings the one that is nearest to the truth counts, of each picture.
CIFAR-10 is read from the folder GENUS_DATA; the other pictures are drawn by the library itself.
"""

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.core import GenerativeModel, Pixels, Reals
from genus.data import load
from genus.data.sets import Data
from genus.functional.densities.estimates import mean_error
from genus.measure import scores
from genus.media.style import canvas
from genus.recipes.vae.colouriser import colouriser
from genus.train import fit
from genus.train.schedules import cosine
from genus.vae.given.colouriser import UNIT, ColourDecoder, Colours, GreyFeatures
from genus.vae.likelihoods import NoiseDecoding, Normal

from ..bench import (
    Bench,
    Cell,
    Cells,
    Table,
    Training,
    drawn,
    first_losses,
    sheet,
    size,
)

ROWS = 400  # test rows that are coloured, where there are so many
DRAWS = (1, 2, 5, 10, 20, 50, 100)  # colourings of each row, of which the best counts
NET: Mapping[str, Any] = {"latent": 32, "components": 8, "width": 8, "hidden": 128}
RUN = Run(rounds=2000, batch=64, lr=2e-3, ema=0.99, evaluate_every=250)
DATA = {"portraits": "portraits?size=32", "cifar10": "cifar10"}
MODELS = {name: Training("", colouriser, RUN, {"data": data, **NET}) for name, data in DATA.items()}
WAYS = {
    "draws": "Colouriser, draws",
    "codes": "Colouriser, the mean for each z",
    "regression": "regression",
    "noise": "regression, noise of each number's own",
    "errors": "regression, errors of other pictures",
}

BENCH = Bench(
    __file__,
    "Grey pictures coloured: error of the best of k colourings",
    "pictures | by | weights | CPU minutes | -log p, nats/dim | k = 1 | best of 10 | best of 100 | apart",
    {
        "data": f"portraits of 32 x 32, drawn; {ROWS} test rows; 4,000 pictures of cifar10, 3,400 of which train, and its 300 test rows",
        "error": "of a and b of L*a*b*: root of the mean square over places and rows",
        "apart": "the same between two colourings of one picture",
        "-log p": "bound by one draw of z, of a and b over 50; of the regression exact",
        "rounds": f"{RUN.rounds:,} of {RUN.batch} rows, of both",
        "weights": "averaged, decay 0.99; the checkpoint of the best validation bound",
    },
    """
    The best of k says whether the truth is among the colourings, not whether one would know it. No guess is nearer at
    k = 1 than the mean of what is likely, which is what the regression gives.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in DATA:
        yield Cell(f"{name} | vae", partial(by_codes, name, options.weights), MODELS[name].probe)
        probe = partial(first_losses, partial(regressed, name), RUN)
        yield Cell(f"{name} | regression", partial(by_regression, name), probe)
    yield Cell("picture", partial(drawn, pages, "colourings", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name in DATA:
        for kind in ("vae", "regression"):
            if not (one := found.get(f"{name} | {kind}")):
                continue
            told = [f"{one['weights']:,}", f"{one['minutes']:.1f}", nats(one, kind)]
            for way, best in one["best"].items():
                errors = [f"{best[str(k)]:.2f}" if str(k) in best else "" for k in (1, 10, 100)]
                apart = f"{one['apart'][way]:.2f}" if way in one["apart"] else ""
                table.append([name, WAYS[way], *told, *errors, apart])
                told = [""] * 3
    return table


def nats(one: Any, kind: str) -> str:
    value, error = one["nats"]
    return f"{'<= ' if kind == 'vae' else ''}{value:.3f} ± {error:.3f}"


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    notes = []
    for name in DATA:
        for kind in ("vae", "regression"):
            for way, best in (found.get(f"{name} | {kind}") or {"best": {}})["best"].items():
                if len(best) > 1:
                    curve = ", ".join(f"{best[str(k)]:.2f} of {k}" for k in DRAWS)
                    notes.append(f"{name}, {WAYS[way]}: error of the best {curve}.")
    return notes


# --- models -----------------------------------------------------------------------------------


def source_of(name: str) -> tuple[Data, Colours]:
    """Pictures in lightness and colours, and what takes them apart."""
    whole = load(DATA[name])
    assert isinstance(whole.space, Pixels)
    colours = Colours(whole.space)
    return whole.parted(colours), colours


class Regression(GenerativeModel):
    """Colours that are normal around a function of the lightness, with one deviation.

    Args:
        space, width: as of a Colouriser.
    """

    def __init__(self, space: Reals, width: int):
        super().__init__()
        _, height, breadth = space.shape
        self.space, self.context_space, self.width = space, Reals((1, height, breadth)), width
        self.likelihood = Normal(0.3)
        self.features = GreyFeatures((height, breadth), width)
        self.decoder = ColourDecoder(0, (height, breadth), width)

    def mean(self, context: Tensor) -> Tensor:
        return self.decoder(context, self.features(context))

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        return self.likelihood.log_prob(x, self.mean(context))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        return self.likelihood.sample(self.mean(self.context_given(n, context)))


def regressed(name: str, run: Run) -> Regression:
    """A regression by its best evaluation."""
    torch.manual_seed(run.seed)
    source, colours = source_of(name)
    model = Regression(colours.missing_space, NET["width"])
    found = fit(model, source.train, run, schedule=cosine, evaluate=scores(source.validation))
    assert isinstance(found, Regression)
    return found


@cache
def regression(name: str) -> tuple[Regression, float]:
    """The regression, and the CPU minutes that it took."""
    begun = time.process_time()
    model = regressed(name, RUN).requires_grad_(False).eval()
    return model, (time.process_time() - begun) / 60


# --- errors -----------------------------------------------------------------------------------


def shown(name: str) -> tuple[Tensor, Tensor]:
    """Colours and lightness of the test rows."""
    source, _ = source_of(name)
    x, grey = source.test.first(ROWS)
    return x, grey


def best_of(draws: Tensor, truth: Tensor) -> dict[int, float]:
    """Error of the best of k, of (100, n, 2, h, w), over all groups of so many, in units of a and b."""
    errors = (draws - truth).square().flatten(2).mean(2)
    means = {k: torch.stack([g.amin(0) for g in errors.split(k)]).mean() for k in DRAWS}
    return {k: UNIT * value.sqrt().item() for k, value in means.items()}


def apart_of(draws: Tensor) -> float:
    """How far two colourings of one picture are apart."""
    return UNIT * (draws[::2] - draws[1::2]).square().mean().sqrt().item()


def told(ways: Mapping[str, Tensor], truth: Tensor) -> dict[str, Any]:
    return {
        "best": {way: best_of(draws, truth) for way, draws in ways.items()},
        "apart": {way: apart_of(draws) for way, draws in ways.items()},
    }


def by_codes(name: str, folder: Path | None) -> dict[str, Any]:
    """Errors of draws, and of means for draws of z."""
    model, minutes = MODELS[name].trained(folder and folder / name)
    assert isinstance(model, GenerativeModel)
    x, grey = shown(name)
    torch.manual_seed(0)
    kinds = {"draws": NoiseDecoding(), "codes": NoiseDecoding(mean=True)}
    ways = {
        way: torch.stack([model.sample(context=grey, decoding=how) for _ in range(DRAWS[-1])])
        for way, how in kinds.items()
    }
    with torch.no_grad():
        bounds = torch.stack([-model.elbo(x, grey) for _ in range(10)]).mean(0) / x[0].numel()
    return {
        **told(ways, x),
        "nats": mean_error(bounds),
        "weights": size(model),
        "minutes": minutes,
    }


def by_regression(name: str) -> dict[str, Any]:
    """Errors of the regression, and of what noise makes of it."""
    model, minutes = regression(name)
    x, grey = shown(name)
    source, _ = source_of(name)
    torch.manual_seed(0)
    mean = model.mean(grey)
    seen, lights = source.train.first(4000)
    wrong = torch.cat(
        [a - model.mean(b) for a, b in zip(seen.split(500), lights.split(500), strict=True)]
    )
    which = torch.randint(len(wrong), (DRAWS[-1], len(x)))
    ways = {
        "noise": torch.stack([model.likelihood.sample(mean) for _ in range(DRAWS[-1])]),
        "errors": mean + wrong[which],
    }
    found = told(ways, x)
    alone = UNIT * (mean - x).square().mean().sqrt().item()
    return {
        "best": {"regression": {1: alone}, **found["best"]},
        "apart": found["apart"],
        "nats": mean_error(-model.log_prob(x, grey) / x[0].numel()),
        "weights": size(model),
        "minutes": minutes,
    }


# --- pictures ---------------------------------------------------------------------------------


def pages(options: Namespace) -> Figure:
    """Test pictures in grey and as they are, their regression, and five colourings of each."""
    figure = canvas(7.4, 4.6)
    for axes, name in zip(figure.subplots(1, len(DATA)), DATA, strict=True):
        model, _ = MODELS[name].trained(options.weights and options.weights / name)
        source, colours = source_of(name)
        x, grey = source.test.first(10)
        torch.manual_seed(0)
        lines = [torch.zeros_like(x), x, regression(name)[0].mean(grey)]
        for _ in range(5):
            found: Any = model
            lines.append(found.sample(context=grey, decoding=NoiseDecoding(mean=True)))
        columns = [colours.together(line, grey) for line in lines]
        sheet(
            axes,
            torch.stack(columns, 1).flatten(0, 1),
            colours.space,
            len(lines),
            f"{name}: grey, true, regression, five draws",
        )
    return figure


if __name__ == "__main__":
    BENCH.main()
