"""A density from rows: by a histogram, kernels, one normal distribution, a mixture and a flow.

A model with few numbers is soon as good as it can be, and then wrong by its form. One that grows with the
data is slow, and ends at the truth. The error is KL(p, q) = E_p[log p - log q], of a p that is known.

Source: Silverman, "Density estimation for statistics and data analysis", 1986; the width of a histogram's
    cells as in Scott, "Multivariate density estimation", 1992, section 3.4.
"""

# ruff: noqa: RUF001  (minus signs are meant)

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from ...core import Model, Reals
from ...data import load
from ...data.endless import Draws
from ...data.truth import Toy
from ...density import Gaussian, GaussianMixture, KernelDensity
from ...flow import Autoregressive, Flow, Spline, Standard
from ...media.style import DASHES, canvas
from ...train import Run, fit
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPACE = Reals((2,))
LABELS = {
    "gaussian": "one normal distribution",
    "mixture": "mixture of 8",
    "histogram": "histogram",
    "kernel": "kernels",
    "flow": "flow",
}
GRID = 90  # points of a side of a picture
WHY = (
    "One normal distribution needs few rows, and no number of them gives it two moons. A mixture of eight "
    "bends as far as eight pieces go, and with few rows its pieces are too narrow. A histogram and kernels have "
    "no form of their own, and follow the rows; a histogram steps at each cell, so that it needs far more of "
    "them. A flow is a network, which has to be stopped before it knows few rows by heart. In two dimensions "
    "kernels are hard to beat; in many there are no near rows, and they fall behind."
)
FORMULA = """\
histogram   q(x) = (n_cell + 1/2) / ((n + cells/2) · area)
kernels     q(x) = 1/n ∑ᵢ N(x; xᵢ, h² diag s²), h by leaving one out
flow        q(x) = N(f(x); 0, I) |det df/dx|, f of splines
error       KL(p, q) = E_p[log p − log q], nats"""
Scores = Callable[[Tensor], Tensor]


class Histogram:
    """Cells of one size, as wide as Scott's rule says; what lies outside counts to the nearest cell."""

    def __init__(self, rows: Tensor):
        n, d = rows.shape
        width = 3.5 * rows.std(0) * n ** (-1 / (2 + d))
        self.low, high = rows.amin(0), rows.amax(0)
        self.cells = ((high - self.low) / width).ceil().clamp(min=1).long()
        self.width = (high - self.low) / self.cells
        count = torch.zeros(int(self.cells.prod())).index_add(0, self.cell(rows), torch.ones(n))
        share = (count + 0.5) / (n + 0.5 * len(count))
        self.logs = (share / self.width.prod()).log()

    def cell(self, x: Tensor) -> Tensor:
        place = ((x - self.low) / self.width).long().clamp(min=0).minimum(self.cells - 1)
        return place[:, 0] * self.cells[1] + place[:, 1]

    def log_prob(self, x: Tensor) -> Tensor:
        return self.logs[self.cell(x)]


def flow(rows: Tensor, rounds: int) -> Scores:
    """A flow of autoregressive splines; a fifth of the rows says when to stop."""
    held, learnt = rows[: len(rows) // 5], rows[len(rows) // 5 :]
    maps = [Autoregressive(2, Spline(), (32, 32), flip=k == 1) for k in (0, 1)]
    model = Flow(SPACE, [Standard(SPACE.shape), *maps])
    model.prepare(learnt)
    run = Run(rounds, batch=128, lr=5e-3, device="cpu", patience=5, evaluate_every=20)

    def look(found: Model) -> dict[str, float]:
        return {"nats": float(-model.log_prob(held).detach().mean())}

    fit(model, learnt, run, evaluate=look)
    return model.log_prob


def fitted(name: str, rows: Tensor, rounds: int) -> Scores:
    """log q of an estimate from rows."""
    if name == "histogram":
        return Histogram(rows).log_prob
    if name == "flow":
        return flow(rows, rounds)
    makes = {
        "gaussian": lambda: Gaussian(SPACE),
        "mixture": lambda: GaussianMixture(SPACE, 8, floor=1e-3),
        "kernel": lambda: KernelDensity(SPACE),
    }
    model = makes[name]()
    for _ in model.fit(rows):
        pass
    return model.log_prob


def density(
    rows: Sequence[int] = (50, 150, 500, 1500, 5000), rounds: int = 400, seed: int = 0
) -> Outcome:
    """Five estimates of the density of two moons, by the number of rows.

    Args:
        rows: numbers of rows, each from 20 to 10,000, the smallest first.
        rounds: most rounds that the flow is trained for, at least 20.
        seed: random seed.
    """
    fine = len(rows) > 0 and all(20 <= n <= 10_000 for n in rows) and [*rows] == sorted(rows)
    wanted(fine, "density", "rows", rows, "numbers from 20 to 10,000, the smallest first,")
    wanted(rounds >= 20, "density", "rounds", rounds, "at least 20")
    moons = load("moons")
    known, others = moons.train.everything()[0], moons.test.everything()[0]
    truth = cast(Draws, moons.train).toy
    assert isinstance(truth, Toy)
    true = truth.log_prob(others)
    low, high = others.amin(0) - 0.3, others.amax(0) + 0.3
    sides = [torch.linspace(float(a), float(b), GRID) for a, b in zip(low, high, strict=True)]
    grid = torch.cartesian_prod(*sides)
    arrays = {"rows": np.array(rows), "true": truth.log_prob(grid).exp().view(GRID, GRID).numpy()}
    middle = rows[len(rows) // 2]
    errors: dict[str, list[float]] = {}
    for name in LABELS:
        errors[name] = []
        for n in rows:
            torch.default_generator.manual_seed(seed)
            q = fitted(name, known[:n], rounds)
            with torch.no_grad():
                errors[name].append(float((true - q(others)).mean()))
                if n == middle:
                    arrays[f"{name}/q"] = q(grid).exp().view(GRID, GRID).numpy()
        arrays[f"{name}/error"] = np.array(errors[name])
    first = {name: e[0] for name, e in errors.items()}
    last = {name: e[-1] for name, e in errors.items()}
    few, many = (min(e, key=e.__getitem__) for e in (first, last))
    sentence = (
        f"With {rows[0]:,} rows the nearest is the {LABELS[few]}, {short(first[few])} nats from the truth, "
        f"and with {rows[-1]:,} the {LABELS[many]}, {short(last[many])}. From {rows[0]:,} to {rows[-1]:,} rows "
        f"one normal distribution goes from {short(first['gaussian'])} to {short(last['gaussian'])}, a "
        f"histogram from {short(first['histogram'])} to {short(last['histogram'])}, kernels from "
        f"{short(first['kernel'])} to {short(last['kernel'])}."
    )
    table = [(f"{n:,}", *(short(errors[k][i]) for k in LABELS)) for i, n in enumerate(rows)]
    return Outcome(
        "density",
        "A density from rows: with a form, or without?",
        sentence,
        WHY,
        FORMULA,
        "Silverman 1986, Density estimation; Scott 1992, Multivariate density estimation",
        ("rows", *(f"{label}, nats" for label in LABELS.values())),
        table,
        arrays,
        {"rows": rows, "rounds": rounds, "seed": seed},
    )


def plot(outcome: Outcome) -> "Figure":
    """The densities of a middle number of rows, and the errors of all."""
    arrays = outcome.arrays
    figure = canvas(9.6, 4.8)
    grid = figure.add_gridspec(2, 5, width_ratios=(1, 1, 1, 0.1, 2.2))
    top = arrays["true"].max()
    for k, (name, label) in enumerate({"true": "the truth", **LABELS}.items()):
        axes = figure.add_subplot(grid[k // 3, k % 3])
        q = arrays["true"] if name == "true" else arrays[f"{name}/q"]
        axes.imshow(q.T, origin="lower", vmin=0, vmax=top, cmap="Blues", aspect="auto")
        axes.set_title(label, fontsize=7)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
    axes = figure.add_subplot(grid[:, 4])
    for i, (name, label) in enumerate(LABELS.items()):
        error = arrays[f"{name}/error"]
        axes.plot(arrays["rows"], error, color=f"C{i}", ls=DASHES[i], marker="o", ms=3, label=label)
    axes.set(xscale="log", yscale="log", xlabel="rows", title="KL from the truth, nats")
    axes.legend(fontsize=7)
    return figure
