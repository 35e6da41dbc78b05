"""Digits with 100 labels: M2 and M1+M2 beside the same classifier that has learnt from the labels alone.

Ten digits of each class of MNIST keep their label, which a seed chooses; the class of the other 49,900 training rows
is hidden. M2 sees pixels as bits, drawn anew in each batch. For M1+M2 a VAE learns these bits without any label, and
M2 learns the codes that it draws, of the units that tell something. Each is compared with the classifier network that
it has itself, trained on its 100 labelled rows in the same form. Checkpoints are chosen by the bound of validation
rows, whose labels nobody sees; test rows are classified once. The data are read from the folder GENUS_DATA.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from genus import Run, fit
from genus.core import Model, Reals
from genus.data import Data, load
from genus.data.labels.partly import PartlyLabelled
from genus.data.splits import Batch, Rows, Split
from genus.data.views import MappedSplit, binarised
from genus.measure import scores
from genus.nn import MLP
from genus.recipes.vae.m2 import look_at, m2
from genus.train.schedules import cosine
from genus.vae import M2, VAE

from ..bench import Bench, Cell, Cells, Table, of_seeds, spread, trained

DATA, LABELS, SEEDS = "mnist", 100, 3
SHARE = 0.2  # of a batch whose labels are shown
TOLD = 0.1  # deviation of its mean over rows, above which a unit of M1 tells something
ALONE = 1000  # rounds of the classifier that has labels alone, each of all 100
PIXELS: Mapping[str, Any] = {
    "latent": 10,
    "width": 300,
    "depth": 1,
    "dropout": 0.0,
    "alpha": 1.0,
    "bits": True,
}
CODES: Mapping[str, Any] = {"latent": 10, "hidden": (300,), "alpha": 1.0}
ON_PIXELS = Run(rounds=8000, batch=128, lr=4e-3, ema=0.99, evaluate_every=1000)
M1 = Run(rounds=8000, batch=128, lr=2e-3, ema=0.999, evaluate_every=2000)
ON_CODES = Run(rounds=12_000, batch=128, lr=8e-3, ema=0.99, evaluate_every=2000)

BENCH = Bench(
    __file__,
    "MNIST with 100 labels: test error by M2, by M1+M2, and by their classifiers without hidden rows",
    "model | published, % | test error, % | from the labels alone, % | nats of x | CPU minutes",
    {
        "data": f"{DATA}: 50,000 rows train, 10,000 validation, 10,000 test; {LABELS} labels, as many of each class",
        "test error": "of 10,000 test rows, the likeliest class by q(y | x); mean ± sd over seeds of labels, weights and noise",
        "from the labels alone": f"the classifier network of the model, {ALONE} rounds of Adam on the labelled rows",
        "nats of x": "the bound of 1,000 validation rows with the class summed out: of bits, or of codes",
        "rounds": f"M2 {ON_PIXELS.rounds:,} x 128; M1 {M1.rounds:,} x 128 and M2 {ON_CODES.rounds:,} x 128",
    },
    """
    Models see the pictures about 20 times; M1+M2 sees the codes about 30 times more. M2's classifier sees bits of
    pixels, which were drawn, and M1+M2's the codes of units that tell something. Published: Kingma and others, 2014,
    arXiv:1406.5298, table 1.
    """,
    weights="best",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for seed in range(SEEDS):
        yield Cell(f"m2 | seed {seed}", partial(on_pixels, seed))
        yield Cell(f"m1+m2 | seed {seed}", partial(on_codes, seed))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, label, published in (("m2", "M2", "11.97 ± 1.71"), ("m1+m2", "M1+M2", "3.33 ± 0.14")):
        if runs := of_seeds(found, name):
            figures = ("error", "alone", "nats", "minutes")
            error, alone, nats, minutes = ([run[key] for run in runs] for key in figures)
            table.append(
                [
                    label,
                    published,
                    spread([100 * e for e in error]),
                    spread([100 * e for e in alone]),
                    f"<= {spread(nats)}",
                    f"{sum(minutes) / len(minutes):.1f}",
                ]
            )
    return table


def on_pixels(seed: int) -> dict[str, Any]:
    """M2 on bits of pixels, by its recipe."""
    train = partial(m2, data=DATA, labels=LABELS, labelled=SHARE, **PIXELS)
    model, minutes = trained(train, replace(ON_PIXELS, seed=seed), None)
    source = load(DATA).labelled()
    partly = PartlyLabelled(source.train, LABELS, seed, SHARE)
    bits = replace(source, train=partly).binarised()
    return figures(cast(M2, model), bits, binarised(partly.known), seed, minutes)


def on_codes(seed: int) -> dict[str, Any]:
    """M2 on the codes of a VAE that has seen no label."""
    begun = time.process_time()
    codes = coded(first_model(seed), load(DATA))
    partly = PartlyLabelled(codes.train, LABELS, seed, SHARE)
    source = replace(codes, train=partly).view(drawn)
    torch.manual_seed(seed)
    model = M2(source.space, source.classes, share=partly.labelled_share, **CODES)
    run = replace(ON_CODES, seed=seed, device="cpu", ends_with="best")
    look = look_at(source.validation)
    model = fit(model, source.train, run, schedule=cosine, evaluate=look)
    minutes = (time.process_time() - begun) / 60
    return figures(cast(M2, model), source, drawn(partly.known), seed, minutes)


def first_model(seed: int) -> VAE:
    """M1: a VAE of bits of pixels."""
    source = load(DATA).binarised()
    torch.manual_seed(seed)
    model = VAE(source.space, 50, MLP(784, 100, (400,)), MLP(50, 784, (400,)))
    run = replace(M1, seed=seed, device="cpu", ends_with="best")
    found: Model = fit(
        model, source.train, run, schedule=cosine, evaluate=scores(source.validation)
    )
    return cast(VAE, found)


@torch.no_grad()
def coded(model: VAE, source: Data) -> Data:
    """Means and log deviations of the codes of grey pixels, side by side, with their labels."""
    halves = {
        name: [torch.cat(part) for part in zip(*guesses(model, split), strict=True)]
        for name, split in source.splits.items()
    }
    told = halves["train"][0].std(0) > TOLD

    def rows(name: str) -> Rows:
        x = torch.cat([half[:, told] for half in halves[name]], 1)
        kept = source.splits[name]
        space = Reals((x.shape[1],))
        return Rows(x, space, labels=kept.labels, classes=kept.classes, name=f"{name} codes")

    splits = {name: rows(name).labelled() for name in halves}
    return Data("codes of mnist", **splits)


def guesses(model: VAE, split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    for x in split.everything()[0].split(2000):
        yield model.posterior((x + 1) / 2)


def drawn(split: Split) -> Split:
    """A view of codes as draws of the guess, anew in each batch; all together they are its means."""

    def draw(batch: Batch, noise: Generator) -> Batch:
        halves, *label = batch
        mean, log_std = halves.chunk(2, dim=1)
        return mean + log_std.exp() * torch.randn(mean.shape, generator=noise), *label

    def means(batch: Batch) -> Batch:
        halves, *label = batch
        return halves.chunk(2, dim=1)[0], *label

    space = Reals((split.space.dims // 2,))
    return MappedSplit(split, draw, "drawn", settled=means, space=space)


def figures(model: M2, source: Data, known: Split, seed: int, minutes: float) -> dict[str, Any]:
    """What a cell keeps of a trained model, and of its classifier from the labels alone."""
    x, label = source.test.everything()
    return {
        "error": mistakes(model.classify, x, label),
        "alone": mistakes(alone(model, known, seed), x, label),
        "nats": look_at(source.validation)(model)["nats"],
        "minutes": minutes,
        "seed": seed,
    }


def alone(model: M2, known: Split, seed: int) -> Callable[[Tensor], Tensor]:
    """A network like the model's classifier, that has learnt from labelled rows alone."""
    torch.manual_seed(seed)
    own = model.classifier
    network = MLP(own.d_in, own.d_out, own.hidden, own.dropout)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for number in range(ALONE):
        x, label = known.batch(number, LABELS, seed)
        optimizer.zero_grad()
        cross_entropy(network(x.flatten(1)), label).backward()
        optimizer.step()
    return lambda x: network.eval()(x.flatten(1))


@torch.no_grad()
def mistakes(classify: Callable[[Tensor], Tensor], x: Tensor, label: Tensor) -> float:
    """The share of rows that are taken for another class."""
    found = torch.cat([classify(part).argmax(1) for part in x.split(2000)])
    return (found != label).double().mean().item()


if __name__ == "__main__":
    BENCH.main()
