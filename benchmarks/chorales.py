"""Nats a step on the chorales of Bach: RNN-NADE, exact, and RNN-RBM, by annealed importance sampling.

    GENUS_DATA=... python benchmarks/chorales.py [--weights DIR] [--betas 1000] [--chains 5]
                                                 [--out FILE] [--picture FILE]

Nats are summed over all steps of all test chorales and divided by their number. Beside them: keys that are
independent of all else, and keys that only know whether they sounded in the step before. Trained models
stay in DIR, if it is named; a row is written as soon as its model is done, and a second call goes on with
the rows that are missing. The picture shows a test chorale
and samples of both models.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus import __version__
from genus.autoregressive import RNNNADE, RNNRBM
from genus.core import Model
from genus.data import Data, load
from genus.data.splits import Batch
from genus.recipes.autoregressive import rnnnade as by_nade
from genus.recipes.autoregressive import rnnrbm as by_rbm
from genus.show.style import canvas, png, style
from genus.train import artifact

ROOT = Path(__file__).parent.parent
COLUMNS = ["model", "weights", "rounds", "CPU minutes", "train", "validation", "test", "score"]
SHOWN = 48  # steps of the picture
PART = 16  # chorales that are scored at once
SIDES = 8  # test chorales whose log Z is also taken from above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--betas", type=int, default=1000)
    parser.add_argument("--chains", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/chorales.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/chorales.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = load("chorales")
    runs: dict[str, Any] = {}
    if options.out.exists():
        runs = json.loads(options.out.read_text()).get("runs", {})
    for label, memory in (("independent keys", False), ("keys that know their last step", True)):
        cells = [f"{counted(data, split, memory):.2f}" for split in data.splits]
        runs[label] = {"row": [label, "", "", "", *cells, "exact"]}
    drawn: dict[str, Tensor] = {}
    with tempfile.TemporaryDirectory() as spare:
        folder = options.weights or Path(spare)
        for label, recipe in (("RNN-NADE", by_nade.rnnnade), ("RNN-RBM", by_rbm.rnnrbm)):
            run = (by_nade if recipe is by_nade.rnnnade else by_rbm).RUN
            model, minutes = trained(recipe, run, folder / label)
            drawn[label] = model.sample(context=torch.full((4,), SHOWN))
            if label in runs:
                continue
            budget = [f"{sum(p.numel() for p in model.parameters()):,}"]
            budget += [f"{run.rounds:,} x {run.batch}", f"{minutes:.1f}"]
            cells, score = scored(model, data, options.betas, options.chains)
            runs[label] = {"row": [label, *budget, *cells, score]}
            if isinstance(model, RNNRBM):
                runs[label]["note"] = both_sides(model, data, options.betas, options.chains)
            write(options.out, runs)
            print(" | ".join(runs[label]["row"]), flush=True)
    picture(data, drawn, options.picture)


def trained(recipe: Any, run: Any, folder: Path) -> tuple[Any, float]:
    """The model of a recipe, the best on validation if it can score, and its CPU minutes."""
    note = folder / "minutes.json"
    if not note.exists():
        begun = time.process_time()
        recipe(run=replace(run, out=folder, device="cpu"))
        note.write_text(json.dumps((time.process_time() - begun) / 60))
    best = folder / "best"
    model = artifact.load(best if best.exists() else folder).eval()
    return model, json.loads(note.read_text())


def counted(data: Data, split: str, memory: bool) -> float:
    """Nats a step of keys by their rates in the training steps, given their last step or not."""
    x, steps = data.train.everything()
    on, seen = torch.ones(2, x.shape[2]), torch.full((2, x.shape[2]), 2.0)
    for now, before in pairs(x, steps):
        case = before.bool() if memory else torch.zeros_like(before).bool()
        for value in (0, 1):
            chosen = case == bool(value)
            on[value] += (now * chosen).sum(0)
            seen[value] += chosen.sum(0)
    rate, total, count = on / seen, 0.0, 0
    for now, before in pairs(*data.splits[split].everything()):
        p = torch.where(before.bool(), rate[1], rate[0]) if memory else rate[0].expand_as(now)
        total -= (now * p.log() + (1 - now) * (1 - p).log()).sum().item()
        count += len(now)
    return total / count


def pairs(x: Tensor, steps: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Of each chorale its steps, and the ones before them, silence first."""
    both = []
    for row, count in zip(x, steps.tolist(), strict=True):
        both.append((row[:count], torch.cat([torch.zeros_like(row[:1]), row[: count - 1]])))
    return both


@torch.no_grad()
def scored(model: Model, data: Data, betas: int, chains: int) -> tuple[list[str], str]:
    """Nats a step of each split; annealing is for the test chorales only."""
    if isinstance(model, RNNNADE):
        return [f"{nats(model.log_prob, data.splits[s].everything()):.2f}" for s in data.splits], (
            "exact"
        )
    assert isinstance(model, RNNRBM)

    def annealed(x: Tensor, steps: Tensor) -> Tensor:
        return model.annealed_log_prob(x, steps, betas, chains)

    test = nats(annealed, data.test.everything())
    return ["", "", f"~ {test:.2f}"], f"annealed, {betas:,} betas, {chains} chains"


def nats(log_prob: Any, batch: Batch) -> float:
    x, steps = batch
    parts = zip(x.split(PART), steps.split(PART), strict=True)
    return -sum(log_prob(*part).sum().item() for part in parts) / int(steps.sum())


@torch.no_grad()
def both_sides(model: RNNRBM, data: Data, betas: int, chains: int) -> str:
    """What log Z is from below and from above, a step."""
    x, steps = (part[:SIDES] for part in data.test.everything())
    v, b, c = model.machines(x, steps)
    below = model.log_z(b, c, betas, chains).mean().item()
    draws = model.moved(v.expand(chains, -1, -1), b, c, betas)
    above = model.log_z(b, c, betas, chains, draws).mean().item()
    return (
        f"RNN-RBM: over the steps of {SIDES} test chorales log Z is {below:.2f} from below and "
        f"{above:.2f} from above (from {betas:,} Gibbs steps begun at the data), so that its nats are "
        f"too few by {max(0.0, above - below):.2f} at most, if these chains have mixed."
    )


def write(out: Path, runs: dict[str, Any]) -> None:
    record = {
        "title": "Chorales of Bach, nats a step",
        "command": "python benchmarks/chorales.py",
        "protocol": {
            "data": "JSB chorales in quarter notes, 88 keys: 229 train, 76 validate, 77 test",
            "scores": "sum of -log p over all steps of a split, over how many there are, nats",
            "checkpoint": "the averaged weights with the lowest validation nats, RNN-RBM's by annealing",
            "seed": 0,
        },
        "date": date.today().isoformat(),
        "machine": "x86_64 CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": [run["row"] for run in runs.values()],
        "notes": [
            "CPU minutes are those of the whole run, with its evaluations.",
            "Annealing errs to the side of too few nats.",
            *(run["note"] for run in runs.values() if "note" in run),
        ],
        "runs": runs,
    }
    out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def picture(data: Data, drawn: dict[str, Tensor], path: Path) -> None:
    """Piano rolls: a test chorale and samples."""
    x, steps = data.test.everything()
    panels = {"a test chorale": x[(steps >= SHOWN).nonzero()[0, 0]][None]} | drawn
    with style():
        figure = canvas(8, 1.9 * len(panels))
        axes = figure.subplots(len(panels), 1, sharex=True)
        for axis, (name, rolls) in zip(axes, panels.items(), strict=True):
            axis.imshow(
                rolls[0, :SHOWN].T,
                origin="lower",
                aspect="auto",
                cmap="Greys",
                interpolation="nearest",
            )
            axis.set_ylim(25, 78)
            axis.set_title(name)
            axis.set_ylabel("key")
        axes[-1].set_xlabel("step, a quarter note")
        path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
