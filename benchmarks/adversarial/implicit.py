"""Likelihood-free variational inference of Lotka and Volterra's rates, beside rejection ABC.

Prey and predators are counted now and then, with errors; four rates are asked for. Prior, equations and
observations are those of the task "lotka_volterra" of the benchmark of Lueckmann and others
(github.com/sbi-benchmark/sbibm). Its likelihood is known, so that the true posterior can be drawn by a Markov
chain; no other method is told.

Source: Lueckmann, Boelts, Greenberg, Goncalves, Macke, "Benchmarking simulation-based inference", 2021,
    AISTATS, proceedings.mlr.press/v130/lueckmann21a.html.
Departs: rates are looked for on the scale of logarithms, in units of the prior; the equations are solved by
    Runge-Kutta in steps of 0.1, for the logarithms of both; a population is seen as log(count + 0.1), standardised.
"""

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from genus.adversarial import HierarchicalImplicitModel
from genus.core import Model, Reals
from genus.nn import MLP
from genus.train import adam
from genus.train.fit import fit
from genus.train.run import Run

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, spread

MIDDLE, SPREAD = torch.tensor([-0.125, -3.0, -0.125, -3.0]), 0.5  # of the logarithms of the rates
START, DAYS, STEPS, EVERY, ERROR = (30.0, 1.0), 20.0, 200, 21, 0.1
SEEN = 2 * math.ceil(STEPS / EVERY)
TESTS, DRAWS = 100, 500
ROUNDS, BATCH, WIDTH, NOISE = 6000, 128, 128, 4
CHAINS, BURN, KEEP, THIN = 24, 80, 120, 10
ABC = (20, 100)

PRIOR, TRUTH = "prior", "true posterior, by Markov chains"


def populations(z: Tensor) -> Tensor:
    """Logarithms of prey and predators at ten times, (n, 20), from rates, (n, 4), in units of the prior."""
    a, b, c, d = (MIDDLE + SPREAD * z).exp().T
    h = DAYS / STEPS

    def slope(y: Tensor) -> Tensor:
        prey, predators = y.exp()
        return torch.stack([a - b * predators, d * prey - c])

    y = torch.tensor(START).log()[:, None].expand(2, len(z))
    seen = []
    for step in range(STEPS):
        if step % EVERY == 0:
            seen.append(y)
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return torch.stack(seen, 2).movedim(0, 1).flatten(1).clamp(math.log(1e-10), math.log(1e4))


def simulated(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Logarithms of what is counted, (n, 20), and the rates behind it, (n, 4), from the prior."""
    torch.manual_seed(seed)
    z = torch.randn(n, 4)
    return populations(z) + ERROR * torch.randn(n, SEEN), z


class Simulations(nn.Module):
    """A simulator that draws from what was simulated before, and what all methods see of it."""

    x: Tensor
    z: Tensor

    def __init__(self, n: int, seed: int):
        super().__init__()
        self.n, self.seed = n, seed
        logs, z = simulated(n, seed)
        x = seen(logs)
        self.mean, self.std = x.mean(0), x.std(0)
        self.register_buffer("x", self.standardised(logs))
        self.register_buffer("z", z)

    def standardised(self, logs: Tensor) -> Tensor:
        return (seen(logs) - self.mean) / self.std

    def forward(self, beta: Tensor) -> tuple[Tensor, Tensor]:
        which = torch.randint(len(self.x), (len(beta),))
        return self.x[which], self.z[which]


def seen(logs: Tensor) -> Tensor:
    return (logs.exp() + 0.1).log()


BENCH = Bench(
    __file__,
    "Rates of predators and prey: variational inference without a likelihood, beside rejection ABC",
    "Method | Simulations | Error of the mean | Intervals that hold | Their width | Energy score | CPU seconds | Runs",
    {
        "task": "Lotka-Volterra of the benchmark of Lueckmann and others: 4 rates, 20 counts with an error of 10 %",
        "measure": (
            f"over {TESTS} data sets from the prior, in standard deviations of the prior: root mean square error of "
            "the posterior mean; share of true rates in their central 90 % intervals, and the width of these; "
            "energy score E|z - d| - E|d - d'|/2 of the true z and draws d, d'"
        ),
        "ABC": "the nearest simulations by Euclidean distance of standardised log(count + 0.1)",
        "networks": f"critic 24-{WIDTH}-{WIDTH}-1, leaky ReLU; encoder 24-{WIDTH}-{WIDTH}-4, SiLU, {NOISE} of noise",
        "rounds": f"{ROUNDS} x {BATCH}, the guess in every fourth, each row from the simulations",
        "Adam": "lr 0.004 of the critic, 0.002 of the guess, falling to 0; betas 0.5 and 0.99",
        "chains": f"differential evolution, {CHAINS} for each data set, {BURN} + {KEEP} steps from the truth",
        "spread": "standard deviation over seeds",
    },
    """
    Each method has as many simulations. Those of the variational inference are one training for all data sets;
    ABC only looks up, so that its seconds are those of simulation.
    """,
    weights="raw",
    options={
        "seeds": ([0, 1, 2], "of simulations and training"),
        "simulations": ([10_000, 100_000], "numbers of simulations"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell(f"{PRIOR} | seed 0", partial(judged, lambda: torch.randn(DRAWS, TESTS, 4)))
    yield Cell(f"{TRUTH} | seed 0", partial(judged, chains))
    for n in options.simulations:
        for seed in options.seeds:
            for kept in ABC:
                yield Cell(
                    f"rejection ABC, {kept} nearest, {n} | seed {seed}",
                    partial(judged, partial(nearest, n, seed, kept)),
                )
            run = Run(ROUNDS, batch=BATCH, seed=seed, device="cpu", log_every=ROUNDS)
            yield Cell(
                f"likelihood-free VI, {n} | seed {seed}",
                partial(judged, partial(guesses, n, run)),
                partial(first_losses, partial(train, n), run),
            )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    names = [PRIOR]
    names += [f"rejection ABC, {k} nearest, {n}" for n in options.simulations for k in ABC]
    names += [f"likelihood-free VI, {n}" for n in options.simulations]
    for name in [*names, TRUTH]:
        if runs := of_seeds(found, name):
            figures = [
                spread([run[key] for run in runs], digits)
                for key, digits in (("error", 3), ("held", 3), ("width", 2), ("energy", 3))
            ]
            method, comma, n = name.rpartition(", ")
            told = (method, f"{int(n):,}") if comma and n.isdigit() else (name, "")
            seconds = statistics.mean(run["seconds"] for run in runs)
            table.append([*told, *figures, f"{seconds:.1f}", str(len(runs))])
    return table


@cache
def tests() -> tuple[Tensor, Tensor]:
    return simulated(TESTS, 1000)


def nearest(n: int, seed: int, kept: int) -> Tensor:
    """The rates of the nearest simulations, (kept, tests, 4)."""
    known = Simulations(n, seed)
    away = torch.cdist(known.standardised(tests()[0]), known.x)
    return known.z[away.topk(kept, largest=False).indices].transpose(0, 1)


def build(known: Simulations) -> HierarchicalImplicitModel:
    hidden = (WIDTH, WIDTH)
    return HierarchicalImplicitModel(
        Reals((SEEN,)),
        known,
        MLP(SEEN + 4, 1, hidden, activation="leaky_relu"),
        4,
        MLP(SEEN + NOISE, 4, hidden),
        NOISE,
        critic_rounds=4,
    )


def train(n: int, run: Run) -> Model:
    known = Simulations(n, run.seed or 0)
    torch.manual_seed(run.seed or 0)
    rates = adam({"critic": 4e-3, "guess": 2e-3}, (0.5, 0.99))
    return fit(build(known), known.x, run, optimizers=rates, schedule=lambda done: 1 - done)


def guesses(n: int, run: Run) -> Tensor:
    model: Any = train(n, run)
    x = model.simulator.standardised(tests()[0])
    return torch.stack([model.draw_posterior(x) for _ in range(DRAWS)])


def chains() -> Tensor:
    """Draws of the true posterior: chains that walk by the differences of others (differential evolution).

    Half of the chains of a data set move at once, by differences within the other half, so that the walk is exact;
    and they begin around the truth, which is itself a draw of the posterior.
    """
    x, truth = tests()
    torch.manual_seed(0)

    def log_p(z: Tensor) -> Tensor:
        away = x - populations(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        return -away.square().sum(2) / (2 * ERROR**2) - z.square().sum(2) / 2

    halves = [truth + 0.02 * torch.randn(CHAINS // 2, TESTS, 4) for _ in range(2)]
    heights = [log_p(half) for half in halves]
    kept = []
    for step in range(BURN + KEEP):
        for k in range(2):
            other = halves[1 - k]
            one, two = torch.randperm(len(other)), torch.randint(1, len(other), ())
            length = 1.0 if step % 10 == 0 else 2.38 / math.sqrt(2 * 4)
            moved = halves[k] + length * (other[one] - other[one].roll(int(two), 0))
            moved = moved + 1e-3 * torch.randn_like(moved)
            height = log_p(moved)
            takes = torch.rand_like(height).log() < height - heights[k]
            halves[k] = torch.where(takes[..., None], moved, halves[k])
            heights[k] = torch.where(takes, height, heights[k])
        if step >= BURN and step % THIN == 0:
            kept += halves
    return torch.cat(kept)


def judged(draw: Any) -> dict[str, float]:
    """The figures of draws, (k, tests, 4), and the seconds that they took."""
    begun = time.process_time()
    torch.manual_seed(7)
    draws: Tensor = draw()
    seconds = time.process_time() - begun
    z = tests()[1]
    low, high = draws.quantile(0.05, 0), draws.quantile(0.95, 0)
    between = torch.cdist(draws.transpose(0, 1), draws.transpose(0, 1)).sum((1, 2))
    pairs = len(draws) * (len(draws) - 1)
    energy = (draws - z).norm(dim=2).mean(0) - between / pairs / 2
    return {
        "error": (draws.mean(0) - z).square().mean().sqrt().item(),
        "held": ((low <= z) & (z <= high)).double().mean().item(),
        "width": (high - low).mean().item(),
        "energy": energy.mean().item(),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    BENCH.main()
