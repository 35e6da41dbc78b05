"""Two ways to make new pictures that are no answers: to alter those that there are, and to list them all.

A generator should make pictures that are new and that are of the data. Altered training pictures are of
the data and not new: their nearest training picture is nearer than that of a held-out one. A list of all
pictures has the new ones, and no one lives to read it to the first of them.

Source: the two are where lectures on generative models begin; here they are measured.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...data import load
from ...density import ProductMixture
from ...media.style import canvas
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = {  # (channels, side, side), levels
    "digits, 8 x 8, 17 levels": ((1, 8, 8), 17),
    "MNIST, 28 x 28, black and white": ((1, 28, 28), 2),
    "MNIST, 28 x 28, 256 levels": ((1, 28, 28), 256),
    "CIFAR-10, 32 x 32, colour": ((3, 32, 32), 256),
    "100 x 100, colour": ((3, 100, 100), 256),
}
EACH_SECOND = 1e9  # pictures that are listed
YEAR = 365.25 * 24 * 3600  # seconds
KINDS = {
    "held": "held-out digits",
    "moved": "moved by a pixel",
    "noisy": "with noise",
    "mixture": "of a mixture of 30 products",
    "all": "of the list of all",
}
WHY = (
    "To alter training pictures is useful for a classifier, and is no model of what a picture is: nothing "
    "new comes of it, and how likely a picture is stays unknown. To list all pictures is a perfect model of "
    "nothing: almost all of them are noise. A generative model has to put its probability where the data "
    "would be if there were more of them."
)
FORMULA = """\
pictures in all = levels^(channels · height · width)
nearness = median distance of a picture to the nearest training picture, moved by up to a pixel,
           over the same median of held-out pictures: 1 is new, 0 is a copy"""


def nonanswers(rows: int = 400, seed: int = 0) -> Outcome:
    """Measures altered digits, listed pictures and samples of a simple model beside held-out digits.

    Args:
        rows: number of pictures of each kind, from 50 to 500.
        seed: random seed.
    """
    wanted(50 <= rows <= 500, "nonanswers", "rows", rows, "a number from 50 to 500")
    torch.default_generator.manual_seed(seed)
    data = load("digits")
    train = data.train.everything()[0]
    held = torch.cat([data.validation.everything()[0], data.test.everything()[0]])[:rows]
    model = ProductMixture(data.space, 30, 0.3)
    for _ in model.fit(train):
        pass
    chosen = train[torch.randint(len(train), (rows,))]
    pictures = {
        "held": held,
        "moved": torch.roll(chosen, 1, dims=3),
        "noisy": data.space.quantise((chosen + 0.1 * torch.randn_like(chosen)).clamp(-1, 1)),
        "mixture": model.sample(rows),
        "all": data.space.values(torch.randint(17, (rows, *data.space.shape))),
    }
    moves = [torch.roll(train, (i, j), dims=(2, 3)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    known = torch.cat(moves)
    reference = distances(held, known)
    radius = float(reference.quantile(0.95))
    found = {}
    for kind, x in pictures.items():
        near = distances(x, known)
        covered = float((distances(held, x) <= radius).double().mean())
        found[kind] = (float(near.median() / reference.median()), covered)
    powers = {
        name: math.prod(shape) * math.log10(levels) for name, (shape, levels) in SIZES.items()
    }
    worst = "100 x 100, colour"
    sentence = (
        f"Training digits with noise lie at {short(found['noisy'][0])} of the distance of held-out digits "
        f"from what was seen in training, and moved ones at {short(found['moved'][0])}: they are copies. Samples "
        f"of a simple model lie at {short(found['mixture'][0])}, and pictures from the list of all at "
        f"{short(found['all'][0])}, where no digit is. There "
        f"are 10^{powers[worst]:,.0f} colour pictures of 100 x 100; at a billion a second the list takes "
        f"10^{powers[worst] - math.log10(EACH_SECOND * YEAR):,.0f} years."
    )
    table = [
        (KINDS[kind], short(near), f"{100 * covered:.0f} %")
        for kind, (near, covered) in found.items()
    ]
    arrays = {
        "nearness": np.array([near for near, _ in found.values()]),
        "covered": np.array([covered for _, covered in found.values()]),
        "powers": np.array([*powers.values()]),
    }
    arrays |= {f"{kind}/pictures": x[:7, 0].numpy() for kind, x in pictures.items()}
    return Outcome(
        "nonanswers",
        "To alter pictures, or to list them all: are these generators?",
        sentence,
        WHY,
        FORMULA,
        "measured here",
        ("pictures", "nearness to what was seen", "held-out digits near one of them"),
        table,
        arrays,
        {"rows": rows, "seed": seed},
    )


def distances(x: Tensor, to: Tensor) -> Tensor:
    """The distance of each picture to the nearest of others, (n,)."""
    return torch.cdist(x.flatten(1), to.flatten(1)).min(1).values


def plot(outcome: Outcome) -> "Figure":
    """Some pictures of each kind, and how many pictures there are of each size."""
    figure = canvas(9.6, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    side = 9  # pixels of a picture and the gap after it
    strips = [
        np.concatenate([np.pad(x, ((0, 1), (0, 1)), constant_values=np.nan) for x in pictures], 1)
        for pictures in (outcome.arrays[f"{kind}/pictures"] for kind in KINDS)
    ]
    left.imshow(np.concatenate(strips, 0), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    nearness = outcome.arrays["nearness"]
    labels = [f"{label}: {short(n)}" for label, n in zip(KINDS.values(), nearness, strict=True)]
    left.set_yticks([side * k + 3.5 for k in range(len(KINDS))], labels, fontsize=7)
    left.set_xticks([])
    left.grid(visible=False)
    powers = outcome.arrays["powers"]
    right.barh([*SIZES], powers, color="C0")
    right.set(xscale="log", xlabel="log10 of the number of pictures", xlim=(10, 30 * max(powers)))
    right.invert_yaxis()
    right.tick_params(axis="y", labelsize=7)
    for i, power in enumerate(powers):
        right.text(power * 1.15, i, f"{power:,.0f}", va="center", fontsize=7)
    return figure
