"""Two players on a saddle: five ways to move, and the eigenvalues that decide.

x minimises f, y maximises it. Along the field v the two rotate around each other, by a; c pulls
them inward. Every way to move is linear here, w' = A w, and comes to rest if all eigenvalues of A lie
inside the unit circle. With m = 2c + i a and its conjugate, the eigenvalues of v, and step h:

    simultaneous    1 - h m
    alternating     roots of l^2 - (2k - h^2 a^2) l + k^2,   k = 1 - 2hc
    extragradient   1 - h m + h^2 m^2
    consensus       1 - h (m + gamma |m|^2)
    optimistic      roots of l^2 - (1 - 2h m) l - h m

Source: Mescheder, Nowozin, Geiger, "The numerics of GANs", 2017, arXiv:1705.10461 (consensus, and why
    the imaginary part decides); Daskalakis, Ilyas, Syrgkanis, Zeng, "Training GANs with optimism",
    2018, arXiv:1711.00141; Gidel, Berard, Vignoud, Vincent, Lacoste-Julien, "A variational inequality
    perspective on generative adversarial networks", 2019, arXiv:1802.10551 (extragradient).
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import cmath
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..media.style import DASHES, canvas, square
from .outcome import Outcome, listed, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("simultaneous", "alternating", "extragradient", "consensus", "optimistic")
FAR = 1e30  # where a walk that diverges stops
EDGE = 1e-9  # a radius this near to 1 neither grows nor shrinks
STEPS = 600  # step sizes that are tried
WHY = (
    "Two players who each follow their own gradient turn around the solution instead of "
    "walking into it. Whether the turn shrinks is decided by the spectral radius of one move. "
    "The imaginary part of an eigenvalue, which comes from the players' meeting, makes every "
    "plain step too long; looking ahead, or back, or pulling inward mends it."
)
FORMULA = """\
f(x, y) = a x y + c (x² − y²),  x minimises, y maximises
v = (∂f/∂x, −∂f/∂y) = M w,  M = [[2c, a], [−a, 2c]],  eigenvalues m = 2c ± i a
simultaneous   w′ = w − h v(w)
alternating    the same, but y already sees x′
extragradient  w′ = w − h v(w − h v(w))
consensus      w′ = w − h (v + γ ∇|v|²/2)
optimistic     w′ = w − 2h v(w) + h v(w before)
it converges   if and only if the spectral radius of w ↦ w′ is below 1"""


class Game(NamedTuple):
    """f(x, y) = a x y + c (x^2 - y^2).

    Args:
        a: strength of the interaction.
        c: strength of the pull to the centre, at least 0; 0 is the purely bilinear game.
    """

    a: float
    c: float

    @property
    def matrix(self) -> np.ndarray:
        """M of the field v = M w, (2, 2)."""
        return np.array([[2 * self.c, self.a], [-self.a, 2 * self.c]])

    @property
    def m(self) -> complex:
        """The eigenvalue of M above the real axis."""
        return complex(2 * self.c, abs(self.a))


def update(method: str, game: Game, step: float, gamma: float) -> np.ndarray:
    """The matrix of a move: (2, 2), or (4, 4) for optimistic, whose state is w and w before."""
    m, one = game.matrix, np.eye(2)
    if method == "simultaneous":
        return one - step * m
    if method == "alternating":
        first, second = one.copy(), one.copy()
        first[0] -= step * m[0]
        second[1] -= step * m[1]
        return second @ first
    if method == "extragradient":
        return one - step * m + step**2 * m @ m
    if method == "consensus":
        return one - step * (m + gamma * m.T @ m)
    return np.block([[one - 2 * step * m, step * m], [one, np.zeros((2, 2))]])


def eigenvalues(method: str, game: Game, step: float, gamma: float) -> np.ndarray:
    """The eigenvalues of `update`, in closed form, complex."""
    m, h = game.m, step
    if method == "alternating":
        k = 1 - 2 * h * game.c
        return np.array(_roots(2 * k - (h * game.a) ** 2, -(k**2)))
    if method == "optimistic":
        return np.array(
            [*_roots(1 - 2 * h * m, h * m), *_roots(1 - 2 * h * m.conjugate(), h * m.conjugate())]
        )
    upper = {
        "simultaneous": 1 - h * m,
        "extragradient": 1 - h * m + h**2 * m**2,
        "consensus": 1 - h * (m + gamma * abs(m) ** 2),
    }[method]
    return np.array([upper, upper.conjugate()])


def _roots(p: complex, q: complex) -> tuple[complex, complex]:
    """The roots of l^2 - p l - q."""
    root = cmath.sqrt(p * p / 4 + q)
    return p / 2 + root, p / 2 - root


def radius(method: str, game: Game, step: float, gamma: float) -> float:
    """The spectral radius of a move."""
    return float(np.abs(eigenvalues(method, game, step, gamma)).max())


def walk(method: str, game: Game, step: float, gamma: float, moves: int) -> np.ndarray:
    """The path, (moves + 1, 2), from (1, 1) along the gradients, without the matrix."""

    def v(w: np.ndarray) -> np.ndarray:
        x, y = w
        return np.array([game.a * y + 2 * game.c * x, -(game.a * x - 2 * game.c * y)])

    w = np.array([1.0, 1.0])
    path, before = [w], v(w)
    for _ in range(moves):
        now = v(w)
        if method == "simultaneous":
            w = w - step * now
        elif method == "alternating":
            half = np.array([w[0] - step * now[0], w[1]])
            w = np.array([half[0], w[1] - step * v(half)[1]])
        elif method == "extragradient":
            w = w - step * v(w - step * now)
        elif method == "consensus":
            w = w - step * (now + gamma * game.matrix.T @ now)
        else:
            w, before = w - 2 * step * now + step * before, now
        w = w if np.abs(w).max() < FAR else path[-1]
        path.append(w)
    return np.array(path)


def largest_step(method: str, game: Game, gamma: float, most: float) -> float:
    """The end of the range of steps, from 0 on, that converge; 0 if none does, `most` at most."""
    low = 1e-4 * most
    if radius(method, game, low, gamma) >= 1 - 1e-12:
        return 0.0
    steps = np.linspace(low, most, STEPS)
    outside = [h for h in steps if radius(method, game, h, gamma) >= 1]
    if not outside:
        return most
    high = outside[0]
    low = high - (steps[1] - steps[0])
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if radius(method, game, middle, gamma) < 1 else (low, middle)
    return float(low)


def dynamics(
    a: float = 3.0, c: float = 1.0, step: float = 0.15, gamma: float = 0.3, moves: int = 60
) -> Outcome:
    """Plays a x y, and a x y + c (x^2 - y^2), in five ways.

    Args:
        a: strength of the interaction, above 0.
        c: strength of the pull to the centre in the second game, above 0.
        step: step size h of both players, above 0.
        gamma: weight of consensus, above 0.
        moves: number of moves of each player, at least 1.
    """
    for name, value in (("a", a), ("c", c), ("step", step), ("gamma", gamma)):
        wanted(value > 0, "dynamics", name, value, "a number above 0")
    wanted(moves >= 1, "dynamics", "moves", moves, "at least 1")
    games = {"bilinear": Game(a, 0.0), "saddle": Game(a, c)}
    steps = np.linspace(0, 3 / math.hypot(a, 2 * c), STEPS)[1:]
    arrays, rows = {"steps": steps}, []
    rests: dict[str, list[str]] = {}
    for kind, game in games.items():
        for method in METHODS:
            path = walk(method, game, step, gamma, moves)
            found = radius(method, game, step, gamma)
            rests.setdefault(kind, []).extend([method] * (found < 1 - EDGE))
            arrays[f"{kind}/{method}/path"] = path
            arrays[f"{kind}/{method}/radius"] = np.array(
                [radius(method, game, h, gamma) for h in steps]
            )
            arrays[f"{kind}/{method}/at_step"] = np.array(found)
            end = largest_step(method, game, gamma, 3 / a)
            rows.append((kind, method, f"{found:.4f}", _ends(found), short(end) if end else "none"))
    growth = float(arrays["bilinear/simultaneous/at_step"])
    circling = _ends(float(arrays["bilinear/alternating/at_step"]))
    end = largest_step("simultaneous", games["saddle"], gamma, 3 / a)
    sentence = (
        f"On the purely bilinear game no step helps simultaneous moves: at {short(step)} each takes "
        f"them {100 * (growth - 1):.1f} % farther out; taking turns {circling}. "
        f"At this step {_rest(rests['bilinear'])}. With c = {short(c)} pulling inward "
        f"{_rest(rests['saddle'])}, the simultaneous one only below a step of {short(end)}."
    )
    return Outcome(
        "dynamics",
        "Why do two gradient descents circle each other?",
        sentence,
        WHY,
        FORMULA,
        "Mescheder and others 2017, arXiv:1705.10461; Daskalakis and others 2018, arXiv:1711.00141; "
        "Gidel and others 2019, arXiv:1802.10551",
        (
            "game",
            "method",
            f"spectral radius at h = {short(step)}",
            "so it",
            "converges for h below",
        ),
        rows,
        arrays,
        {"a": a, "c": c, "step": step, "gamma": gamma, "moves": moves},
    )


def _ends(found: float) -> str:
    return (
        "converges" if found < 1 - EDGE else "diverges" if found > 1 + EDGE else "circles for ever"
    )


def _rest(methods: Sequence[str]) -> str:
    """The methods that come to rest, in words."""
    if len(methods) in (0, len(METHODS)):
        return "all five ways to move come to rest" if methods else "no way to move comes to rest"
    return f"{listed(methods)} come{'s' * (len(methods) == 1)} to rest"


def plot(outcome: Outcome) -> "Figure":
    """Above, the paths; below, the spectral radius at every step size."""
    arrays, options = outcome.arrays, outcome.options
    figure = canvas(11, 8.2)
    parts = np.array(figure.subfigures(2, 1, height_ratios=[1.35, 1]))
    above, below = parts
    pull = "" if options["c"] == 1 else f"{short(options['c'])} "
    names = {
        "bilinear": f"f = {short(options['a'])} xy",
        "saddle": f"f = {short(options['a'])} xy + {pull}(x² − y²)",
    }
    planes = above.subplots(2, 5, sharex=True, sharey=True)
    for row, (kind, game) in zip(planes, names.items(), strict=True):
        for i, (axes, method) in enumerate(zip(row, METHODS, strict=True)):
            path, found = arrays[f"{kind}/{method}/path"], float(arrays[f"{kind}/{method}/at_step"])
            axes.plot(*path.T.clip(-99, 99), f"C{i}-", marker=".", markersize=3, lw=1)
            axes.plot(*path[0], "o", color="C6", ms=5)
            axes.plot(0, 0, "+", color="C6", ms=10, mew=1.5)
            square(axes, 2.6)
            axes.set_title(f"{method}\nradius {found:.3f}: {_ends(found)}", fontsize=9)
        row[0].set_ylabel(f"{game}\n\ny")
    for axes in planes[1]:
        axes.set_xlabel("x")
    for axes, (kind, game) in zip(below.subplots(1, 2, sharey=True), names.items(), strict=True):
        for i, method in enumerate(METHODS):
            axes.plot(
                arrays["steps"],
                arrays[f"{kind}/{method}/radius"],
                c=f"C{i}",
                ls=DASHES[i],
                label=method,
            )
        axes.axhline(1, color="C6", lw=0.8)
        axes.axvline(options["step"], color="C7", lw=0.8, ls=":")
        axes.set(xlabel="step size h", ylim=(0.1, 1.6), xlim=(0, arrays["steps"][-1]), title=game)
        axes.text(options["step"], 0.12, " the step above", fontsize=8, color="C7", clip_on=True)
    axes.legend(loc="lower right")
    below.axes[0].set_ylabel("spectral radius (below 1: converges)")
    return figure
