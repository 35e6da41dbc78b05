"""The smallest GAN: who comes to rest, under each loss and penalty.

All data lie at 0, all fake rows at theta, and the critic is a line, D(x) = psi x. At rest both are
0. A gradient flow w' = v(w) comes to rest if the eigenvalues of its Jacobian there have negative
real parts. With f(t) = -log(1 + e^-t), f'(0) = 1/2, f''(0) = -1/4:

    minimax, non-saturating    +- i f'(0)
    Wasserstein                +- i
    two time scales, k         +- i sqrt(k) f'(0)
    instance noise, s          s^2 f''(0) +- sqrt(s^4 f''(0)^2 - f'(0)^2)
    R1, and here also R2, g    -g/2 +- sqrt(g^2/4 - f'(0)^2)
    consensus, g               -g f'(0)^2 +- i f'(0)

WGAN-GP and a spectral norm have no such eigenvalues: their critic's slope never fades at data.

Source: Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?", 2018,
    arXiv:1801.04406, sections 2 and 3 and their proofs; two time scales after Heusel, Ramsauer, Unterthiner, Nessler,
    Hochreiter, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
    2017, arXiv:1706.08500.
Departs: scores are high for data here, which turns psi's sign over.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import cmath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..media.style import canvas, square
from .outcome import Outcome, listed, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray
Field = Callable[[Array, Array], tuple[Array, Array]]  # theta, psi to how fast each moves
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)  # the mean over a normal, as a sum
FAR = 1e30  # where a path that diverges stops
REACH = 2.3  # of the planes that are drawn
NEAR = 0.1  # the share of the first distance below which it rests
SLOWER = 0.98  # nearer than this at the end than in the middle: it is on its way
WHY = (
    "All data at 0, one made point, a critic that is a line: the smallest GAN there is shows "
    "which methods come to rest. What helps is anything that lets the critic's slope fade "
    "once made rows lie on the data. A faster critic, clipped weights or a slope of 1 do not "
    "do that."
)
FORMULA = """\
data δ₀, made rows δ_θ, critic D(x) = ψ x; at rest θ = ψ = 0
f(t) = −log(1 + e⁻ᵗ),  f′(0) = 1/2,  f″(0) = −1/4;  eigenvalues of the flow at rest:
minimax, non-saturating  ± i f′(0)
Wasserstein              ± i
two time scales, k       ± i √k f′(0)
instance noise, σ        σ² f″(0) ± √(σ⁴ f″(0)² − f′(0)²)
R1 or R2, γ              −γ/2 ± √(γ²/4 − f′(0)²)
consensus, γ             −γ f′(0)² ± i f′(0)"""


@dataclass(frozen=True)
class Method:
    """A way to train the smallest GAN.

    Args:
        title: name of the method.
        field: velocity of theta and psi.
        eigenvalues: eigenvalues of the field's Jacobian at (0, 0), in closed form; None without
            any.
        clip: bound that keeps psi in [-clip, clip]; None leaves it free.
    """

    title: str
    field: Field
    eigenvalues: tuple[complex, complex] | None
    clip: float | None = None


def sigmoid(t: Array) -> Array:
    """1 / (1 + e^-t)."""
    return 0.5 * (1 + np.tanh(t / 2))


def methods(gamma: float, sigma: float, clip: float, ratio: float) -> dict[str, Method]:
    """All methods for these settings; the fields are written out, without autograd."""

    def minimax(t: Array, p: Array) -> tuple[Array, Array]:
        return p * sigmoid(p * t), -t * sigmoid(p * t)

    def non_saturating(t: Array, p: Array) -> tuple[Array, Array]:
        return p * sigmoid(-p * t), -t * sigmoid(p * t)

    def wasserstein(t: Array, p: Array) -> tuple[Array, Array]:
        return p, -t

    def gradient_penalty(t: Array, p: Array) -> tuple[Array, Array]:
        return p, -t - 2 * gamma * (np.abs(p) - 1) * np.sign(p)

    def spectral(t: Array, p: Array) -> tuple[Array, Array]:
        sign = np.where(p < 0, -1.0, 1.0)
        return sign * sigmoid(-sign * t), 0 * p

    def two_scales(t: Array, p: Array) -> tuple[Array, Array]:
        slow, fast = minimax(t, p)
        return slow, ratio * fast

    def noise(t: Array, p: Array) -> tuple[Array, Array]:
        x = sigma * NODES.reshape(-1, *[1] * np.ndim(t))
        mean = WEIGHTS / WEIGHTS.sum()
        fake = sigmoid(p * (t + x))
        move = np.tensordot(mean, x * sigmoid(-p * x) - (t + x) * fake, 1)
        return p * np.tensordot(mean, fake, 1), move

    def r1(t: Array, p: Array) -> tuple[Array, Array]:
        generator, critic = minimax(t, p)
        return generator, critic - gamma * p

    def consensus(t: Array, p: Array) -> tuple[Array, Array]:
        generator, critic = minimax(t, p)
        s = sigmoid(p * t)  # |v|^2 / 2 = (t^2 + p^2) s^2 / 2
        both = (t**2 + p**2) * s**2 * (1 - s)
        return generator - gamma * (t * s**2 + p * both), critic - gamma * (p * s**2 + t * both)

    still = (0.5j, -0.5j)
    return {
        "minimax": Method("minimax", minimax, still),
        "non_saturating": Method("non-saturating", non_saturating, still),
        "clipped": Method(f"Wasserstein, |ψ| ≤ {short(clip)}", wasserstein, (1j, -1j), clip),
        "gradient_penalty": Method("WGAN-GP, slope 1", gradient_penalty, None),
        "spectral": Method("spectral norm, non-saturating", spectral, None),
        "two_scales": Method(
            f"critic {short(ratio)} times as fast", two_scales, _pair(0, ratio / 4)
        ),
        "noise": Method(f"instance noise, σ = {short(sigma)}", noise, _pair(-(sigma**2) / 4, 0.25)),
        "r1": Method(f"R1 (here also R2), γ = {short(gamma)}", r1, _pair(-gamma / 2, 0.25)),
        "consensus": Method(
            f"consensus, γ = {short(gamma)}", consensus, (-gamma / 4 + 0.5j, -gamma / 4 - 0.5j)
        ),
    }


def _pair(middle: float, frequency: float) -> tuple[complex, complex]:
    """middle +- sqrt(middle^2 - frequency)."""
    root = cmath.sqrt(middle**2 - frequency)
    return middle + root, middle - root


def walk(method: Method, start: tuple[float, float], step: float, rounds: int) -> Array:
    """The path of theta and psi, (rounds + 1, 2); the critic moves first in each round."""
    t, p = np.array(start[0]), np.array(start[1])
    path = [(t, p)]
    for _ in range(rounds):
        p = p + step * method.field(t, p)[1]
        p = p if method.clip is None else np.clip(p, -method.clip, method.clip)
        t = t + step * method.field(t, p)[0]
        t, p = (t, p) if max(abs(t), abs(p)) < FAR else path[-1]
        path.append((t, p))
    return np.array(path)


def left(path: Array, tenth: int = 9) -> float:
    """The farthest that a tenth of a path, by default the last, is from rest, as a share of its start."""
    distance = np.linalg.norm(path, axis=1)
    size = len(path) // 10
    end = None if tenth == 9 else (tenth + 1) * size
    return float(distance[tenth * size : end].max() / distance[0])


def ends(path: Array) -> str:
    """The behaviour of a path, from its last tenth and its middle."""
    if left(path) < NEAR:
        return "rests"
    return "creeps inward" if left(path) < SLOWER * left(path, 5) else "never rests"


def dirac(
    gamma: float = 0.3,
    sigma: float = 1.0,
    clip: float = 0.5,
    ratio: float = 4.0,
    step: float = 0.1,
    rounds: int = 600,
) -> Outcome:
    """Trains the smallest GAN in nine ways.

    Args:
        gamma: weight of R1, WGAN-GP and consensus, above 0.
        sigma: standard deviation of instance noise, above 0.
        clip: bound of the clipped critic, above 0.
        ratio: factor by which the critic of two time scales is faster, above 0.
        step: step size of both players, above 0.
        rounds: number of rounds, in which each player moves once, at least 10.
    """
    for name, value in (("gamma", gamma), ("sigma", sigma), ("clip", clip), ("ratio", ratio)):
        wanted(value > 0, "dirac", name, value, "a number above 0")
    wanted(step > 0, "dirac", "step", step, "a number above 0")
    wanted(rounds >= 10, "dirac", "rounds", rounds, "at least 10")
    grid = np.linspace(-REACH, REACH, 15)
    theta, psi = np.meshgrid(grid, grid)
    arrays: dict[str, Array] = {"theta": theta, "psi": psi}
    rows, rest = [], []
    for key, method in methods(gamma, sigma, clip, ratio).items():
        path = walk(method, (1.0, 1.0), step, rounds)
        arrays[f"{key}/path"], share = path, left(path)
        arrays[f"{key}/field"] = np.stack(method.field(theta, psi))
        if method.eigenvalues is not None:
            pairs = [[value.real, value.imag] for value in method.eigenvalues]
            arrays[f"{key}/eigenvalues"] = np.array(pairs)
        rest += [method.title.partition(",")[0]] * (share < NEAR)
        rows.append((method.title, spectrum(method.eigenvalues), short(share), ends(path)))
    turning = [short_name(row) for row in rows if row[1].startswith("±")]
    without = [short_name(row) for row in rows if row[1] == "none"]
    sentence = (
        f"After {rounds} rounds at step {short(step)}, {len(rest)} of {len(rows)} ways "
        f"{'has' if len(rest) == 1 else 'have'} come to rest: {listed(rest) or 'none'}. The eigenvalues "
        f"of {listed(turning)} are imaginary: they turn for ever, or creep. With {listed(without)} the "
        f"critic keeps a slope even where made rows lie on the data."
    )
    return Outcome(
        "dirac",
        "Which GANs come to rest at all?",
        sentence,
        WHY,
        FORMULA,
        "Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406",
        ("method", "eigenvalues at rest", "distance left", "so it"),
        rows,
        arrays,
        {
            "gamma": gamma,
            "sigma": sigma,
            "clip": clip,
            "ratio": ratio,
            "step": step,
            "rounds": rounds,
        },
    )


def short_name(row: Sequence[str]) -> str:
    """A method's name without its numbers."""
    return row[0].partition(",")[0]


def spectrum(values: tuple[complex, complex] | None) -> str:
    """Two eigenvalues in a few letters."""
    if values is None:
        return "none"
    high, low = values
    if abs(high.imag) < 1e-12:
        return f"{short(low.real)}, {short(high.real)}"
    real = f"{short(high.real)} " if abs(high.real) > 1e-12 else ""
    return f"{real}± {short(abs(high.imag))}i"


def plot(outcome: Outcome) -> "Figure":
    """One plane for each way: the field, and a path from (1, 1)."""
    arrays = outcome.arrays
    figure = canvas(9.6, 10.6)
    keys = [name.removesuffix("/path") for name in arrays if name.endswith("/path")]
    panels = figure.subplots(3, 3, sharex=True, sharey=True)
    for axes, key, row in zip(panels.flat, keys, outcome.rows, strict=True):
        u, v = arrays[f"{key}/field"]
        length = np.hypot(u, v)
        length[length == 0] = 1
        size = np.sqrt(length) / length  # strong and weak pulls both stay visible
        axes.quiver(
            arrays["theta"], arrays["psi"], u * size, v * size, color="C7", alpha=0.55, width=0.004
        )
        path = arrays[f"{key}/path"]
        colour = "C0" if row[3] == "rests" else "C1"
        axes.plot(*path.T.clip(-99, 99), color=colour, lw=1.3)
        axes.plot(*path[0], "o", color="C6", ms=5)
        axes.plot(*path[-1], "s", color=colour, ms=6)
        axes.plot(0, 0, "+", color="C6", ms=11, mew=1.6)
        square(axes, REACH + 0.1)
        axes.set_title(f"{row[0]}\nλ: {row[1]}; {row[3]}", fontsize=9)
    for axes in panels[-1]:
        axes.set_xlabel("generator θ")
    for axes in panels[:, 0]:
        axes.set_ylabel("critic ψ")
    figure.suptitle("● start   ■ end   + the place of rest", fontsize=9, x=0.02, ha="left")
    return figure
