"""The ladder: real pictures, spoilt more and more, in the place of samples. Which measure notices what?

Pictures of the training split stand in for samples. Each rung spoils them further: blur, noise, JPEG, other
colours, a class left out, a rare combination of two attributes left out, copies of training rows instead of
new ones, pictures of another set among them. A measure notices a rung if the spoilt pictures lie further
from the unspoilt ones than five of their standard deviations, over choices of real rows; it is monotone if
it never turns back by more than that on the way up. Data are drawn faces of two hands, from GENUS_DATA.
"""

import io
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genus.core import Pixels
from genus.data import load
from genus.functional.densities.neighbours import manifolds
from genus.measure.extractors.damage import blurred, noisy
from genus.measure.extractors.pictures import RandomLayers, shipped
from genus.measure.samples.samples import frechet_distance, kernel_distance, memorisation
from genus.measure.samples.two_sample import told_apart

from ..bench import Bench, Cell, Cells, Table

CHOICES = 8  # choices of real rows, whose spread is the yardstick
NOTICED = 5.0  # of their standard deviations
MEASURES = (
    "frechet",
    "frechet_random",
    "kernel_distance",
    "kernel_distance_random",
    "told_apart",
    "told_apart_random",
    "precision",
    "recall",
    "density",
    "coverage",
    "memorisation",
)


class Rung(NamedTuple):
    """A way to spoil pictures, and how much in each step."""

    spoil: Callable[["Faces", Tensor, float], Tensor]
    strengths: tuple[float, ...]
    unit: str


class Faces(NamedTuple):
    """Pictures, (n, 3, 64, 64), and what is known of them."""

    train: Tensor
    fresh: Tensor  # pictures that stand in for samples
    others: Tensor  # pictures of another hand
    test: Tensor
    glasses: Tensor  # of fresh, (n,)
    hair: Tensor


BENCH = Bench(
    __file__,
    "The ladder: what the measures of samples notice, and at how many samples",
    "spoilt by | steps | " + " | ".join(MEASURES),
    lambda options: {
        "pictures": "micah: 3,000 training rows, 3,000 others as samples, 2,000 test rows; 64 x 64",
        "other set": "toonhead",
        "samples": ", ".join(map(str, options.samples)),
        "extractor": shipped().account()["hash"],
        "noticed": f"{NOTICED:g} standard deviations over {CHOICES} choices of real rows",
        "neighbours": 5,
        "seed": 0,
    },
    """
    A cell names the mildest step that is noticed, by 500 and by 2,000 samples; a dash where none is. A star:
    not monotone. Steps are those of the second column, from the mildest.
    """,
    options={"samples": ([500, 2000], "numbers of samples")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in RUNGS:
        for n in options.samples:
            yield Cell(f"{name}/{n}", partial(climbed, name, n), partial(first, name))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name, rung in RUNGS.items():
        runs = [found[f"{name}/{n}"] for n in options.samples if f"{name}/{n}" in found]
        if len(runs) < len(options.samples):
            continue
        steps = ", ".join(f"{strength:g}" for strength in rung.strengths)
        cells = [", ".join(noticed(run, measure) for run in runs) for measure in MEASURES]
        table.append([name, f"{steps} {rung.unit}", *cells])
    return table


def noticed(run: dict[str, dict[str, list[float]]], measure: str) -> str:
    """The first step from which on a measure sees that something is wrong; a star if it turns back."""
    real, steps = run["real"][measure], run["steps"][measure]
    middle, spread = float(np.mean(real)), max(float(np.std(real, ddof=1)), 1e-9)
    away = [(value - middle) / spread for value in steps]
    seen = [abs(z) > NOTICED for z in away]
    step = next((str(i + 1) for i in range(len(seen)) if all(seen[i:])), "-")
    sign = 1 if away[-1] >= 0 else -1
    turns = any(sign * (b - a) < -NOTICED for a, b in pairwise(away))
    return step + ("*" if turns else "")


# --- the pictures ------------------------------------------------------------------------------


@cache
def faces() -> Faces:
    """The drawn faces of one hand, divided anew, and those of another."""
    data, other = load("micah"), load("toonhead")
    x = torch.cat([split.everything()[0] for split in data.splits.values()])
    attributes = torch.cat([split.labelled().everything()[1] for split in data.splits.values()])
    names = list(data.attributes)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, attributes = x[order], attributes[order]
    train, fresh, test = x.split([3000, 3000, 2000])
    known = attributes[3000:6000]
    glasses, hair = known[:, names.index("glasses")], known[:, names.index("hair")]
    return Faces(train, fresh, other.train.everything()[0], test, glasses, hair)


def blur(faces: Faces, which: Tensor, sigma: float) -> Tensor:
    x = faces.fresh[which]
    return torch.cat([blurred(part, torch.full((len(part),), sigma)) for part in x.split(250)])


def noise(faces: Faces, which: Tensor, sigma: float) -> Tensor:
    x = faces.fresh[which]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return noisy(x, torch.full((len(x),), sigma))


def jpeg(faces: Faces, which: Tensor, loss: float) -> Tensor:
    """Compressed with a quality of 100 less a loss."""
    found = []
    for levels in ((faces.fresh[which] + 1) * 127.5).round().byte().permute(0, 2, 3, 1):
        file = io.BytesIO()
        Image.fromarray(levels.numpy()).save(file, "JPEG", quality=round(100 - loss))
        found.append(torch.from_numpy(np.array(Image.open(file))))
    return torch.stack(found).permute(0, 3, 1, 2) / 127.5 - 1


def colour(faces: Faces, which: Tensor, shift: float) -> Tensor:
    """More red and less blue."""
    moved = faces.fresh[which] + shift * torch.tensor([1.0, 0.0, -1.0])[:, None, None]
    return moved.clamp(-1, 1)


def without(faces: Faces, which: Tensor, share: float, wrong: Tensor) -> Tensor:
    """With a share of the wrong rows replaced by others."""
    right = (~wrong).nonzero()[:, 0]
    chance = torch.Generator().manual_seed(0)
    gone = wrong[which] & (torch.rand(len(which), generator=chance) < share)
    instead = right[torch.randint(len(right), (len(which),), generator=chance)]
    return faces.fresh[torch.where(gone, instead, which)]


def no_class(faces: Faces, which: Tensor, share: float) -> Tensor:
    """Without round glasses: a third of the faces."""
    return without(faces, which, share, faces.glasses == 1)


def no_mode(faces: Faces, which: Tensor, share: float) -> Tensor:
    """Without one kind of hair of eight, with any glasses: an eighth of two thirds."""
    return without(faces, which, share, (faces.hair == 3) & (faces.glasses > 0))


def copies(faces: Faces, which: Tensor, share: float) -> Tensor:
    """With a share of training rows."""
    count = round(share * len(which))
    return torch.cat([faces.train[which[:count] % len(faces.train)], faces.fresh[which[count:]]])


def mixed(faces: Faces, which: Tensor, share: float) -> Tensor:
    """With a share of faces by another hand."""
    count = round(share * len(which))
    return torch.cat([faces.others[which[:count] % len(faces.others)], faces.fresh[which[count:]]])


RUNGS = {
    "blur": Rung(blur, (0.3, 0.5, 0.8, 1.2, 2.0), "pixels"),
    "noise": Rung(noise, (0.01, 0.02, 0.05, 0.1, 0.2), "of half the range"),
    "JPEG": Rung(jpeg, (5, 15, 30, 50, 80), "below quality 100"),
    "colour": Rung(colour, (0.01, 0.02, 0.05, 0.1, 0.2), "of half the range"),
    "dropped class": Rung(no_class, (0.1, 0.25, 0.5, 0.75, 1.0), "of a third"),
    "dropped mode": Rung(no_mode, (0.25, 0.5, 0.75, 1.0), "of a twelfth"),
    "copies": Rung(copies, (0.05, 0.1, 0.25, 0.5, 1.0), "of all"),
    "another set": Rung(mixed, (0.01, 0.02, 0.05, 0.1, 0.25, 0.5), "of all"),
}


# --- the measures ------------------------------------------------------------------------------


class Eyes(NamedTuple):
    """Both extractors, and what they see in real rows."""

    see: Callable[[Tensor], tuple[Tensor, Tensor]]
    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@cache
def eyes() -> Eyes:
    known, space = faces(), Pixels((3, 64, 64))
    learnt, plain = shipped(), RandomLayers(known.train[:2000], space)

    def see(x: Tensor) -> tuple[Tensor, Tensor]:
        return learnt.see(x, space), plain.see(x, space)

    return Eyes(see, see(known.train), see(known.test))


def values(x: Tensor) -> dict[str, float]:
    """All measures of some pictures."""
    known, seen = eyes(), eyes().see(x)
    found = {}
    for end, real, fake in zip(("", "_random"), known.test, seen, strict=True):
        found[f"frechet{end}"] = frechet_distance(real, fake).value
        found[f"kernel_distance{end}"] = kernel_distance(real, fake).value
        found[f"told_apart{end}"] = told_apart(real, fake)[0]
    cover = manifolds(known.test[0], seen[0], 5)
    found |= {name: rows.mean().item() for name, rows in cover._asdict().items()}
    found["memorisation"] = memorisation(known.train[0], known.test[0], seen[0]).value
    return found


def climbed(name: str, n: int) -> dict[str, dict[str, list[float]]]:
    """All measures of real rows, several times, and of each step."""
    known, rung = faces(), RUNGS[name]
    orders = [
        torch.randperm(len(known.fresh), generator=torch.Generator().manual_seed(i))[:n]
        for i in range(CHOICES + 1)
    ]
    real = [values(known.fresh[which]) for which in orders[1:]]
    steps = [values(rung.spoil(known, orders[0], strength)) for strength in rung.strengths]
    return {
        "real": {measure: [one[measure] for one in real] for measure in MEASURES},
        "steps": {measure: [one[measure] for one in steps] for measure in MEASURES},
    }


def first(name: str) -> list[float]:
    """The measures of a few pictures, for the fingerprint."""
    known, rung = faces(), RUNGS[name]
    x = rung.spoil(known, torch.arange(100), rung.strengths[-1])
    space = Pixels((3, 64, 64))
    seen = RandomLayers(known.train[:200], space)
    real = seen.see(known.test[:200], space)
    return [
        frechet_distance(real, seen.see(x, space)).value,
        told_apart(real, seen.see(x, space))[0],
    ]


if __name__ == "__main__":
    BENCH.main()
