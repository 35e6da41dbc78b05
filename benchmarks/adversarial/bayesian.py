"""Bayesian GAN on the linear mixture: draws over generators, against one that is found.

The data and the measure are those of the authors' toy (github.com/andrewgordonwilson/bayesgan): rows of
100 numbers in ten planes; the Jensen-Shannon divergence of kernel densities over the plane of the
data's first two principal components.
"""

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Adam, Optimizer

from genus.adversarial import BayesianGAN
from genus.core import Model
from genus.data import load
from genus.functional.adversarial.langevin import SGHMC
from genus.media.style import canvas
from genus.nn import MLP
from genus.train.fit import fit
from genus.train.run import Run

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, spread

FLOOR = "real test rows (floor)"
ROUNDS, BATCH, LATENT, WIDTH, SAMPLES, LOOKS = 1500, 64, 10, 1000, 6400, 10
STEP = 0.2  # of the lattice; kernels are about 1 wide
FLAT = 1e6  # the standard deviation of a prior that says nothing


class System(NamedTuple):
    """How many generators, how they move, and their prior."""

    generators: int
    optimizer: Callable[[list[Parameter]], Optimizer]
    falls: bool  # whether the learning rate falls as in the authors' toy
    prior_std: float


def adam(weights: list[Parameter]) -> Optimizer:
    return Adam(weights, 1e-2, (0.5, 0.999), fused=True)


def walk(heat: float, weights: list[Parameter]) -> Optimizer:
    return SGHMC(weights, 0.003, 10_000, friction=0.1, temperature=heat)


SYSTEMS = {
    "one GAN, Adam": System(1, adam, True, FLAT),
    "one generator, SGHMC, T = 1": System(1, partial(walk, 1.0), False, 10.0),
    "10 generators, Adam, prior": System(10, adam, True, 10.0),
    "10 generators, SGHMC, T = 1": System(10, partial(walk, 1.0), False, 10.0),
    "10 generators, SGHMC, T = 0.01": System(10, partial(walk, 0.01), False, 10.0),
}


class Plane:
    """The authors' measure: both sides on the data's two principal components, as kernel densities.

    Kernels are normal, as wide as Scott's rule says; the lattice has steps of 0.2 (theirs: 0.1) and reaches 3
    beyond the data; the two densities times the area of a cell stand for probabilities.
    """

    def __init__(self, real: Tensor):
        self.mean = real.mean(0)
        self.axes = torch.linalg.svd(real - self.mean, full_matrices=False).Vh[:2]
        points = self.flat(real)
        low, high = points.min(0).values - 3, points.max(0).values + 3
        sides = [torch.arange(a, b, STEP) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
        self.lattice = torch.cartesian_prod(*sides)
        self.real = self.density(points)

    def flat(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.axes.T

    def density(self, points: Tensor) -> Tensor:
        """Of a cell of the lattice, by kernels at the points, (cells,)."""
        kernel = points.T.cov() * len(points) ** (-2 / 6)  # Scott: n^(-1/(d+4)), squared
        root = torch.linalg.cholesky(torch.linalg.inv(kernel))
        ours, theirs = points @ root, self.lattice @ root
        level = STEP**2 * root.det() / (2 * math.pi * len(points))
        parts = [
            torch.cdist(cells, ours).square_().mul_(-0.5).exp_().sum(1)
            for cells in theirs.split(4096)
        ]
        return torch.cat(parts) * level

    def divergence(self, x: Tensor) -> float:
        """Jensen-Shannon, nats."""
        p, q = self.real, self.density(self.flat(x))
        m = ((p + q) / 2).clamp_min(1e-10)

        def kl(a: Tensor) -> Tensor:
            a = a.clamp_min(1e-10)
            return (a * (a / m).log()).sum()

        return ((kl(p) + kl(q)) / 2).item()


def build(system: System) -> BayesianGAN:
    generators = [
        MLP(LATENT, 100, (WIDTH,), activation="leaky_relu") for _ in range(system.generators)
    ]
    critics = [MLP(100, 1, (WIDTH,), activation="leaky_relu")]
    space = load("linear_mixture").space
    return BayesianGAN(space, generators, critics, LATENT, 10_000, system.prior_std)


BENCH = Bench(
    __file__,
    "Bayesian GAN against one GAN on the authors' linear mixture",
    f"System | after {ROUNDS // LOOKS:,} | after {ROUNDS // 2:,} | after {ROUNDS:,} | Lowest | Runs",
    {
        "data": "linear mixture, 100 dimensions, 10 clouds, 10,000 rows",
        "measure": (
            "Jensen-Shannon divergence, nats, of normal kernel densities (Scott's rule) of "
            f"{SAMPLES:,} samples and of all rows, on the data's first two principal components"
        ),
        "networks": f"{LATENT}-{WIDTH}-100 and 100-{WIDTH}-1, leaky ReLU",
        "batch": BATCH,
        "Adam": "lr 0.01 falling to 0.0005 within 156 rounds, betas 0.5 and 0.999",
        "SGHMC": "lr 0.003, friction 0.1",
        "prior": "N(0, 10^2), but none for the one GAN by Adam",
        "spread": "standard deviation over seeds",
    },
    """
    Departs from the authors' toy: each system is judged by as many samples (theirs has 640 of the one
    generator and 6,400 of the ten); z is normal.

    The authors' toy code moves by Adam, and its noise, divided by the rows and scaled by the learning
    rate, is next to nothing: their Bayesian GAN is the third row here.

    SGHMC has no scale for each weight, as Adam has, and needs a small step: at lr 0.01 its losses
    overflow. The step is what it pays for drawing from the posterior.
    """,
    weights="raw",
    options={"seeds": ([0, 1, 2], "of the runs")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell(FLOOR, floor)
    for seed in options.seeds:
        run = Run(
            ROUNDS,
            batch=BATCH,
            seed=seed,
            device="cpu",
            log_every=ROUNDS,
            evaluate_every=ROUNDS // LOOKS,
        )
        for name, system in SYSTEMS.items():
            play = partial(train, system)
            yield Cell(
                f"{name} | seed {seed}",
                partial(measure, play, run),
                partial(first_losses, play, run),
            )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name in SYSTEMS:
        if curves := [run["curve"] for run in of_seeds(found, name)]:
            at = [[curve[i] for curve in curves] for i in (0, LOOKS // 2 - 1, LOOKS - 1)]
            figures = [spread(values, 3) for values in (*at, [*map(min, curves)])]
            table.append([name, *figures, str(len(curves))])
    if FLOOR in found:
        table.append([FLOOR, *[f"{found[FLOOR]:.3f}"] * 4, "1"])
    return table


def train(
    system: System, run: Run, look: Callable[[Model], Mapping[str, float]] | None = None
) -> Model:
    def schedule(behind: float) -> float:
        rounds = behind * (run.rounds or 0)
        return math.exp(-3 * min(1.0, rounds * BATCH / 10_000)) if system.falls else 1.0

    torch.manual_seed(run.seed)
    return fit(
        build(system),
        load("linear_mixture").train,
        run,
        optimizers=lambda _, weights: system.optimizer(weights),
        schedule=schedule,
        evaluate=look,
    )


def measure(play: Callable[..., Model], run: Run) -> dict[str, Any]:
    """The divergence along one training; of seed 0 also some samples, for the picture."""
    plane, curve = known_plane(), []

    def look(model: Model) -> dict[str, float]:
        curve.append(round(plane.divergence(model.sample(SAMPLES)), 4))
        return {"divergence": curve[-1]}

    begun = time.perf_counter()
    model = play(run, look)
    minutes = (time.perf_counter() - begun) / 60
    torch.manual_seed(run.seed)
    flat = plane.flat(model.sample(1500)) if run.seed == 0 else torch.empty(0, 2)
    points = " ".join(f"{v:.2f}" for v in flat.flatten().tolist())
    return {"minutes": minutes, "curve": curve, "points": points}


@cache
def known_plane() -> Plane:
    return Plane(load("linear_mixture").train.everything()[0])


def floor() -> float:
    """Of test rows in the place of samples."""
    (test,) = load("linear_mixture").test.everything()
    return known_plane().divergence(test[torch.randperm(len(test))[:SAMPLES]])


@BENCH.picture
def draw(found: Cells, options: Namespace) -> Figure:
    """The divergence over training, and the samples of each system in the end, beside the data."""
    names = {name: f"{name} | seed 0" for name in SYSTEMS if "0.01" not in name}
    picked = {name: found[cell] for name, cell in names.items() if cell in found}
    figure = canvas(2.2 * (len(picked) + 2), 2.5)
    axes = figure.subplots(1, len(picked) + 2)
    for name in SYSTEMS:
        if curves := [run["curve"] for run in of_seeds(found, name)]:
            x = [ROUNDS * (i + 1) // LOOKS for i in range(LOOKS)]
            axes[0].plot(x, [statistics.mean(at) for at in zip(*curves, strict=True)], label=name)
    axes[0].set(xlabel="rounds", title="Jensen-Shannon, nats", ylim=(0, 0.9))
    axes[0].legend(fontsize=6, loc="upper right", framealpha=0.5)
    (real,) = load("linear_mixture").train.everything()
    points = {"data": known_plane().flat(real)[::7]}
    for name, run in picked.items():
        points[name] = torch.tensor([*map(float, run["points"].split())]).reshape(-1, 2)
    for axis, (name, p) in zip(axes[1:], points.items(), strict=True):
        axis.plot(p[:, 0], p[:, 1], ".", markersize=1)
        axis.set(xlim=(-12, 24), ylim=(-20, 16), xticks=[], yticks=[])
        axis.set_title(name, fontsize=8)
    return figure


if __name__ == "__main__":
    BENCH.main()
