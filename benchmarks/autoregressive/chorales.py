"""Nats a step on the chorales of Bach: a hidden Markov model, RNN-NADE, and RNN-RBM by annealed sampling.

Nats are summed over all steps of all test chorales and divided by their number. Beside them: keys that are
independent of all else, and keys that only know whether they sounded in the step before. The picture shows a
test chorale and samples of both models, which are in --weights. The data are read from the folder GENUS_DATA.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.autoregressive import RNNNADE, RNNRBM
from genus.core import Model
from genus.data import Data, load
from genus.data.splits import Batch
from genus.density import HiddenMarkov
from genus.media.style import canvas
from genus.recipes.autoregressive import rnnnade, rnnrbm

from ..bench import Bench, Cell, Cells, Table, drawn, first_losses, given, size, trained

HIDDEN, STATES = "hidden Markov model", (32, 64, 128, 256)
COUNTED = {"independent keys": False, "keys that know their last step": True}
MODELS: dict[str, tuple[Callable[..., Model], Run]] = {
    "RNN-RBM": (rnnrbm.rnnrbm, rnnrbm.RUN),
    "RNN-NADE": (rnnnade.rnnnade, rnnnade.RUN),
}
BETAS, CHAINS = 1000, 5  # of annealing
SHOWN = 48  # steps of the picture
PART = 16  # chorales that are scored at once
SIDES = 8  # test chorales whose log Z is also taken from above


BENCH = Bench(
    __file__,
    "Chorales of Bach, nats a step",
    "model | weights | rounds | CPU minutes | train | validation | test | score",
    {
        "data": "JSB chorales in quarter notes, 88 keys: 229 train, 76 validate, 77 test",
        "scores": "sum of -log p over all steps of a split, over how many there are, nats",
        "checkpoint": "the averaged weights with the lowest validation nats, RNN-RBM's by annealing",
        "seed": 0,
    },
    """
    CPU minutes are those of the whole run, with its evaluations; of the hidden Markov model, of all numbers of
    states, 32, 64, 128 and 256, of which validation chooses one.

    Annealing errs to the side of too few nats.
    """,
    weights="best",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, memory in COUNTED.items():
        yield Cell(name, partial(counted, memory))
    yield Cell(HIDDEN, hidden)
    for name, (train, run) in MODELS.items():
        folder = options.weights and options.weights / name
        probe = partial(first_losses, train, run)
        yield Cell(name, partial(measure, name, folder), probe)
    yield Cell("picture", partial(drawn, draw, "chorales", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name in (*COUNTED, HIDDEN, *MODELS):
        if run := found.get(name):
            budget, score, title = ["", "", ""], "exact", name
            if name == HIDDEN:
                title = f"{name}, {run['states']} states"
                budget = [f"{run['weights']:,}", f"{run['rounds']} of EM", f"{run['minutes']:.1f}"]
            if name in MODELS:
                how = MODELS[name][1]
                budget = [f"{run['weights']:,}", f"{how.rounds:,} x {how.batch}"]
                budget.append(f"{run['minutes']:.1f}")
            sign = ""
            if "above" in run:
                sign, score = "~ ", f"annealed, {BETAS:,} betas, {CHAINS} chains"
            nats = [
                f"{sign}{run[s]:.2f}" if s in run else "" for s in ("train", "validation", "test")
            ]
            table.append([title, *budget, *nats, score])
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    return [
        f"{name}: over the steps of {SIDES} test chorales log Z is {run['below']:.2f} from below and "
        f"{run['above']:.2f} from above (from {BETAS:,} Gibbs steps begun at the data), so that its nats are "
        f"too few by {max(0.0, run['above'] - run['below']):.2f} at most, if these chains have mixed."
        for name in MODELS
        if "above" in (run := found.get(name, {}))
    ]


def learned(name: str, folder: Path | None) -> tuple[Any, float]:
    return trained(*MODELS[name], folder)


@torch.no_grad()
def measure(name: str, folder: Path | None) -> dict[str, float]:
    """Nats a step of each split; annealing is for the test chorales only."""
    model, minutes = learned(name, folder)
    torch.manual_seed(0)
    data, found = load("chorales"), {"weights": size(model), "minutes": minutes}
    if isinstance(model, RNNNADE):
        return found | {
            s: nats(model.log_prob, part.everything()) for s, part in data.splits.items()
        }

    def annealed(x: Tensor, steps: Tensor) -> Tensor:
        return model.annealed_log_prob(x, steps, BETAS, CHAINS)

    return found | {"test": nats(annealed, data.test.everything())} | both_sides(model, data)


def counted(memory: bool) -> dict[str, float]:
    """Nats a step of keys by their rates in the training steps, given their last step or not."""
    data = load("chorales")
    x, steps = data.train.everything()
    on, seen = torch.ones(2, x.shape[2]), torch.full((2, x.shape[2]), 2.0)
    for now, before in pairs(x, steps):
        case = before.bool() if memory else torch.zeros_like(before).bool()
        for value in (0, 1):
            chosen = case == bool(value)
            on[value] += (now * chosen).sum(0)
            seen[value] += chosen.sum(0)
    rate, found = on / seen, {}
    for name, split in data.splits.items():
        total, count = 0.0, 0
        for now, before in pairs(*split.everything()):
            p = torch.where(before.bool(), rate[1], rate[0]) if memory else rate[0].expand_as(now)
            total -= (now * p.log() + (1 - now) * (1 - p).log()).sum().item()
            count += len(now)
        found[name] = total / count
    return found


@torch.no_grad()
def hidden() -> dict[str, float]:
    """Nats a step of a hidden Markov model, whose number of states validation chooses."""
    data, best, begun = load("chorales"), {"validation": float("inf")}, time.process_time()
    for states in STATES:
        torch.manual_seed(0)
        model = HiddenMarkov(data.space, states, data.context_space, tolerance=0.01)
        rounds = sum(1 for _ in model.fit(*data.train.everything()))
        found = {s: nats(model.log_prob, part.everything()) for s, part in data.splits.items()}
        if found["validation"] < best["validation"]:
            best = {**found, "states": states, "rounds": rounds, "weights": size(model)}
    return {**best, "minutes": (time.process_time() - begun) / 60}


def pairs(x: Tensor, steps: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Of each chorale its steps, and the ones before them, silence first."""
    both = []
    for row, count in zip(x, steps.tolist(), strict=True):
        both.append((row[:count], torch.cat([torch.zeros_like(row[:1]), row[: count - 1]])))
    return both


def nats(log_prob: Any, batch: Batch) -> float:
    x, steps = batch
    parts = zip(x.split(PART), steps.split(PART), strict=True)
    return -sum(log_prob(*part).sum().item() for part in parts) / int(steps.sum())


@torch.no_grad()
def both_sides(model: RNNRBM, data: Data) -> dict[str, float]:
    """What log Z is from below and from above, a step."""
    x, steps = (part[:SIDES] for part in data.test.everything())
    v, b, c = model.machines(x, steps)
    below = model.log_z(b, c, BETAS, CHAINS).mean().item()
    draws = model.moved(v.expand(CHAINS, -1, -1), b, c, BETAS)
    return {"below": below, "above": model.log_z(b, c, BETAS, CHAINS, draws).mean().item()}


def draw(options: Namespace) -> Figure:
    """Piano rolls: a test chorale and samples."""
    weights = given(options.weights, "weights")
    x, steps = load("chorales").test.everything()
    panels = {"a test chorale": x[(steps >= SHOWN).nonzero()[0, 0]][None]}
    for name in reversed(MODELS):
        model, _ = learned(name, weights / name)
        torch.manual_seed(0)
        panels[name] = model.sample(context=torch.full((4,), SHOWN))
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
    return figure


if __name__ == "__main__":
    BENCH.main()
