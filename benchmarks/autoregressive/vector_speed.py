"""How fast NADE and MADE learn and draw, beside pytorch-generative and beside whole passes.

The peer is a clone of github.com/EugenHotaj/pytorch-generative; without it its columns stay empty. Models
have the sizes of its README: NADE of 500 and MADE of 8,000 units, on rows of the binarised MNIST.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus.autoregressive import MADE, NADE
from genus.autoregressive.stepwise import Stepwise
from genus.core import Bits
from genus.data import load

from ..bench import Bench, Cell, Cells, Table, in_turns
from .pixel_speed import SHAPE, peer, peer_step

BATCH, DRAWN = 128, 16
SPACE = Bits(SHAPE)
MODELS: dict[str, tuple[Callable[[], Stepwise], tuple[Any, ...]]] = {  # ours, and the peer's
    "NADE, 500 units": (lambda: NADE(SPACE, 500), ("nade", "NADE", 784, 500)),
    "MADE, 8,000 units": (lambda: MADE(SPACE, (8000,)), ("made", "MADE", 784, [8000])),
}
WORKS = {"step": f"a training step, {BATCH} rows", "drawing": f"{DRAWN} rows drawn"}


BENCH = Bench(
    __file__,
    "NADE and MADE: CPU time of a training step and of drawing",
    "what | ours | pytorch-generative | its / ours | whole passes | whole / ours",
    lambda options: {
        "rows": "binarised MNIST, 784 bits, of which 13 % are 1",
        "training step": "loss and gradient, without the optimiser",
        "repeats": f"medians of {options.repeats}, of drawing of {min(3, options.repeats)}; whole passes once",
        "threads": options.threads,
    },
    "pytorch-generative's NADE has rectified units, ours sigmoids; its MADE draws masks anew.",
    options={
        "peer": (Path, "a clone of pytorch-generative"),
        "repeats": (7, "number of turns"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in MODELS:
        yield Cell(f"{name} | step", partial(stepping, name, options))
        yield Cell(f"{name} | drawing", partial(drawing, name, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name in MODELS:
        for work, label in WORKS.items():
            if took := found.get(f"{name} | {work}"):
                row = [f"{name}: {label}", shown(took["ours"])]
                for other in (took.get("peer"), took.get("whole")):
                    row += [shown(other), f"{other / took['ours']:.1f}"] if other else ["", ""]
                table.append(row)
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    return [
        f"{name}: {took['same']} of {DRAWN} rows are bit for bit those of whole passes."
        for name in MODELS
        if (took := found.get(f"{name} | drawing"))
    ]


def shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def both(name: str, options: Namespace) -> dict[str, Any]:
    """Our model, and the peer's where its folder is given."""
    torch.manual_seed(0)
    ours, theirs = MODELS[name]
    return {"ours": ours()} | ({"peer": peer(options.peer, *theirs)} if options.peer else {})


def stepping(name: str, options: Namespace) -> dict[str, float]:
    (x,) = load("binarized_mnist").train.batch(0, BATCH, 0)
    models = both(name, options)

    def step() -> None:
        models["ours"].loss(x)["nll"].backward()
        models["ours"].zero_grad()

    works = {"ours": step}
    if "peer" in models:
        works["peer"] = partial(peer_step, models["peer"], x)
    return in_turns(works, options.repeats)


def drawing(name: str, options: Namespace) -> dict[str, float]:
    models = both(name, options)
    works = {side: partial(model.sample, DRAWN) for side, model in models.items()}
    took = in_turns(works, min(3, options.repeats))
    u = torch.rand(DRAWN, SPACE.dims)
    begun = time.process_time()
    naive = by_whole_passes(models["ours"], u)
    took["whole"] = time.process_time() - begun
    same = (models["ours"].sample_from(u).flatten(1) == naive).all(1).sum().item()
    return took | {"same": same}


@torch.no_grad()
def by_whole_passes(model: Stepwise, u: Tensor) -> Tensor:
    """What `sample_from` draws, with one pass over everything for each value."""
    x = torch.zeros_like(u)
    for feature in model.order.tolist():
        logits = model.logits(x.reshape(len(u), *SHAPE)).flatten(1)[:, feature]
        x[:, feature] = (u[:, feature] < logits.sigmoid()).float()
    return x


if __name__ == "__main__":
    BENCH.main()
