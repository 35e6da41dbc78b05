"""Does a Wasserstein critic know the distance? Its estimate against the exact one, along training.

Every 100 rounds 512 samples meet the same 512 test rows. The critic's estimate is the gap of its mean
scores; the exact W1 of the two samples is the mean length of the best assignment. The picture shows
seed 0.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genus import Run, fit
from genus.adversarial import GAN
from genus.core import Model
from genus.data import load
from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import Penalty, gradient_penalty
from genus.functional.densities.neighbours import distances
from genus.media.style import canvas
from genus.nn import MLP
from genus.train.fit import MakesOptimizers, adam

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, spread

DATA = ("ring", "grid")
ROWS, EVERY = 512, 100
BOUND, WEIGHT, CRITIC_ROUNDS = 0.05, 1.0, 10
TITLES = {
    "gradient_penalty": "WGAN-GP",
    "clipped": "WGAN, clipped",
}


BENCH = Bench(
    __file__,
    "A Wasserstein critic's estimate against the exact distance",
    "critic | data | correlation | rank correlation | W1 first | W1 last | W1 of real rows | "
    "last estimate / W1 | CPU seconds",
    lambda options: {
        "networks": "MLP 3 x 128, ReLU; 2-d latent",
        "rounds": options.rounds,
        "generator": f"plays in every {CRITIC_ROUNDS}th round",
        "batch": 128,
        "WGAN-GP": f"penalty {WEIGHT:g}; Adam(betas 0, 0.9), critic 1e-3, generator 3e-4",
        "WGAN, clipped": f"weights in [-{BOUND}, {BOUND}]; RMSprop, critic 5e-4, generator 1e-4",
        "measured": f"every {EVERY} rounds, on {ROWS} made and {ROWS} test rows",
    },
    """
    Mean and standard deviation over the seeds.

    Correlations are over the points of one training, from round 100 on.

    In the picture, an estimate that leaves the axis below is negative: the critic trails.

    A clipped critic knows the distance up to a factor alone, which depends on the bound.
    """,
    weights="raw",
    options={"rounds": (5000, "rounds of each run"), "seeds": ([0, 1, 2], "of the runs")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in DATA:
        for critic in TITLES:
            for seed in options.seeds:
                run = Run(options.rounds, batch=128, seed=seed, evaluate_every=EVERY, device="cpu")
                yield Cell(
                    f"{data} | {critic} | seed {seed}",
                    partial(follow, data, critic, run),
                    partial(first_losses, partial(train, data, critic), run),
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in DATA:
        for critic, title in TITLES.items():
            if runs := of_seeds(found, f"{data} | {critic}"):
                linear, rank = zip(*map(correlations, runs), strict=True)
                ratios = [run["estimates"][-1] / run["exact"][-1] for run in runs]
                ends = [[run["exact"][i] for run in runs] for i in (0, -1)]
                floors = [run["floor"] for run in runs]
                seconds = statistics.mean(run["seconds"] for run in runs)
                numbers = [spread(v, 3) for v in (linear, rank, *ends, floors, ratios)]
                table.append([title, data, *numbers, f"{seconds:.0f}"])
    return table


def train(
    data: str,
    critic: str,
    run: Run,
    measure: Callable[[Model], Mapping[str, float]] | None = None,
) -> Model:
    torch.manual_seed(run.seed)
    source, hidden = load(data), (128,) * 3
    model = GAN(
        source.space,
        MLP(2, 2, hidden, activation="relu"),
        MLP(2, 1, hidden, activation="relu"),
        2,
        OBJECTIVES["wasserstein"],
        (Penalty(gradient_penalty, WEIGHT),) if critic == "gradient_penalty" else (),
        CRITIC_ROUNDS,
        bound=BOUND if critic == "clipped" else None,
    )
    return fit(model, source.train, run, optimizers=optimizers(critic), evaluate=measure)


def follow(data: str, critic: str, run: Run) -> dict[str, Any]:
    """One training, with both distances along it."""
    source = load(data)
    real = source.test.everything()[0][:ROWS]
    estimates, exact = [], []

    @torch.no_grad()
    def measure(model: Model) -> dict[str, float]:
        x = model.sample(ROWS)
        estimates.append((model.critic(real).mean() - model.critic(x).mean()).item())
        exact.append(assignment(real, x))
        return {}

    begun = time.process_time()
    train(data, critic, run, measure)
    return {
        "estimates": estimates,
        "exact": exact,
        "floor": assignment(real, source.train.batch(0, ROWS, run.seed)[0]),
        "seconds": time.process_time() - begun,
    }


def optimizers(critic: str) -> MakesOptimizers:
    """The critic learns faster than the generator: it is to know the distance as it is now."""
    if critic == "gradient_penalty":
        return adam({"critic": 1e-3, "generator": 3e-4}, (0.0, 0.9))
    rates = {"critic": 5e-4, "generator": 1e-4}
    return lambda name, parameters: torch.optim.RMSprop(parameters, lr=rates[name])


def assignment(a: Tensor, b: Tensor) -> float:
    """W1 of two samples of as many rows: the least mean distance over all pairings."""
    table = distances(a.double(), b.double())
    rows, columns = linear_sum_assignment(table.numpy())
    return table[rows, columns].mean().item()


def correlations(run: dict[str, Any]) -> tuple[float, float]:
    """Of the values, and of their ranks."""
    both = torch.tensor([run["estimates"], run["exact"]], dtype=torch.float64)
    ranks = both.argsort(1).argsort(1).double()
    return both.corrcoef()[0, 1].item(), ranks.corrcoef()[0, 1].item()


@BENCH.picture
def draw(found: Cells, options: Namespace) -> Figure:
    """The two distances of seed 0; a clipped critic's is scaled to the exact one's mean."""
    figure = canvas(8.6, 5.2)
    axes = figure.subplots(2, 2, sharex=True)
    for line, data in zip(axes, DATA, strict=True):
        for axis, (critic, title) in zip(line, TITLES.items(), strict=True):
            if (run := found.get(f"{data} | {critic} | seed 0")) is None:
                continue
            estimates, exact = torch.tensor(run["estimates"]), torch.tensor(run["exact"])
            label = "critic's estimate"
            if critic == "clipped":
                factor = (exact.mean() / estimates.mean()).item()
                estimates, label = estimates * factor, f"{label} x {factor:.3g}"
            rounds = EVERY * torch.arange(1, len(exact) + 1)
            axis.plot(rounds, exact, label="exact W1")
            axis.plot(rounds, estimates, label=label)
            axis.axhline(run["floor"], color="C7", lw=0.8, ls=":", label="W1 of real rows")
            axis.set(title=f"{title}, {data}: correlation {correlations(run)[0]:.3f}", yscale="log")
            axis.legend()
    for axis in axes[1]:
        axis.set_xlabel("round")
    return figure


if __name__ == "__main__":
    BENCH.main()
