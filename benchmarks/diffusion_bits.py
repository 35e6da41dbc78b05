"""Bits per dimension of diffusions on images: their bounds, and the likelihood of their flows.

    python benchmarks/diffusion_bits.py [--only digits/EDM ...] [--share 1.0] [--out FILE]

Digits of 17 levels and Fashion-MNIST of 256; GENUS_DATA names the folder of the second. `--share 0.01` takes
a hundredth of the rounds. Each run is written when it is done, and a second call goes on with those that
are missing.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from genus import Run, __version__, fit
from genus.core import Model, Pixels, Reals
from genus.data import Data, load
from genus.density import Dequantised
from genus.diffusion import DDPM, Diffusion, LogNormal, ProbabilityFlow, Uniform
from genus.diffusion.denoiser import Times
from genus.diffusion.noise import CosineSchedule
from genus.functional.diffusion.parametrisations import (
    Parametrisation,
    Preconditioned,
    Slope,
    Velocity,
)
from genus.functional.diffusion.paths import Cosine, LinearVE, Straight
from genus.functional.diffusion.paths import Path as NoisePath
from genus.functional.numerics.integrators import Counted, DormandPrince
from genus.recipes.diffusion._denoisers import denoising_net, reached
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
ROUNDS = {"digits": 2000, "fashion_mnist": 300}
RATE = {"digits": 3e-3, "fashion_mnist": 2e-3}
TESTED = {"digits": (300, 16, 4), "fashion_mnist": (1000, 2, 1)}  # rows, draws, of the flow
FLOWING = {"digits": 300, "fashion_mnist": 100}  # rows whose flow is solved
SOLVER = DormandPrince(1e-3, 1e-3)  # 0.004 bits from 1e-4, at a third of its evaluations


class Kind(NamedTuple):
    """What is trained: the path's first noise is a quarter of a bin, or, for a flow, a sixteenth."""

    path: type[NoisePath]
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
    for name in ("DDPM", *KINDS, *(f"flow of {kind}" for kind in KINDS))
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--share", type=float, default=1.0, help="of the rounds")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/diffusion_bits.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds = {name: max(1, round(options.share * count)) for name, count in ROUNDS.items()}
    protocol = {
        "network": "the recipes' U-Net, 16 channels at full size; dropout 0.1 on digits",
        "rounds": rounds,
        "training": "batch 64, Adam, warmed cosine, EMA 0.995, seed 0",
        "bound": "test rows and draws for each: "
        + ", ".join(f"{name} {rows} x {draws}" for name, (rows, draws, _) in TESTED.items()),
        "flow": "learns from rows with uniform noise; scored on rows with uniform noise, "
        + ", ".join(f"{name} {FLOWING[name]} x {t[2]}" for name, t in TESTED.items())
        + "; one probe; Dormand-Prince at 1e-3",
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    for name in options.only:
        data, title = name.split("/")
        if name not in runs:
            runs[name] = follow(load(data), title, rounds[data])
            write(options.out, protocol, runs)
            print(f"{name}: {runs[name]}", flush=True)
    write(options.out, protocol, runs)


def follow(data: Data, title: str, rounds: int) -> dict[str, Any]:
    """One training, and what the test rows cost."""
    torch.manual_seed(0)
    space = cast(Pixels, data.space)
    model = build(space, title, 0.1 if data.name == "digits" else 0.0)
    run = Run(rounds=rounds, batch=64, lr=RATE[data.name], ema=0.995, device="cpu")
    begun = time.process_time()
    model = fit(model, data.train, run, schedule=warmed(cosine)).eval()
    seconds = time.process_time() - begun
    rows, draws, flow_draws = TESTED[data.name]
    flowing = isinstance(model, Dequantised)
    x = data.test.everything()[0][: FLOWING[data.name] if flowing else rows]
    torch.manual_seed(1)
    begun = time.process_time()
    found = {"seconds": seconds, **bits(model, x, flow_draws if flowing else draws)}
    return {**found, "scoring": time.process_time() - begun}


def build(space: Pixels, title: str, dropout: float) -> Model:
    """A bound's model, on pixels; or a flow's, on the reals, made a model of pixels again."""
    if title == "DDPM":
        schedule = CosineSchedule(min(0.25, space.bin))
        return DDPM(denoising_net(space, dropout=dropout), space, 500, schedule)
    kind = KINDS[title.removeprefix("flow of ")]
    flowing = title.startswith("flow of ")
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
        [torch.cat([cast(Any, model).elbo(part).double() for part in parts]) for _ in range(draws)]
    ).mean(0)
    each = -scores / x[0].numel() / math.log(2)
    return {
        "bits": each.mean().item(),
        "error": (each.std() / len(each) ** 0.5).item(),
        "evaluations": counted.evaluations / len(parts) / draws if counted else None,
    }


def counts(model: Model) -> Counted | None:
    """Of a flow's solver; None where there is none."""
    if not isinstance(model, Dequantised):
        return None
    flow = cast(ProbabilityFlow, model.density)
    counted = Counted(lambda t, y: None)

    def solve(f: Any, y: Any, t0: float, t1: float) -> Any:
        def asked(t: Tensor, state: Any) -> Any:
            counted.evaluations += 1
            return f(t, state)

        return SOLVER(asked, y, t0, t1)

    flow.solver = cast(Any, solve)
    return counted


def write(path: Path, protocol: Mapping[str, Any], runs: Mapping[str, Any]) -> None:
    rows = []
    for name in NAMES:
        if (run := runs.get(name)) is None:
            continue
        data, title = name.split("/")
        asked = "" if run["evaluations"] is None else f"{run['evaluations']:.0f}"
        kind = "flow's likelihood, uniform noise" if "flow of" in title else "bound"
        said = f"<= {run['bits']:.3f} ± {run['error']:.3f}"
        seconds = [f"{run['seconds']:.0f}", f"{run['scoring']:.0f}"]
        rows.append([data, title.removeprefix("flow of "), kind, said, asked, *seconds])
    content = {
        "title": "Bits per dimension of diffusions on images",
        "command": "python benchmarks/diffusion_bits.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "data",
            "diffusion",
            "scored by",
            "bits/dim",
            "evaluations of the solver",
            "CPU seconds to learn",
            "CPU seconds to score",
        ],
        "rows": rows,
        "notes": [
            "The standard error is over test rows; of a bound it is too large, since its times are spread "
            + "evenly over the rows.",
            "A bound is of the pixels' own mass; a flow's density is scored on rows with uniform noise, "
            + "which is a bound too: what such noise costs is part of it.",
            "Each pair shares network, rounds and seed, but was trained on its own: the bound's on "
            + "pixels, the flow's on pixels with noise.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
