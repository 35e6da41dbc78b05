"""A GAN on a ring while it learns: the critic's pull, the samples, the modes lost.

Data are 8 bumps on a circle. A fake row x moves along grad D(x), whatever the loss; the loss and
the penalty decide how strongly, and how D changes. R1, gamma/2 E |grad D|^2 at data, makes the
critic flat where the data are, so that samples which have arrived may stay. The last run is broken
on purpose: its critic learns slowly, and the generator puts all rows where the score is highest at
the moment; the critic follows, and all samples jump to the next bump.

Source: Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?", 2018,
    arXiv:1801.04406 (R1); Metz, Poole, Pfau, Sohl-Dickstein, "Unrolled generative adversarial
    networks", 2017, arXiv:1611.02163, figure 2 (a ring of 8, and a generator that goes round it).
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..adversarial import GAN
from ..core import Reals
from ..data.toys.toys import Normals
from ..functional.adversarial.objectives import Objective, minimax, non_saturating
from ..functional.adversarial.penalties import Penalty, r1
from ..functional.densities.neighbours import nearest
from ..media.style import canvas, square
from ..nn import MLP
from ..train.game import play
from .judging import seeded
from .outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODES, STD = 8, 0.05
RING = Normals(
    tuple((math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(MODES)),
    (STD,) * MODES,
    (1 / MODES,) * MODES,
)
BATCH, LATENT, WIDTH, LR = 128, 4, 64, 2e-3
SHOWN, LOOKS, SIDE = 256, 40, 13  # samples; times at which modes are counted; arrows a side
REACH = 1.7
WHY = (
    "The critic is a landscape that samples climb, and that changes as they do. Without R1 it "
    "stays steep even where samples have arrived, and throws them about; with R1 it becomes "
    "flat at the data. A critic that lags behind is chased by the whole crowd from mode to "
    "mode."
)
FORMULA = """\
data: 8 normals on the unit circle; G and D: perceptrons
critic         E log(1 + e⁻ᴰ⁽ˣ⁾) + E log(1 + eᴰ⁽ᴳ⁽ᶻ⁾⁾) + γ/2 E |∇D(x)|²
minimax        L = −E log(1 + eᴰ⁽ᴳ⁽ᶻ⁾⁾)
non-saturating L =  E log(1 + e⁻ᴰ⁽ᴳ⁽ᶻ⁾⁾)
a made row moves along ∇D (the arrows)
a mode is found with a quarter of its fair share of samples within 0.2"""


@dataclass(frozen=True)
class Play:
    """One way to train.

    Args:
        title: name of the run.
        objective: objective of both players.
        gamma: weight of R1.
        slow: learning rate of the generator over that of the critic.
    """

    title: str
    objective: Objective
    gamma: float = 0.0
    slow: float = 1.0


def plays(gamma: float, slow: float) -> dict[str, Play]:
    """The five runs, by name."""
    return {
        "minimax": Play("minimax", minimax),
        "minimax_r1": Play(f"minimax, R1 γ = {short(gamma)}", minimax, gamma),
        "non_saturating": Play("non-saturating", non_saturating),
        "non_saturating_r1": Play(f"non-saturating, R1 γ = {short(gamma)}", non_saturating, gamma),
        "broken": Play(f"broken: critic {short(slow)} times slower", non_saturating, 0.0, slow),
    }


def modes(x: Tensor) -> np.ndarray:
    """The share of samples within 0.2 of each mode, (8,)."""
    centres = torch.tensor(RING.centres, dtype=x.dtype)
    distance, mode = nearest(x, centres)
    return (torch.bincount(mode[distance < 0.2], minlength=MODES) / len(x)).double().numpy()


def found(shares: np.ndarray) -> int:
    """The number of modes that have a quarter of their fair share."""
    return int((shares >= 0.25 / MODES).sum())


def moves(shares: np.ndarray) -> int:
    """The number of times that the heaviest mode changes from look to look, in rows of shares."""
    heaviest = shares.argmax(1)[shares.max(1) > 0.25]
    return int((heaviest[1:] != heaviest[:-1]).sum())


def arrows(model: GAN) -> Tensor:
    """The critic's gradient on a lattice, (SIDE, SIDE, 2): the first axis is y."""
    side = torch.linspace(-REACH, REACH, SIDE)
    y, x = torch.meshgrid(side, side, indexing="ij")
    points = torch.stack([x, y], -1).reshape(-1, 2).requires_grad_()
    (slope,) = torch.autograd.grad(model.critic(points).sum(), points)
    return slope.reshape(SIDE, SIDE, 2)


def train(way: Play, rounds: int, seed: int, shown: list[int]) -> dict[str, np.ndarray]:
    """Trains; records samples and arrows at some rounds, and the shares of modes at all looks."""
    with seeded(seed):
        generator = MLP(LATENT, 2, (WIDTH, WIDTH), activation="relu")
        critic = MLP(2, 1, (WIDTH, WIDTH), activation="relu")
        penalties = [Penalty(r1, way.gamma)] if way.gamma else []
        model = GAN(Reals((2,)), generator, critic, LATENT, way.objective, penalties)
        optimizers: dict[str, Any] = {
            "critic": torch.optim.Adam(critic.parameters(), LR / way.slow, betas=(0.5, 0.99)),
            "generator": torch.optim.Adam(generator.parameters(), LR, betas=(0.5, 0.99)),
        }
        noise = torch.Generator().manual_seed(seed)
        z = model.noise(SHOWN, LATENT)  # the same at all rounds

        def batches() -> Iterator[tuple[Tensor]]:
            for _ in range(rounds):
                yield (RING.sample(BATCH, noise)[0],)

        kept: dict[str, list[np.ndarray]] = {"samples": [], "arrows": [], "shares": []}
        looks = {*np.linspace(rounds // LOOKS or 1, rounds, LOOKS).astype(int).tolist()}
        for number, _ in enumerate(play(model, batches(), optimizers), 1):
            if number in shown or number in looks:
                with torch.no_grad():
                    samples = model.decode(z)
            if number in shown:
                kept["samples"].append(samples.numpy())
                kept["arrows"].append(arrows(model).numpy())
            if number in looks:
                kept["shares"].append(modes(samples))
    return {name: np.stack(arrays) for name, arrays in kept.items()}


def fields(rounds: int = 1000, gamma: float = 0.3, slow: float = 20.0, seed: int = 0) -> Outcome:
    """Trains a GAN on a ring of 8 in five ways, one of them broken.

    Args:
        rounds: number of rounds of each run, at least 40.
        gamma: weight of R1, above 0.
        slow: factor by which the broken run's critic learns more slowly, at least 1.
        seed: random seed of weights, rows and noise.
    """
    wanted(rounds >= LOOKS, "fields", "rounds", rounds, f"at least {LOOKS}")
    wanted(gamma > 0, "fields", "gamma", gamma, "a number above 0")
    wanted(slow >= 1, "fields", "slow", slow, "at least 1")
    shown = [rounds // 12, rounds // 4, rounds * 5 // 8, rounds]
    arrays: dict[str, np.ndarray] = {"rounds": np.array(shown)}
    rows, ends = [], {}
    for key, way in plays(gamma, slow).items():
        seen = train(way, rounds, seed, shown)
        arrays |= {f"{key}/{name}": array for name, array in seen.items()}
        counts = np.array([found(shares) for shares in seen["shares"]])
        late = counts[-LOOKS // 4 :]
        ends[key] = (int(counts[-1]), float(late.mean()), moves(seen["shares"]))
        inside = float(seen["shares"][-1].sum())
        steep = float(np.linalg.norm(seen["arrows"][-1], axis=-1).mean())
        rows.append(
            (
                way.title,
                str(counts[-1]),
                f"{late.min()} to {late.max()}",
                f"{100 * inside:.0f} %",
                str(ends[key][2]),
                f"{steep:.3g}",
            )
        )
    end = {key: values[0] for key, values in ends.items()}
    weaker = float(rows[2][-1]) / float(rows[3][-1])
    sentence = (
        f"Of {MODES} modes after {rounds} rounds minimax has found {end['minimax']}, with R1 "
        f"{end['minimax_r1']}; non-saturating {end['non_saturating']}, with R1 "
        f"{end['non_saturating_r1']}, and its critic is then {short(weaker)} times flatter. The broken "
        f"run holds {ends['broken'][1]:.1f} modes on average in its last quarter, and its crowd has "
        f"moved to another mode at {ends['broken'][2]} of {LOOKS - 1} looks."
    )
    return Outcome(
        "fields",
        "What does a GAN on a ring do while it learns?",
        sentence,
        WHY,
        FORMULA,
        "Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406; Metz and others 2017, arXiv:1611.02163",
        (
            "run",
            "modes at the end",
            "in the last quarter",
            "samples near a mode",
            "times the crowd moved",
            "mean slope of D",
        ),
        rows,
        arrays,
        {"rounds": rounds, "gamma": gamma, "slow": slow, "seed": seed},
    )


def plot(outcome: Outcome) -> "Figure":
    """A row for each run, a column for each round."""
    arrays = outcome.arrays
    keys = [name.removesuffix("/samples") for name in arrays if name.endswith("/samples")]
    figure = canvas(8.6, 10.9)
    panels = figure.subplots(len(keys), len(arrays["rounds"]), sharex=True, sharey=True)
    side = np.linspace(-REACH, REACH, SIDE)
    centres = np.array(RING.centres)
    for row, key, cells in zip(panels, keys, outcome.rows, strict=True):
        for k, (axes, number) in enumerate(zip(row, arrays["rounds"], strict=True)):
            field, samples = arrays[f"{key}/arrows"][k], arrays[f"{key}/samples"][k]
            size = 1 / np.sqrt(np.linalg.norm(field, axis=-1) + 1e-12)
            axes.quiver(
                side,
                side,
                field[..., 0] * size,
                field[..., 1] * size,
                color="C7",
                alpha=0.7,
                width=0.006,
            )
            axes.plot(*centres.T, "o", color="C0", ms=11, mfc="none", mew=1.2)
            axes.plot(*samples.T, ".", color="C1", ms=3, alpha=0.6, mew=0)
            square(axes, REACH)
            axes.set(xticks=[], yticks=[])
            shares = modes(torch.from_numpy(samples))
            axes.set_title(f"round {number}: {found(shares)} of {MODES}", fontsize=9)
        row[0].set_ylabel(cells[0].replace(", ", "\n").replace(": ", ":\n"), fontsize=9)
    figure.suptitle(
        "○ the data's modes   • samples   → the critic's gradient (its length is a square root)",
        fontsize=9,
        x=0.02,
        ha="left",
    )
    return figure
