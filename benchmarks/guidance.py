"""Guidance: how sure a sample's class is, against how different samples of a class still are.

    python benchmarks/guidance.py [--rounds 4000] [--samples 1000] [--evaluations 30] [--weights DIR]
                                  [--out FILE] [--picture FILE]

Three ways, each at several scales w: without a classifier; by a classifier of noisy digits, of a diffusion
that knows no labels; and by the same classifier, of the conditional diffusion. Trained networks are kept
in DIR, if one is named; a second call goes on with the rows that are missing.
"""

import argparse
import json
import platform
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus import Run, __version__, fit
from genus.core import Classes, GenerativeModel, Losses, Model
from genus.data import Data, load
from genus.diffusion import (
    DDIM,
    ByClassifier,
    ClassifierGuided,
    Diffusion,
    Guided,
    TimeEncoder,
    UNet,
)
from genus.measure import evaluate, real_floor
from genus.nn import Labels
from genus.show import grid
from genus.show.style import canvas, png, style
from genus.train import artifact
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
FREE, PULLED, BOTH = "classifier-free", "by classifier, no labels", "by classifier, conditional"
SCALES = {
    FREE: (0.0, 0.25, 0.5, 1.0, 2.0, 4.0),
    PULLED: (0.0, 1.0, 2.0, 4.0, 8.0),
    BOTH: (0.5, 1.0, 2.0, 4.0),
}
SHOWN = {FREE: (0.0, 0.5, 4.0), PULLED: (1.0, 4.0, 8.0)}
UNTIL = 0.95  # the time above which a classifier's pull is left out
PLOTTED = {
    "right_class": "share of right classes",
    "diversity": "spread in a class",
    "recall": "recall",
}
TICKS = (0, 0.5, 1, 2, 4, 8)
FIGURES = ("right_class", "diversity", "recall", "coverage", "frechet")
SETTINGS = {"batch": 64, "lr": 3e-3, "ema": 0.995}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=4000)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/guidance.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/guidance.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, sampler = load("digits").labelled(), DDIM(options.evaluations)
    protocol = {
        "data": "digits, 8 x 8, 17 levels; 300 test rows",
        "networks": "U-Net of width 16; classifier: its half, width 16",
        "training": f"{options.rounds} rounds of 64 rows, Adam 3e-3, cosine; average 0.995",
        "path": "cosine, velocity; 15 % of labels are not told",
        "sampler": f"DDIM, {options.evaluations} evaluations, eta 0",
        "samples": f"{options.samples}, labels as in the test rows",
        "classifier": f"pulls below t = {UNTIL}; trained with a dropout of 0.1",
        "oracle": "digits, as it ships",
        "seed": 0,
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    nets = train(data, options.rounds, options.weights)
    if "real" not in runs:
        floor = real_floor(data, samples=options.samples)
        runs["real"] = {f.name: f.value for f in floor}
    for way, scales in SCALES.items():
        for scale in scales:
            name = f"{way}/{scale:g}"
            if name not in runs:
                runs[name] = look(nets, way, scale, data, sampler, options.samples)
                write(options.out, protocol, runs)
                print(name, {k: round(v, 4) for k, v in runs[name].items()}, flush=True)
    write(options.out, protocol, runs)
    draw(runs, nets, data, sampler, options.picture)


# --- the models -----------------------------------------------------------------------------


@dataclass
class Nets:
    """What was trained."""

    conditional: Diffusion
    pulled: ClassifierGuided


def train(data: Data, rounds: int, folder: Path | None) -> Nets:
    """Both models, from the folder if they are there."""
    assert isinstance(data.context_space, Classes)
    classes = data.context_space.count

    def conditional() -> Model:
        net, embed = UNet(1, 16, (1, 2), context=classes), Labels(classes)
        return Diffusion(
            net, data.space, context_space=Classes(classes), embed=embed, drop_context=0.15
        )

    def pulled() -> Model:
        judge = TimeEncoder(1, classes, 16, (1, 2), dropout=0.1)
        return ClassifierGuided(Diffusion(UNet(1, 16, (1, 2)), data.space), judge, classes)

    found: dict[str, Any] = {}
    for name, make in (("conditional", conditional), ("pulled", pulled)):
        if folder is not None and (folder / name / "config.json").exists():
            found[name] = artifact.load(folder / name)
            continue
        torch.manual_seed(0)
        begun = time.process_time()
        run = Run(rounds=rounds, seed=0, device="cpu", **SETTINGS)  # pyright: ignore[reportArgumentType]
        found[name] = fit(make(), data.train, run, schedule=warmed(cosine))
        if folder is not None:
            artifact.save(found[name], folder / name)
        print(f"{name}: {time.process_time() - begun:.0f} s", flush=True)
    return Nets(**found)


class Pulled(GenerativeModel):
    """The conditional diffusion, pulled by the other model's classifier."""

    def __init__(self, nets: Nets, scale: float):
        super().__init__()
        self.nets, self.scale = nets, scale
        self.parts = torch.nn.ModuleList([nets.conditional, nets.pulled.classifier])
        self.space, self.context_space = nets.conditional.space, nets.conditional.context_space

    def loss(self, *batch: Tensor) -> Losses:
        return {}

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, sampler: Any = None
    ) -> Tensor:
        conditional, judge = self.nets.conditional, self.nets.pulled.classifier
        given = conditional.given(context)
        denoiser = ByClassifier(given, judge, context, self.scale, (0.0, UNTIL), self.space)
        start = conditional.path.spread * self.noise(len(context), *self.space.shape)
        return self.space.quantise((sampler or conditional.sampler)(denoiser, start))  # pyright: ignore[reportAttributeAccessIssue]


def guided(nets: Nets, way: str, scale: float) -> GenerativeModel:
    if way == FREE:
        return Guided(nets.conditional, scale)
    if way == PULLED:
        pulled = nets.pulled
        return ClassifierGuided(pulled.model, pulled.classifier, 10, scale, (0.0, UNTIL))
    return Pulled(nets, scale)


# --- the figures ----------------------------------------------------------------------------


def look(
    nets: Nets, way: str, scale: float, data: Data, sampler: DDIM, samples: int
) -> dict[str, float]:
    """The figures of one scale, and what it took, CPU seconds."""
    nets.conditional.sampler = nets.pulled.model.sampler = sampler
    begun = time.process_time()
    found = {f.name: f for f in evaluate(guided(nets, way, scale), data, samples=samples)}
    figures = {name: found[name].value for name in FIGURES}
    errors = {f"{name} error": found[name].error or 0.0 for name in FIGURES}
    return {**figures, **errors, "seconds": time.process_time() - begun}


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    real = runs["real"]
    rows = [["real rows", "", *(f"{real[n]:.3f}" if n in real else "" for n in FIGURES), ""]]
    for way, scales in SCALES.items():
        for scale in scales:
            if (run := runs.get(f"{way}/{scale:g}")) is not None:
                cells = [f"{run[name]:.3f} ± {run[f'{name} error']:.3f}" for name in FIGURES]
                rows.append([way, f"{scale:g}", *cells, f"{run['seconds']:.0f}"])
    content = {
        "title": "Guidance: the class of a sample, and how different samples are",
        "command": "python benchmarks/guidance.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "way",
            "w",
            "right class",
            "spread in a class",
            "recall",
            "coverage",
            "Frechet",
            "CPU seconds",
        ],
        "rows": rows,
        "notes": [
            "w = 0 is the model itself: the conditional one, or for the second way one of p(x) alone.",
            "Each value with its standard error over draws of samples; one training of each network.",
            "Real rows, and the Frechet distance's errors, leave to chance how many of a class there are.",
            "Samples do not: differences between their Frechet distances are surer than the errors say.",
            "Right class: the oracle sees the label that was asked for.",
            "Spread in a class: mean distance of the oracle's features of two samples of one class.",
            "Other counts of guidance have 1 where there is none: that is 1 + w.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def draw(runs: dict[str, Any], nets: Nets, data: Data, sampler: DDIM, path: Path) -> None:
    """What each way does at each scale; below, five samples of each class at several scales."""
    nets.conditional.sampler = nets.pulled.model.sampler = sampler
    with style():
        figure = canvas(9.6, 6.6)
        places = figure.add_gridspec(3, 3, height_ratios=(1.2, 1, 1))
        for place, (name, title) in enumerate(PLOTTED.items()):
            axes = figure.add_subplot(places[0, place])
            for way, scales in SCALES.items():
                values = [runs[f"{way}/{scale:g}"][name] for scale in scales]
                axes.plot(scales, values, "o-", ms=4, label=way)
            if name in runs["real"]:
                axes.axhline(runs["real"][name], color="C7", lw=0.9, ls=":", label="real rows")
            axes.set(
                xlabel="w", xscale="symlog", xticks=TICKS, xticklabels=[f"{x:g}" for x in TICKS]
            )
            axes.set_title(title)
            axes.set_ylim(bottom=0)
            if name == "recall":
                axes.legend(fontsize=7)
        labels = torch.arange(10).repeat(5)
        for line, (way, scales) in enumerate(SHOWN.items(), 1):
            for column, scale in enumerate(scales):
                axes = figure.add_subplot(places[line, column])
                torch.manual_seed(1)
                made = guided(nets, way, scale).eval().sample(context=labels)
                axes.imshow(grid(made, data.space, 10), cmap="gray", interpolation="nearest")
                axes.set_axis_off()
                axes.set_title(f"{way}, w = {scale:g}", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
