"""Times of flows beside nflows, normflows and zuko: a round of training, log_prob and sampling.

Every kind has the same layers, widths, bins and number of parameters in each library, all hidden units are
ReLU, and each time is the median of repeats that take turns: processor time of one thread, or the
clock's of several, in a process that keeps what tensors leave, for all libraries. Memory is the peak above
what the process held before, in a process of its own. The peers are installed by `pip install --target
FOLDER nflows normflows zuko`.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genus.core import Reals
from genus.flow import Affine, Autoregressive, Coupling, Flow, Spline
from genus.train.process import keep_memory

from ..bench import Bench, Cell, Cells, Table, apart, kept_bytes, peer

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
PEERS = ("nflows", "normflows", "zuko")


def speed(file: str, threads: int) -> Bench:
    """The benchmark, by so many threads."""

    def clock(count: int) -> str:
        return "processor time of one thread" if count == 1 else f"the clock, {count} threads"

    bench = Bench(
        file,
        "Speed of flows",
        "model | d | parameters | work | genus | nflows | normflows | zuko | best peer / genus | memory "
        "| of peers",
        lambda options: {
            "timed": f"{clock(options.threads)}, median of {options.repeats} repeats in turns; above {SLOW:.0f} s, of one",
            "allocator": "glibc, asked to keep the memory that tensors leave, for all libraries",
            "rows": f"training {BATCH}, Adam (fused), ReLU; log_prob and sample {ROWS:,}",
            "sizes": "; ".join(
                f"{TITLES[kind]}: "
                + ", ".join(
                    f"d = {d}: {maps} maps, 2 x {width}" for d, (maps, width) in sizes.items()
                )
                for kind, sizes in SIZES.items()
            ),
            "memory": "peak above what the process held before the call, in a process of its own",
            "libraries": ", ".join(MAKE),
        },
        """
        nflows 0.14, normflows 1.7.3, zuko 1.6.0.

        normflows' autoregressive maps are reversed: one pass gives log_prob, as in the others.

        Below some 10 MB memory is what the call happens to find free.

        normflows' RealNVP keeps the larger half of 43 features: 0.5 % fewer parameters.
        """,
        options={
            "peers": (Path, "folder with nflows, normflows and zuko"),
            "repeats": (5, "number of turns of which the median is taken"),
        },
        threads=threads,
    )
    bench.cells(cells)
    bench.rows(rows)
    return bench


def cells(options: Namespace) -> Iterator[Cell]:
    for kind, sizes in SIZES.items():
        for d in sizes:
            for work in WORKS:
                yield Cell(f"{kind}/{d}/{work}", partial(measure, kind, d, work, options))


def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            TITLES[kind],
            str(d),
            f"{cell['parameters']:,}",
            WORKS[work],
            *(lasting(cell["seconds"][library]) for library in MAKE),
            f"{cell['ratio']:.2f}",
            f"{cell['bytes']['genus'] / 1e6:.0f} MB",
            ", ".join(f"{cell['bytes'][library] / 1e6:.0f} MB" for library in PEERS),
        ]
        for kind in TITLES
        for d in SIZES[kind]
        for work in WORKS
        if (cell := found.get(f"{kind}/{d}/{work}"))
    ]


def lasting(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.2f} ms"


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
    steps = [
        Autoregressive(d, transform, hidden, flip=i % 2 == 1, shortcut=False)
        if kind in ("maf", "nsf-ar")
        else Coupling(d, transform, hidden, flip=i % 2 == 1, activation="relu")
        for i in range(maps)
    ]
    model = Flow(Reals((d,)), steps)
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


def built(library: str, kind: str, d: int) -> Subject:
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


def times(kind: str, d: int, work: str, repeats: int) -> dict[str, float]:
    """Median seconds of each library, measured in turns; the first turn warms up."""
    x = torch.randn(ROWS, d)
    subjects = {library: built(library, kind, d) for library in MAKE}
    taken: dict[str, list[float]] = {library: [] for library in MAKE}
    for turn in range(repeats + 1):
        for library, subject in subjects.items():
            if taken[library] and taken[library][0] > SLOW:
                continue
            once = seconds(subject, work, x)
            if turn or once > SLOW:  # a slow one needs no warming
                taken[library].append(once)
    return {library: statistics.median(values) for library, values in taken.items()}


def peak(library: str, kind: str, d: int, work: str, folder: Path) -> int:
    """Bytes above what the process holds before; for a process of its own."""
    torch.set_num_threads(1)
    there(folder)
    subject, x = built(library, kind, d), torch.randn(ROWS, d)
    subject.work("train", x[:8])  # the optimiser's state is there, and what is loaded once
    subject.work(work, x[:8])
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = kept_bytes("VmRSS")
    subject.work(work, x)
    return kept_bytes("VmHWM") - before


def there(folder: Path | None) -> None:
    """Makes the peers importable."""
    for library in PEERS:
        peer(library, folder)


def measure(kind: str, d: int, work: str, options: Namespace) -> dict[str, Any]:
    there(options.peers)
    keep_memory()
    held = {library: apart(peak, library, kind, d, work, options.peers) for library in MAKE}
    took = times(kind, d, work, options.repeats)
    return {
        "parameters": built("genus", kind, d).parameters(),
        "seconds": took,
        "ratio": min(took[library] for library in PEERS) / took["genus"],
        "bytes": held,
    }


BENCH = speed(__file__, 1)

if __name__ == "__main__":
    BENCH.main()
