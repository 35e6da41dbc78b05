"""Pictures by models with a latent: bits, distances, and pages of samples and of reconstructions.

Faces that the library draws, avatars, Frey's face and the pictures of CIFAR-10. Each model learns for the same CPU
minutes, on one thread, with validation; a VQ-VAE shares them between its codes and their prior. Beside them stands the
best GAN of the same minutes. Avatars, Frey's face and CIFAR-10 are read from the folder GENUS_DATA.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.core import GenerativeModel, Model, sample
from genus.data import load
from genus.media.style import canvas
from genus.recipes.adversarial.r3gan import r3gan
from genus.recipes.vae.vae import vae
from genus.recipes.vae.vqvae import vqvae
from genus.vae import VQVAE, LatentDecoding, NoiseDecoding

from ..bench import Bench, Cell, Cells, Table, drawn, first_losses, sheet, size, trained, with_error
from ..measure.colour import judged, over_floor

MINUTES = 12.0
DATA = {
    "portraits": "portraits?size=32",
    "avatars": "micah?size=32",
    "frey": "frey_faces",
    "cifar10": "cifar10",
}
ROWS = 1000  # test rows whose likelihood is found


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Args:
        label: what it says.
        recipe: recipe that trains the model.
        run: its run.
        options: of the recipe.
        data: names of the data on which it is measured.
    """

    label: str
    recipe: Callable[..., Model]
    run: Run
    options: Mapping[str, Any]
    data: tuple[str, ...] = ("portraits",)

    def train(self, data: str) -> Callable[..., Model]:
        return partial(self.recipe, data=DATA[data], **self.options)


def run(batch: int, lr: float, every: int, **more: Any) -> Run:
    how = {"batch": batch, "lr": lr, "evaluate_every": every, "clock": "processor", **more}
    return Run(minutes=MINUTES, **how)


CODES: Mapping[str, Any] = {
    "vocabulary": 256,
    "size": 32,
    "width": 48,
    "second": 0.7,
    "prior": "transformer",
    "hidden": (128, 128, 128),
    "dropout": 0.1,
}
MODELS = {
    "vae": Entry(
        "VAE, latent 64",
        vae,
        run(64, 2e-3, 250, ema=0.99),
        {"latent": 64, "width": 16, "dropout": 0.0},
    ),
    "vqvae": Entry("VQ-VAE", vqvae, run(64, 2e-3, 500, ema=0.99), CODES, tuple(DATA)),
    "r3gan": Entry("R3GAN", r3gan, run(32, 1e-3, 500, ema=0.999), {"gamma": 0.5}),
}

BENCH = Bench(
    __file__,
    "Pictures by models with a latent",
    "data | model | weights | bits/dim | reconstruction, bits/dim | Fréchet | by random features | precision | recall | told apart | memorisation",
    {
        "data": "portraits 32 x 32: 20,000/2,000/2,000 drawn; avatars: micah, 32 x 32, 6,000/1,000/1,000; frey: "
        "grey, 28 x 20; cifar10: 3,400/300/300 of its pictures",
        "budget": f"{MINUTES:g} CPU minutes of training on one thread, with validation",
        "samples": "2,000; Fréchet distances over that of as many training rows (the floor)",
        "bits": f"of {ROWS:,} test rows, a bound by one draw of z; of a VQ-VAE by its own codes",
        "seed": 0,
    },
    """
    The reconstruction's bits are the part of the bound that says x by its code; the rest says the code. No published
    figure stands beside these, which are of small sets, and of pictures made smaller.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, entry in MODELS.items():
        for data in entry.data:
            work = partial(measure, entry, data, folder_of(options, name, data))
            probe = partial(first_losses, entry.train(data), entry.run, rounds=3)
            yield Cell(f"{data} | {name}", work, probe)
    for data in DATA:
        name = f"pictures_{data}"
        yield Cell(f"page of {data}", partial(drawn, partial(page, data), name, options))


def folder_of(options: Namespace, name: str, data: str) -> Path | None:
    return options.weights and options.weights / f"{data}-{name}"


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for data in DATA:
        for name, entry in MODELS.items():
            if not (one := found.get(f"{data} | {name}")):
                continue
            figures = one["figures"]
            bits = figures.get("bits_per_dim")
            table.append(
                [
                    data,
                    entry.label,
                    f"{one['weights']:,}",
                    f"<= {bits['value']:.3f}" if bits else "",
                    f"{one['reconstruction']:.3f}" if one["reconstruction"] is not None else "",
                    over_floor(figures["frechet"]) if "frechet" in figures else "",
                    over_floor(figures["frechet_random"]) if "frechet_random" in figures else "",
                    *(
                        with_error(figures[key]["value"], figures[key]["error"], 3)
                        if key in figures
                        else ""
                        for key in ("precision", "recall", "told_apart")
                    ),
                    f"{figures['memorisation']['value']:.2f}" if "memorisation" in figures else "",
                ]
            )
    return table


def measure(entry: Entry, data: str, folder: Path | None) -> dict[str, Any]:
    """All figures of a model."""
    model, minutes = trained(entry.train(data), entry.run, folder)
    assert isinstance(model, GenerativeModel)
    view = load(DATA[data]).view_for(model)
    return {
        "weights": size(model),
        "minutes": minutes,
        "reconstruction": said(model, view.test.first(ROWS)[0]),
        **judged(model, view, ROWS),
    }


@torch.no_grad()
def said(model: GenerativeModel, x: Tensor) -> float | None:
    """-log p(x | code) of rows, in bits per dimension; None of a model without codes."""
    own: Any = model
    torch.manual_seed(0)
    if isinstance(model, VQVAE):
        found = [model.elbo(part) - model.log_prior(model.codes(part)) for part in x.split(250)]
        nats = -torch.cat(found).mean().item()
    elif hasattr(model, "terms"):
        parts = [own.terms(part)[0] for part in x.split(250)]
        nats = torch.cat(parts).mean().item()
    else:
        return None
    return nats / (x[0].numel() * torch.tensor(2.0).log().item())


def page(data: str, options: Namespace) -> Figure:
    """Test rows over their reconstructions, and samples, of each model."""
    entries = {name: entry for name, entry in MODELS.items() if data in entry.data}
    figure = canvas(7.2, 1.9 * len(entries))
    axes = figure.subplots(len(entries), 2, width_ratios=(1, 1), squeeze=False)
    for (left, right), (name, entry) in zip(axes, entries.items(), strict=True):
        model, _ = trained(entry.train(data), entry.run, folder_of(options, name, data))
        torch.manual_seed(0)
        x = load(DATA[data]).test.first(20)[0]
        space = cast(Any, model).space
        if again := rebuilt(model, x):
            both = torch.stack([x.unflatten(0, (2, 10)), again[0].unflatten(0, (2, 10))], 1)
            sheet(left, both.flatten(0, 2), space, 10, f"{entry.label}: test rows, and again")
        else:
            sheet(left, x.repeat(2, 1, 1, 1), space, 10, "test rows")
        sheet(right, shown(cast(GenerativeModel, model), 40), space, 10, f"{entry.label}: samples")
    return figure


@torch.no_grad()
def rebuilt(model: Any, x: Tensor) -> list[Tensor]:
    """Rows from their codes, or none of a model that cannot."""
    if not hasattr(model, "encode"):
        return []
    return [model.decode(model.encode(x))]


def shown(model: GenerativeModel, n: int) -> Tensor:
    """Samples without the noise of pixels, where a model can leave it out."""
    kind = getattr(model, "sampling_options", None)
    if kind in (NoiseDecoding, LatentDecoding):
        return sample(model, n, decoding=kind(mean=True))
    return sample(model, n)


if __name__ == "__main__":
    BENCH.main()
