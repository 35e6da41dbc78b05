"""Scores that diffusions learn, beside the true ones, on toys, for five paths; and nats by their flows.

A mixture of normals with noise is a mixture of normals, so that its score is known at each level.
"""

import math
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run, fit
from genus.core import Reals, Space
from genus.data import load
from genus.data.toys.toys import TOYS, Normals
from genus.diffusion import Diffusion, LogNormal, ProbabilityFlow, TimeMLP, Uniform
from genus.diffusion.denoiser import Times
from genus.functional.densities.estimates import mean_error
from genus.functional.diffusion.parametrisations import (
    Epsilon,
    Parametrisation,
    Preconditioned,
    Score,
    Slope,
)
from genus.functional.diffusion.paths import VE, VP, LinearVE, Path, Straight, SubVP
from genus.functional.numerics.integrators import DormandPrince
from genus.media.style import canvas
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses, with_error

DATA = ("ring", "grid", "moons", "checkerboard")
LEVELS = [0.03 * 10 ** (k / 8) for k in range(21)]  # sigma / alpha, of data of deviation 1
SHOWN = (0, 4, 8, 12, 16, 20)
ROWS, WIDTH, BATCH, RATE = 4000, 64, 256, 2e-3
FIELD = "ring/EDM"  # whose score is drawn


@dataclass(frozen=True)
class Kind:
    path: Path
    asked: Parametrisation
    times: Times


KINDS = {
    "VP, noise": Kind(VP(), Epsilon(), Uniform()),
    "sub-VP, noise": Kind(SubVP(), Epsilon(), Uniform()),
    "VE, score": Kind(VE(), Score(), Uniform()),
    "EDM": Kind(LinearVE(0.01), Preconditioned(1.0), LogNormal()),
    "flow matching": Kind(Straight(), Slope(), Uniform()),
}


@dataclass
class Scaled:
    """Batches of a toy, of deviation 1."""

    data: Any
    scale: float
    space: Space
    context_space: Space | None = None

    @property
    def fingerprint(self) -> str:
        return f"{self.data.fingerprint} / {self.scale}"

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, ...]:
        return (self.data.batch(number, size, seed)[0] / self.scale,)

    def everything(self) -> tuple[Tensor, ...]:
        return (self.data.everything()[0] / self.scale,)


BENCH = Bench(
    __file__,
    "Learned scores beside true scores, and nats by the flow",
    "data | diffusion | "
    + " | ".join(f"error at {LEVELS[i]:.2g}" for i in SHOWN)
    + " | test nats | same rows, true density | entropy | CPU seconds",
    lambda options: {
        "network": f"TimeMLP(2, {WIDTH}, blocks=3, waves=8), EMA 0.995",
        "rounds": options.rounds,
        "batch": BATCH,
        "optimiser": f"Adam, {RATE:g}, warmed cosine",
        "data": "divided by their deviation; endless",
        "score": f"{ROWS} noisy rows at each sigma / alpha: sqrt(E|learned - true|^2 / E|true|^2)",
        "nats": "of 1,000 test rows, by the flow's exact trace, Dormand-Prince at 3e-4",
        "seed": 0,
    },
    """
    Errors are relative; the level is sigma / alpha, for data of deviation 1.

    Moons and the checkerboard are no mixtures of normals: their scores have no formula here.

    What has a density is the data with the path's first noise in it: edges are soft.
    """,
    weights="average",
    options={"rounds": (3000, "rounds of each training")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    run = Run(rounds=options.rounds, batch=BATCH, lr=RATE, ema=0.995, device="cpu")
    for data in DATA:
        for title, kind in KINDS.items():
            train = partial(learned, data, kind)
            name = f"{data}/{title}"
            work = partial(measure, data, kind, run, name == FIELD)
            yield Cell(name, work, partial(first_losses, train, run))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            data,
            title,
            *(f"{run['errors'][i]:.3f}" if run["errors"] else "" for i in SHOWN),
            with_error(run["nats"], run["error"], 3),
            f"{run['true']:.3f}",
            f"{run['entropy']:.3f}",
            f"{run['seconds']:.0f}",
        ]
        for data in DATA
        for title in KINDS
        if (run := found.get(f"{data}/{title}"))
    ]


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    """Errors against the level; and the two fields on the ring."""
    figure = canvas(12.6, 3.8)
    axes = figure.subplots(1, 3)
    for axis, data in zip(axes[:2], ("ring", "grid"), strict=True):
        for title in KINDS:
            if run := found.get(f"{data}/{title}"):
                axis.plot(LEVELS, run["errors"], label=title)
        title = f"{data}: relative error of the score"
        axis.set(xscale="log", yscale="log", title=title, xlabel="sigma / alpha")
        axis.grid()
    axes[0].legend()
    if arrows := found.get(FIELD, {}).get("field"):
        for key, color in (("true", "C7"), ("learned", "C0")):
            ends = zip(*arrows["x"], strict=True), zip(*arrows[key], strict=True)
            places = [list(part) for end in ends for part in end]
            axes[2].quiver(*places, color=color, width=0.004, alpha=0.8, label=key)
        axes[2].set(title="ring at 0.3: EDM's score, and the true one", aspect="equal")
        axes[2].legend(loc="upper right")
    return figure


def deviation(data: str) -> float:
    """The number that a toy is divided by."""
    return round(load(data).train.batch(0, 20_000, 0)[0].std().item(), 3)


def learned(data: str, kind: Kind, run: Run) -> Diffusion:
    torch.manual_seed(0)
    scale, source = deviation(data), load(data)
    model = Diffusion(TimeMLP(2, WIDTH, 3, 8), Reals((2,)), kind.path, kind.asked, times=kind.times)
    rows = Scaled(source.train, scale, source.space)
    return fit(model, rows, run, schedule=warmed(cosine)).eval()


def measure(data: str, kind: Kind, run: Run, drawn: bool) -> dict[str, Any]:
    """One training, and what came of it."""
    begun = time.process_time()
    model = learned(data, kind, run)
    seconds = time.process_time() - begun
    scale, toy = deviation(data), TOYS[data]()
    x = load(data).test.everything()[0][:1000] / scale
    flow = ProbabilityFlow(model, DormandPrince(3e-4, 3e-4))
    with torch.no_grad():
        nats, error = mean_error(2 * math.log(scale) - flow.log_prob(x).double())
    known = isinstance(toy, Normals)
    found = {
        "nats": nats,
        "error": error,
        "true": -toy.log_prob((x * scale).double()).mean().item(),
        "entropy": toy.entropy,
        "errors": score_errors(model, toy, scale) if known else [],
        "seconds": seconds,
    }
    return found | ({"field": field(model, toy, scale)} if drawn and known else {})


def true_score(toy: Normals, scale: float) -> Callable[[Tensor, float, float], Tensor]:
    """Of alpha x_0 + sigma eps, where x_0 is the toy's, scaled."""
    centres = torch.tensor(toy.centres, dtype=torch.float64) / scale
    stds = torch.tensor(toy.stds, dtype=torch.float64) / scale
    shares = torch.tensor(toy.shares, dtype=torch.float64)

    def score(x: Tensor, alpha: float, sigma: float) -> Tensor:
        variance = alpha**2 * stds**2 + sigma**2
        away = x[:, None] - alpha * centres
        parts = shares.log() - variance.log() - away.square().sum(2) / 2 / variance
        return -(parts.softmax(1)[:, :, None] * away / variance[:, None]).sum(1)

    return score


def learned_score(model: Diffusion, x: Tensor, t: float, alpha: float, sigma: float) -> Tensor:
    start = model.denoise(x.float(), torch.full((len(x),), t)).double()
    return (alpha * start - x) / sigma**2


@torch.no_grad()
def score_errors(model: Diffusion, toy: Normals, scale: float) -> list[float]:
    """Relative, at each of the levels."""
    score, found = true_score(toy, scale), []
    noise = torch.Generator().manual_seed(1)
    for ratio in LEVELS:
        t = model.path.time(torch.tensor(-math.log(ratio), dtype=torch.float64))
        alpha, sigma = model.path.alpha(t).item(), model.path.sigma(t).item()
        x = alpha * toy.sample(ROWS, noise)[0].double() / scale
        x = x + sigma * torch.randn(x.shape, generator=noise, dtype=torch.float64)
        true = score(x, alpha, sigma)
        gap = learned_score(model, x, t.item(), alpha, sigma) - true
        found.append((gap.square().sum() / true.square().sum()).sqrt().item())
    return found


@torch.no_grad()
def field(model: Diffusion, toy: Normals, scale: float) -> dict[str, list[list[float]]]:
    """Both scores on a lattice, at sigma / alpha = 0.3."""
    line = torch.linspace(-2.2, 2.2, 19, dtype=torch.float64)
    x = torch.cartesian_prod(line, line)
    t = model.path.time(torch.tensor(-math.log(0.3), dtype=torch.float64))
    alpha, sigma = model.path.alpha(t).item(), model.path.sigma(t).item()
    true = true_score(toy, scale)(alpha * x, alpha, sigma)
    learned = learned_score(model, alpha * x, t.item(), alpha, sigma)
    found = {"x": x, "true": true, "learned": learned}
    return {key: value.mul(1000).round().div(1000).tolist() for key, value in found.items()}


if __name__ == "__main__":
    BENCH.main()
