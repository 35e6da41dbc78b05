"""Bayesian GAN on the linear mixture: draws over generators, against one that is found.

    python benchmarks/bayesian.py [--seeds 0 1 2] [--rounds 1500]

The data and the measure are those of the authors' toy (github.com/andrewgordonwilson/bayesgan): rows of
100 numbers in ten planes; the Jensen-Shannon divergence of kernel densities over the plane of the
data's first two principal components. Writes benchmarks/results/bayesian.json after each run, goes on
with what is there, and draws docs/pictures/bayesian.png.
"""

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Adam, Optimizer

import genus
from genus.adversarial import BayesianGAN
from genus.core import Model
from genus.data import load
from genus.functional.adversarial.langevin import SGHMC
from genus.nn import MLP
from genus.train.fit import fit
from genus.train.run import Run

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "bayesian.json"
PICTURE = ROOT / "docs" / "pictures" / "bayesian.png"
BATCH, LATENT, WIDTH, SAMPLES, LOOKS = 64, 10, 1000, 6400, 10
STEP = 0.2  # of the lattice; kernels are about 1 wide
FLAT = 1e6  # the standard deviation of a prior that says nothing


class System(NamedTuple):
    """How many generators, how they move, and what they are told beforehand."""

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

    def divergence(self, made: Tensor) -> float:
        """Jensen-Shannon, nats."""
        p, q = self.real, self.density(self.flat(made))
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


def run(name: str, seed: int, rounds: int, plane: Plane) -> dict[str, Any]:
    system, curve = SYSTEMS[name], []
    torch.manual_seed(seed)
    model = build(system)

    def look(current: Model) -> dict[str, float]:
        assert isinstance(current, BayesianGAN)
        curve.append(round(plane.divergence(current.sample(SAMPLES)), 4))
        print(name, seed, curve[-1], flush=True)
        return {"divergence": curve[-1]}

    def schedule(behind: float) -> float:
        return math.exp(-3 * min(1.0, behind * rounds * BATCH / 10_000)) if system.falls else 1.0

    plan = Run(
        rounds,
        batch=BATCH,
        seed=seed,
        device="cpu",
        log_every=rounds,
        evaluate_every=rounds // LOOKS,
    )
    start = time.perf_counter()
    fit(
        model,
        load("linear_mixture").train,
        plan,
        optimizers=lambda _, weights: system.optimizer(weights),
        schedule=schedule,
        evaluate=look,
    )
    minutes = (time.perf_counter() - start) / 60
    torch.manual_seed(seed)
    flat = plane.flat(model.sample(1500)) if seed == 0 else torch.empty(0, 2)
    return {"system": name, "seed": seed, "rounds": rounds, "minutes": minutes, "curve": curve} | {
        "points": [[round(v, 2) for v in point] for point in flat.tolist()]
    }


def spread(values: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def write(runs: list[dict[str, Any]], rounds: int, floor: float) -> None:
    rows: list[list[str]] = []
    for name in SYSTEMS:
        found = [r for r in runs if (r["system"], r["rounds"]) == (name, rounds)]
        if not found:
            continue
        row = [
            name,
            *(spread([r["curve"][i] for r in found]) for i in (0, LOOKS // 2 - 1, LOOKS - 1)),
        ]
        row += [spread([min(r["curve"]) for r in found])]
        rows.append([*row, str(len(found))])
    rows.append(["real test rows (floor)", *[f"{floor:.3f}"] * 4, "1"])
    at = [f"after {rounds * i // LOOKS:,}" for i in (1, LOOKS // 2, LOOKS)]
    content = {
        "title": "Bayesian GAN against one GAN on the authors' linear mixture",
        "command": "python benchmarks/bayesian.py",
        "protocol": {
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
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": ["System", *at, "Lowest", "Runs"],
        "rows": rows,
        "notes": [
            (
                "Departs from the authors' toy: each system is judged by as many samples (theirs has "
                "640 of the one generator and 6,400 of the ten); z is normal."
            ),
            (
                "The authors' toy code moves by Adam, and its noise, divided by the rows and scaled by "
                "the learning rate, is next to nothing: their Bayesian GAN is the third row here."
            ),
            (
                "SGHMC has no scale for each weight, as Adam has, and needs a small step: at lr 0.01 "
                "its losses overflow. The step is what it pays for drawing from the posterior."
            ),
        ],
        "runs": runs,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, ensure_ascii=False) + "\n")


def draw(runs: list[dict[str, Any]], rounds: int, plane: Plane, real: Tensor) -> None:
    """The divergence over training, and what each system makes in the end, beside the data."""
    shown = [r for r in runs if r["seed"] == 0 and r["rounds"] == rounds]
    picked = [r for r in shown if "0.01" not in r["system"]]
    figure, axes = plt.subplots(1, len(picked) + 2, figsize=(3 * (len(picked) + 2), 3.4))
    for name in SYSTEMS:
        curves = [r["curve"] for r in runs if (r["system"], r["rounds"]) == (name, rounds)]
        if curves:
            x = [rounds * (i + 1) // LOOKS for i in range(LOOKS)]
            axes[0].plot(x, [statistics.mean(at) for at in zip(*curves, strict=True)], label=name)
    axes[0].set(xlabel="rounds", title="Jensen-Shannon, nats", ylim=(0, 0.9))
    axes[0].legend(fontsize=6, loc="upper right", framealpha=0.5)
    points = [("data", plane.flat(real)[::7])]
    points += [(r["system"], torch.tensor(r["points"])) for r in picked]
    for axis, (name, p) in zip(axes[1:], points, strict=True):
        axis.plot(p[:, 0], p[:, 1], ".", markersize=1)
        axis.set(xlim=(-12, 24), ylim=(-20, 16), xticks=[], yticks=[])
        axis.set_title(name, fontsize=8)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=1500)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = load("linear_mixture")
    (real,), (test,) = data.train.everything(), data.test.everything()
    plane = Plane(real)
    floor = plane.divergence(test[torch.randperm(len(test))[:SAMPLES]])
    runs: list[dict[str, Any]] = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else []
    for seed in given.seeds:
        for name in SYSTEMS:
            key = (name, seed, given.rounds)
            if all((r["system"], r["seed"], r["rounds"]) != key for r in runs):
                runs.append(run(name, seed, given.rounds, plane))
                write(runs, given.rounds, floor)
    write(runs, given.rounds, floor)
    draw(runs, given.rounds, plane, real)


if __name__ == "__main__":
    main()
