"""How near to the truth do flows come? Test nats on toys, beside the data's own entropy.

    python benchmarks/flow_toys.py [--flows nsf maf ...] [--data moons checkerboard spirals rings]
                                   [--seeds 2] [--quick-seeds 3] [--rounds 2000]
                                   [--out FILE] [--picture FILE]

Every flow has the same rounds of the same batches, and what else its recipe says. The gap is the mean of
log p(x) - log q(x) over 10,000 test rows that are fresh draws: how many nats the flow is above the
entropy, which no model can be below. Each training is written when it is done, and a second call goes on
with those that are missing. The picture shows the densities of seed 0.
"""

import argparse
import base64
import inspect
import json
import math
import platform
import statistics
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from genus import Run, __version__
from genus.core import HasLogProb, Model
from genus.data import Data, load
from genus.density import GaussianMixture
from genus.flow import Coupling, Flow, Standard
from genus.recipes import find, names
from genus.show.style import canvas, png, style
from genus.train.fit import fit
from genus.train.schedules import cosine

ROOT = Path(__file__).parent.parent
DATA = ("moons", "checkerboard", "spirals", "rings")
RUN = Run(rounds=2000, batch=256, lr=2e-3, clip=1.0, ema=0.99)
ENOUGH = 10_000  # rows to standardise with
REACH = {"moons": (0.5, 0.25, 2.2), "checkerboard": (0, 0, 4.8), "spirals": (0, 0, 3.9)}
SIDE = 100  # pixels of a density in the picture
Train = Callable[[str, int, int], Model]  # of the data's name, a seed and the rounds


def recipe(name: str, **options: Any) -> Train:
    """A recipe as it is, but for its rounds."""

    def train(data: str, seed: int, rounds: int) -> Model:
        own = inspect.signature(find(name)).parameters["run"].default
        run = replace(own, rounds=rounds, batch=RUN.batch, seed=seed, device="cpu")
        return find(name)(data=data, run=run, **options)

    return train


def with_mixture(components: int) -> Train:
    """RealNVP's couplings, from a mixture of normals that learns with them."""

    def train(data: str, seed: int, rounds: int) -> Model:
        torch.manual_seed(seed)
        source = load(data)
        base = GaussianMixture(source.space, components, "diagonal")
        couplings = [Coupling(2, flip=i % 2 == 1) for i in range(12)]
        model = Flow(source.space, [Standard((2,)), *couplings], base)
        model.prepare(*source.train.batch(0, ENOUGH, seed))
        run = replace(RUN, rounds=rounds, seed=seed, device="cpu")
        return fit(model, source.train, run, schedule=cosine)

    return train


# what each is called, and how it is trained; one whose recipe is not there is left out
FLOWS: dict[str, tuple[str, Train]] = {
    "planar": ("planar", recipe("planar")),
    "radial": ("radial", recipe("radial")),
    "nice": ("NICE", recipe("nice")),
    "realnvp": ("RealNVP", recipe("realnvp")),
    "mixture": ("affine couplings, mixture of 10 as base", with_mixture(10)),
    "maf": ("MAF", recipe("maf")),
    "iaf": ("IAF", recipe("iaf")),
    "nsf": ("NSF, couplings", recipe("nsf")),
    "nsf_ar": ("NSF, autoregressive", recipe("nsf", autoregressive=True)),
    "residual_flow": ("residual flow", recipe("residual_flow")),
    "ffjord": ("FFJORD", recipe("ffjord")),
}
SLOW = ("planar", "iaf", "residual_flow", "ffjord")  # a seed less
KNOWN = {*names(), "mixture", "nsf_ar"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    there = [name for name in FLOWS if name in KNOWN]
    parser.add_argument("--flows", nargs="+", choices=there, default=there)
    parser.add_argument("--data", nargs="+", choices=DATA, default=[*DATA])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick-seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=RUN.rounds)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/flow_toys.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/flow_toys.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "data": "endless draws; 10,000 fresh ones for the test",
        "rounds": options.rounds,
        "batch": RUN.batch,
        "optimiser": "Adam at the recipe's rate, cosine, averaged weights",
        "gap": "mean of log p(x) - log q(x) over the test rows",
    }
    runs = found(options.out, protocol)
    for seed in range(max(options.seeds, options.quick_seeds)):
        for data in options.data:
            for flow in options.flows:
                wanted = options.seeds if flow in SLOW else options.quick_seeds
                if (name := f"{flow}/{data}/{seed}") not in runs and seed < wanted:
                    runs[name] = measure(flow, load(data), seed, options.rounds)
                    write(options.out, protocol, runs)
                    told = {k: v for k, v in runs[name].items() if k != "density"}
                    print(name, told, flush=True)
    write(options.out, protocol, runs)
    draw(runs, options.picture)


def found(path: Path, protocol: dict[str, Any]) -> dict[str, Any]:
    """The trainings that are written already."""
    if not path.exists():
        return {}
    record = json.loads(path.read_text())
    if record["protocol"] != protocol:
        raise SystemExit(f"{path} was made by another protocol; move it away")
    return record["runs"]


def measure(flow: str, data: Data, seed: int, rounds: int) -> dict[str, Any]:
    """One training, and how far from the truth it ends."""
    begun = time.process_time()
    model = cast(HasLogProb, trained := FLOWS[flow][1](data.name, seed, rounds))
    seconds = time.process_time() - begun
    (x,) = data.test.everything()
    with torch.no_grad():
        log_q = torch.cat([model.log_prob(rows) for rows in x.split(1000)]).double()
    gaps = data.log_prob(x).double() - log_q
    result: dict[str, Any] = {
        "nats": -log_q.mean().item(),
        "gap": gaps.mean().item(),
        "error": gaps.std().item() / math.sqrt(len(gaps)),
        "parameters": sum(p.numel() for p in trained.parameters()),
        "seconds": seconds,
    }
    if seed == 0:
        result["density"] = packed(seen(model.log_prob, data.name))
    return result


def seen(log_prob: Callable[[Tensor], Tensor], data: str) -> Tensor:
    """A density on a square, (SIDE, SIDE), the largest values cut off: 255 where they are."""
    across, up, reach = REACH.get(data, (0, 0, 3.8))
    side = torch.linspace(-reach, reach, SIDE)
    points = torch.cartesian_prod(side, side).flip(1) + torch.tensor([across, up])
    with torch.no_grad():
        p = torch.cat([log_prob(rows) for rows in points.split(2000)]).exp()
    p = p.nan_to_num(0.0, posinf=0.0)
    top = load(data).log_prob(points).exp().quantile(0.99)
    return (255 * (p / top).clamp(0, 1)).round().byte().view(SIDE, SIDE)


def packed(image: Tensor) -> str:
    """An image of bytes as text."""
    return base64.b64encode(zlib.compress(image.numpy().tobytes())).decode()


def unpacked(text: str) -> Any:
    """`packed` undone, (SIDE, SIDE)."""
    raw = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(raw, dtype=np.uint8).reshape(SIDE, SIDE)


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    rows = []
    for data in DATA:
        for flow, (title, _) in FLOWS.items():
            done = [run for name, run in runs.items() if name.startswith(f"{flow}/{data}/")]
            if done:
                gaps = [run["gap"] for run in done]
                error = statistics.mean(run["error"] for run in done)
                rows.append(
                    [
                        title,
                        data,
                        f"{done[0]['parameters']:,}",
                        f"{load(data).entropy:.3f}",
                        f"{statistics.mean(run['nats'] for run in done):.3f}",
                        f"{statistics.mean(gaps):.3f} ± {error:.3f}",
                        f"{min(gaps):.3f} to {max(gaps):.3f} ({len(gaps)})",
                        f"{statistics.mean(run['seconds'] for run in done):.0f}",
                    ]
                )
    content = {
        "title": "Flows on toys: test nats beside the entropy",
        "command": "python benchmarks/flow_toys.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "flow",
            "data",
            "parameters",
            "entropy",
            "test nats",
            "gap, nats",
            "over seeds (how many)",
            "CPU seconds",
        ],
        "rows": rows,
        "notes": [
            "Nats and gap are means over the seeds; ± is one seed's standard error over test rows.",
            "Rounds are the same, time is not: the last column says what a training took.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def draw(runs: dict[str, Any], path: Path) -> None:
    """The densities of seed 0, a line for each data set, the truth first."""
    shown = [f for f in FLOWS if any(f"{f}/{data}/0" in runs for data in DATA)]
    with style():
        figure = canvas(1.05 * (len(shown) + 1), 4.9)
        axes = figure.subplots(len(DATA), len(shown) + 1, squeeze=False)
        for line, data in zip(axes, DATA, strict=True):
            images = [seen(load(data).log_prob, data).numpy()]
            for flow in shown:
                text = runs.get(f"{flow}/{data}/0", {}).get("density")
                images.append(unpacked(text) if text else np.zeros((SIDE, SIDE)))
            for axis, image in zip(line, images, strict=True):
                axis.imshow(image, origin="lower", cmap="magma", vmin=0, vmax=255)
                axis.set(xticks=[], yticks=[])
            for axis, flow in zip(line[1:], shown, strict=True):
                if run := runs.get(f"{flow}/{data}/0"):
                    axis.set_xlabel(f"{run['gap']:.3f}", labelpad=1)
            line[0].set_xlabel(data, labelpad=1)
        for axis, title in zip(axes[0], ["truth", *(FLOWS[f][0] for f in shown)], strict=True):
            axis.set_title(title.split(",")[0].replace("affine couplings", "mixture"), fontsize=8)
        for axis, flow in zip(axes[0][1:], shown, strict=True):
            if flow == "nsf_ar":
                axis.set_title("NSF, autoreg.", fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
