"""How good samples are after 1, 2, 5, 10, 20 and 50 evaluations of the network, sampler by sampler.

DDIM, Heun, DPM-Solver++ and UniPC share one EDM, at the same times; flow matching, the rectified flow
made from it and the consistency model distilled from the EDM are networks of the same size, and so
is flow matching whose batches are coupled by optimal transport. Each is trained once; the seeds are those
of the samples.
"""

import copy
import statistics
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus.core import Model
from genus.data import load
from genus.diffusion import DDIM, ConsistencyModel, Diffusion, DPMSolver, Heun, Pairs, UniPC
from genus.diffusion.sampler import Sampler
from genus.functional.densities.distances import frechet, mmd, moments, polynomial_kernel
from genus.functional.diffusion.spacings import Karras, WithoutLast, even
from genus.measure import oracle, real_floor
from genus.measure.rows import judging, shuffled
from genus.media.style import canvas
from genus.recipes.diffusion.edm import edm
from genus.recipes.diffusion.flow_matching import flow_matching
from genus.train.fit import fit
from genus.train.run import Run
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses, spread, trained

DATA, FLOOR = "digits", "real images"
COUNTS, SEEDS = (1, 2, 5, 10, 20, 50), (0, 1, 2)
SAMPLES, PAIRS, ENDS, TIMES = 1000, 8000, 41, 18
LATER = 0.75  # of the rounds, for what is made from a trained network
KARRAS, EVEN = WithoutLast(Karras()), WithoutLast(even)
SYSTEMS: dict[str, tuple[str, Callable[[int], Sampler] | None]] = {  # network, and its sampler
    "DDIM": ("EDM", lambda n: DDIM(n, spacing=KARRAS)),
    "Heun": ("EDM", lambda n: Heun(n, KARRAS)),
    "DPM-Solver++ 2M": ("EDM", lambda n: DPMSolver(n, spacing=KARRAS)),
    "UniPC 2": ("EDM", lambda n: UniPC(n, spacing=KARRAS)),
    "Flow matching, Euler": ("flow matching", lambda n: DDIM(n, spacing=EVEN)),
    "Coupled flow, Euler": ("coupled flow", lambda n: DDIM(n, spacing=EVEN)),
    "Rectified flow, Euler": ("rectified flow", lambda n: DDIM(n, spacing=EVEN)),
    "Consistency": ("consistency", None),
}
MEASURES = {"Frechet": "frechet", "Kernel distance": "kernel_distance"}
COLOURS, MARKS = "01234456", "os^DvPxo"


def judged(options: Namespace) -> dict[str, Any]:
    account = oracle(DATA).account()
    return {
        "data": f"{DATA}, test split",
        "rows": len(load(DATA).test),
        "samples": SAMPLES,
        "seeds": SEEDS,
        "oracle": f"{account['hash']}, {account['features']} features",
        "rounds": options.rounds,
        "batch": 64,
        "weights": "averaged",
        "pairs": PAIRS,
    }


BENCH = Bench(
    __file__,
    f"Samples of {DATA} against evaluations of the network",
    "Figure | Sampler | Network | " + " | ".join(map(str, COUNTS)),
    judged,
    """
    Distances are taken in the features of the named oracle; FID, which wants the Inception network, was
    not measured: these figures may not stand beside published ones.

    Mean ± standard deviation over the seeds of the samples, of one trained network each.

    DDIM, Heun, DPM-Solver++ and UniPC ask the same EDM at times spaced as EDM's, but for the last of
    them, at which there is next to no noise: without it the few steps of each are worth more. Heun makes
    half as many steps of two evaluations. The flows take even steps, Euler's.

    The rectified flow and the consistency model were trained for more: each begins with the weights of
    a trained network, and learns for three quarters as many rounds again.

    The floor is what as many training images score in the place of samples.

    With 50 looks the consistency model is worse than with 20: most are at little noise, and each, it
    seems, adds a small error of the model's own.

    Minutes are of the processor, for training, pairs included.
    """,
    weights="average",
    options={
        "rounds": (4000, "rounds of each training"),
        "weights": (Path, "folder in which runs are kept and continued"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell(FLOOR, floor)
    for name in NETWORKS:
        work = partial(minutes, name, options.rounds, options.weights)
        yield Cell(f"training: {name}", work, partial(first_of, name, options.rounds))
    for name in SYSTEMS:
        yield Cell(name, partial(measure, name, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for figure in MEASURES:
        for name, (network, _) in SYSTEMS.items():
            if at := found.get(name):
                table.append(
                    [figure, name, network, *(spread(at[str(n)][figure], 3) for n in COUNTS)]
                )
        if FLOOR in found:
            table.append([figure, FLOOR, "", *[f"{found[FLOOR][figure]:.3f}"] * len(COUNTS)])
    for name in NETWORKS:
        if took := found.get(f"training: {name}"):
            row = ["CPU minutes of training", "", name, f"{took['minutes']:.1f}"]
            table.append(row + [""] * (len(COUNTS) - 1))
    return table


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    figure = canvas(6.4, 4.2)
    axes = figure.subplots()
    for i, name in enumerate(SYSTEMS):
        if at := found.get(name):
            axes.plot(
                COUNTS,
                [statistics.mean(at[str(n)]["Frechet"]) for n in COUNTS],
                "-" if SYSTEMS[name][0] == "EDM" else "--",
                marker=MARKS[i],
                markersize=4.5,
                label=name,
                color=f"C{COLOURS[i]}",
            )
    least = found[FLOOR]["Frechet"]
    axes.axhline(least, color="C7", linewidth=1, linestyle=":")
    axes.annotate(FLOOR, (50, least), fontsize=8, va="top", ha="right")
    axes.set(xscale="log", yscale="log", xlabel="evaluations of the network")
    axes.set(ylabel="Frechet distance, oracle's features", xticks=COUNTS)
    axes.set_xticklabels([*map(str, COUNTS)])
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.set_title(f"{DATA}: {SAMPLES} samples")
    axes.legend()
    return figure


# --- the networks -----------------------------------------------------------------------------


def rectified(first: Diffusion, run: Run, pairs: int = PAIRS) -> Model:
    """As the recipe of this name trains it, on the flow that is there."""
    torch.manual_seed(0)
    net = copy.deepcopy(first.net).requires_grad_(True)
    model = Diffusion(net, first.space, first.path, first.parametrisation, first.sampler)
    return fit(model, Pairs.of(first, pairs, Heun(ENDS, even)), run, schedule=warmed(cosine))


def consistency(teacher: Diffusion, run: Run) -> Model:
    """As the recipe of this name trains it, by the EDM that is there."""
    asked = teacher.parametrisation
    torch.manual_seed(0)
    net = copy.deepcopy(teacher.net).requires_grad_(True)
    model = ConsistencyModel(net, teacher.space, teacher.path, teacher, asked.deviation, TIMES)
    return fit(model, load(DATA).train, run, schedule=warmed(cosine))


# how each is trained, at which rate, and from which other network
NETWORKS: dict[str, tuple[Callable[..., Model], float, str]] = {
    "EDM": (partial(edm, DATA), 3e-3, ""),
    "flow matching": (partial(flow_matching, DATA), 3e-3, ""),
    "coupled flow": (partial(flow_matching, DATA, True), 3e-3, ""),
    "rectified flow": (rectified, 2e-3, "flow matching"),
    "consistency": (consistency, 1e-3, "EDM"),
}


def run_of(name: str, rounds: int) -> Run:
    _, lr, first = NETWORKS[name]
    rounds = max(1, round((LATER if first else 1) * rounds))
    ema = 0.995 if rounds > 1000 else 0.9
    return Run(rounds, batch=64, lr=lr, ema=ema, device="cpu", evaluate_every=rounds + 1)


@cache
def network(name: str, rounds: int, folder: Path | None) -> tuple[Model, float]:
    """A trained network, and the CPU minutes that it took, without those of the one it begins with."""
    train, _, first = NETWORKS[name]
    given = [network(first, rounds, folder)[0]] if first else []
    place = folder and folder / name.replace(" ", "_")
    return trained(partial(train, *given), run_of(name, rounds), place)


def minutes(name: str, rounds: int, folder: Path | None) -> dict[str, float]:
    return {"minutes": network(name, rounds, folder)[1]}


def first_of(name: str, rounds: int) -> list[float]:
    """The first losses; a network that begins with another one begins with that one's first rounds."""
    train, _, first = NETWORKS[name]
    if not first:
        return first_losses(train, run_of(name, rounds))
    given, _ = network(first, 20, None)
    fewer = {"pairs": 256} if train is rectified else {}
    return first_losses(partial(train, given, **fewer), run_of(name, rounds))


# --- the figures ------------------------------------------------------------------------------


def seen(x: Tensor) -> Tensor:
    """Features of the oracle."""
    return oracle(DATA).see(x, load(DATA).space).features


def floor() -> dict[str, float]:
    found = {f.name: f.value for f in real_floor(load(DATA), samples=SAMPLES, oracle=oracle(DATA))}
    return {title: found[name] for title, name in MEASURES.items()}


def distances(x: Tensor) -> dict[str, float]:
    test = load(DATA).test
    (rows,) = shuffled(test.everything()[:1], len(test))
    real, features = seen(rows), seen(x)
    value, _ = mmd(
        polynomial_kernel(real, real),
        polynomial_kernel(features, features),
        polynomial_kernel(real, features),
    )
    distance = frechet(*moments(real), *moments(features))
    return {"Frechet": distance.item(), "Kernel distance": value.item()}


def measure(name: str, options: Namespace) -> dict[str, dict[str, list[float]]]:
    """{evaluations: {figure: one for each seed}}."""
    title, sampler = SYSTEMS[name]
    model: Any = network(title, options.rounds, options.weights)[0]
    found: dict[str, dict[str, list[float]]] = {}
    for count in COUNTS:
        how = {"sampler": sampler(count)} if sampler else {"evaluations": count}
        values = found[str(count)] = {figure: [] for figure in MEASURES}
        for seed in SEEDS:
            with judging(model, seed):
                x = torch.cat([model.sample(250, **how) for _ in range(SAMPLES // 250)])
                for figure, value in distances(x).items():
                    values[figure].append(value)
    return found


if __name__ == "__main__":
    BENCH.main()
