"""Verdicts on latents: of sound runs, and of runs that are broken on purpose.

Each run is short, on digits of 8 x 8 pixels; what `genus diagnose` says at its end stands beside what is wrong with it,
and beside the figures of its last look, which show where the thresholds of `genus.measure.latents.diagnosis` lie.
"""

import json
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genus import Run
from genus.core import Model
from genus.data import load
from genus.measure.diagnosis import diagnose
from genus.measure.latents import diagnosis
from genus.measure.scoring import scores
from genus.nn.masked import MaskedMLP
from genus.recipes.vae.draw import draw
from genus.recipes.vae.iwae import iwae
from genus.recipes.vae.ladder import ladder
from genus.recipes.vae.vae import vae
from genus.recipes.vae.vae_mlp import vae_mlp
from genus.train import fit
from genus.vae import VAE, Bernoulli

from ..bench import Bench, Cell, Cells, Table, first_losses


class Latent(NamedTuple):
    """A run, and what is wrong with it; "" for a sound one."""

    recipe: Callable[..., Model]
    options: Mapping[str, Any] = {}
    wrong: str = ""
    rounds: int = 1500


class BitsBefore(Bernoulli):
    """Bits of which each also knows those before it: they can do without z."""

    def __init__(self, dims: int):
        super().__init__()
        self.dims = dims
        self.network = MaskedMLP(dims, 1, 1, (256,))

    def log_prob(self, x: Tensor, numbers: Tensor) -> Tensor:
        own = self.network(x.flatten(1)[:, :, None])[:, :, 0].reshape(x.shape)
        return super().log_prob(x, numbers + own)


def strong_decoder(beta: float, run: Run) -> Model:
    torch.manual_seed(run.seed)
    source = load("digits").binarised()
    model = VAE(source.space, 8, likelihood=BitsBefore(source.space.dims), beta=beta)
    return fit(model, source.train, run, evaluate=scores(source.validation))


LATENTS = {
    "vae_mlp": Latent(vae_mlp),
    "vae_mlp, 32 units": Latent(vae_mlp, {"latent": 32}),
    "vae_mlp, moons, 8 units": Latent(vae_mlp, {"data": "moons", "dropout": 0.0}, rounds=6000),
    "vae_mlp, beta 4": Latent(vae_mlp, {"beta": 4.0}),
    "vae_mlp, free 0.2": Latent(vae_mlp, {"free": 0.2}),
    "vae_mlp, mixture": Latent(vae_mlp, {"prior": "mixture"}),
    "vae_mlp, vamp": Latent(vae_mlp, {"prior": "vamp"}),
    "vae_mlp, flow": Latent(vae_mlp, {"prior": "flow"}),
    "vae_mlp, iaf": Latent(vae_mlp, {"guess": "iaf"}),
    "vae, convolutions": Latent(vae),
    "iwae": Latent(iwae),
    "ladder": Latent(ladder),
    "draw": Latent(draw, rounds=500),
    "strong decoder": Latent(strong_decoder, {"beta": 1.0}),
    "vae_mlp, beta 20": Latent(vae_mlp, {"beta": 20.0}, "posterior collapse"),
    "strong decoder, beta 3": Latent(strong_decoder, {"beta": 3.0}, "posterior collapse"),
    "vae_mlp, beta 10": Latent(vae_mlp, {"beta": 10.0}, "posterior collapse"),
    "vae_mlp, beta 0.05": Latent(vae_mlp, {"beta": 0.05}, "prior hole"),
    "vae_mlp, beta 0.001": Latent(vae_mlp, {"beta": 0.001}, "prior hole"),
}

BENCH = Bench(
    __file__,
    "Verdicts on latents: sound, and broken on purpose",
    "run | what is wrong | said at the end | alarms that are wrong | active units | nats | apart | validation nats",
    {
        "data": "digits, 8 x 8 (as bits for ladder, draw and strong decoder); moons where it says so",
        "looks": "5 in each run, on 1,000 validation rows or all there are",
        "thresholds": {name: getattr(diagnosis, name) for name in ("LITTLE", "APART")},
        "seeds": 1,
    },
    """
    Alarms that are wrong: looks at which a fault was said that the run does not have. A collapse may be called a
    weak latent at first. The thresholds were set while looking at runs like these. Nats of iwae are of its own bound,
    by five draws. Apart: share of draws of guesses and of the prior that are told right.
    """,
    weights="raw",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, latent in LATENTS.items():
        train = partial(latent.recipe, **latent.options)
        run = Run(rounds=latent.rounds, lr=2e-3, ema=0.99, evaluate_every=latent.rounds // 5)
        yield Cell(name, partial(measure, latent, train, run), partial(first_losses, train, run))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, latent in LATENTS.items():
        if one := found.get(name):
            table.append(
                [
                    name,
                    latent.wrong or "nothing",
                    one["said"],
                    f"{one['wrong_alarms']} of {one['looks']}",
                    f"{one['active']:.0f} of {one['units']:.0f}",
                    f"{one['nats']:.2f}",
                    f"{one['apart']:.2f}",
                    f"{one['bound']:.2f}",
                ]
            )
    return table


def measure(latent: Latent, train: Callable[..., Model], run: Run) -> dict[str, Any]:
    """What is said of a run, at its end and at each look, and the figures of its last look."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(run=Run(**{**vars(run), "out": out, "device": "cpu"}))
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        said = [finding.name for finding in diagnose(out)]
    looks = [line for line in lines if "latent/nats" in line]
    allowed = {latent.wrong} | ({"weak latent"} if latent.wrong == "posterior collapse" else set())
    alarms = 0
    for count in range(1, len(looks) + 1):
        names = {finding.name for finding in diagnosis.ailments(looks[:count])}
        alarms += bool(names - allowed)
    last = looks[-1]
    figures = {name: last[f"latent/{name}"] for name in ("active", "units", "nats", "apart")}
    return {
        "said": ", ".join(said),
        "wrong_alarms": alarms,
        "looks": len(looks),
        "bound": last["nats"],
        **figures,
    }


if __name__ == "__main__":
    BENCH.main()
