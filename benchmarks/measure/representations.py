"""What codes know of classes that no model was told: probes of every `encode`, and of critics' features.

Each model learns the training digits by its recipe, without their classes. Its code of each row is then read by a
logistic regression, by nearest neighbours, by regressions that see few labels, and by k-means that sees none.
Beside them stand the pixels themselves, and the features of networks that were never trained.
"""

import inspect
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from genus import recipes
from genus.core import Bits, Model
from genus.data import load
from genus.measure.latents.probes import probes

from ..bench import Bench, Cell, Cells, Table, Training

DATA, SEED, FEW = "digits", 0, (1, 5, 10)
CODES: Mapping[str, Mapping[str, Any]] = {
    "factors": {},
    "rbm": {},
    "dbn": {},
    "dbm": {},
    "autoencoder": {},
    "vae_mlp": {},
    "vae": {},
    "vae, prior vamp": {"prior": "vamp"},
    "vae, beta 4": {"beta": 4.0},
    "vae, MMD": {"beta": 0.0, "penalty": "mmd", "weight": 100.0},
    "iwae": {},
    "ladder": {},
    "hierarchical": {},
    "draw": {},
    "gumbel_vae": {},
    "vqvae": {},
    "realnvp_images": {},
    "glow": {},
}
CRITICS = ("gan", "dcgan", "wgan_gp", "sngan", "r3gan")

BENCH = Bench(
    __file__,
    "What codes of digits know of their classes",
    "code of | units | CPU minutes | linear, % | nearest 5, % | 1 label a class, % | 5 labels, % | 10 labels, % | clusters (NMI)",
    {
        "data": f"{DATA}, 8 x 8: 1,297 rows train, 200 validation, 300 test; ten classes, which no model sees",
        "code": "what `encode` gives; of critics, what their last layer looks at",
        "linear": "logistic regression of all training codes; validation chose its decay",
        "labels": "logistic regression of so many labels of each class; mean ± sd over ten draws of them",
        "clusters": "k-means with ten means; mutual information with the classes, normalised",
        "models": "their recipes on digits, seed 0",
    },
    """
    Units that are the same for all rows are not counted. A linear reader of a code with many units sees more than it
    would of few: pixels have 64.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell("pixels", pixels)
    yield Cell("untrained vae", partial(untrained, "vae", encoded))
    yield Cell("untrained critic of dcgan", partial(untrained, "dcgan", looked_at))
    for name, how in CODES.items():
        one = training(name.split(",")[0], how)
        folder = options.weights and options.weights / name.replace(", ", "-").replace(" ", "_")
        yield Cell(name, partial(measure, one, encoded, folder), partial(one.probe, data=DATA))
    for name in CRITICS:
        one = training(name, {})
        folder = options.weights and options.weights / name
        work = partial(measure, one, looked_at, folder)
        yield Cell(f"critic of {name}", work, partial(one.probe, data=DATA))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, one in sorted(found.items(), key=lambda pair: -pair[1]["linear"]):
        few = [f"{100 * mean:.1f} ± {100 * sd:.1f}" for mean, sd in one["few"].values()]
        table.append(
            [
                name,
                str(one["units"]),
                f"{one['minutes']:.1f}",
                f"{100 * one['linear']:.1f}",
                f"{100 * one['neighbours']:.1f}",
                *few,
                f"{one['clusters']:.2f}",
            ]
        )
    return table


def training(recipe: str, how: Mapping[str, Any]) -> Training:
    found = recipes.find(recipe)
    return Training(recipe, found, inspect.signature(found).parameters["run"].default, how)


def measure(
    one: Training, code: Callable[[Model, Tensor], Tensor], folder: Path | None
) -> dict[str, Any]:
    model, minutes = one.trained(folder, data=DATA)
    return {**figures(partial(code, model), model), "minutes": minutes}


def untrained(recipe: str, code: Callable[[Model, Tensor], Tensor]) -> dict[str, Any]:
    """Figures of a model as it begins."""
    one = training(recipe, {})
    begun = replace(one, run=replace(one.run, rounds=0, minutes=None))
    return measure(begun, code, None)


def pixels() -> dict[str, Any]:
    return {**figures(lambda x: x, None), "minutes": 0.0}


def figures(code: Callable[[Tensor], Tensor], model: Model | None) -> dict[str, Any]:
    """The probes of a code of the rows in the form in which the model sees them."""
    source = load(DATA).labelled()
    if model is not None and isinstance(model.space, Bits):
        source = source.binarised()
    parts = []
    torch.manual_seed(SEED)
    with torch.no_grad():
        for split in (source.train, source.validation, source.test):
            x, label = split.everything()
            codes = torch.cat([code(part) for part in x.split(250)])
            parts.append((codes, label))
    found = probes(*parts, few=FEW)
    return {**found._asdict(), "few": {str(k): value for k, value in found.few.items()}}


def encoded(model: Model, x: Tensor) -> Tensor:
    """What a model's `encode` gives, (n, units)."""
    return cast(Any, model).encode(x).flatten(1)


def looked_at(model: Model, x: Tensor) -> Tensor:
    """The features of a critic, (n, units)."""
    return cast(Any, model).critic.features(x).flatten(1)


if __name__ == "__main__":
    BENCH.main()
