"""How much memory models of pixels take, to draw images and to learn: peaks, each in a process of its own.

The models are those of pixel_speed, and two of vectors. A process loads the library, makes the model, reads
how much memory it holds, and then does one thing: draws 16 images of 28 x 28 by cached steps, or scores 16 in
one whole pass, which is what drawing without a cache does 784 times, or makes one training step of Adam with
16. What its memory rose by, at the peak, is the figure. It is read from /proc, so this needs Linux.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from genus.autoregressive import MADE, NADE
from genus.core import GenerativeModel

from ..bench import Bench, Cell, Cells, Table, apart, kept_bytes
from .pixel_speed import DRAWN, SHAPE, SPACE
from .pixel_speed import MODELS as TIMED

MODELS: dict[str, tuple[str, Callable[[], GenerativeModel]]] = {
    "nade": ("NADE, 500 units", lambda: NADE(SPACE, 500)),
    "made": ("MADE, 8,000 units", lambda: MADE(SPACE, (8000,))),
    **{name: (entry.label, entry.make) for name, entry in TIMED.items()},
}
ACTIONS = ("draw", "score", "learn")


BENCH = Bench(
    __file__,
    "Models of pixels: memory of drawing and of learning, MiB",
    "model | weights | 16 images by steps | 16 in a whole pass | training step of 16",
    {
        "images": "16 of 28 x 28 bits; weights as they start, single precision",
        "memory": "rise of the resident set from a model that is made to the peak of one call",
        "process": "a new one for each figure",
        "training step": "forward and backward pass over 16 images, and a step of Adam",
    },
    """
    The weights themselves are not in the other columns.

    A first call also loads code of the libraries: about 10 MiB or more of each figure.

    A training step's memory grows with the batch; that of steps with the images drawn.
    """,
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in MODELS:
        yield Cell(name, partial(measure, name, options.threads))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [label, *(f"{found[name][k] / 2**20:.1f}" for k in ("weights", *ACTIONS))]
        for name, (label, _) in MODELS.items()
        if name in found
    ]


def measure(name: str, threads: int) -> dict[str, int]:
    """Bytes of the weights, and of each action."""
    parts = [apart(rise, name, action, threads) for action in ACTIONS]
    return {what: count for part in parts for what, count in part.items()}


def rise(name: str, action: str, threads: int) -> dict[str, int]:
    """Bytes of the weights, and what memory rises by, at the peak."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = MODELS[name][1]()
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.rand(DRAWN, *SHAPE).round()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = kept_bytes("VmRSS")
    if action == "draw":
        model.eval().sample(DRAWN)
    elif action == "score":
        with torch.no_grad():
            model.eval().log_prob(x)
    else:
        sum(model.loss(x).values(), torch.zeros(())).backward()
        optimizer.step()
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return {"weights": weights, action: kept_bytes("VmHWM") - before}


if __name__ == "__main__":
    BENCH.main()
