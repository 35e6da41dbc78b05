"""Continuous flows beside zuko's CNF: time of a training step, of log_prob and of sampling; and memory.

Both take turns in one process, on one thread, with as many weights, the same two hidden layers and the
same tolerances of the same method (Dormand-Prince, rtol 1e-5, atol 1e-6), fresh weights, float32. The peer
is zuko 1.6 (`pip install --target FOLDER --no-deps zuko`).
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genus.core import Reals
from genus.flow import ConcatSquash, Continuous, Flow
from genus.functional.numerics.integrators import DormandPrince

from ..bench import Bench, Cell, Cells, Table, in_turns, peer, size

SIZES = ((2, 64), (43, 128))  # features and hidden units
BATCH, ROWS = 128, 10_000
RTOL, ATOL = 1e-5, 1e-6
WORKS = ("training step", "log_prob", "sample")
WAYS = ("backprop", "recompute", "adjoint")


BENCH = Bench(
    __file__,
    "Continuous flows beside zuko's CNF",
    "Work | Features | genus | zuko | zuko / genus | zuko, probed | Evaluations | Error, nats",
    lambda options: {
        "features and hidden units": SIZES,
        "rows": f"training {BATCH}, log_prob and sample {ROWS}",
        "tolerances": f"rtol {RTOL}, atol {ATOL}",
        "seed": 0,
        "repeats": options.repeats,
    },
    f"""
    Training steps of {BATCH} rows; log_prob and samples of {ROWS:,}. Medians over turns of one process.

    Both take the exact trace, ours by a closed form for two hidden layers; `probed` is zuko's estimate by
    one random vector, which serves training alone.

    Evaluations: of the field for each row, there and back, genus / zuko; the fields are fresh, and two.

    Error: the mean of |log p - log p'| over 100 rows, genus / zuko, where p' is the same model in float64
    at tolerances of 1e-8. zuko holds a hundredth of the trace to the tolerance, we hold its mean over the
    features.

    The last rows are ours alone: a training step by each way to the gradient, and what its graph keeps.
    """,
    options={
        "peers": (Path, "folder that holds zuko"),
        "repeats": (3, "number of turns of which the median is taken"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for features, width in SIZES:
        for work in WORKS:
            yield Cell(f"{work} | {features}", partial(beside, work, features, width, options))
        for way in WAYS:
            yield Cell(f"{way} | {features}", partial(alone, way, features, width, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for features, _ in SIZES:
        for work in WORKS:
            if cell := found.get(f"{work} | {features}"):
                took = cell["seconds"]
                figures = [clock(took["genus"]), clock(took["zuko"])]
                figures += [f"{took['zuko'] / took['genus']:.1f}"]
                figures += [clock(took["probed"]) if "probed" in took else ""]
                figures += [" / ".join(map(str, cell["evaluations"]))]
                figures += [" / ".join(f"{e:.0e}" for e in cell.get("errors", []))]
                table.append([work, str(features), *figures])
    for features, _ in SIZES:
        for way in WAYS:
            if cell := found.get(f"{way} | {features}"):
                name = f"training step by {way}: {cell['kept'] / 2**20:.1f} MiB kept"
                table.append([name, str(features), clock(cell["seconds"]["genus"]), *[""] * 5])
    return table


def clock(seconds: float) -> str:
    """A time with its unit."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def ours(features: int, width: int, backward: Any = "backprop") -> tuple[Flow, Continuous]:
    net = ConcatSquash(features, width)
    bent = Continuous(net, DormandPrince(RTOL, ATOL), backward=backward)
    return Flow(Reals((features,)), [bent]), bent


def theirs(zuko: Any, features: int, width: int, exact: bool = True) -> Any:
    return zuko.flows.CNF(
        features, hidden_features=(width, width), rtol=RTOL, atol=ATOL, exact=exact
    )


def beside(work: str, features: int, width: int, options: Namespace) -> dict[str, Any]:
    """Seconds of each, in turns; evaluations and errors."""
    zuko = peer("zuko", options.peers)
    torch.manual_seed(0)
    (mine, bent), other = ours(features, width), theirs(zuko, features, width)
    weights = [size(model) for model in (mine, other)]
    if weights[0] != weights[1]:
        raise ValueError(f"cnf_speed: {weights} weights; as many are wanted")
    probed = theirs(zuko, features, width, exact=False)
    calls = {"genus": call(mine, work, features), "zuko": call(other, work, features)}
    if work == "training step":
        calls["probed"] = call(probed, work, features)
    seconds = in_turns(calls, options.repeats, time.perf_counter)
    found: dict[str, Any] = {"seconds": seconds, "weights": weights[0]}
    rows = BATCH if work == "training step" else ROWS
    found["evaluations"] = [
        evaluations(bent.net, calls["genus"], rows),
        evaluations(other.transform.ode, calls["zuko"], rows),
    ]
    if work == "log_prob":
        found["errors"] = errors(mine, bent, other, features)
    return found


def alone(backward: str, features: int, width: int, options: Namespace) -> dict[str, Any]:
    """A training step of ours by one way to the gradient: seconds, and bytes that its graph keeps."""
    torch.manual_seed(0)
    model = ours(features, width, backward)[0]
    step = call(model, "training step", features)
    x = torch.randn(BATCH, features)
    seconds = in_turns({"genus": step}, options.repeats, time.perf_counter)
    return {"seconds": seconds, "kept": kept(lambda: model.log_prob(x).mean())}


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


def evaluations(net: nn.Module, work: Callable[[], Any], rows: int) -> int:
    """How often a field is asked for each row in one call, on the way there and on the way back."""
    count = 0

    def counted(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal count
        count += len(inputs[0])

    if not isinstance(net, ConcatSquash):
        handle = net.register_forward_pre_hook(counted)
        work()
        handle.remove()
        return count // rows
    given = net.given

    def watched(context: Tensor | None = None) -> Any:
        field = given(context)
        hidden = field.hidden

        def once(t: Tensor, x: Tensor, at_zero: Tensor) -> Any:
            counted(net, (x,))
            return hidden(t, x, at_zero)

        field.hidden = once
        return field

    net.given = watched
    work()
    net.given = given
    return count // rows


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


if __name__ == "__main__":
    BENCH.main()
