"""Does a Wasserstein critic know the distance? Its estimate against the exact one, along training.

    python benchmarks/wasserstein.py [--data ring grid] [--critics gradient_penalty clipped]
                                     [--seeds 0 1 2] [--rounds 5000] [--out FILE] [--picture FILE]

Every 100 rounds 512 made rows meet the same 512 test rows. The critic's estimate is the gap of its mean
scores; the exact W1 of the two samples is the mean length of the best assignment. The picture shows
seed 0. Each run is written when it is done, and a second call goes on with those that are missing.
"""

import argparse
import json
import platform
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genus import Run, __version__, fit
from genus.adversarial import GAN
from genus.data import Data, load
from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import Penalty, gradient_penalty
from genus.functional.densities.neighbours import distances
from genus.nn import MLP
from genus.train.fit import MakesOptimizers, adam

ROOT = Path(__file__).parent.parent
ROWS, EVERY = 512, 100
BOUND, WEIGHT, CRITIC_ROUNDS = 0.05, 1.0, 10
TITLES = {
    "gradient_penalty": "WGAN-GP",
    "clipped": "WGAN, clipped",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", nargs="+", choices=("ring", "grid"), default=["ring", "grid"])
    parser.add_argument("--critics", nargs="+", choices=TITLES, default=[*TITLES])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/wasserstein.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/wasserstein.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "networks": "MLP 3 x 128, ReLU; 2-d latent",
        "rounds": options.rounds,
        "generator": f"plays in every {CRITIC_ROUNDS}th round",
        "batch": 128,
        "WGAN-GP": f"penalty {WEIGHT:g}; Adam(betas 0, 0.9), critic 1e-3, generator 3e-4",
        "WGAN, clipped": f"weights in [-{BOUND}, {BOUND}]; RMSprop, critic 5e-4, generator 1e-4",
        "measured": f"every {EVERY} rounds, on {ROWS} made and {ROWS} test rows",
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    for data in options.data:
        for critic in options.critics:
            for seed in options.seeds:
                name = f"{data}/{critic}/{seed}"
                if name not in runs:
                    runs[name] = follow(load(data), critic, seed, options.rounds)
                    write(options.out, protocol, runs)
                    said = correlations(runs[name])
                    print(f"{name}: correlation {said[0]:.3f}, rank {said[1]:.3f}", flush=True)
    write(options.out, protocol, runs)
    draw(runs, options.picture)


def follow(data: Data, critic: str, seed: int, rounds: int) -> dict[str, Any]:
    """One training, with both distances along it."""
    torch.manual_seed(seed)
    hidden = (128,) * 3
    model = GAN(
        data.space,
        MLP(2, 2, hidden, activation="relu"),
        MLP(2, 1, hidden, activation="relu"),
        2,
        OBJECTIVES["wasserstein"],
        (Penalty(gradient_penalty, WEIGHT),) if critic == "gradient_penalty" else (),
        CRITIC_ROUNDS,
        bound=BOUND if critic == "clipped" else None,
    )
    real = data.test.everything()[0][:ROWS]
    estimates, exact = [], []

    @torch.no_grad()
    def measure(model: GAN) -> dict[str, float]:
        made = model.sample(ROWS)
        estimates.append((model.critic(real).mean() - model.critic(made).mean()).item())
        exact.append(assignment(real, made))
        return {}

    begun = time.process_time()
    run = Run(rounds=rounds, batch=128, seed=seed, evaluate_every=EVERY, device="cpu")
    fit(model, data.train, run, optimizers=optimizers(critic), evaluate=measure)  # pyright: ignore[reportArgumentType]
    return {
        "estimates": estimates,
        "exact": exact,
        "floor": assignment(real, data.train.batch(0, ROWS, seed)[0]),
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


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    rows = []
    for data in ("ring", "grid"):
        for critic, title in TITLES.items():
            found = [run for name, run in runs.items() if name.startswith(f"{data}/{critic}/")]
            if found:
                linear, rank = zip(*map(correlations, found), strict=True)
                ratios = [run["estimates"][-1] / run["exact"][-1] for run in found]
                ends = [[run["exact"][i] for run in found] for i in (0, -1)]
                floors = [run["floor"] for run in found]
                seconds = statistics.mean(run["seconds"] for run in found)
                numbers = (linear, rank, *ends, floors, ratios)
                rows.append([title, data, *map(spread, numbers), f"{seconds:.0f}"])
    content = {
        "title": "A Wasserstein critic's estimate against the exact distance",
        "command": "python benchmarks/wasserstein.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "critic",
            "data",
            "correlation",
            "rank correlation",
            "W1 first",
            "W1 last",
            "W1 of real rows",
            "last estimate / W1",
            "CPU seconds",
        ],
        "rows": rows,
        "notes": [
            "Mean and standard deviation over the seeds.",
            "Correlations are over the points of one training, from round 100 on.",
            "In the picture, an estimate that leaves the axis below is negative: the critic trails.",
            "A clipped critic knows the distance up to a factor alone, which depends on the bound.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def spread(values: Any) -> str:
    error = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {error:.3f}"


def draw(runs: dict[str, Any], path: Path) -> None:
    """The two distances of seed 0; a clipped critic's is scaled to the exact one's mean."""
    figure, axes = plt.subplots(2, 2, figsize=(9, 5.5), sharex=True, layout="constrained")
    for line, data in zip(axes, ("ring", "grid"), strict=True):
        for axis, (critic, title) in zip(line, TITLES.items(), strict=True):
            if (run := runs.get(f"{data}/{critic}/0")) is None:
                continue
            estimates, exact = torch.tensor(run["estimates"]), torch.tensor(run["exact"])
            said = "critic's estimate"
            if critic == "clipped":
                factor = (exact.mean() / estimates.mean()).item()
                estimates, said = estimates * factor, f"{said} x {factor:.3g}"
            rounds = EVERY * torch.arange(1, len(exact) + 1)
            axis.plot(rounds, exact, color="#1f3b57", label="exact W1")
            axis.plot(rounds, estimates, color="#d1495b", label=said)
            axis.axhline(run["floor"], color="grey", lw=0.8, ls=":", label="W1 of real rows")
            axis.set(title=f"{title}, {data}: correlation {correlations(run)[0]:.3f}", yscale="log")
            axis.legend(fontsize=8)
    for axis in axes[1]:
        axis.set_xlabel("round")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
