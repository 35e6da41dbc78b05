"""PointFlow on families of surfaces and on chairs, beside clouds that are easy to come by.

Test clouds are compared with as many learning clouds, with clouds of one Gaussian fitted to all learning
points, with learning clouds to which noise was added, and with samples of PointFlow, whose flow of
points is couplings or, as in the paper, continuous. Chairs are read from the folder that GENUS_DATA names.
The picture is drawn by the first seed.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run
from genus.data import load
from genus.data.points.points import Clouds, Voxels
from genus.data.splits import stream
from genus.flow import PointFlow
from genus.measure.structure.points import chamfer, earth_mover, values
from genus.media.pictures import Picture, clouds
from genus.media.style import DPI
from genus.recipes.flow.pointflow import RUN, pointflow

from ..bench import Bench, Cell, Cells, Table, first_losses, spread

FEW = 256  # points of each cloud, for earth mover's distances
NOISE = 0.2  # of noisy copies, in standard deviations of all learning points
BARS = ("training clouds", "one Gaussian of all points", f"training clouds, noise {NOISE}")
COUPLINGS, CONTINUOUS = "PointFlow, couplings", "PointFlow, continuous"
MODELS = {COUPLINGS: {}, CONTINUOUS: {"continuous": True, "maps": 1}}
SEEDS = {COUPLINGS: (0, 1), CONTINUOUS: (0,)}
SETTINGS: dict[str, dict[str, Any]] = {"shapes": {}, "chairs": {"latent": 32}}
SLOWER = 2  # times as long takes a round of continuous flows: they have fewer
MEASURED = {  # the factor, and the number of digits
    "mmd-CD": (1000, 1),
    "coverage-CD": (1, 2),
    "one_nn-CD": (1, 2),
    "mmd-EMD": (100, 1),
    "coverage-EMD": (1, 2),
    "one_nn-EMD": (1, 2),
    "reconstruction": (1000, 1),
    "bound": (1, 2),
    "seconds": (1, 0),
}
Row = dict[str, float]


BENCH = Bench(
    __file__,
    "PointFlow on families of surfaces and on chairs",
    "Clouds | Data | MMD-CD x 1000 | COV-CD | 1-NNA-CD | MMD-EMD x 100 | COV-EMD | 1-NNA-EMD | "
    "reconstruction CD x 1000 | bound, nats per point | CPU seconds",
    lambda options: {
        "clouds": f"{options.clouds} made and {options.clouds} test clouds of 512 points (chairs: 83)",
        "points of EMD": FEW,
        "rounds": f"{options.rounds}; continuous {options.rounds // SLOWER}, about as long",
        "batch": RUN.batch,
        "lr": RUN.lr,
        "weights": "averaged",
        "couplings": "6 of 8-bin splines, 2 x 64 units; latent 16, of chairs 32",
        "continuous": "1 flow, 2 x 64 units, 8 steps of the midpoint rule; latents alike",
        "metrics": "Yang et al. 2019, arXiv:1906.12320; distances exact",
    },
    f"""
    CD is of squared distances, the means of both directions added; EMD is exact, of the first {FEW}
    points. 1-NNA is best at 0.5; the row of training clouds is what a perfect model gets.

    The unit of families is that of their half-axes, 0.3 to 1; chairs are normalised by the mean of each
    axis and one deviation over all learning points.

    Reconstruction: each test cloud against new points of the shape that it is encoded as; of training
    clouds, against other points of the same surface, which is the best there is.

    Chairs of PointFlow have a lower MMD than real ones, but cover fewer test chairs and are told apart
    more easily (1-NNA): MMD does not see what is missing, and is not to be read alone.

    Continuous flows, of one seed, have learnt for half as many rounds: about as long. Of families they
    are less sharp (reconstruction) and as well spread; of chairs, couplings are ahead.

    Two numbers with ± are mean and standard deviation over the seeds. CPU seconds are of training.
    """,
    weights="average",
    options={
        "rounds": (RUN.rounds, "rounds of a training; half as many for continuous flows"),
        "clouds": (100, "number of clouds that are compared"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in SETTINGS:
        for bar in BARS:
            work = partial(of_bar, data, bar, options.clouds)
            yield Cell(f"{data}/{bar}/0", work)
        for title, seeds in SEEDS.items():
            for seed in seeds:
                yield Cell(
                    f"{data}/{title}/{seed}",
                    partial(of_model, data, title, seed, options),
                    partial(
                        first_losses,
                        partial(train, data, title),
                        run_of(title, seed, options.rounds),
                    ),
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in SETTINGS:
        for title in (*BARS, *MODELS):
            keys = [f"{data}/{title}/{seed}" for seed in SEEDS.get(title, (0,))]
            if runs := [found[key] for key in keys if key in found]:
                figures = [
                    spread([scale * run[name] for run in runs], digits) if name in runs[0] else ""
                    for name, (scale, digits) in MEASURED.items()
                ]
                table.append([title, data, *figures])
    return table


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    """Test clouds, what they are encoded as, new shapes, few and many points of them, and a line in w."""
    columns, lines = 10, []
    for name in SETTINGS:
        model, _ = learned(name, COUPLINGS, 0, options.rounds)
        torch.manual_seed(0)
        real = load(name).test.everything()[0][:columns]
        with torch.no_grad():
            z = model.noise(columns, model.latent)
            z = z if model.prior is None else model.prior.sample(columns)
            fewer = model.decode(z, torch.randn(columns, real.shape[1], 3))
            many = model.decode(z, torch.randn(columns, 2048, 3))
            between = model.interpolate(real[1:2], real[4:5], columns)[0]
            again = model.reconstruct(real)
        reach = 1.05 * real.norm(dim=2).max().item()
        lines += [
            (f"{name}: test", clouds(real, reach)),
            ("reconstructed", clouds(again, reach)),
            ("new", clouds(fewer, reach)),
            ("the same,\n2,048 points", clouds(many, reach)),
            ("from the second\nto the fifth", clouds(between, reach)),
        ]
    return tiles(lines)


def run_of(title: str, seed: int, rounds: int) -> Run:
    rounds //= 1 if title == COUPLINGS else SLOWER
    return replace(RUN, rounds=rounds, seed=seed, device="cpu")


def train(data: str, title: str, run: Run) -> PointFlow:
    model = pointflow(data, run=run, **SETTINGS[data], **MODELS[title])
    return model.eval()


@cache
def learned(data: str, title: str, seed: int, rounds: int) -> tuple[PointFlow, float]:
    """A model that was trained, and the CPU seconds that it took."""
    begun = time.process_time()
    return train(data, title, run_of(title, seed, rounds)), time.process_time() - begun


def of_bar(data: str, title: str, n: int) -> Row:
    """The row of clouds that nobody has learnt to make."""
    against = Comparison.of(data, n)
    torch.manual_seed(0)
    points = against.train
    x, noise = points[: against.n], points.std()
    if title == BARS[0]:
        return against.measured(x) | {"reconstruction": against.again()}
    if title == BARS[1]:
        points = points.flatten(0, 1)
        scale = torch.linalg.cholesky(points.T.cov())
        return against.measured(points.mean(0) + torch.randn_like(x) @ scale.T)
    return against.measured(x + NOISE * noise * torch.randn_like(x))


def of_model(data: str, title: str, seed: int, options: Namespace) -> Row:
    """The row of a model."""
    against = Comparison.of(data, options.clouds)
    model, seconds = learned(data, title, seed, options.rounds)
    torch.manual_seed(seed)
    with torch.no_grad():
        bound = torch.stack([model.elbo(against.real) for _ in range(8)]).mean().item()
        row = against.measured(model.sample(against.n))
        row["reconstruction"] = against.apart(model.reconstruct(against.real))
    return row | {"bound": bound / against.real.shape[1], "seconds": seconds}


class Comparison:
    """What clouds of one data set are worth, the test clouds being measured once.

    Args:
        data: name of data of clouds.
        n: how many are compared.
    """

    def __init__(self, data: str, n: int):
        self.data = load(data)
        self.train, self.test = (s.everything()[0] for s in (self.data.train, self.data.test))
        self.n = min(n, len(self.test))
        self.real = self.test[: self.n]
        few = self.real[:, :FEW]
        self.known = chamfer(self.real, self.real), earth_mover(few, few)

    @staticmethod
    @cache
    def of(data: str, n: int) -> "Comparison":
        return Comparison(data, n)

    def measured(self, x: Tensor) -> Row:
        """The three measures by both distances."""
        few, few_real = x[:, :FEW], self.real[:, :FEW]
        by_chamfer = values(chamfer(x, self.real), chamfer(x, x), self.known[0])
        by_pairing = values(earth_mover(few, few_real), earth_mover(few, few), self.known[1])
        found = {f"{k}-CD": v for k, v in by_chamfer._asdict().items()}
        return found | {f"{k}-EMD": v for k, v in by_pairing._asdict().items()}

    def apart(self, x: Tensor) -> float:
        """The mean Chamfer distance of each cloud to its own test cloud."""
        pairs = zip(x, self.real, strict=True)
        return statistics.mean(chamfer(a[None], b[None]).item() for a, b in pairs)

    def again(self) -> float:
        """That of other points of the same surfaces."""
        split, noise = self.data.test, stream("again")
        if isinstance(split, Clouds):
            kind = torch.zeros(self.n, dtype=torch.int64)
            kind = kind if split.labels is None else split.labels[: self.n]
            return self.apart(split.family.clouds(split.parameters[: self.n], kind, noise))
        if isinstance(split, Voxels):
            return self.apart(split.clouds(torch.arange(self.n), noise))
        raise TypeError(f"points: {split.name} does not know its surfaces")


def tiles(lines: list[tuple[str, Picture]], left: int = 120) -> Figure:
    """Lines of tiles, (n, side, side, 3), each with its title at the left, pixel by pixel."""
    n, side = lines[0][1].shape[:2]
    width, height = left + n * side, len(lines) * side
    figure = Figure(figsize=(width / DPI, height / DPI))
    for i, (title, row) in enumerate(lines):
        below = (len(lines) - 1 - i) * side
        figure.figimage(np.concatenate([*row], 1), left, below)
        middle = (left - 8) / width, (below + side / 2) / height
        figure.text(*middle, title, ha="right", va="center", fontsize=8)
    return figure


if __name__ == "__main__":
    BENCH.main()
