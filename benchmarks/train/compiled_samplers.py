"""Samplers of many steps, with the networks compiled that they call in each step.

Each recipe gives its model with its first weights, on which the time does not depend. Both ways take turns;
a turn is one call of `sample`.
"""

import statistics
import time
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch._inductor.utils import fresh_cache

from genus import compiled
from genus.core import GenerativeModel
from genus.train.process import keep_memory

from ..bench import Bench, Cell, Cells, Table
from .compiled import begun

RECIPES = {
    "ddpm": "DDPM, U-Net",
    "edm": "EDM, U-Net",
    "flow_matching": "flow matching",
    "dit": "diffusion Transformer",
    "guided": "guided diffusion",
    "made": "MADE",
    "pixelcnnpp": "PixelCNN++",
    "transformer": "Transformer, text",
    "char_rnn": "LSTM, text",
    "wavenet": "WaveNet",
}
ROWS = 64

BENCH = Bench(
    __file__,
    "Samplers of many steps, compiled",
    "model | calls of its network | genus | genus, compiled | gain | compiled in | pays after",
    lambda options: {
        "timed": f"the clock, 1 thread, median of {options.repeats} turns",
        "sample": f"{ROWS} rows, as the recipe draws them, weights as they begin",
    },
    """
    Seconds for all rows. Compiled in: seconds by which the first call is longer, with caches empty.

    Pays after: number of calls after which compilation has paid.

    A decoder whose steps keep what they have computed calls no network as a whole, and is not compiled.
    """,
    options={"repeats": (3, "number of turns of which the median is taken")},
    threads=1,
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in RECIPES:
        yield Cell(name, partial(measure, name, options.repeats))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for name, title in RECIPES.items():
        if (cell := found.get(name)) is None:
            continue
        row = [title, f"{cell['calls']:,}", f"{cell['plain']:.2f}"]
        if "compiled" not in cell:
            table.append([*row, "not compiled", "", "", ""])
            continue
        gain = cell["plain"] - cell["compiled"]
        table.append(
            [
                *row,
                f"{cell['compiled']:.2f}",
                f"{cell['plain'] / cell['compiled']:.2f}",
                f"{cell['cold']:.0f} s",
                f"{cell['cold'] / gain:,.0f}" if gain > 0 else "never",
            ]
        )
    return table


def measure(name: str, repeats: int) -> dict[str, Any]:
    keep_memory()
    torch.default_generator.manual_seed(0)
    session = begun(name)
    model = session.model.eval()
    assert isinstance(model, GenerativeModel)
    given = (ROWS,)
    if model.context_space is not None:
        given = (None, session.data.batch(0, ROWS, 0)[1])

    @torch.no_grad()
    def timed(draw: Callable[..., object]) -> float:
        start = time.perf_counter()
        draw(*given)
        return time.perf_counter() - start

    call = compiled(model.sample)
    with warnings.catch_warnings(), fresh_cache():
        warnings.simplefilter("ignore", UserWarning)
        first = timed(call)
    nets = call.networks
    figures: dict[str, Any] = {"calls": max(nets.seen.values(), default=0) if nets else 0}
    done = any(call.programs.values()) or bool(
        nets and any(one.programs for one in nets.calls.values())
    )
    turns = [(timed(model.sample), timed(call) if done else 0.0) for _ in range(repeats)]
    plain, quick = (statistics.median(way) for way in zip(*turns, strict=True))
    figures["plain"] = plain
    if done:
        figures |= {"compiled": quick, "cold": first - quick}
    return figures


if __name__ == "__main__":
    BENCH.main()
