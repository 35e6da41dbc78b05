"""Two lines side by side: what Jensen-Shannon and Wasserstein say of the gap.

Data are (0, u), fake rows (theta, u), u uniform on [0, 1]. Unless theta is 0 the two never meet:

    JS = log 2,  TV = 1,  KL = inf      for every theta but 0, where all three are 0
    W1 = |theta|

so that only W1 tells the generator which way to go. A trained critic sees the same: a logistic one
estimates JS as log 2 - L/2, a critic of slope at most 1 estimates W1 as the gap of its mean scores.

Source: Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, arXiv:1701.07875, example 1 and figure 1;
    critics of slope 1 by the penalty of Gulrajani and others, 2017, arXiv:1704.00028.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..functional.adversarial.objectives import minimax, wasserstein
from ..functional.adversarial.penalties import one_sided_gradient_penalty
from ..media.style import canvas
from ..nn import MLP
from .judging import learn, pull, seeded
from .outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, WEIGHT = 128, 10.0  # of a batch; of the penalty
WHY = (
    "Data and made rows often lie on thin sets that do not meet. Jensen-Shannon, total "
    "variation and KL then say only that they do not meet; Wasserstein says how far apart "
    "they are, and so which way to go."
)
FORMULA = """\
p: (0, u), q: (θ, u), u uniform on [0, 1]
JS(p, q) = log 2, TV = 1, KL = ∞   for θ ≠ 0; all are 0 at θ = 0
W₁(p, q) = |θ|,  dW₁/dθ = sign θ
a logistic critic sees    log 2 − (E log(1 + e⁻ᴰ⁽ˣ⁾) + E log(1 + eᴰ⁽ᴳ⁽ᶻ⁾⁾))/2  ≤ JS
a critic of slope 1 sees  E D(x) − E D(G(z))  ≤ W₁"""


def exact(theta: np.ndarray) -> dict[str, np.ndarray]:
    """JS, TV, KL (either way) and W1 of the two lines, at each gap."""
    apart = (theta != 0).astype(float)
    return {
        "js": math.log(2) * apart,
        "tv": apart,
        "kl": np.where(apart > 0, np.inf, 0.0),
        "w1": np.abs(theta),
    }


def seen(theta: float, rounds: int, seed: int) -> dict[str, tuple[float, float]]:
    """Value and slope in theta, as a logistic critic and one of slope 1 see them."""

    def draw() -> tuple[Tensor, Tensor]:
        real, fake = torch.rand(2, ROWS, 2)
        real[:, 0], fake[:, 0] = 0.0, theta
        return real, fake

    with seeded(seed):
        logistic, steep = MLP(2, 1, (48, 48)), MLP(2, 1, (48, 48))
        for _ in learn(logistic, minimax, draw, rounds):
            pass
        for _ in learn(steep, wasserstein, draw, rounds, 3e-3, one_sided_gradient_penalty, WEIGHT):
            pass
        real, fake = (torch.cat(rows) for rows in zip(*(draw() for _ in range(8)), strict=True))
    slopes = (
        pull(minimax, logistic, fake)[:, 0].mean() / 2,
        pull(wasserstein, steep, fake)[:, 0].mean(),
    )
    with torch.no_grad():
        loss = torch.stack([*minimax.critic(logistic(real), logistic(fake)).values()]).sum()
        gap = steep(real).mean() - steep(fake).mean()
    return {
        "js": (math.log(2) - float(loss) / 2, float(slopes[0])),
        "w1": (float(gap), float(slopes[1])),
    }


def distances(rounds: int = 300, points: int = 9, reach: float = 1.0, seed: int = 0) -> Outcome:
    """Moves one line past another, and computes distances, exact and as critics see them.

    Args:
        rounds: number of training rounds of each critic, at least 1.
        points: number of gaps at which critics are trained, odd, at least 3.
        reach: largest gap, above 0.
        seed: random seed of the critics' weights and of the rows.
    """
    wanted(rounds >= 1, "distances", "rounds", rounds, "at least 1")
    wanted(
        points >= 3 and points % 2 == 1, "distances", "points", points, "an odd number from 3 on"
    )
    wanted(reach > 0, "distances", "reach", reach, "a number above 0")
    thetas = np.linspace(-reach, reach, points)
    found = [seen(float(theta), rounds, seed) for theta in thetas]
    critics = {name: np.array([one[name] for one in found]) for name in ("js", "w1")}
    line = np.linspace(-reach, reach, 401)
    far, apart = points - 1, thetas != 0
    slope = float(np.abs(critics["w1"][apart, 1]).mean())
    flat = float(np.abs(critics["js"][apart, 1]).max())
    error = float(np.abs(critics["w1"][:, 0] - np.abs(thetas)).max())
    sentence = (
        f"Jensen-Shannon is log 2 = {math.log(2):.3f} at every gap but 0: a logistic critic sees "
        f"{short(critics['js'][far, 0])} at {short(reach)}, and at no gap a slope above {short(flat)}. "
        f"Wasserstein is the gap itself: a critic of slope 1 is off by at most {short(error)}, and its "
        f"slope is {slope:.2f} on average, whatever the gap."
    )
    return Outcome(
        "distances",
        "What does a distance say when two supports do not meet?",
        sentence,
        WHY,
        FORMULA,
        "Arjovsky, Chintala, Bottou 2017, arXiv:1701.07875, example 1",
        (
            "gap θ",
            "JS",
            "as a critic sees it",
            "its slope",
            "W₁",
            "as a critic sees it",
            "its slope",
        ),
        [
            (
                short(theta),
                short(math.log(2) * (theta != 0)),
                *map(short, critics["js"][i]),
                short(abs(theta)),
                *map(short, critics["w1"][i]),
            )
            for i, theta in enumerate(thetas)
        ],
        {"theta": line, "thetas": thetas, **exact(line)}
        | {f"{name}/critic": values for name, values in critics.items()},
        {"rounds": rounds, "points": points, "reach": reach, "seed": seed},
    )


def plot(outcome: Outcome) -> "Figure":
    """Left, the distances; right, the slope that moves the generator."""
    arrays = outcome.arrays
    theta, thetas = arrays["theta"], arrays["thetas"]
    figure = canvas(10, 4.4)
    left, right = figure.subplots(1, 2)
    beside = theta != 0
    lines = (
        ("W₁", "w1", "C0", "-"),
        ("Jensen-Shannon", "js", "C1", "--"),
        ("total variation", "tv", "C3", ":"),
    )
    for label, name, colour, dash in lines:
        values = np.where(beside, arrays[name], np.nan)
        left.plot(theta, values, color=colour, ls=dash, label=label)
    left.plot(0, 0, "o", color="C6", ms=5, label="all, where the lines meet")
    left.plot(
        thetas, arrays["w1/critic"][:, 0], "C0s", ms=6, mfc="none", label="a critic of slope 1"
    )
    left.plot(thetas, arrays["js/critic"][:, 0], "C1D", ms=6, mfc="none", label="a logistic critic")
    left.set(
        xlabel="gap θ between the lines",
        ylabel="distance",
        ylim=(-0.08, 1.55 * max(1, theta[-1])),
        title="The distance (KL is infinite)",
    )
    left.legend(ncols=2, loc="upper center")
    right.plot(theta, np.where(beside, np.sign(theta), np.nan), "C0-", label="W₁: sign θ")
    right.plot(theta, np.where(beside, 0.0, np.nan), "C1--", label="Jensen-Shannon: 0")
    right.plot(
        thetas, arrays["w1/critic"][:, 1], "C0s", ms=6, mfc="none", label="a critic of slope 1"
    )
    right.plot(
        thetas, arrays["js/critic"][:, 1], "C1D", ms=6, mfc="none", label="a logistic critic"
    )
    right.set(
        xlabel="gap θ between the lines",
        ylabel="slope of the distance in θ",
        ylim=(-1.7, 1.7),
        title="What moves the generator",
    )
    right.legend(loc="upper left")
    for axes in (left, right):
        axes.grid(True)
    return figure
