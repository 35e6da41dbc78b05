"""A class by Bayes' rule, or learnt directly: which needs fewer rows, and which is better in the end.

A generative classifier learns p(x | c) and p(c), and turns them round; a discriminative one learns p(c | x)
and nothing else. Naive Bayes and logistic regression have the same form of p(c | x). Where columns really are
independent given the class, counting is the better use of few rows; where they are not, as in digits, no
number of rows mends the model, and the other one goes on learning.

Source: Ng, Jordan, "On discriminative vs. generative classifiers: a comparison of logistic regression and
    naive Bayes", 2001.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...core import Bits, Classes
from ...data import load
from ...density import NaiveBayes
from ...media.style import DASHES, canvas
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "naive": "naive Bayes",
    "gaussian": "Gaussian discriminant, one covariance",
    "logistic": "logistic regression",
    "held_back": "logistic regression, with a prior",
}
DATA = {"planted": "independent bits of two classes", "digits": "black and white digits"}
WHY = (
    "Each number of naive Bayes is a frequency of its own, which a few rows fix; logistic regression must "
    "find all its weights together. So where the columns are independent given the class, naive Bayes needs "
    "fewer rows. Pixels of a digit are not: naive Bayes counts what they say together several times, and is "
    "soon as good as it will be. A prior on the weights gives logistic regression most of what naive Bayes "
    "has ahead. A generative model can also draw x, and tell an odd one."
)
FORMULA = """\
naive Bayes     p(c | x) ∝ p(c) ∏ᵢ p(xᵢ | c)
Gaussian        p(c | x) ∝ p(c) N(x; m_c, C), C shrunk towards its diagonal
logistic        p(c | x) ∝ exp(w_c · x + b_c), w of the largest likelihood less |w|²/2"""
Classify = Callable[[Tensor, Tensor, Tensor], np.ndarray]  # training x and c, other x -> their c


def naive(x: Tensor, c: Tensor, others: Tensor) -> np.ndarray:
    model = NaiveBayes(Bits(tuple(x.shape[1:])), Classes(int(c.max()) + 1))
    for _ in model.fit(x, c):
        pass
    return model.log_classes(others).argmax(1).numpy()


def gaussian(x: Tensor, c: Tensor, others: Tensor) -> np.ndarray:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    with warnings.catch_warnings():  # a class of one row has no covariance, and adds none
        warnings.simplefilter("ignore", UserWarning)
        model.fit(x.flatten(1).numpy(), c.numpy())
    return np.asarray(model.predict(others.flatten(1).numpy()))


def logistic(x: Tensor, c: Tensor, others: Tensor, strength: float = 1e6) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=1000)
    return model.fit(x.flatten(1).numpy(), c.numpy()).predict(others.flatten(1).numpy())


CLASSIFIERS: dict[str, Classify] = {
    "naive": naive,
    "gaussian": gaussian,
    "logistic": logistic,
    "held_back": partial(logistic, strength=1.0),
}


def planted(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of 60 bits that are independent given one of two classes, and their classes."""
    rates = 0.5 + 0.15 * torch.randn(2, 60, generator=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(seed)
    c = torch.randint(2, (rows,), generator=draw)
    x = torch.rand(rows, 60, generator=draw) < rates.clamp(0.05, 0.95)[c]
    return x.float(), c


def written(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of black and white digits, and their classes."""
    x, c = load("digits").train.labelled().everything()
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:rows]
    return (x[chosen] > 0).float(), c[chosen]


def discriminative(
    rows: Sequence[int] = (30, 60, 120, 240, 480, 960), repeats: int = 10
) -> Outcome:
    """Errors of classifiers by the number of rows that they learn from, where naive Bayes is true and where not.

    Args:
        rows: numbers of training rows, each from 20 to 1,257.
        repeats: number of draws of these rows, at least 2.
    """
    fine = len(rows) > 0 and all(20 <= n <= 1257 for n in rows)
    wanted(fine, "discriminative", "rows", rows, "numbers from 20 to 1,257")
    wanted(repeats >= 2, "discriminative", "repeats", repeats, "at least 2")
    x, c = load("digits").test.labelled().everything()
    tests = {"planted": planted(2000, -1), "digits": ((x > 0).float(), c)}
    draws = {"planted": planted, "digits": written}
    errors = {(d, k): np.zeros((len(rows), repeats)) for d in draws for k in CLASSIFIERS}
    for (d, k), found in errors.items():
        others, truth = tests[d]
        for i, n in enumerate(rows):
            for seed in range(repeats):
                wrong = CLASSIFIERS[k](*draws[d](n, seed), others) != truth.numpy()
                found[i, seed] = wrong.mean()
    mean = {key: 100 * each.mean(1) for key, each in errors.items()}
    spread = {key: 100 * each.std(1, ddof=1) for key, each in errors.items()}
    said = [
        f"Of {rows[i]:,} {name} naive Bayes gets {short(mean[d, 'naive'][i])} % wrong, and logistic "
        f"regression {short(mean[d, 'logistic'][i])} %, with a prior {short(mean[d, 'held_back'][i])} %"
        for d, name in (("planted", "rows of independent bits"), ("digits", "digits"))
        for i in (0, -1)
    ]
    table = [
        (
            f"{DATA[d]}, {n:,} rows",
            *(f"{mean[d, k][i]:.1f} ± {spread[d, k][i]:.1f}" for k in LABELS),
        )
        for d in draws
        for i, n in enumerate(rows)
    ]
    return Outcome(
        "discriminative",
        "Bayes' rule, or the class at once?",
        ". ".join(said) + ".",
        WHY,
        FORMULA,
        "Ng, Jordan 2001, On discriminative vs. generative classifiers",
        ("data", *(f"{label}, % wrong" for label in LABELS.values())),
        table,
        {"rows": np.array(rows), **{f"{d}/{k}/error": each for (d, k), each in errors.items()}},
        {"rows": rows, "repeats": repeats},
    )


def plot(outcome: Outcome) -> "Figure":
    """Error against rows, with the spread over draws, for both data."""
    figure = canvas(8.6, 4.2)
    panels = figure.subplots(1, 2)
    rows = outcome.arrays["rows"]
    for axes, (d, title) in zip(panels, DATA.items(), strict=True):
        for i, (name, label) in enumerate(LABELS.items()):
            each = 100 * outcome.arrays[f"{d}/{name}/error"]
            middle, wide = each.mean(1), each.std(1, ddof=1)
            axes.plot(rows, middle, color=f"C{i}", ls=DASHES[i], marker="o", ms=3, label=label)
            axes.fill_between(rows, middle - wide, middle + wide, color=f"C{i}", alpha=0.15, lw=0)
        axes.set(xscale="log", xlabel="training rows", ylim=(0, None), title=title)
    panels[0].set_ylabel("% of test rows wrong")
    panels[0].legend(loc="lower left", fontsize=7)
    return figure
