"""Continuous flows beside zuko's CNF: time of a training step, of log_prob and of sampling; and memory.

    python benchmarks/cnf_speed.py --peers FOLDER [--repeats 5]

FOLDER holds zuko 1.6 (`pip install --target FOLDER --no-deps zuko`). Both run in turns in one process,
on one thread, with as many weights, the same two hidden layers and the same tolerances of the same
method (Dormand-Prince, rtol 1e-5, atol 1e-6), fresh weights, float32. Written to
benchmarks/results/cnf_speed.json after each row; a run that was broken off goes on with what is missing.
"""

import argparse
import importlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import genus
from genus.core import Reals
from genus.flow import ConcatSquash, Continuous, Flow
from genus.functional.numerics.integrators import DormandPrince

RESULTS = Path(__file__).parent / "results" / "cnf_speed.json"
SIZES = ((2, 64), (43, 128))  # features and hidden units
BATCH, ROWS = 128, 10_000
RTOL, ATOL = 1e-5, 1e-6
WORKS = ("training step", "log_prob", "sample")
WAYS = ("backprop", "recompute", "adjoint")
COLUMNS = ["Work", "Features", "genus", "zuko", "zuko / genus", "zuko, probed", "Evaluations"]
COLUMNS += ["Error, nats"]
NOTES = [
    f"Training steps of {BATCH} rows; log_prob and samples of {ROWS:,}. Medians over turns of one process.",
    (
        "Both take the exact trace, ours by a closed form for two hidden layers; `probed` is zuko's "
        "estimate by one random vector, which serves training alone."
    ),
    "Evaluations: of the field for each row, there and back, genus / zuko; the fields are fresh, and two.",
    (
        "Error: the mean of |log p - log p'| over 100 rows, genus / zuko, where p' is the same model in "
        "float64 at tolerances of 1e-8. zuko holds a hundredth of the trace to the tolerance, we hold its "
        "mean over the features."
    ),
    "The last rows are ours alone: a training step by each way to the gradient, and what its graph keeps.",
]


def ours(features: int, width: int, backward: Any = "backprop") -> tuple[Flow, Continuous]:
    net = ConcatSquash(features, width)
    bent = Continuous(net, DormandPrince(RTOL, ATOL), backward=backward)
    return Flow(Reals((features,)), [bent]), bent


def theirs(zuko: Any, features: int, width: int, exact: bool = True) -> Any:
    return zuko.flows.CNF(
        features, hidden_features=(width, width), rtol=RTOL, atol=ATOL, exact=exact
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, required=True, help="the folder that holds zuko")
    parser.add_argument("--repeats", type=int, default=5, help="turns of which the median is taken")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    options = parser.parse_args()
    if not (options.peers / "zuko").is_dir():
        parser.error(f"no zuko in {options.peers}: pip install --target {options.peers} zuko")
    sys.path.append(str(options.peers))
    zuko = importlib.import_module("zuko")
    torch.set_num_threads(1)
    cells = json.loads(options.results.read_text())["cells"] if options.results.exists() else {}
    for features, width in SIZES:
        for work in (*WORKS, *WAYS):
            key = f"{work} | {features}"
            if key not in cells:
                torch.manual_seed(0)
                if work in WORKS:
                    cells[key] = beside(zuko, work, features, width, options.repeats)
                else:
                    cells[key] = alone(work, features, width, options.repeats)
                write(options, cells)
                print(key, cells[key], flush=True)
    write(options, cells)


def beside(zuko: Any, work: str, features: int, width: int, repeats: int) -> dict[str, Any]:
    """Seconds of each, in turns; evaluations and errors."""
    (mine, bent), other = ours(features, width), theirs(zuko, features, width)
    weights = [sum(p.numel() for p in model.parameters()) for model in (mine, other)]
    if weights[0] != weights[1]:
        raise ValueError(f"cnf_speed: {weights} weights; as many are wanted")
    probed = theirs(zuko, features, width, exact=False)
    calls = {"genus": call(mine, work, features), "zuko": call(other, work, features)}
    if work == "training step":
        calls["probed"] = call(probed, work, features)
    seconds = in_turns(calls, repeats)
    found: dict[str, Any] = {"seconds": seconds, "weights": weights[0]}
    rows = BATCH if work == "training step" else ROWS
    found["evaluations"] = [
        evaluations(bent.net, calls["genus"], rows),
        evaluations(other.transform.ode, calls["zuko"], rows),
    ]
    if work == "log_prob":
        found["errors"] = errors(mine, bent, other, features)
    return found


def alone(backward: str, features: int, width: int, repeats: int) -> dict[str, Any]:
    """A training step of ours by one way to the gradient: seconds, and bytes that its graph keeps."""
    model = ours(features, width, backward)[0]
    step = call(model, "training step", features)
    x = torch.randn(BATCH, features)
    kept_bytes = kept(lambda: model.log_prob(x).mean())
    return {"seconds": in_turns({"genus": step}, repeats), "kept": kept_bytes}


def call(model: Any, work: str, features: int) -> Callable[[], None]:
    """One piece of work, to be timed."""
    train = work == "training step"
    model.train(train)
    x = torch.randn(BATCH if train else ROWS, features)
    optimizer = torch.optim.Adam(model.parameters(), 1e-5)

    def score() -> Tensor:
        return model.log_prob(x) if isinstance(model, Flow) else model().log_prob(x)

    def step() -> None:
        optimizer.zero_grad()
        (-score().mean()).backward()
        optimizer.step()

    @torch.no_grad()
    def draw() -> None:
        model.sample(ROWS) if isinstance(model, Flow) else model().sample((ROWS,))

    return {"training step": step, "log_prob": torch.no_grad()(score), "sample": draw}[work]


def in_turns(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The median seconds of each call; one turn before counts not."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, work in calls.items():
            begun = time.perf_counter()
            work()
            if turn:
                times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(taken) for name, taken in times.items()}


def evaluations(net: nn.Module, work: Callable[[], Any], rows: int) -> int:
    """How often a field is asked for each row in one call, on the way there and on the way back."""
    asked = 0

    def listen(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal asked
        asked += len(inputs[0])

    if not isinstance(net, ConcatSquash):
        handle = net.register_forward_pre_hook(listen)
        work()
        handle.remove()
        return asked // rows
    given = net.given

    def heard(context: Tensor | None = None) -> Any:
        field = given(context)
        hidden = field.hidden

        def once(t: Tensor, x: Tensor, at_zero: Tensor) -> Any:
            listen(net, (x,))
            return hidden(t, x, at_zero)

        field.hidden = once
        return field

    net.given = heard
    work()
    net.given = given
    return asked // rows


def errors(mine: Flow, bent: Continuous, other: Any, features: int) -> list[float]:
    """Mean |difference| of log p from that of a far tighter solve in double precision, nats."""
    x = torch.randn(100, features)
    with torch.no_grad():
        loose = [mine.log_prob(x), other().log_prob(x)]
        mine.double()
        bent.solver = DormandPrince(1e-8, 1e-8)
        other.double().transform.rtol = other.transform.atol = 1e-8
        tight = [mine.log_prob(x.double()), other().log_prob(x.double())]
        mine.float()
        bent.solver = DormandPrince(RTOL, ATOL)
        other.float()
    return [(a - b).abs().mean().item() for a, b in zip(loose, tight, strict=True)]


def kept(score: Callable[[], Tensor]) -> int:
    """Bytes that a graph keeps for its way back, each tensor once."""
    seen: dict[int, int] = {}

    def pack(x: Tensor) -> Tensor:
        seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        loss = score()  # held, so that no storage takes the place of another
    del loss
    return sum(seen.values())


def write(options: argparse.Namespace, cells: dict[str, Any]) -> None:
    """The table so far."""
    rows = []
    for features, _ in SIZES:
        for work in WORKS:
            if cell := cells.get(f"{work} | {features}"):
                took = cell["seconds"]
                told = [clock(took["genus"]), clock(took["zuko"])]
                told += [f"{took['zuko'] / took['genus']:.1f}"]
                told += [clock(took["probed"]) if "probed" in took else ""]
                told += [" / ".join(map(str, cell["evaluations"]))]
                told += [" / ".join(f"{e:.0e}" for e in cell.get("errors", []))]
                rows.append([work, str(features), *told])
    for features, _ in SIZES:
        for way in WAYS:
            if cell := cells.get(f"{way} | {features}"):
                name = f"training step by {way}: {cell['kept'] / 2**20:.1f} MiB kept"
                rows.append([name, str(features), clock(cell["seconds"]["genus"]), *[""] * 5])
    result = {
        "title": "Continuous flows beside zuko's CNF",
        "command": f"python benchmarks/cnf_speed.py --peers FOLDER --repeats {options.repeats}",
        "protocol": {
            "features and hidden units": [list(size) for size in SIZES],
            "rows": {"training": BATCH, "log_prob and sample": ROWS},
            "tolerances": {"rtol": RTOL, "atol": ATOL},
            "seed": 0,
            "repeats": options.repeats,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__, "zuko": "1.6.0"},
        "columns": COLUMNS,
        "rows": rows,
        "notes": NOTES,
        "cells": cells,
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(result, indent=1) + "\n")


def clock(seconds: float) -> str:
    """A time with its unit."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


if __name__ == "__main__":
    main()
