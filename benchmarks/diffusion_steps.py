"""How good samples are after 1, 2, 5, 10, 20 and 50 evaluations of the network, sampler by sampler.

    python benchmarks/diffusion_steps.py [--data digits] [--rounds 4000] [--seeds 0 1 2]
        [--weights FOLDER] [--oracle FOLDER]

DDIM, Heun, DPM-Solver++ and UniPC share one EDM, at the same times; flow matching, the rectified flow
made from it and the consistency model distilled from the EDM are networks of the same size, and so
is flow matching whose batches are coupled by optimal transport. Each is trained once; the seeds are those
of the samples. Written to benchmarks/results/diffusion_steps.json (with the name of the data in it unless
they are digits) after each sampler, and drawn into docs/pictures/steps.png; a run that was broken off goes on. With --weights trained models are kept in
FOLDER, and read from there. GENUS_DATA names the folder of other data; an oracle of Fashion-MNIST is made
by `genus fit oracle --data fashion_mnist --out FOLDER`.
"""

import argparse
import copy
import json
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import genus
from genus.core import GenerativeModel, Model
from genus.data import Data, load
from genus.diffusion import DDIM, ConsistencyModel, Diffusion, DPMSolver, Heun, Pairs, UniPC
from genus.diffusion.sampler import Sampler
from genus.functional.densities.distances import frechet, mmd, moments, polynomial_kernel
from genus.functional.diffusion.parametrisations import Preconditioned
from genus.functional.diffusion.spacings import Karras, WithoutLast, even
from genus.measure import Oracle, oracle, real_floor
from genus.measure.evaluation import judging, shuffled
from genus.measure.oracles import oracle_for
from genus.recipes.diffusion.edm import edm
from genus.recipes.diffusion.flow_matching import flow_matching
from genus.show import picture
from genus.show.style import canvas, png, style
from genus.train import artifact
from genus.train.fit import fit
from genus.train.run import Run
from genus.train.schedules import cosine, warmed

HERE = Path(__file__).parent
PICTURES = HERE.parent / "docs" / "pictures"
COUNTS = (1, 2, 5, 10, 20, 50)
SAMPLES, PAIRS, ENDS, TIMES = 1000, 8000, 41, 18
LATER = 0.75  # of the rounds, for what is made from a trained network
KARRAS, EVEN = WithoutLast(Karras()), WithoutLast(even)
SYSTEMS: dict[str, tuple[str, Callable[[int], Sampler] | None]] = {  # network, and its sampler
    "DDIM": ("EDM", lambda n: DDIM(n, spacing=KARRAS)),
    "Heun": ("EDM", lambda n: Heun(n, KARRAS)),
    "DPM-Solver++ 2M": ("EDM", lambda n: DPMSolver(n, spacing=KARRAS)),
    "UniPC 2": ("EDM", lambda n: UniPC(n, spacing=KARRAS)),
    "Flow matching, Euler": ("flow matching", lambda n: DDIM(n, spacing=EVEN)),
    "Coupled flow, Euler": ("coupled flow", lambda n: DDIM(n, spacing=EVEN)),
    "Rectified flow, Euler": ("rectified flow", lambda n: DDIM(n, spacing=EVEN)),
    "Consistency": ("consistency", None),
}
COLOURS, MARKS = "01234456", "os^DvPxo"
NOTES = [
    (
        "Distances are taken in the features of the named oracle; FID, which wants the Inception "
        "network, was not measured: these figures may not stand beside published ones."
    ),
    "Mean ± standard deviation over the seeds of the samples, of one trained network each.",
    (
        "DDIM, Heun, DPM-Solver++ and UniPC ask the same EDM at times spaced as EDM's, but for the last of "
        "them, at which there is next to no noise: without it the few steps of each are worth more. Heun "
        "makes half as many steps of two evaluations. The flows take even steps, Euler's."
    ),
    (
        "The rectified flow and the consistency model were trained for more: each begins with the "
        "weights of a trained network, and learns for three quarters as many rounds again."
    ),
    "The floor is what as many training images score in the place of samples.",
    (
        "With 50 looks the consistency model is worse than with 20: most are at little noise, and each, it "
        "seems, adds a small error of the model's own."
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--rounds", type=int, default=4000, help="of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the samples")
    parser.add_argument("--weights", type=Path, help="folder where trained models are kept")
    parser.add_argument("--oracle", type=Path, help="folder of an oracle of the data")
    parser.add_argument("--results", type=Path, help="the file of results")
    parser.add_argument("--picture", type=Path, help="the file of the plot")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(options.data)
    judge = oracle(options.oracle) if options.oracle else oracle_for(data.name, data.space)
    if judge is None:
        raise SystemExit(f"diffusion_steps: no oracle ships for {data.name}; name one by --oracle")
    judge.suits(data.space)
    plain = options.data == "digits"
    options.results = options.results or HERE / "results" / (
        "diffusion_steps.json" if plain else f"diffusion_steps_{options.data}.json"
    )
    options.picture = options.picture or PICTURES / (
        "steps.png" if plain else f"steps_{options.data}.png"
    )
    table = Table(options, data, judge)
    trained = Trained(options.data, options.rounds, options.weights)
    for name, (network, sampler) in SYSTEMS.items():
        if name not in table.cells:
            table.add(name, table.measured(trained.get(network), sampler), trained.seconds)
            print(name, table.cells[name], flush=True)
    table.write()


class Trained:
    """The networks, each trained when it is asked for; kept in a folder, if there is one."""

    def __init__(self, data: str, rounds: int, folder: Path | None):
        self.data, self.rounds, self.folder = data, rounds, folder
        self.known: dict[str, Model] = {}
        self.seconds: dict[str, float] = {}  # of the processor

    def get(self, name: str) -> Model:
        if name not in self.known:
            place = None if self.folder is None else self.folder / name.replace(" ", "_")
            if place is not None and (place / "config.json").exists():
                self.known[name] = artifact.load(place)
                self.seconds[name] = artifact.read_config(place).get("seconds", 0.0)
            else:
                made = {
                    "EDM": lambda: edm(self.data, run=self.run(3e-3)),
                    "flow matching": lambda: flow_matching(self.data, run=self.run(3e-3)),
                    "coupled flow": lambda: flow_matching(self.data, True, run=self.run(3e-3)),
                    "rectified flow": self.rectified,
                    "consistency": self.consistency,
                }[name]
                others = sum(self.seconds.values())
                start = time.process_time()
                self.known[name] = made()
                spent = time.process_time() - start - (sum(self.seconds.values()) - others)
                self.seconds[name] = spent
                if place is not None:
                    artifact.save(self.known[name], place, note={"seconds": spent})
                    torch.manual_seed(0)
                    picture(self.known[name], place / "samples.png", 64)
        return self.known[name]

    def run(self, lr: float, share: float = 1.0) -> Run:
        rounds = max(1, round(share * self.rounds))
        ema = 0.995 if rounds > 1000 else 0.9
        return Run(rounds, batch=64, lr=lr, ema=ema, device="cpu", evaluate_every=rounds + 1)

    def rectified(self) -> Model:
        """As the recipe of this name does it, on the flow that is there."""
        first = self.get("flow matching")
        if not isinstance(first, Diffusion):
            raise TypeError("diffusion_steps: flow matching is no diffusion")
        torch.manual_seed(0)
        net = copy.deepcopy(first.net).requires_grad_(True)
        model = Diffusion(net, first.space, first.path, first.parametrisation, first.sampler)
        pairs = Pairs.of(first, PAIRS, Heun(ENDS, even))
        return fit(model, pairs, self.run(2e-3, LATER), schedule=warmed(cosine))

    def consistency(self) -> Model:
        """As the recipe of this name does it, by the EDM that is there."""
        teacher = self.get("EDM")
        if not isinstance(teacher, Diffusion) or not isinstance(
            asked := teacher.parametrisation, Preconditioned
        ):
            raise TypeError("diffusion_steps: the teacher is no EDM")
        torch.manual_seed(0)
        net = copy.deepcopy(teacher.net).requires_grad_(True)
        model = ConsistencyModel(net, teacher.space, teacher.path, teacher, asked.deviation, TIMES)
        return fit(model, load(self.data).train, self.run(1e-3, LATER), schedule=warmed(cosine))


class Table:
    """The figures so far: {sampler: {count: {figure: one for each seed}}}."""

    def __init__(self, options: argparse.Namespace, data: Data, judge: Oracle):
        self.options, self.data, self.judge = options, data, judge
        there = options.results.exists()
        old = json.loads(options.results.read_text()) if there else {}
        mine = old.get("protocol", {}).get("rounds") == options.rounds
        self.cells: dict[str, Any] = old.get("cells", {}) if mine else {}
        self.seconds: dict[str, float] = old.get("seconds", {}) if mine else {}
        (rows,) = shuffled(data.test.everything()[:1], len(data.test))
        self.real = self.seen(rows)
        floor = {f.name: f.value for f in real_floor(data, samples=SAMPLES, oracle=judge)}
        self.floor = {"Frechet": floor["frechet"], "Kernel distance": floor["kernel_distance"]}

    def seen(self, x: Tensor) -> Tensor:
        return self.judge.see(x, self.data.space).features

    def figures(self, features: Tensor) -> dict[str, float]:
        real = self.real
        value, _ = mmd(
            polynomial_kernel(real, real),
            polynomial_kernel(features, features),
            polynomial_kernel(real, features),
        )
        distance = frechet(*moments(real), *moments(features))
        return {"Frechet": distance.item(), "Kernel distance": value.item()}

    def measured(
        self, model: Model, sampler: Callable[[int], Sampler] | None
    ) -> dict[str, dict[str, list[float]]]:
        if not isinstance(model, GenerativeModel):
            raise TypeError(f"diffusion_steps: {type(model).__name__} does not sample")
        found: dict[str, dict[str, list[float]]] = {}
        for count in COUNTS:
            found[str(count)] = {}
            for seed in self.options.seeds:
                with judging(model, seed):
                    x = torch.cat(
                        [drawn(model, 250, count, sampler) for _ in range(SAMPLES // 250)]
                    )
                    for name, value in self.figures(self.seen(x)).items():
                        found[str(count)].setdefault(name, []).append(value)
        return found

    def add(self, name: str, found: dict[str, Any], seconds: dict[str, float]) -> None:
        self.cells[name] = found
        self.seconds |= seconds
        self.write()

    def write(self) -> None:
        rows = []
        for figure in ("Frechet", "Kernel distance"):
            rows += [
                [figure, name, SYSTEMS[name][0], *(told(at[str(n)][figure]) for n in COUNTS)]
                for name in SYSTEMS
                if (at := self.cells.get(name)) is not None
            ]
            rows.append([figure, "real images", "", *[f"{self.floor[figure]:.3f}"] * len(COUNTS)])
        minutes = {name: round(s / 60, 1) for name, s in self.seconds.items()}
        result = {
            "title": f"Samples of {self.options.data} against evaluations of the network",
            "command": "python benchmarks/diffusion_steps.py"
            + (
                ""
                if self.options.data == "digits"
                else f" --data {self.options.data} --oracle FOLDER"
            )
            + ("" if self.options.rounds == 4000 else f" --rounds {self.options.rounds}"),
            "protocol": {
                "data": f"{self.options.data}, test split",
                "rows": len(self.data.test),
                "samples": SAMPLES,
                "seeds": self.options.seeds,
                "oracle": self.judge.account(),
                "rounds": self.options.rounds,
                "batch": 64,
                "weights": "averaged",
                "pairs": PAIRS,
                "minutes": minutes,
            },
            "date": date.today().isoformat(),
            "machine": f"{platform.machine()} CPU, 1 thread",
            "versions": {"genus": genus.__version__, "torch": torch.__version__},
            "columns": ["Figure", "Sampler", "Network", *map(str, COUNTS)],
            "rows": rows,
            "notes": [*NOTES, "Minutes are of the processor, for training, pairs included."],
            "cells": self.cells,
            "seconds": self.seconds,
        }
        self.options.results.parent.mkdir(parents=True, exist_ok=True)
        self.options.results.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        self.draw()

    def draw(self) -> None:
        with style():
            figure = canvas(6.4, 4.2)
            axes = figure.subplots()
            for i, name in enumerate(SYSTEMS):
                if (at := self.cells.get(name)) is None:
                    continue
                values = [statistics.mean(at[str(n)]["Frechet"]) for n in COUNTS]
                line = "-" if SYSTEMS[name][0] == "EDM" else "--"
                axes.plot(
                    COUNTS,
                    values,
                    line,
                    marker=MARKS[i],
                    markersize=4.5,
                    label=name,
                    color=f"C{COLOURS[i]}",
                )
            axes.axhline(self.floor["Frechet"], color="C7", linewidth=1, linestyle=":")
            axes.annotate(
                "real images", (50, self.floor["Frechet"]), fontsize=8, va="top", ha="right"
            )
            axes.set(xscale="log", yscale="log", xlabel="evaluations of the network")
            axes.set(ylabel="Frechet distance, oracle's features", xticks=COUNTS)
            axes.set_xticklabels([*map(str, COUNTS)])
            axes.minorticks_off()
            axes.grid(axis="y")
            axes.set_title(f"{self.options.data}: {SAMPLES} samples")
            axes.legend()
            self.options.picture.parent.mkdir(parents=True, exist_ok=True)
            self.options.picture.write_bytes(png(figure))


def drawn(
    model: GenerativeModel, n: int, count: int, sampler: Callable[[int], Sampler] | None
) -> Tensor:
    if isinstance(model, ConsistencyModel):
        return model.sample(n, evaluations=count)
    if isinstance(model, Diffusion) and sampler is not None:
        return model.sample(n, sampler=sampler(count))
    raise TypeError(f"diffusion_steps: {type(model).__name__} has no sampler here")


def told(values: list[float]) -> str:
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
