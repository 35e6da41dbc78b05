"""Noise carried to data, on a line, while a GAN learns: the map, the density that it makes, and the critic.

A generator is a map of noise. Where it is steep, noise is spread thin, and where it is flat, it is heaped up:

    q(x) = sum over z with G(z) = x of N(z; 0, 1) / |G'(z)|

The critic sees both sides as densities alone, and is at its best log p(x) - log q(x), which is 0 everywhere once
the map is right; its slope is what moves the points of the map.

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661, figure 1 and proposition 1.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..adversarial import GAN
from ..core import Reals
from ..data.toys.toys import Normals
from ..functional.adversarial.objectives import non_saturating
from ..functional.adversarial.penalties import Penalty, r1
from ..media.style import canvas, style
from ..nn import MLP
from ..train.game import play
from .judging import seeded
from .outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = Normals(((-1.5,), (1.0,)), (0.4, 0.6), (0.4, 0.6))
EDGE, POINTS, BATCH = 4.0, 401, 256  # of what is drawn of the line; points of it; rows of a round
NOISE = 20_001  # points of the noise, even in probability
FRAMES = 40  # of the film
WHY = (
    "The generator starts as a nearly straight line, which heaps all noise in one place. The critic is high where data "
    "are and the generator is not, and its slope pushes the points of the map there; where two bumps are apart, the map "
    "becomes steep, a cliff that hardly any noise falls on. A continuous map cannot leave the gap wholly empty."
)
FORMULA = """\
x = G(z), z ~ N(0, 1),   q(x) = Σ_{z: G(z) = x} N(z; 0, 1) / |G′(z)|
critic: −E_p log σ(D) − E_q log(1 − σ(D)) + R1,   generator: −E_z log σ(D(G(z))),   D* = log p − log q"""


def mapping(rounds: int = 2000, gamma: float = 0.3, seed: int = 0) -> Outcome:
    """Trains a GAN on two bumps on a line, and watches its map.

    Args:
        rounds: number of rounds, at least 40.
        gamma: weight of the critic's penalty R1, at least 0.
        seed: random seed.
    """
    wanted(rounds >= FRAMES, "mapping", "rounds", rounds, f"at least {FRAMES}")
    wanted(gamma >= 0, "mapping", "gamma", gamma, "at least 0")
    line = torch.linspace(-EDGE, EDGE, POINTS)[:, None]
    share = (torch.arange(NOISE, dtype=torch.float64) + 0.5) / NOISE
    z = torch.special.ndtri(share).float()[:, None]
    p = DATA.log_prob(line.double()).exp().numpy()
    looks = {round(rounds * (k / (FRAMES - 1)) ** 2) for k in range(FRAMES)}
    seen, maps, densities, critics = [], [], [], []
    with seeded(seed):
        draw = torch.Generator().manual_seed(seed)
        generator, critic = MLP(1, 1, (32, 32)), MLP(1, 1, (64, 64))
        model = GAN(Reals((1,)), generator, critic, 1, non_saturating, [Penalty(r1, gamma)])
        optimizers = {
            "critic": torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.99)),
            "generator": torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.99)),
        }
        rows = ((DATA.sample(BATCH, draw)[0],) for _ in range(rounds))
        steps = enumerate(play(model, rows, optimizers), 1)
        number = 0
        while True:
            if number in looks:
                with torch.no_grad():
                    x = generator(z)[:, 0]
                    seen.append(number)
                    maps.append(x[:: NOISE // 400].numpy())
                    densities.append(density(x))
                    critics.append(critic(line)[:, 0].numpy())
            if (step := next(steps, None)) is None:
                break
            number = step[0]
    grid = line[:, 0].numpy()
    width = grid[1] - grid[0]
    apart = np.array([float(0.5 * np.abs(p - q).sum() * width) for q in densities])
    gap = (grid > -0.6) & (grid < -0.1)
    inside = float(densities[-1][gap].sum() * width)
    sentence = (
        f"The density that the map makes is {apart[0]:.0%} apart from the data's at first, and {apart[-1]:.0%} after "
        f"{rounds:,} rounds. In the gap between both bumps lie {inside:.1%} of the samples, where {float(p[gap].sum() * width):.1%} "
        f"of the data are. The critic's scores on the line spread by {short(float(critics[-1].std()))} at the end."
    )
    picked = [k for k in range(len(seen)) if k % 8 == 0 or k == len(seen) - 1]
    arrays = {
        "rounds": np.array(seen),
        "z": z[:: NOISE // 400, 0].numpy(),
        "map": np.stack(maps),
        "line": grid,
        "data": p,
        "density": np.stack(densities),
        "critic": np.stack(critics),
        "apart": apart,
    }
    return Outcome(
        "mapping",
        "How does a generator carry noise to data?",
        sentence,
        WHY,
        FORMULA,
        "Goodfellow and others 2014, figure 1",
        ("round", "densities apart", "critic's spread"),
        [(f"{seen[k]:,}", f"{apart[k]:.0%}", short(float(critics[k].std()))) for k in picked],
        arrays,
        {"rounds": rounds, "gamma": gamma, "seed": seed},
        film=filmed(arrays),
    )


def density(x: torch.Tensor) -> np.ndarray:
    """The density of samples of equal probability on the line, as a histogram of its points' cells."""
    half = EDGE / (POINTS - 1)
    counts = torch.histc(x.clamp(-2 * EDGE, 2 * EDGE), POINTS, -EDGE - half, EDGE + half)
    smooth = np.convolve(counts.numpy(), np.full(5, 0.2), "same")
    return smooth / (len(x) * 2 * half)


def drawn(arrays: dict[str, np.ndarray], look: int, figure: "Figure") -> None:
    """The map, both densities and the critic at one look."""
    top, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1, 0.8))
    line = arrays["line"]
    for k in range(0, len(arrays["z"]), 10):
        top.plot([arrays["z"][k], arrays["map"][look][k]], [1, 0], color="C7", lw=0.5)
    top.set(ylabel="noise z → x", ylim=(0, 1), yticks=[], title=f"round {arrays['rounds'][look]:,}")
    middle.fill_between(line, arrays["data"], color="C7", alpha=0.35, lw=0, label="data")
    middle.plot(line, arrays["density"][look], color="C1", label="generator")
    middle.set(ylim=(0, 0.8), ylabel="density")
    middle.legend(loc="upper right", fontsize=7)
    below.plot(line, arrays["critic"][look], color="C0")
    below.axhline(0, color="C7", lw=0.6)
    below.set(xlim=(-EDGE, EDGE), ylim=(-1.5, 1.5), xlabel="x", ylabel="critic D(x)")


def filmed(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Each look as a frame, (looks, height, width) of grey."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    frames = []
    with style():
        for look in range(len(arrays["rounds"])):
            figure = canvas(4.4, 4.6)
            drawn(arrays, look, figure)
            agg = FigureCanvasAgg(figure)
            agg.draw()
            colours = np.asarray(agg.buffer_rgba())[:, :, :3]
            frames.append((colours @ np.array([0.299, 0.587, 0.114])).astype(np.uint8))
    return np.stack(frames)


def plot(outcome: Outcome) -> "Figure":
    """Four looks, from the first to the last."""
    arrays = {name: np.asarray(array) for name, array in outcome.arrays.items()}
    figure = canvas(11, 4.6)
    looks = np.linspace(0, len(arrays["rounds"]) - 1, 4).round().astype(int)
    parts: Any = figure.subfigures(1, 4)
    for part, look in zip(parts, looks, strict=True):
        drawn(arrays, int(look), part)
    return figure
