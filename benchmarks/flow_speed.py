"""Flows against nflows, normflows and zuko: a round of training, log_prob and sampling, side by side.

    python benchmarks/flow_speed.py --peers FOLDER [--only WORDS ...] [--threads 1] [--repeats 5]

FOLDER holds the installed peers (`pip install --target FOLDER nflows normflows zuko`); without it genus
runs alone. Every kind has the same layers, widths, bins and number of parameters in each library, all
hidden units are ReLU, and each time is the median of repeats that take turns: processor time of one
thread, or the clock's of several, in a process that keeps what tensors leave, for all libraries. Memory
is the peak above what the process held before, in a process of its own. Each row is written when it is
done, to benchmarks/results/flow_speed.json (flow_speed_4.json for four threads), and a second call goes
on with those that are missing.
"""

import argparse
import json
import multiprocessing
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

from genus import __version__
from genus.core import Reals
from genus.flow import Affine, Autoregressive, Coupling, Flow, Spline
from genus.train.process import keep_memory

ROOT = Path(__file__).parent.parent
BATCH, ROWS, BINS, BOUND = 128, 10_000, 8, 5.0
SLOW = 20.0  # seconds from which one turn is enough
SIZES = {  # kind: {features: (maps, width of two hidden layers)}
    "realnvp": {2: (8, 64), 43: (10, 128)},
    "nsf": {2: (4, 64), 43: (6, 128)},
    "maf": {2: (5, 64), 43: (5, 256)},
    "nsf-ar": {2: (4, 64), 43: (5, 128)},
}
TITLES = {
    "realnvp": "RealNVP",
    "maf": "MAF",
    "nsf": "NSF, couplings",
    "nsf-ar": "NSF, autoregressive",
}
WORKS = {"train": f"round, batch {BATCH}", "log_prob": "log_prob", "sample": "sample"}
LIBRARIES = ("genus", "nflows", "normflows", "zuko")
COLUMNS = [
    "model",
    "d",
    "parameters",
    "work",
    *LIBRARIES,
    "best peer / genus",
    "memory",
    "of peers",
]


class Subject:
    """One library's flow: what is measured of all of them in the same words."""

    def __init__(
        self, model: nn.Module, log_prob: Callable[[Tensor], Tensor], sample: Callable[[int], Any]
    ):
        self.model, self.log_prob, self.sample = model, log_prob, sample
        self.optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)

    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def work(self, name: str, x: Tensor) -> None:
        if name == "train":
            self.optimizer.zero_grad()
            (-self.log_prob(x[:BATCH]).mean()).backward()
            self.optimizer.step()
            return
        with torch.no_grad():
            self.log_prob(x) if name == "log_prob" else self.sample(len(x))


def genus(kind: str, d: int) -> Subject:
    maps, width = SIZES[kind][d]
    hidden = (width, width)
    transform = Spline(BINS, BOUND) if kind.startswith("nsf") else Affine()
    made = [
        Autoregressive(d, transform, hidden, flip=i % 2 == 1, shortcut=False)
        if kind in ("maf", "nsf-ar")
        else Coupling(d, transform, hidden, flip=i % 2 == 1, activation="relu")
        for i in range(maps)
    ]
    model = Flow(Reals((d,)), made)
    return Subject(model, model.log_prob, model.sample)


def nflows(kind: str, d: int) -> Subject:
    from nflows import transforms as T
    from nflows.distributions.normal import StandardNormal
    from nflows.flows.base import Flow as NFlow
    from nflows.nn.nets.mlp import MLP
    from nflows.transforms import autoregressive as A

    maps, width = SIZES[kind][d]
    spline = {"num_bins": BINS, "tails": "linear", "tail_bound": BOUND}
    masked = {
        "features": d,
        "hidden_features": width,
        "num_blocks": 1,
        "use_residual_blocks": False,
    }

    def net(d_in: int, d_out: int) -> nn.Module:
        return Heedless(MLP([d_in], [d_out], [width, width], activation=torch.relu))

    steps: list[nn.Module] = []
    for i in range(maps):
        mask = halves(d, i)
        if kind == "realnvp":
            steps.append(T.AffineCouplingTransform(mask, net))
        elif kind == "nsf":
            steps.append(T.PiecewiseRationalQuadraticCouplingTransform(mask, net, **spline))
        elif kind == "maf":
            steps += [T.ReversePermutation(d)] * (i > 0)
            steps.append(T.MaskedAffineAutoregressiveTransform(**masked))
        else:
            steps += [T.ReversePermutation(d)] * (i > 0)
            steps.append(
                A.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(**masked, **spline)
            )
    model = NFlow(T.CompositeTransform(steps), StandardNormal([d]))
    return Subject(model, model.log_prob, model.sample)


def normflows(kind: str, d: int) -> Subject:
    import normflows as nf
    from normflows.flows.neural_spline import autoregressive, coupling

    maps, width = SIZES[kind][d]
    spline = {"num_bins": BINS, "tails": "linear", "tail_bound": BOUND}
    masked = {"features": d, "num_blocks": 1, "use_residual_blocks": False}

    def net(d_in: int, d_out: int) -> nn.Module:
        return nf.nets.MLP([d_in, width, width, d_out])

    kept = (d + 1) // 2
    steps: list[nn.Module] = []
    for i in range(maps):
        if kind == "realnvp":
            steps.append(nf.flows.AffineCouplingBlock(net(kept, 2 * (d - kept))))
        elif kind == "nsf":
            one = coupling.PiecewiseRationalQuadraticCoupling(
                torch.tensor(halves(d, i)), lambda a, b: Heedless(net(a, b)), **spline
            )
            steps.append(nf.flows.Reverse(one))
        elif kind == "maf":
            one = nf.flows.MaskedAffineAutoregressive(hidden_features=width, **masked)
            steps.append(nf.flows.Reverse(one))
        else:
            one = autoregressive.MaskedPiecewiseRationalQuadraticAutoregressive(
                hidden_features=width, **masked, **spline
            )
            steps.append(nf.flows.Reverse(one))
        steps += [nf.flows.Permute(d, mode="swap")] * (kind != "nsf")
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian(d, trainable=False), steps)
    return Subject(model, model.log_prob, lambda n: model.sample(n)[0])


class Heedless(nn.Module):
    """A network that is handed a context and has no use for it."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, context: None = None) -> Tensor:
        return self.net(x)


def zuko(kind: str, d: int) -> Subject:
    from zuko.distributions import DiagNormal
    from zuko.flows import MAF, NSF, UnconditionalDistribution
    from zuko.flows import Flow as ZFlow
    from zuko.flows.coupling import GeneralCouplingTransform
    from zuko.transforms import MonotonicRQSTransform

    maps, width = SIZES[kind][d]
    hidden = (width, width)
    if kind == "maf":
        model = MAF(d, transforms=maps, hidden_features=hidden)
    elif kind == "nsf-ar":
        model = NSF(d, transforms=maps, hidden_features=hidden, bins=BINS)
    else:
        how: dict[str, Any] = {"hidden_features": hidden}
        if kind == "nsf":
            shapes = ((BINS,), (BINS,), (BINS - 1,))
            how |= {"univariate": MonotonicRQSTransform, "shapes": shapes}
        kept = [[1 - moved for moved in halves(d, i)] for i in range(maps)]
        steps = [GeneralCouplingTransform(d, mask=mask, **how) for mask in kept]
        base = UnconditionalDistribution(DiagNormal, torch.zeros(d), torch.ones(d), buffer=True)
        model = ZFlow(steps, base)
    return Subject(model, lambda x: model().log_prob(x), lambda n: model().sample((n,)))


def halves(d: int, i: int) -> list[int]:
    """1 for what map i moves, as in genus: d - d // 2 features, the last and the first in turn."""
    half = d // 2
    return [1] * (d - half) + [0] * half if i % 2 else [0] * half + [1] * (d - half)


MAKE = {"genus": genus, "nflows": nflows, "normflows": normflows, "zuko": zuko}


def made(library: str, kind: str, d: int) -> Subject:
    """Numbers away from those that a map begins with, so that nothing is easy."""
    torch.manual_seed(0)
    subject = MAKE[library](kind, d)
    with torch.no_grad():
        for p in subject.model.parameters():
            p.add_(0.02 * torch.randn_like(p))
    return subject


def seconds(subject: Subject, work: str, x: Tensor) -> float:
    """Of one call; short ones are repeated for a tenth of a second."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    calls, start = 0, clock()
    while not calls or clock() - start < 0.1:
        subject.work(work, x)
        calls += 1
    return (clock() - start) / calls


def times(kind: str, d: int, work: str, libraries: list[str], repeats: int) -> dict[str, float]:
    """Median seconds of each library, measured in turns; the first turn warms up."""
    x = torch.randn(ROWS, d)
    subjects = {library: made(library, kind, d) for library in libraries}
    taken: dict[str, list[float]] = {library: [] for library in libraries}
    for turn in range(repeats + 1):
        for library, subject in subjects.items():
            if taken[library] and taken[library][0] > SLOW:
                continue
            once = seconds(subject, work, x)
            if turn or once > SLOW:  # a slow one needs no warming
                taken[library].append(once)
    return {library: statistics.median(values) for library, values in taken.items()}


def peak(library: str, kind: str, d: int, work: str, answer: Any) -> None:
    """Bytes above what the process holds before; for a process of its own."""
    torch.set_num_threads(1)
    subject, x = made(library, kind, d), torch.randn(ROWS, d)
    subject.work("train", x[:8])  # the optimiser's state is there, and what is loaded once
    subject.work(work, x[:8])
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = status("VmRSS")
    subject.work(work, x)
    answer.put(status("VmHWM") - before)


def status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key))


def memory(library: str, kind: str, d: int, work: str) -> int:
    context = multiprocessing.get_context("spawn")
    answer = context.SimpleQueue()
    child = context.Process(target=peak, args=(library, kind, d, work, answer))
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(f"{library} cannot do {kind}/{d}/{work}")
    return answer.get()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, help="folder with nflows, normflows and zuko")
    parser.add_argument("--only", nargs="+", default=[], help="words of a row's name, as maf/43/")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    many = f"_{options.threads}" if options.threads > 1 else ""
    options.out = options.out or ROOT / f"benchmarks/results/flow_speed{many}.json"
    torch.set_num_threads(options.threads)
    keep_memory()
    libraries = ["genus"]
    if options.peers:
        if not (options.peers / "nflows").exists():
            raise SystemExit(f"{options.peers} has no nflows: pip install --target it")
        sys.path.append(str(options.peers))
        libraries = [*LIBRARIES]
    record = started(options.out, libraries, options.repeats, options.threads)
    for kind, d, work in [(k, d, w) for k in SIZES for d in SIZES[k] for w in WORKS]:
        done = [(row[0], row[1], row[3]) for row in record["rows"]]
        chosen = all(word in f"{kind}/{d}/{work}" for word in options.only)
        if chosen and (TITLES[kind], str(d), WORKS[work]) not in done:
            record["rows"].append(row_of(kind, d, work, libraries, options.repeats))
            print(" | ".join(record["rows"][-1]), flush=True)
            record["rows"].sort(key=place)
            options.out.write_text(json.dumps(record, indent=1) + "\n")


def place(row: list[str]) -> tuple[int, int, int]:
    """Where a row stands in the table, whenever it was measured."""
    models, works = [*TITLES.values()], [*WORKS.values()]
    return models.index(row[0]), int(row[1]), works.index(row[3])


def row_of(kind: str, d: int, work: str, libraries: list[str], repeats: int) -> list[str]:
    bytes_of = {library: memory(library, kind, d, work) for library in libraries}
    took = times(kind, d, work, libraries, repeats)
    peers = [took[library] for library in libraries if library != "genus"]
    said = [shown(took[library]) if library in took else "" for library in LIBRARIES]
    ratio = f"{min(peers) / took['genus']:.2f}" if peers else ""
    theirs = ", ".join(megabytes(bytes_of[library]) for library in libraries if library != "genus")
    count = f"{made('genus', kind, d).parameters():,}"
    what = [TITLES[kind], str(d), count, WORKS[work]]
    return [*what, *said, ratio, megabytes(bytes_of["genus"]), theirs]


def shown(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.2f} ms"


def megabytes(value: int) -> str:
    return f"{value / 1e6:.0f} MB"


def started(path: Path, libraries: list[str], repeats: int, threads: int) -> dict[str, Any]:
    """The record so far, or a new one."""
    clock = "processor time of one thread" if threads == 1 else f"the clock, {threads} threads"
    many = f" --threads {threads}" if threads > 1 else ""
    protocol = {
        "timed": f"{clock}, median of {repeats} repeats in turns; above {SLOW:.0f} s, of one",
        "allocator": "glibc, asked to keep the memory that tensors leave, for all libraries",
        "rows": f"training {BATCH}, Adam (fused), ReLU; log_prob and sample {ROWS:,}",
        "sizes": "; ".join(
            f"{TITLES[kind]}: "
            + ", ".join(f"d = {d}: {maps} maps, 2 x {width}" for d, (maps, width) in sizes.items())
            for kind, sizes in SIZES.items()
        ),
        "memory": "peak above what the process held before the call, in a process of its own",
        "libraries": ", ".join(libraries),
    }
    if path.exists():
        record = json.loads(path.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{path} was made by another protocol; move it away")
        return record
    return {
        "title": "Speed of flows",
        "command": f"python benchmarks/flow_speed.py --peers FOLDER{many}",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, {threads} thread{'s' * (threads > 1)}",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": [],
        "notes": [
            "nflows 0.14, normflows 1.7.3, zuko 1.6.0.",
            "normflows' autoregressive maps are reversed: one pass gives log_prob, as in the others.",
            "Below some 10 MB memory is what the call happens to find free.",
            "normflows' RealNVP keeps the larger half of 43 features: 0.5 % fewer parameters.",
        ],
    }


if __name__ == "__main__":
    main()
