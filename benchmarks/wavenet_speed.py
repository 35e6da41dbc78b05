"""Drawing sound sample by sample: WaveNet by whole passes, by kept inputs, and by folded steps.

    python benchmarks/wavenet_speed.py [--weights FILE] [--seconds 1] [--repeats 5] [--out FILE]

20 dilated layers of 32 channels, a softmax over 256 levels, 8 kHz. All ways draw from one model with the
same uniform numbers, in turns, and a time is the median of repeats: processor time of one thread, with
everything that a sample takes, its choice included. FILE holds weights of benchmarks/wavenet.py; without
it they are as they were made. Rows that the file of results has already are kept.
"""

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from genus import __version__
from genus.autoregressive import FoldedStack, Stepwise, WaveNet
from genus.core import Tokens
from genus.functional.sequences.choices import pick

ROOT = Path(__file__).parent.parent
RATE = 8000
STREAMS = (1, 16)
COLUMNS = [
    "way",
    "streams",
    "microseconds a step",
    "samples a second",
    "x real time at 8 kHz",
    "x whole passes",
    "kept of a stream, kB",
]
WHOLE, KEPT, FOLDED = "whole passes", "kept inputs (torch)", "folded steps"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=1.0, help="of sound, by folded steps")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/wavenet_speed.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = WaveNet(Tokens(256, round(options.seconds * RATE)))
    if options.weights is not None:
        model.load_state_dict(torch.load(options.weights, weights_only=True))
    model.eval().requires_grad_(False)
    report = {
        "title": "WaveNet: how fast sound is drawn",
        "command": "python benchmarks/wavenet_speed.py --weights WaveNet/weights.pt",
        "protocol": {
            "model": "20 layers of 32 channels, dilations 1 to 512 twice, 64 skip channels, softmax "
            f"over 256; {sum(p.numel() for p in model.parameters()):,} parameters, float32",
            "weights": "as made"
            if options.weights is None
            else "of benchmarks/wavenet.py, no context",
            "time": f"processor time, median of {options.repeats} repeats in turns",
            "whole passes": f"a pass over the {model.sight} values that a sample sees, for each",
            "seed": 0,
        },
        "date": str(date.today()),
        "machine": "x86_64 CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": [],
        "notes": [],
    }
    if options.out.exists():
        report["rows"] = json.loads(options.out.read_text())["rows"]
    for streams in STREAMS:
        if any(row[1] == str(streams) for row in report["rows"]):
            continue
        measured = measure(model, streams, options.repeats)
        for way, seconds in measured.items():
            report["rows"].append(row(model, way, streams, seconds, measured[WHOLE]))
            options.out.write_text(json.dumps(report, indent=1) + "\n")
            print(report["rows"][-1], flush=True)
    report["notes"] = [*exactness(model), training()]
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(*report["notes"], sep="\n")


def row(model: WaveNet, way: str, streams: int, seconds: float, whole: float) -> list[str]:
    rate = streams / seconds
    kept = {
        WHOLE: 0,
        KEPT: sum(ring.inputs.nbytes for ring in model.stack.begin(1, model.space.dims)),
        FOLDED: FoldedStack(model.stack, 1, model.space.dims).kept.nbytes,
    }[way]
    return [
        way,
        str(streams),
        f"{seconds * 1e6:,.0f}",
        f"{rate:,.0f}",
        f"{rate / RATE:.3g}",
        f"{whole / seconds:,.0f}",
        f"{kept / 1e3:.0f}",
    ]


def measure(model: WaveNet, streams: int, repeats: int) -> dict[str, float]:
    """Seconds of a step of each way, whatever the number of streams."""
    length = model.space.dims
    u = torch.rand(streams, length)
    window = torch.randint(256, (streams, model.sight + 1))
    some = WaveNet(Tokens(256, 400))
    some.load_state_dict(model.state_dict())

    def whole() -> int:
        for _ in range(3):
            pick(model.logits(window)[:, -1], u[:, 0])
        return 3

    def kept() -> int:
        Stepwise.sample_from(some, u[:, :400])
        return 400

    def folded() -> int:
        model.sample_from(u)
        return length

    ways: dict[str, Callable[[], int]] = {WHOLE: whole, KEPT: kept, FOLDED: folded}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, work in ways.items():
            before = time.process_time()
            steps = work()
            times[way].append((time.process_time() - before) / steps)
    return {way: statistics.median(found) for way, found in times.items()}


def exactness(model: WaveNet) -> list[str]:
    """How many samples are not what whole passes choose, given the same uniform numbers.

    x is what whole passes draw if each x_t is what one pass over x chooses with u_t.
    """
    u, notes = torch.rand(16, model.space.dims), []
    for dtype, name in ((torch.float32, "float32"), (torch.float64, "float64")):
        model = copy.deepcopy(model).to(dtype)
        x, gaps = model.sample_from(u.to(dtype)), []
        for row, noise in zip(x, u.to(dtype), strict=True):
            logits = model.logits(row[None])[0]
            apart = pick(logits, noise) != row
            running = logits[apart].double().softmax(1).cumsum(1)
            gaps += (running - noise[apart, None]).abs().amin(1).tolist()
        note = (
            f"{name}: of {x.numel():,} samples drawn by folded steps {len(gaps)} differ from what whole "
            f"passes choose with the same uniform numbers"
        )
        if gaps:
            note += f"; there a running sum is within {max(gaps):.0e} of its uniform number"
        notes.append(note + ".")
    return notes


def training() -> str:
    """What a round of learning costs."""
    x, found = torch.randint(256, (8, 4800)), {}
    learner = WaveNet(Tokens(256, 4800))
    for name, cast in (("float32", False), ("bfloat16 autocast", True)):
        times = []
        for _ in range(4):
            before = time.process_time()
            with torch.autocast("cpu", torch.bfloat16, enabled=cast):
                loss = learner.loss(x)["nll"]
            loss.backward()
            times.append(time.process_time() - before)
        found[name] = statistics.median(times[1:])
    said = ", ".join(f"{seconds:.2f} s in {name}" for name, seconds in found.items())
    return f"A pass forwards and backwards over 8 x 4,800 samples takes {said}."


if __name__ == "__main__":
    main()
