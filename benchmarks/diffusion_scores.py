"""Does a diffusion learn the score? Beside the true one, on toys, for five paths; and nats by its flow.

    python benchmarks/diffusion_scores.py [--data ring grid moons checkerboard] [--rounds 3000]
                                          [--out FILE] [--picture FILE]

A mixture of normals with noise is a mixture of normals, so that its score is known at each level. Each row
is written when it is done, and a second call goes on with those that are missing.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from genus import Run, __version__, fit
from genus.core import Reals, Space
from genus.data import Data, load
from genus.data.toys.toys import TOYS, Normals
from genus.diffusion import Diffusion, LogNormal, ProbabilityFlow, TimeMLP, Uniform
from genus.diffusion.denoiser import Times
from genus.functional.diffusion.parametrisations import (
    Epsilon,
    Parametrisation,
    Preconditioned,
    Score,
    Slope,
)
from genus.functional.diffusion.paths import VE, VP, LinearVE, Straight, SubVP
from genus.functional.diffusion.paths import Path as NoisePath
from genus.functional.numerics.integrators import DormandPrince
from genus.show.style import style
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
LEVELS = [0.03 * 10 ** (k / 8) for k in range(21)]  # sigma / alpha, of data of deviation 1
SHOWN = (0, 4, 8, 12, 16, 20)
ROWS, WIDTH, BATCH, RATE = 4000, 64, 256, 2e-3


@dataclass(frozen=True)
class Kind:
    path: NoisePath
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    choices = ("ring", "grid", "moons", "checkerboard")
    parser.add_argument("--data", nargs="+", choices=choices, default=[*choices])
    parser.add_argument("--rounds", type=int, default=3000)
    out = ROOT / "benchmarks/results/diffusion_scores.json"
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/scores.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "network": f"TimeMLP(2, {WIDTH}, blocks=3, waves=8), EMA 0.995",
        "rounds": options.rounds,
        "batch": BATCH,
        "optimiser": f"Adam, {RATE:g}, warmed cosine",
        "data": "divided by their deviation; endless",
        "score": f"{ROWS} noisy rows at each sigma / alpha: sqrt(E|learned - true|^2 / E|true|^2)",
        "nats": "of 1,000 test rows, by the flow's exact trace, Dormand-Prince at 3e-4",
        "seed": 0,
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    for name in options.data:
        for title, kind in KINDS.items():
            if f"{name}/{title}" in runs:
                continue
            model, run = follow(load(name), name, kind, options.rounds)
            if (name, title) == ("ring", "EDM"):
                run["field"] = field(model, cast(Normals, TOYS["ring"]()), load("ring"))
            runs[f"{name}/{title}"] = run
            write(options.out, protocol, runs)
            print(name, title, runs[f"{name}/{title}"]["nats"], flush=True)
    write(options.out, protocol, runs)
    draw(runs, options.picture)


def follow(data: Data, name: str, kind: Kind, rounds: int) -> tuple[Diffusion, dict[str, Any]]:
    """One training, and what came of it."""
    torch.manual_seed(0)
    scale = round(data.train.batch(0, 20_000, 0)[0].std().item(), 3)
    model = Diffusion(TimeMLP(2, WIDTH, 3, 8), Reals((2,)), kind.path, kind.asked, times=kind.times)
    begun = time.process_time()
    run = Run(rounds=rounds, batch=BATCH, lr=RATE, ema=0.995, device="cpu")
    model = cast(
        Diffusion,
        fit(model, Scaled(data.train, scale, data.space), run, schedule=warmed(cosine)),
    ).eval()
    seconds = time.process_time() - begun
    x = data.test.everything()[0][:1000] / scale
    flow = ProbabilityFlow(model, DormandPrince(3e-4, 3e-4))
    with torch.no_grad():
        log_p = flow.log_prob(x).double() - 2 * math.log(scale)
    toy = TOYS[name]()
    truth = -toy.log_prob((x * scale).double()).mean().item()
    errors = score_errors(model, toy, scale) if isinstance(toy, Normals) else []
    return model, {
        "nats": -log_p.mean().item(),
        "error": (log_p.std() / len(x) ** 0.5).item(),
        "true": truth,
        "entropy": toy.entropy,
        "errors": errors,
        "seconds": seconds,
    }


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
def field(model: Diffusion, toy: Normals, data: Data) -> dict[str, list[list[float]]]:
    """Both scores on a lattice, at sigma / alpha = 0.3."""
    scale = round(data.train.batch(0, 20_000, 0)[0].std().item(), 3)
    line = torch.linspace(-2.2, 2.2, 19, dtype=torch.float64)
    x = torch.cartesian_prod(line, line)
    t = model.path.time(torch.tensor(-math.log(0.3), dtype=torch.float64))
    alpha, sigma = model.path.alpha(t).item(), model.path.sigma(t).item()
    true = true_score(toy, scale)(alpha * x, alpha, sigma)
    learned = learned_score(model, alpha * x, t.item(), alpha, sigma)
    found = {"x": x, "true": true, "learned": learned}
    return {key: value.mul(1000).round().div(1000).tolist() for key, value in found.items()}


def write(path: Path, protocol: Mapping[str, Any], runs: Mapping[str, Any]) -> None:
    rows = []
    for name, run in runs.items():
        data, title = name.split("/")
        errors = [f"{run['errors'][i]:.3f}" if run["errors"] else "" for i in SHOWN]
        nats = [f"{run['nats']:.3f} ± {run['error']:.3f}", f"{run['true']:.3f}"]
        rows.append([data, title, *errors, *nats, f"{run['entropy']:.3f}", f"{run['seconds']:.0f}"])
    content = {
        "title": "Learned scores beside true scores, and nats by the flow",
        "command": "python benchmarks/diffusion_scores.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "data",
            "diffusion",
            *(f"error at {LEVELS[i]:.2g}" for i in SHOWN),
            "test nats",
            "same rows, true density",
            "entropy",
            "CPU seconds",
        ],
        "rows": rows,
        "notes": [
            "Errors are relative; the level is sigma / alpha, for data of deviation 1.",
            "Moons and the checkerboard are no mixtures of normals: their scores have no formula here.",
            "What has a density is the data with the path's first noise in it: edges are soft.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def draw(runs: Mapping[str, Any], path: Path) -> None:
    """Errors against the level; and the two fields on the ring."""
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(12.6, 3.8), layout="constrained")
        for axis, name in zip(axes[:2], ("ring", "grid"), strict=True):
            for title in KINDS:
                if run := runs.get(f"{name}/{title}"):
                    axis.plot(LEVELS, run["errors"], label=title)
            axis.set(
                xscale="log",
                yscale="log",
                title=f"{name}: relative error of the score",
                xlabel="sigma / alpha",
            )
            axis.grid()
        axes[0].legend()
        if found := runs.get("ring/EDM", {}).get("field"):
            for key, color in (("true", "C7"), ("learned", "C0")):
                x, arrows = zip(*found["x"], strict=True), zip(*found[key], strict=True)
                axes[2].quiver(*x, *arrows, color=color, width=0.004, alpha=0.8, label=key)
            axes[2].set(title="ring at 0.3: EDM's score, and the true one", aspect="equal")
            axes[2].legend(loc="upper right")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=85)


if __name__ == "__main__":
    main()
