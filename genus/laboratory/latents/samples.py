"""How many numbers does a picture need? Samples of models with few and with more units, and the plane of two.

With two units everything that a model can draw fits on one sheet: the plane of z, at equal steps of probability.
Neighbours on it are alike, and between two kinds of pictures lie others that are neither. More units give sharper
pictures, until what is left to say is worth no unit: the others stay at their prior.

Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114, figures 4 and 5.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...core import Bits, Pixels, Reals, Refused
from ...data import load
from ...data.splits import Split
from ...measure.latents.looks import ACTIVE
from ...media import grid
from ...media.style import canvas
from ...nn import MLP
from ...train import Run, fit
from ...train.schedules import cosine
from ...vae import VAE
from ...vae.likelihoods import fitting
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS = (2, 5, 10, 20)
SIDE, DRAWN = 14, 30  # pictures of a side of the plane, and samples of each model
REACH = 0.02  # of the probability that is left out at each edge of the plane
COLUMNS, HELD = 6, 500
WHY = (
    "A unit of z is paid for by the nats that it tells. The first ones tell what differs most from picture to picture, "
    "and are worth it many times over; each further one tells less. Where it would tell less than it costs, the best "
    "guess is the prior, and the unit is silent. So more units than are needed do no harm, and their number is no "
    "knob for the quality of samples once it is large enough: what is blurred then is the fault of the decoder's noise, "
    "which scatters each pixel on its own."
)
FORMULA = """\
z ~ N(0, I) of 2, 5, 10 or 20 units      sample: E[x | z]
plane: z = (Φ⁻¹(a), Φ⁻¹(b)), a and b in equal steps
nats of a unit: the mean over x of KL(q(zᵢ | x) || N(0, 1))"""


class DrawnUnits(NamedTuple):
    """What is seen of one model."""

    model: VAE
    bits: float  # of held-out pictures, by the bound, for each number of x
    nats: Tensor  # of each unit, the largest first
    samples: Tensor


def samples(data: str = "digits", rounds: int = 1000, width: int = 256, seed: int = 0) -> Outcome:
    """Trains a VAE with 2, 5, 10 and 20 units, and draws from each.

    Args:
        data: name or path of a data set of images.
        rounds: number of training rounds of each, at least 10.
        width: units of the two hidden layers of each network, at least 1.
        seed: random seed.
    """
    wanted(rounds >= 10, "samples", "rounds", rounds, "at least 10")
    wanted(width >= 1, "samples", "width", width, "at least 1")
    source = load(data)
    space = source.space
    if (
        not isinstance(space, Pixels | Bits)
        or len(space.shape) != 3
        or space.shape[0] not in (1, 3)
    ):
        raise Refused(f"samples: {data} is {space}; images of 1 or 3 channels are wanted")
    run = Run(rounds, lr=2e-3, seed=seed, device="cpu")
    looks = {units: look(units, width, source.train, source.test, run) for units in UNITS}
    names = [f"{units} units" for units in UNITS]
    used = [int((one.nats > ACTIVE).sum()) for one in looks.values()]
    bits = [one.bits for one in looks.values()]
    best = int(np.argmin(bits))
    sentence = (
        f"Two units leave {short(bits[0])} bits for each number of a held-out picture, and {UNITS[best]} units "
        f"{short(bits[best])}, the fewest. Of twenty units {used[-1]} are in use."
    )
    return Outcome(
        "samples",
        "How many numbers does a picture need?",
        sentence,
        WHY,
        FORMULA,
        "Kingma, Welling 2014",
        (
            "model",
            "bits of a number, by the bound",
            "units in use",
            "nats of all units",
            "nats of the first unit",
        ),
        [
            (name, short(one.bits), str(u), short(float(one.nats.sum())), short(float(one.nats[0])))
            for name, one, u in zip(names, looks.values(), used, strict=True)
        ],
        {
            "plane": sheet(plane(looks[2].model), space, SIDE),
            **{
                f"{units}/samples": sheet(one.samples, space, COLUMNS)
                for units, one in looks.items()
            },
            **{f"{units}/nats": one.nats.numpy() for units, one in looks.items()},
        },
        {"data": data, "rounds": rounds, "width": width, "seed": seed},
    )


def look(units: int, width: int, train: Split, test: Split, run: Run) -> DrawnUnits:
    """Trains a model with so many units, and looks at held-out pictures and at samples."""
    torch.default_generator.manual_seed(run.seed)
    space = train.space
    numbers = fitting(space).numbers * space.dims
    nets = MLP(space.dims, 2 * units, (width, width)), MLP(units, numbers, (width, width))
    model = VAE(space, units, *nets)
    fit(model, train, run, schedule=cosine)
    model.eval()
    x = test.first(HELD)[0]
    torch.default_generator.manual_seed(run.seed)
    with torch.no_grad():
        bound = torch.stack([model.elbo(x) for _ in range(20)]).mean().item()
        bits = -bound / (space.dims * math.log(2))
        nats = model.unit_nats(x).sort(descending=True).values
        return DrawnUnits(model, bits, nats, model.decode(model.draw_prior(DRAWN)))


@torch.no_grad()
def plane(model: VAE) -> Tensor:
    """Means of x over the plane of two units, row by row from above, (SIDE^2, *shape)."""
    steps = torch.special.ndtri(torch.linspace(REACH, 1 - REACH, SIDE))
    down, right = torch.meshgrid(steps.flip(0), steps, indexing="ij")
    return model.decode(torch.stack([right, down], -1).view(-1, 2))


def sheet(x: Tensor, space: Bits | Pixels, columns: int) -> np.ndarray:
    """Means of x as one picture, (height, width) or (height, width, 3) uint8."""
    unit = 2 * x - 1 if isinstance(space, Bits) else x
    return grid(unit, Reals(space.shape), columns)


def plot(outcome: Outcome) -> "Figure":
    """The plane of two units, samples of each model, and what their units tell."""
    arrays = outcome.arrays
    figure = canvas(9.6, 6.4)
    places = figure.add_gridspec(3, 4)
    show(figure.add_subplot(places[:, :2]), arrays["plane"], "the plane of two units")
    for number, units in enumerate(UNITS):
        axes = figure.add_subplot(places[number // 2, 2 + number % 2])
        show(axes, arrays[f"{units}/samples"], f"{units} units")
    bars = figure.add_subplot(places[2, 2:])
    for color, units in enumerate(UNITS):
        nats = arrays[f"{units}/nats"]
        bars.plot(
            range(1, units + 1), nats, "o-", ms=2.5, lw=1, color=f"C{color}", label=f"{units}"
        )
    bars.xaxis.get_major_locator().set_params(integer=True)
    bars.set(xlabel="unit, the most telling first", ylabel="nats", title="what each unit tells")
    bars.legend(title="units", fontsize=6, title_fontsize=6)
    return figure


def show(axes: "Axes", picture: np.ndarray, title: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(title)
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
