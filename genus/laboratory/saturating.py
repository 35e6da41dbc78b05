"""The generator's gradient as the critic gets sure: minimax against non-saturating.

A fake row whose logit is f = D(x) pulls at the generator with the slope of the loss in f:

    minimax          L = -log(1 + e^f)     dL/df = -s(f)        -> 0 as f -> -inf
    non-saturating   L =  log(1 + e^-f)    dL/df = -(1 - s(f))  -> -1

s is the logistic function. Where data and fake rows do not overlap nothing keeps the critic from
getting ever surer, so f falls without end, and the minimax gradient falls like e^f with it.

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661, section 3;
    Arjovsky, Bottou, "Towards principled methods for training generative adversarial networks", 2017,
    arXiv:1701.04862, section 2.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..functional.adversarial.objectives import minimax, non_saturating
from ..media.style import canvas
from ..nn import MLP
from .judging import learn, pull, seeded
from .outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 256
OBJECTIVES = (minimax, non_saturating)
WHY = (
    "Where data and made rows do not overlap, nothing keeps the critic from getting ever "
    "surer. The minimax loss is flat where the critic is sure, just where the generator needs "
    "a direction most; the non-saturating loss wants the same and is steep there."
)
FORMULA = """\
f = D(G(z)), the logit of a made row; s(f) = 1 / (1 + e⁻ᶠ)
minimax         L = −log(1 + eᶠ)    |dL/df| = s(f)      → 0 as f → −∞
non-saturating  L =  log(1 + e⁻ᶠ)   |dL/df| = 1 − s(f)  → 1
the gradient that reaches a row: |dL/dx| = |dL/df| · |∂D/∂x|"""


def slopes(logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|dL/df| of minimax and of non-saturating, in closed form."""
    return 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(logit))


def saturating(
    rounds: Sequence[int] = (0, 25, 100, 400), gap: float = 1.0, seed: int = 0
) -> Outcome:
    """Trains a critic on two lines that do not touch, and measures the generator's gradient.

    Args:
        rounds: numbers of training rounds of the critic at which the gradient is shown; rising,
            from 0 on.
        gap: distance of the line of data and the line of fake rows, above 0.
        seed: random seed of the critic's weights and of the rows.
    """
    rounds = [*rounds]
    rising = bool(rounds) and rounds[0] >= 0 and rounds == sorted({*rounds}) and len(rounds) > 1
    wanted(
        rising, "saturating", "rounds", rounds, "a rising list of at least two numbers, from 0 on,"
    )
    wanted(gap > 0, "saturating", "gap", gap, "a number above 0")

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        real, fake = torch.rand(2, ROWS, 2)
        real[:, 0], fake[:, 0] = 0.0, gap
        return real, fake

    with seeded(seed):
        critic = MLP(2, 1, (64, 64))
        fake = draw()[1]
        seen = {*range(0, rounds[-1] + 1, max(rounds[-1] // 100, 1)), *rounds}
        rows = []
        for number in learn(critic, non_saturating, draw, rounds[-1]):
            if number in seen:
                norms = [float(pull(o, critic, fake).norm(dim=1).mean()) for o in OBJECTIVES]
                with torch.no_grad():
                    rows.append([number, float(critic(fake).mean()), *norms])
    table = np.array(rows)
    marks = table[np.isin(table[:, 0], rounds)]
    logits = np.linspace(min(marks[:, 1].min() - 1, -6), max(4, marks[:, 1].max() + 1), 200)
    last, most = marks[-1], marks[marks[:, 2].argmax()]
    sentence = (
        f"After {int(last[0])} rounds the critic gives made rows a logit of {short(last[1])}. The "
        f"minimax gradient that reaches them is then {short(last[2])}, from {short(most[2])} after "
        f"{int(most[0])} rounds; the non-saturating one is {short(last[3])}, "
        f"{short(last[3] / last[2])} times as strong."
    )
    return Outcome(
        "saturating",
        "What does the generator feel when the critic is sure?",
        sentence,
        WHY,
        FORMULA,
        "Goodfellow and others 2014, arXiv:1406.2661; Arjovsky, Bottou 2017, arXiv:1701.04862",
        ("rounds", "logit of made rows", "minimax gradient", "non-saturating gradient", "ratio"),
        [(f"{int(m[0])}", *map(short, m[1:]), short(m[3] / m[2])) for m in marks],
        {"logits": logits, "slopes": np.stack(slopes(logits)), "measured": table, "marks": marks},
        {"rounds": rounds, "gap": gap, "seed": seed},
    )


def plot(outcome: Outcome) -> "Figure":
    """Left, the slope in the logit; right, what is measured while the critic learns."""
    arrays = outcome.arrays
    marks, measured = arrays["marks"], arrays["measured"]
    figure = canvas(10, 4.4)
    left, right = figure.subplots(1, 2)
    for i, (name, dash) in enumerate((("minimax", "-"), ("non-saturating", "--"))):
        left.semilogy(arrays["logits"], arrays["slopes"][i], f"C{i}{dash}", label=name)
        left.semilogy(marks[:, 1], slopes(marks[:, 1])[i], f"C{i}o", ms=6)
        right.semilogy(measured[:, 0], measured[:, 2 + i], f"C{i}{dash}", label=name)
        right.semilogy(marks[:, 0], marks[:, 2 + i], f"C{i}o", ms=6)
    low, high = left.get_ylim()
    left.set_ylim(low / 2, high * 4)
    for mark in marks:
        left.annotate(
            f"{int(mark[0])}",
            (mark[1], 1.0),
            (0, 14),
            textcoords="offset points",
            fontsize=8,
            ha="center",
        )
    left.set(
        xlabel="the critic's logit f of a made row   (← surer that it is made)",
        ylabel="slope of the generator's loss, |dL/df|",
        title="In closed form; dots: after so many rounds of the critic",
    )
    right.set(
        xlabel="rounds that the critic has learnt",
        ylabel="gradient at the made rows, mean |dL/dx|",
        title="Measured, on two lines that do not touch",
    )
    for axes in (left, right):
        axes.grid(True, which="major")
    left.legend(loc="lower right")
    right.legend(loc="lower left")
    return figure
