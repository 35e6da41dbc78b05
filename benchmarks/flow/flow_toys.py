"""Test nats of flows on toys, beside the data's own entropy: how near to the truth do they come?

Every flow has the same rounds of the same batches, and what else its recipe says. The gap is the mean of
log p(x) - log q(x) over 10,000 test rows that are fresh draws: how many nats the flow is above the
entropy, which no model can be below. The picture shows the densities of seed 0.
"""

import base64
import inspect
import statistics
import time
import zlib
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.core import Model
from genus.data import load
from genus.density import GaussianMixture
from genus.flow import Coupling, Flow, Standard
from genus.functional.densities.estimates import mean_error
from genus.media.style import canvas
from genus.recipes import find
from genus.train.fit import fit
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, first_losses, size, with_error

DATA = ("moons", "checkerboard", "spirals", "rings")
RUN = Run(rounds=2000, batch=256, lr=2e-3, clip=1.0, ema=0.99, device="cpu")
ENOUGH = 10_000  # rows to standardise with
REACH = {"moons": (0.5, 0.25, 2.2), "checkerboard": (0, 0, 4.8), "spirals": (0, 0, 3.9)}
SIDE = 100  # pixels of a density in the picture
Train = Callable[..., Model]  # of the data's name and the run


def with_mixture(data: str, run: Run, components: int) -> Model:
    """RealNVP's couplings, from a mixture of normals that learns with them."""
    torch.manual_seed(run.seed)
    source = load(data)
    base = GaussianMixture(source.space, components, "diagonal")
    couplings = [Coupling(2, flip=i % 2 == 1) for i in range(12)]
    model = Flow(source.space, [Standard((2,)), *couplings], base)
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    return fit(model, source.train, run, schedule=cosine)


# what each is called, and how it is trained
FLOWS: dict[str, tuple[str, Train]] = {
    "planar": ("planar", find("planar")),
    "radial": ("radial", find("radial")),
    "nice": ("NICE", find("nice")),
    "realnvp": ("RealNVP", find("realnvp")),
    "mixture": ("affine couplings, mixture of 10 as base", partial(with_mixture, components=10)),
    "maf": ("MAF", find("maf")),
    "iaf": ("IAF", find("iaf")),
    "nsf": ("NSF, couplings", find("nsf")),
    "nsf_ar": ("NSF, autoregressive", partial(find("nsf"), autoregressive=True)),
    "residual_flow": ("residual flow", find("residual_flow")),
    "ffjord": ("FFJORD", find("ffjord")),
}
SLOW = ("planar", "iaf", "residual_flow", "ffjord")  # a seed less


BENCH = Bench(
    __file__,
    "Flows on toys: test nats beside the entropy",
    "flow | data | parameters | entropy | test nats | gap, nats | over seeds (how many) | CPU seconds",
    lambda options: {
        "data": "endless draws; 10,000 fresh ones for the test",
        "rounds": options.rounds,
        "batch": RUN.batch,
        "optimiser": "Adam at the recipe's rate, cosine, averaged weights",
        "gap": "mean of log p(x) - log q(x) over the test rows",
    },
    """
    Nats and gap are means over the seeds; ± is one seed's standard error over test rows.

    Rounds are the same, time is not: the last column says what a training took.
    """,
    weights="average",
    options={"rounds": (2000, "rounds of each training")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in DATA:
        yield Cell(f"entropy/{data}", partial(entropy, data))
    for seed in range(3):
        for data in DATA:
            for flow, (_, train) in FLOWS.items():
                if seed < (2 if flow in SLOW else 3):
                    work = partial(train, data)
                    run = replace(run_of(flow), rounds=options.rounds, seed=seed)
                    probe = partial(first_losses, work, run) if seed == 0 else None
                    yield Cell(f"{flow}/{data}/{seed}", partial(measure, work, data, run), probe)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in DATA:
        for flow, (title, _) in FLOWS.items():
            runs = [found[key] for seed in range(3) if (key := f"{flow}/{data}/{seed}") in found]
            if runs:
                means = {
                    k: statistics.mean(run[k] for run in runs) for k in runs[0] if k != "density"
                }
                gaps = [run["gap"] for run in runs]
                table.append(
                    [
                        title,
                        data,
                        f"{runs[0]['parameters']:,}",
                        f"{found[f'entropy/{data}']:.3f}" if f"entropy/{data}" in found else "",
                        f"{means['nats']:.3f}",
                        with_error(means["gap"], means["error"], 3),
                        f"{min(gaps):.3f} to {max(gaps):.3f} ({len(gaps)})",
                        f"{means['seconds']:.0f}",
                    ]
                )
    return table


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    """The densities of seed 0, a line for each data set, the truth first."""
    shown = [f for f in FLOWS if any(f"{f}/{data}/0" in found for data in DATA)]
    figure = canvas(1.05 * (len(shown) + 1), 4.9)
    axes = figure.subplots(len(DATA), len(shown) + 1, squeeze=False)
    for line, data in zip(axes, DATA, strict=True):
        runs = [found.get(f"{flow}/{data}/0") for flow in shown]
        images = [seen(load(data).log_prob, data).numpy()]
        images += [unpacked(run["density"]) if run else np.zeros((SIDE, SIDE)) for run in runs]
        labels = [data, *(f"{run['gap']:.3f}" if run else "" for run in runs)]
        for axis, image, label in zip(line, images, labels, strict=True):
            axis.imshow(image, origin="lower", cmap="magma", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(label, labelpad=1)
    short = {"nsf_ar": "NSF, autoreg.", "mixture": "mixture"}
    titles = [short.get(flow, FLOWS[flow][0].split(",")[0]) for flow in shown]
    for axis, title in zip(axes[0], ["truth", *titles], strict=True):
        axis.set_title(title, fontsize=8)
    return figure


def entropy(data: str) -> float | None:
    """Of the truth, nats; some toys' is an integral over a fine lattice."""
    return load(data).entropy


def run_of(flow: str) -> Run:
    """A recipe's own run, but for its batch."""
    if flow == "mixture":
        return RUN
    own = inspect.signature(find(flow.removesuffix("_ar"))).parameters["run"].default
    return replace(own, batch=RUN.batch, device="cpu")


def measure(train: Train, data: str, run: Run) -> dict[str, Any]:
    """One training, and how far from the truth it ends."""
    begun = time.process_time()
    model = train(run=run)
    seconds = time.process_time() - begun
    log_prob, source = model.log_prob, load(data)
    (x,) = source.test.everything()
    with torch.no_grad():
        log_q = torch.cat([log_prob(rows) for rows in x.split(1000)]).double()
    gap, error = mean_error(source.log_prob(x).double() - log_q)
    result: dict[str, Any] = {
        "nats": -log_q.mean().item(),
        "gap": gap,
        "error": error,
        "parameters": size(model),
        "seconds": seconds,
    }
    return result | ({"density": packed(seen(log_prob, data))} if run.seed == 0 else {})


def seen(log_prob: Callable[[Tensor], Tensor], data: str) -> Tensor:
    """A density on a square, (SIDE, SIDE), the largest values cut off: 255 where they are."""
    across, up, reach = REACH.get(data, (0, 0, 3.8))
    side = torch.linspace(-reach, reach, SIDE)
    points = torch.cartesian_prod(side, side).flip(1) + torch.tensor([across, up])
    with torch.no_grad():
        p = torch.cat([log_prob(rows) for rows in points.split(2000)]).exp()
    p = p.nan_to_num(0.0, posinf=0.0)
    top = load(data).log_prob(points).exp().quantile(0.99)
    return (255 * (p / top).clamp(0, 1)).round().byte().view(SIDE, SIDE)


def packed(image: Tensor) -> str:
    """An image of bytes as text."""
    return base64.b64encode(zlib.compress(image.numpy().tobytes())).decode()


def unpacked(text: str) -> Any:
    """`packed` undone, (SIDE, SIDE)."""
    raw = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(raw, dtype=np.uint8).reshape(SIDE, SIDE)


if __name__ == "__main__":
    BENCH.main()
