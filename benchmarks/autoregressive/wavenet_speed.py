"""Drawing sound sample by sample: WaveNet by whole passes, by kept inputs, and by folded steps.

20 dilated layers of 32 channels, a softmax over 256 levels, 8 kHz. All ways draw from one model with the
same uniform numbers, and a time is that of everything that a sample takes, its choice included. The weights
are those that autoregressive/wavenet keeps by its --weights.
"""

import copy
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from genus.autoregressive import FoldedStack, Stepwise, WaveNet
from genus.core import Tokens
from genus.functional.sequences.choices import pick
from genus.train import artifact

from ..bench import Bench, Cell, Cells, Table, given, in_turns, size

RATE = 8000
STREAMS = (1, 16)
WHOLE, KEPT, FOLDED = "whole passes", "kept inputs (torch)", "folded steps"
STEPS = {WHOLE: 3, KEPT: 400, FOLDED: RATE}  # that are timed


def protocol(options: Namespace) -> dict[str, Any]:
    model = WaveNet(Tokens(256, RATE))
    return {
        "model": "20 layers of 32 channels, dilations 1 to 512 twice, 64 skip channels, softmax "
        f"over 256; {size(model):,} parameters, float32",
        "weights": "of benchmarks/autoregressive/wavenet.py, no context",
        "time": f"processor time, median of {options.repeats} repeats in turns",
        "whole passes": f"a pass over the {model.sight} values that a sample sees, for each",
        "seed": 0,
    }


BENCH = Bench(
    __file__,
    "WaveNet: how fast sound is drawn",
    "way | streams | microseconds a step | samples a second | x real time at 8 kHz | x whole passes | "
    "kept of a stream, kB",
    protocol,
    options={
        "weights": (Path, "folder of the run of the WaveNet without context"),
        "repeats": (5, "number of turns"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for streams in STREAMS:
        yield Cell(f"streams: {streams}", partial(measure, streams, options))
    yield Cell("exactness", partial(exactness, options))
    yield Cell("training", training)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            way,
            str(streams),
            f"{seconds * 1e6:,.0f}",
            f"{streams / seconds:,.0f}",
            f"{streams / seconds / RATE:.3g}",
            f"{timed['seconds'][WHOLE] / seconds:,.0f}",
            f"{timed['kept'][way] / 1e3:.0f}",
        ]
        for streams in STREAMS
        if (timed := found.get(f"streams: {streams}"))
        for way, seconds in timed["seconds"].items()
    ]


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    notes = []
    for name, seen in found.get("exactness", {}).items():
        note = (
            f"{name}: of {seen['samples']:,} samples drawn by folded steps {seen['apart']} differ from what "
            f"whole passes choose with the same uniform numbers"
        )
        if seen["apart"]:
            note += f"; there a running sum is within {seen['within']:.0e} of its uniform number"
        notes.append(f"{note}.")
    if took := found.get("training"):
        both = ", ".join(f"{seconds:.2f} s in {name}" for name, seconds in took.items())
        notes.append(f"A pass forwards and backwards over 8 x 4,800 samples takes {both}.")
    return notes


def wavenet(options: Namespace) -> WaveNet:
    torch.manual_seed(0)
    model = WaveNet(Tokens(256, RATE))
    model.load_state_dict(artifact.load(given(options.weights, "weights")).state_dict())
    return model.eval().requires_grad_(False)


def measure(streams: int, options: Namespace) -> dict[str, dict[str, float]]:
    """Seconds of a step of each way, whatever the number of streams, and bytes that it keeps of one."""
    model = wavenet(options)
    u = torch.rand(streams, RATE)
    window = torch.randint(256, (streams, model.sight + 1))
    some = WaveNet(Tokens(256, STEPS[KEPT]))
    some.load_state_dict(model.state_dict())

    def whole() -> None:
        for _ in range(STEPS[WHOLE]):
            pick(model.logits(window)[:, -1], u[:, 0])

    ways = {
        WHOLE: whole,
        KEPT: lambda: Stepwise.sample_from(some, u[:, : STEPS[KEPT]]),
        FOLDED: lambda: model.sample_from(u),
    }
    kept = {
        WHOLE: 0,
        KEPT: sum(ring.inputs.nbytes for ring in model.stack.begin(1, RATE)),
        FOLDED: FoldedStack(model.stack, 1, RATE).kept.nbytes,
    }
    took = in_turns(ways, options.repeats)
    return {"seconds": {way: took[way] / STEPS[way] for way in ways}, "kept": kept}


def exactness(options: Namespace) -> dict[str, dict[str, float]]:
    """How many samples are not what whole passes choose, given the same uniform numbers.

    x is what whole passes draw if each x_t is what one pass over x chooses with u_t.
    """
    model, found = wavenet(options), {}
    u = torch.rand(16, RATE)
    for dtype, name in ((torch.float32, "float32"), (torch.float64, "float64")):
        model = copy.deepcopy(model).to(dtype)
        x, gaps = model.sample_from(u.to(dtype)), []
        for row, noise in zip(x, u.to(dtype), strict=True):
            logits = model.logits(row[None])[0]
            apart = pick(logits, noise) != row
            running = logits[apart].double().softmax(1).cumsum(1)
            gaps += (running - noise[apart, None]).abs().amin(1).tolist()
        found[name] = {"samples": x.numel(), "apart": len(gaps), "within": max(gaps, default=0.0)}
    return found


def training() -> dict[str, float]:
    """Seconds of a round of learning."""
    x = torch.randint(256, (8, 4800))
    learner = WaveNet(Tokens(256, 4800))

    def step(cast: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=cast):
            loss = learner.loss(x)["nll"]
        loss.backward()

    return in_turns({"float32": lambda: step(False), "bfloat16 autocast": lambda: step(True)}, 3)


if __name__ == "__main__":
    BENCH.main()
