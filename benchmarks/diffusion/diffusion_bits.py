"""Bits per dimension of diffusions on images: their bounds, and the likelihood of their flows.

Digits of 17 levels and Fashion-MNIST of 256; GENUS_DATA names the folder of the second.
"""

import math
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genus import Run, fit
from genus.core import Model, Pixels, Reals
from genus.data import load
from genus.density import Dequantised
from genus.diffusion import DDPM, Diffusion, LogNormal, ProbabilityFlow, Uniform
from genus.diffusion.denoiser import Times
from genus.diffusion.noise import CosineSchedule
from genus.functional.densities.estimates import mean_error
from genus.functional.diffusion.parametrisations import (
    Parametrisation,
    Preconditioned,
    Slope,
    Velocity,
)
from genus.functional.diffusion.paths import Cosine, LinearVE, Path, Straight
from genus.functional.numerics.integrators import Counted, DormandPrince
from genus.recipes.diffusion._denoisers import denoising_net, reached
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses, with_error

ROUNDS = {"digits": 2000, "fashion_mnist": 300}
RATE = {"digits": 3e-3, "fashion_mnist": 2e-3}
TESTED = {"digits": (300, 16, 4), "fashion_mnist": (1000, 2, 1)}  # rows, draws, of the flow
FLOWING = {"digits": 300, "fashion_mnist": 100}  # rows whose flow is solved
SOLVER = DormandPrince(1e-3, 1e-3)  # 0.004 bits from 1e-4, at a third of its evaluations
FLOW = "flow of "


class Kind(NamedTuple):
    """What is trained: the path's first noise is a quarter of a bin, or, for a flow, a sixteenth."""

    path: type[Path]
    asked: Parametrisation
    times: Times = Uniform()


KINDS = {
    "cosine, velocity": Kind(Cosine, Velocity()),
    "EDM": Kind(LinearVE, Preconditioned(0.7), LogNormal()),
    "flow matching": Kind(Straight, Slope()),
}
NAMES = [
    f"{data}/{name}"
    for data in ROUNDS
    for name in ("DDPM", *KINDS, *(FLOW + kind for kind in KINDS))
]


BENCH = Bench(
    __file__,
    "Bits per dimension of diffusions on images",
    "data | diffusion | scored by | bits/dim | evaluations of the solver | CPU seconds to learn | "
    "CPU seconds to score",
    lambda options: {
        "network": "the recipes' U-Net, 16 channels at full size; dropout 0.1 on digits",
        "rounds": ", ".join(f"{name} {length(name, options)}" for name in ROUNDS),
        "training": "batch 64, Adam, warmed cosine, EMA 0.995, seed 0",
        "bound": "test rows and draws for each: "
        + ", ".join(f"{name} {rows} x {draws}" for name, (rows, draws, _) in TESTED.items()),
        "flow": "learns from rows with uniform noise; scored on rows with uniform noise, "
        + ", ".join(f"{name} {FLOWING[name]} x {t[2]}" for name, t in TESTED.items())
        + "; one probe; Dormand-Prince at 1e-3",
    },
    """
    The standard error is over test rows; of a bound it is too large, since its times are spread evenly
    over the rows.

    A bound is of the pixels' own mass; a flow's density is scored on rows with uniform noise, which is a
    bound too: what such noise costs is part of it.

    Each pair shares network, rounds and seed, but was trained on its own: the bound's on pixels, the
    flow's on pixels with noise.
    """,
    weights="average",
    options={"share": (1.0, "share of the rounds")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in NAMES:
        data, title = name.split("/")
        run = Run(length(data, options), batch=64, lr=RATE[data], ema=0.995, device="cpu")
        train = partial(learned, data, title)
        yield Cell(name, partial(measure, data, title, run), partial(first_losses, train, run))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name in [name for name in NAMES if name in found]:
        data, title = name.split("/")
        run = found[name]
        table.append(
            [
                data,
                title.removeprefix(FLOW),
                "flow's likelihood, uniform noise" if title.startswith(FLOW) else "bound",
                f"<= {with_error(run['bits'], run['error'], 3)}",
                "" if run["evaluations"] is None else f"{run['evaluations']:.0f}",
                f"{run['seconds']:.0f}",
                f"{run['scoring']:.0f}",
            ]
        )
    return table


def length(data: str, options: Namespace) -> int:
    """Rounds of a training."""
    return max(1, round(options.share * ROUNDS[data]))


def learned(data: str, title: str, run: Run) -> Model:
    torch.manual_seed(0)
    source = load(data)
    model = build(source.space, title, 0.1 if data == "digits" else 0.0)
    return fit(model, source.train, run, schedule=warmed(cosine)).eval()


def measure(data: str, title: str, run: Run) -> dict[str, Any]:
    """One training, and what the test rows cost."""
    begun = time.process_time()
    model = learned(data, title, run)
    seconds = time.process_time() - begun
    rows, draws, flow_draws = TESTED[data]
    flowing = isinstance(model, Dequantised)
    x = load(data).test.everything()[0][: FLOWING[data] if flowing else rows]
    torch.manual_seed(1)
    begun = time.process_time()
    found = {"seconds": seconds, **bits(model, x, flow_draws if flowing else draws)}
    return {**found, "scoring": time.process_time() - begun}


def build(space: Pixels, title: str, dropout: float) -> Model:
    """A bound's model, on pixels; or a flow's, on the reals, made a model of pixels again."""
    if title == "DDPM":
        schedule = CosineSchedule(min(0.25, space.bin))
        return DDPM(denoising_net(space, dropout=dropout), space, 500, schedule)
    kind = KINDS[title.removeprefix(FLOW)]
    flowing = title.startswith(FLOW)
    noise = space.bin / (16 if flowing else 4)
    path = LinearVE(noise) if kind.path is LinearVE else kind.path(reached(kind.path(), noise))
    inner = Reals(space.shape) if flowing else space
    net = denoising_net(space, dropout=dropout)
    model = Diffusion(net, inner, path, kind.asked, times=kind.times)
    if not flowing:
        return model
    return Dequantised(ProbabilityFlow(model, SOLVER, probes=1), space)


@torch.no_grad()
def bits(model: Model, x: Tensor, draws: int) -> dict[str, Any]:
    """A bound, of the mean over the draws and rows, and its standard error over the rows."""
    parts = x.split(100)
    counted = counts(model)
    scores = torch.stack(
        [torch.cat([model.elbo(part).double() for part in parts]) for _ in range(draws)]
    ).mean(0)
    mean, error = mean_error(-scores / x[0].numel() / math.log(2))
    return {
        "bits": mean,
        "error": error,
        "evaluations": counted.evaluations / len(parts) / draws if counted else None,
    }


def counts(model: Model) -> Counted | None:
    """Of a flow's solver; None where there is none."""
    if not isinstance(model, Dequantised):
        return None
    flow = model.density
    counted = Counted(lambda t, y: None)

    def solve(f: Any, y: Any, t0: float, t1: float) -> Any:
        def asked(t: Tensor, state: Any) -> Any:
            counted.evaluations += 1
            return f(t, state)

        return SOLVER(asked, y, t0, t1)

    flow.solver = solve
    return counted


if __name__ == "__main__":
    BENCH.main()
