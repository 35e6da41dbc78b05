"""What the hidden units of a machine have learnt: its features, its chains, and its constant.

A restricted Boltzmann machine draws a picture by adding up the features of the units that are on. Its chains
move by drawing units given pixels and pixels given units. Its probabilities lack a constant, Z, which with
few hidden units is a sum that can be made, and which annealed importance sampling estimates from below, the
better the slower it cools.

Source: Hinton, "A practical guide to training restricted Boltzmann machines", 2010; Salakhutdinov, Murray,
    "On the quantitative analysis of deep belief networks", 2008.
"""

# ruff: noqa: RUF001  (minus signs are meant)

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ...data import load
from ...energy import RBM
from ...measure.likelihood.annealing import log_z
from ...media.style import canvas
from ...train import Run, fit
from ...train.schedules import linear
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPERATURES = (10, 30, 100, 300, 1000, 3000)
MOMENTS = (0, 1, 2, 5, 10, 30, 100, 300)  # Gibbs steps after which chains are shown
CHAINS = 4  # that are shown
FILM, SIDE, LARGE = (
    80,
    6,
    5,
)  # Gibbs steps of the film, chains a side, pixels a side of each of theirs
TOP = 4  # units of which a picture is the sum
WHY = (
    "A feature is what a unit adds to the log odds of each pixel. Which units are on is drawn from the picture, "
    "and the picture from them, so that a chain stays near what is likely, and wanders from digit to digit. "
    "Annealing that cools too fast leaves its chains behind, and they tell too small a Z, and so too large a "
    "likelihood: it errs to the flattering side until it is slow enough."
)
FORMULA = """\
E(v, h) = −a·v − b·h − v·W h
log odds of v = a + Σⱼ hⱼ W·ⱼ          P(hⱼ = 1 | v) = sigmoid(bⱼ + v·W·ⱼ)
Z = Σ_h exp(b·h) ∏ᵢ (1 + exp(aᵢ + (W h)ᵢ))
annealed: E[w] = Z, so E log w ≤ log Z"""


def features(hidden: int = 16, rounds: int = 3000, seed: int = 0) -> Outcome:
    """Trains a small machine on digits as bits, and looks into it.

    Args:
        hidden: number of hidden units, from 4 to 20, so that Z can be counted.
        rounds: number of training rounds, at least 10.
        seed: random seed.
    """
    wanted(4 <= hidden <= 20, "features", "hidden", hidden, "a number from 4 to 20")
    wanted(rounds >= 10, "features", "rounds", rounds, "at least 10")
    torch.default_generator.manual_seed(seed)
    data = load("digits").binarised()
    model = RBM(data.space, hidden, chains=256)
    model.prepare(data.train.everything()[0])

    def sgd(name: str, weights: list[nn.Parameter]) -> torch.optim.SGD:
        return torch.optim.SGD(weights, 0.2)

    run = Run(rounds, batch=128, seed=seed, device="cpu")
    fit(model, data.train, run, optimizers=sgd, schedule=linear)
    test = data.test.everything()[0]
    with torch.no_grad():
        exact = model.counted_log_z()
        nats = float(model.energy(test).mean() + exact)
        picture = test[:1].flatten(1)
        chances = (picture @ model.W + model.b).sigmoid()[0]
        pushes = chances * model.W.norm(dim=0)
        top = pushes.argsort(descending=True)[:TOP]
        odds = model.a + model.W @ chances
    torch.default_generator.manual_seed(seed)
    estimates = [log_z(model.annealing_path(test), betas, 100) for betas in TEMPERATURES]
    chains = [
        model.a.detach().sigmoid().expand(CHAINS, -1).bernoulli().view(CHAINS, *data.space.shape)
    ]
    for before, to in pairwise(MOMENTS):
        chains.append(model.gibbs(chains[-1], to - before))
    moving = chains[0].repeat(SIDE**2 // CHAINS, 1, 1, 1)
    frames = []
    for _ in range(FILM):
        frames.append(sheet(moving.view(-1, 8, 8).numpy(), SIDE))
        moving = model.gibbs(moving, 1)
    film = np.nan_to_num(np.stack(frames), nan=0.5).repeat(LARGE, 1).repeat(LARGE, 2)
    errors = [found.value - float(exact) for found in estimates]
    near = next((t for t, e in zip(TEMPERATURES, errors, strict=True) if abs(e) < 0.1), None)
    weights = " + ".join(f"{short(float(chances[j]))} × unit {int(j)}" for j in top)
    sentence = (
        f"With {hidden} hidden units a held-out digit takes {short(nats)} nats, Z counted exactly. A first "
        f"digit is the biases + {weights} + less of the others. With {TEMPERATURES[0]} temperatures annealing is "
        f"off by {short(errors[0])} nats, with {TEMPERATURES[-1]:,} by {short(errors[-1])}; "
        f"{f'{near:,} are enough for a tenth of a nat' if near else 'none of these is enough for a tenth of a nat'}."
    )
    table = [
        (f"{betas:,}", short(found.value), short(error), short(found.error))
        for betas, found, error in zip(TEMPERATURES, estimates, errors, strict=True)
    ]
    return Outcome(
        "features",
        "What has a machine with hidden units learnt?",
        sentence,
        WHY,
        FORMULA,
        "Hinton 2010, A practical guide; Salakhutdinov, Murray 2008",
        ("temperatures", "log Z, nats", "off by", "standard error"),
        table,
        {
            "features": model.W.detach().T.reshape(-1, 8, 8).numpy(),
            "picture": picture.view(8, 8).numpy(),
            "chance": odds.sigmoid().view(8, 8).numpy(),
            "top": top.numpy(),
            "chances": chances.numpy(),
            "chains": torch.stack(chains).view(len(MOMENTS), CHAINS, 8, 8).numpy(),
            "log_z": np.array([found.value for found in estimates]),
            "log_z/error": np.array([found.error for found in estimates]),
            "log_z/exact": np.array(float(exact)),
        },
        {"hidden": hidden, "rounds": rounds, "seed": seed},
        film=(255 * film).astype(np.uint8),
    )


def plot(outcome: Outcome) -> "Figure":
    """Features, a picture as their sum, chains, and the constant by the number of temperatures."""
    arrays = outcome.arrays
    figure = canvas(9.6, 5.4)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1), height_ratios=(1, 1))
    every = arrays["features"]
    limit = float(np.abs(every).max())
    width = min(len(every), 8)
    panels = {
        "features: what each unit adds to the log odds": (grid[0, 0], sheet(every, width), limit),
        "chains, one a row, after " + ", ".join(map(str, MOMENTS)) + " steps": (
            grid[1, 0],
            np.concatenate([sheet(arrays["chains"][:, k], len(MOMENTS)) for k in range(CHAINS)], 0),
            1.0,
        ),
    }
    for title, (place, picture, top) in panels.items():
        axes = figure.add_subplot(place)
        low = -top if "features" in title else 0.0
        axes.imshow(picture, cmap="RdBu" if low else "gray", vmin=low, vmax=top)
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    inner = grid[0, 1].subgridspec(1, TOP + 2)
    shown = [("digit", arrays["picture"])]
    shown += [(f"{arrays['chances'][j]:.1f} ×", every[j]) for j in arrays["top"]]
    shown += [("chance", arrays["chance"])]
    for k, (title, picture) in enumerate(shown):
        axes = figure.add_subplot(inner[k])
        unit = title.endswith("×")
        axes.imshow(
            picture,
            cmap="RdBu" if unit else "gray",
            vmin=-limit if unit else 0,
            vmax=limit if unit else 1,
        )
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    axes = figure.add_subplot(grid[1, 1])
    axes.errorbar(
        TEMPERATURES,
        arrays["log_z"],
        2 * arrays["log_z/error"],
        fmt="o-",
        ms=3,
        label="annealed, ± 2 errors",
    )
    axes.axhline(float(arrays["log_z/exact"]), color="C1", ls="--", label="counted")
    axes.set(xscale="log", xlabel="temperatures", title="log Z, nats")
    axes.legend(fontsize=7, loc="lower right")
    return figure


def sheet(pictures: np.ndarray, columns: int) -> np.ndarray:
    """Pictures, (n, 8, 8), in rows, with gaps."""
    padded = np.pad(pictures, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    rows = [np.concatenate([*padded[i : i + columns]], 1) for i in range(0, len(padded), columns)]
    full = rows[0].shape[1]
    return np.concatenate(
        [np.pad(r, ((0, 0), (0, full - r.shape[1])), constant_values=np.nan) for r in rows], 0
    )
