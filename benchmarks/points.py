"""PointFlow on families of surfaces and on chairs, beside clouds that are easy to come by.

    python benchmarks/points.py [--data shapes chairs] [--seeds 0 1] [--rounds 2000] [--clouds 100]
                                [--out FILE] [--picture FILE]

Test clouds are compared with as many learning clouds, with clouds of one Gaussian fitted to all learning
points, with learning clouds to which noise was added, and with samples of PointFlow, whose flow of
points is couplings or, as in the paper, continuous. Chairs are read from the folder that GENUS_DATA names.
Each row is written when it is done, and a second call goes on with those that are missing; the picture is
drawn by the first seed.
"""

import argparse
import io
import json
import platform
import statistics
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from genus import Run, __version__
from genus.data import Data, load
from genus.data.points.points import Clouds, Voxels
from genus.data.splits import stream
from genus.flow import PointFlow
from genus.measure.structure.points import chamfer, earth_mover, values
from genus.recipes.flow.pointflow import RUN, pointflow
from genus.show.pictures import Picture, clouds
from genus.show.style import style

ROOT = Path(__file__).parent.parent
FEW = 256  # points of each cloud, for earth mover's distances
NOISE = 0.2  # of noisy copies, in standard deviations of all learning points
BARS = ("training clouds", "one Gaussian of all points", f"training clouds, noise {NOISE}")
COUPLINGS, CONTINUOUS = "PointFlow, couplings", "PointFlow, continuous"
MODELS = {COUPLINGS: {}, CONTINUOUS: {"continuous": True, "maps": 1}}
SETTINGS = {"chairs": {"latent": 32}}
SLOWER = 2  # times as long takes a round of continuous flows: they have fewer
MEASURED: dict[str, tuple[float, int]] = {  # the factor, and the digits that are told
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
COLUMNS = ["Clouds", "Data", "MMD-CD x 1000", "COV-CD", "1-NNA-CD", "MMD-EMD x 100", "COV-EMD"]
COLUMNS += ["1-NNA-EMD", "reconstruction CD x 1000", "bound, nats per point", "CPU seconds"]
NOTES = [
    (
        "CD is of squared distances, the means of both directions added; EMD is exact, of the first "
        f"{FEW} points. 1-NNA is best at 0.5; the row of training clouds is what a perfect model gets."
    ),
    (
        "The unit of families is that of their half-axes, 0.3 to 1; chairs are normalised by the mean "
        "of each axis and one deviation over all learning points."
    ),
    (
        "Reconstruction: each test cloud against new points of the shape that it is encoded as; of "
        "training clouds, against other points of the same surface, which is the best there is."
    ),
    (
        "Chairs of PointFlow have a lower MMD than real ones, but cover fewer test chairs and are told "
        "apart more easily (1-NNA): MMD does not see what is missing, and is not to be read alone."
    ),
    (
        "Continuous flows, of one seed, have learnt for half as many rounds: about as long. Of families "
        "they are less sharp (reconstruction) and as well spread; of chairs, couplings are ahead."
    ),
    "Two numbers with ± are mean and standard deviation over the seeds. CPU seconds are of training.",
]
Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", nargs="+", default=["shapes", "chairs"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--rounds", type=int, default=RUN.rounds)
    parser.add_argument("--clouds", type=int, default=100)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/points.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/pointflow.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "clouds": f"{options.clouds} made and {options.clouds} test clouds of 512 points (chairs: 83)",
        "points of EMD": FEW,
        "rounds": f"{options.rounds}; continuous {options.rounds // SLOWER}, about as long",
        "batch": RUN.batch,
        "lr": RUN.lr,
        "weights": "averaged",
        "couplings": "6 of 8-bin splines, 2 x 64 units; latent 16, of chairs 32",
        "continuous": "1 flow, 2 x 64 units, 8 steps of the midpoint rule; latents alike",
        "metrics": "Yang et al. 2019, arXiv:1906.12320; distances exact",
    }
    runs: dict[str, Row] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    benches = {name: Bench(load(name), options.clouds) for name in options.data}
    for name, bench in benches.items():
        for bar in BARS:
            if (key := f"{name}/{bar}/0") not in runs:
                keep(options.out, protocol, runs, key, bench.bar(bar))
    first, *others = options.seeds
    shown: dict[str, PointFlow] = {}
    for title, seed in ((COUPLINGS, first), (CONTINUOUS, first), *((COUPLINGS, s) for s in others)):
        for name, bench in benches.items():
            if (key := f"{name}/{title}/{seed}") in runs:
                continue
            rounds = options.rounds // (1 if title == COUPLINGS else SLOWER)
            run = replace(RUN, rounds=rounds, seed=seed, device="cpu")
            model, row = bench.learnt(SETTINGS.get(name, {}) | MODELS[title], run)
            keep(options.out, protocol, runs, key, row)
            if title == COUPLINGS and seed == first:
                shown[name] = model
                if len(shown) == len(benches):  # a run that was gone on with keeps its picture
                    draw(shown, options.picture)
    write(options.out, protocol, runs)


class Bench:
    """What clouds of one data set are worth, the test clouds being measured once.

    Args:
        data: of clouds.
        clouds: how many are compared.
    """

    def __init__(self, data: Data, clouds: int):
        self.data = data
        self.train, self.test = (s.everything()[0] for s in (data.train, data.test))
        self.n = min(clouds, len(self.test))
        self.real = self.test[: self.n]
        few = self.real[:, :FEW]
        self.known = chamfer(self.real, self.real), earth_mover(few, few)

    def bar(self, title: str) -> Row:
        """The row of clouds that nobody has learnt to make."""
        torch.manual_seed(0)
        train, spread = self.train[: self.n], self.train.std()
        if title == BARS[0]:
            return self.measured(train) | {"reconstruction": self.again()}
        if title == BARS[1]:
            points = self.train.flatten(0, 1)
            scale = torch.linalg.cholesky(points.T.cov())
            return self.measured(points.mean(0) + torch.randn_like(train) @ scale.T)
        return self.measured(train + NOISE * spread * torch.randn_like(train))

    def learnt(self, settings: dict[str, Any], run: Run) -> tuple[PointFlow, Row]:
        """A model that was trained, and its row."""
        begun = time.process_time()
        model = pointflow(self.data.name, run=run, **settings)
        seconds = time.process_time() - begun
        if not isinstance(model, PointFlow):
            raise TypeError(f"points: the recipe made a {type(model).__name__}")
        model.eval()
        torch.manual_seed(run.seed)
        with torch.no_grad():
            bound = torch.stack([model.elbo(self.real) for _ in range(8)]).mean().item()
            row = self.measured(model.sample(self.n))
            row["reconstruction"] = self.apart(model.reconstruct(self.real))
        row |= {"bound": bound / self.real.shape[1], "seconds": seconds}
        return model, row

    def measured(self, made: Tensor) -> Row:
        """The three measures by both distances."""
        few_made, few_real = made[:, :FEW], self.real[:, :FEW]
        by_chamfer = values(chamfer(made, self.real), chamfer(made, made), self.known[0])
        by_pairing = values(
            earth_mover(few_made, few_real), earth_mover(few_made, few_made), self.known[1]
        )
        found = {f"{k}-CD": v for k, v in by_chamfer._asdict().items()}
        return found | {f"{k}-EMD": v for k, v in by_pairing._asdict().items()}

    def apart(self, made: Tensor) -> float:
        """The mean Chamfer distance of each cloud to its own test cloud."""
        pairs = zip(made, self.real, strict=True)
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


# --- what is written --------------------------------------------------------------------------


def keep(path: Path, protocol: dict[str, Any], runs: dict[str, Row], key: str, row: Row) -> None:
    runs[key] = row
    write(path, protocol, runs)
    print(key, {name: round(value, 4) for name, value in row.items()}, flush=True)


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Row]) -> None:
    """The table so far, over the seeds that are there."""
    rows = []
    for name in dict.fromkeys(key.split("/")[0] for key in runs):
        for title in (*BARS, *MODELS):
            found = [row for key, row in runs.items() if key.startswith(f"{name}/{title}/")]
            if found:
                told = [spread(found, *column) for column in MEASURED.items()]
                rows.append([title, name, *told])
    content = {
        "title": "PointFlow on families of surfaces and on chairs",
        "command": "python benchmarks/points.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": NOTES,
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def spread(found: list[Row], name: str, told: tuple[float, int]) -> str:
    """Mean and standard deviation of a value over the seeds, times a factor, in so many digits."""
    if name not in found[0]:
        return ""
    scale, digits = told
    each = [scale * row[name] for row in found]
    error = f" ± {statistics.stdev(each):.{digits}f}" if len(each) > 1 else ""
    return f"{statistics.mean(each):.{digits}f}{error}"


def draw(models: dict[str, PointFlow], path: Path) -> None:
    """Test clouds, what they are encoded as, new shapes, few and many points of them, and a line in w."""
    columns, lines = 10, []
    for name, model in models.items():
        torch.manual_seed(0)
        real = load(name).test.everything()[0][:columns]
        with torch.no_grad():
            z = model.noise(columns, model.latent)
            z = z if model.prior is None else model.prior.sample(columns)
            fewer = model.decode(z, torch.randn(columns, real.shape[1], 3))
            many = model.decode(z, torch.randn(columns, 2048, 3))
            between = model.interpolate(real[1:2], real[4:5], columns)[0]
            made = model.reconstruct(real)
        reach = 1.05 * real.norm(dim=2).max().item()
        lines += [
            (f"{name}: test", clouds(real, reach)),
            ("reconstructed", clouds(made, reach)),
            ("new", clouds(fewer, reach)),
            ("the same,\n2,048 points", clouds(many, reach)),
            ("from the second\nto the fifth", clouds(between, reach)),
        ]
    save(lines, path)


def save(lines: list[tuple[str, Picture]], path: Path, left: int = 120, shades: int = 24) -> None:
    """Lines of tiles, (n, side, side, 3), each with its title at the left, pixel by pixel."""
    n, side = lines[0][1].shape[:2]
    width, height = left + n * side, len(lines) * side
    with style():
        figure = Figure(figsize=(width / 100, height / 100), dpi=100)
        for i, (title, tiles) in enumerate(lines):
            below = (len(lines) - 1 - i) * side
            figure.figimage(np.concatenate([*tiles], 1), left, below)
            middle = (left - 8) / width, (below + side / 2) / height
            figure.text(*middle, title, ha="right", va="center", fontsize=8)
        raw = io.BytesIO()
        figure.savefig(raw, format="png", dpi=100)
    few = (
        Image.open(raw)
        .convert("RGB")
        .quantize(shades, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
