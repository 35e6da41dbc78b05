"""Three ways to differentiate what chance decides, each against what is known exactly.

A gradient of an expectation can follow the draws, if these are smooth functions of the parameters (paths), or weigh
them by the slope of log q (scores). Both are right in the mean, and far apart in their noise. Of many weighted draws,
the paths of the encoder cancel; taken twice, they do not. And a draw of a category has no path: one that is softened
has, of a gradient that is wrong by what the softening changed.

Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114; Rainforth and others, "Tighter
    variational bounds are not necessarily better", 2018, arXiv:1802.04537; Tucker, Lawson, Gu, Maddison, "Doubly
    reparameterized gradient estimators for Monte Carlo objectives", 2019, arXiv:1810.04152; Jang, Gu, Poole, 2017,
    arXiv:1611.01144; Maddison, Mnih, Teh, 2017, arXiv:1611.00712.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ...core import Reals
from ...media.style import canvas
from ...vae import IWAE, Normal
from ...vae.discrete.gumbel import drawn, relaxed
from ..judging import seeded
from ..outcome import Outcome, counted, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = (1, 3, 10, 30, 100)  # of z, in (a)
MEAN = 1.0  # of each unit of z, in (a)
DRAWS = (1, 3, 10, 30, 100, 300)  # for each x, in (b)
LATENT = 5  # size of z in (b)
OFF, WIDE = (
    0.3,
    2 / 3,
)  # how far the means of its guess are off, and its variance, which is to be 1/2
TEMPERATURES = (4.0, 2.0, 1.0, 0.5, 0.25, 0.1)  # in (c)
LOGITS, VALUES = (0.3, -0.5, 0.9, 0.0), (1.0, -0.7, 0.4, 2.0)  # of the categories in (c)
AT_ONCE = 1 << 21  # numbers that are drawn at once
WHY = (
    "A path tells where each draw would have gone, so its noise does not grow with the size of z; a score only tells "
    "which draws were good, and has to find out from chance which unit did it. The bound of many draws needs the guess "
    "less the more there are: what is left of the encoder's gradient falls faster than its noise, unless the part "
    "that is 0 in the mean is taken out. Softened categories trade what is wrong for what is noisy, by their temperature."
)
FORMULA = """\
(a) d/dm E f(z), z ~ N(m, I), f = |z|² / 2:   path: z      score: f(z) (z − m)      both E = m
    variance of a unit:   path: 1      score: (E f² |z − m|² − |m|²) / d      less a baseline: f − E f for f
(b) log 1/k Σ w_i:   plain: Σ v_i ∇ log w_i      doubly: Σ v_i² (∂ log w_i / ∂z_i) ∇z_i      v_i = w_i / Σ w_j
    signal to noise: |E g| / sqrt(E |g − E g|²), of the means of q(z | x)
(c) d/da E (v·z − 0.4)², z ~ Cat(softmax a):   softened: z = softmax((a + g) / τ), g Gumbel noise
    straight-through: one-hot draws, with the slope of the softened ones"""


def reparameterise(rows: int = 20_000, seed: int = 0) -> Outcome:
    """Measures the noise and the errors of gradients of expectations, by many draws of each.

    Args:
        rows: draws of each gradient, from 200 to 1,000,000.
        seed: random seed.
    """
    wanted(200 <= rows <= 10**6, "reparameterise", "rows", rows, "a number from 200 to 1,000,000")
    with seeded(seed):
        noise = {size: paths_and_scores(size, rows) for size in SIZES}
        signal = {k: (snr(k, rows, False), snr(k, rows, True)) for k in DRAWS}
        soft = {tau: softened(tau, rows) for tau in TEMPERATURES}
        exact, unsoftened = category_gradient(), by_scores(rows)
    measured = np.array([noise[size] for size in SIZES])
    snrs, errors = np.array([*signal.values()]), np.array([*soft.values()])
    last, (cold, hot) = SIZES[-1], (TEMPERATURES[-1], TEMPERATURES[0])
    sentence = (
        f"With {last} units, a gradient by scores has {short(measured[-1, 1])} times the variance of one by paths, and "
        f"{short(measured[-1, 2])} times with a baseline. From 1 draw to {DRAWS[-1]}, the encoder's signal to noise "
        f"goes from {short(snrs[0, 0])} to {short(snrs[-1, 0])}, and doubly reparameterised from {short(snrs[0, 1])} to "
        f"{short(snrs[-1, 1])}. At the temperature {short(hot)} a softened gradient is off by "
        f"{errors[0, 0]:.0%} of its size, with a noise of {short(errors[0, 1])} times that size; at {short(cold)} by "
        f"{errors[-1, 0]:.0%}, with {short(errors[-1, 1])}."
    )
    table = [
        *(
            ("(a) variance of a unit", counted(size, "unit"), *map(short, row))
            for size, row in zip(SIZES, measured, strict=True)
        ),
        *(
            ("(b) signal to noise", counted(k, "draw"), *map(short, row), "")
            for k, row in zip(DRAWS, snrs, strict=True)
        ),
        *(
            (
                "(c) bias, and straight-through",
                f"τ = {short(tau)}",
                short(row[0]),
                short(row[2]),
                "",
            )
            for tau, row in zip(TEMPERATURES, errors, strict=True)
        ),
        *(
            (
                "(c) noise, and straight-through",
                f"τ = {short(tau)}",
                short(row[1]),
                short(row[3]),
                "",
            )
            for tau, row in zip(TEMPERATURES, errors, strict=True)
        ),
    ]
    return Outcome(
        "reparameterise",
        "How does a gradient get through a draw?",
        sentence,
        WHY,
        FORMULA,
        "Kingma, Welling 2014; Rainforth and others 2018; Tucker and others 2019; Jang and others 2017; Maddison and "
        "others 2017",
        (
            "what",
            "where",
            "path, plain, or softened",
            "score, doubly, or straight",
            "score less a baseline",
        ),
        table,
        {
            "sizes": np.array(SIZES),
            "variances": measured,
            "closed": np.array([closed_variances(size) for size in SIZES]),
            "draws": np.array(DRAWS),
            "snr": snrs,
            "temperatures": np.array(TEMPERATURES),
            "softened": errors,
            "scores": np.array(unsoftened),
            "exact": exact.numpy(),
        },
        {"rows": rows, "seed": seed},
    )


# --- (a) paths and scores ----------------------------------------------------------------------


def closed_variances(size: int) -> tuple[float, float, float]:
    """Variance of the gradient of a unit by paths, by scores, and by scores less a baseline.

    With e = z - m, B = |e|^2 and A = m . e, f = (|m|^2 + 2 A + B) / 2; odd powers of e are 0 in the mean, and
    E B = d, E B^2 = d (d + 2), E B^3 = d (d + 2) (d + 4), E A^2 B = |m|^2 (d + 2).
    """
    d, square = size, size * MEAN**2
    crossed = square * (d + 2)
    plain = (square**2 * d + 2 * square * d * (d + 2) + d * (d + 2) * (d + 4)) / 4 + crossed
    less = (2 * d**2 + 8 * d) / 4 + crossed  # of f - E f, which is A + (B - d) / 2
    return 1.0, (plain - square) / d, (less - square) / d


def paths_and_scores(size: int, rows: int) -> tuple[float, float, float]:
    """The same, measured."""
    sums = torch.zeros(2, 3, size, dtype=torch.float64)
    for count in parts(rows, size):
        e = torch.randn(count, size, dtype=torch.float64)
        z = MEAN + e
        f = 0.5 * z.square().sum(1, keepdim=True)
        gradients = torch.stack([z, f * e, (f - 0.5 * size * (MEAN**2 + 1)) * e])
        sums += torch.stack([gradients.sum(1), gradients.square().sum(1)])
    mean, square = sums / rows
    path, score, less = ((square - mean**2).mean(1) * rows / (rows - 1)).tolist()
    return path, score, less


# --- (b) many weighted draws -------------------------------------------------------------------


class Held(nn.Module):
    """An encoder near the posterior of x = z + noise, N(x / 2, 1/2): it is off, and too wide. It keeps its last guess."""

    guess: Tensor  # (n, 2 * LATENT), with gradients

    def forward(self, x: Tensor) -> Tensor:
        log_std = torch.full_like(x, 0.5 * math.log(WIDE))
        self.guess = torch.cat([x / 2 + OFF, log_std], 1).requires_grad_()
        return self.guess


def snr(k: int, rows: int, doubly: bool) -> float:
    """Signal to noise of the gradient of the encoder's means, of so many draws of the gradient of one x."""
    encoder = Held()
    model = IWAE(
        Reals((LATENT,)),
        LATENT,
        encoder,
        nn.Identity(),
        Normal(1.0, learned=False),
        k=k,
        doubly=doubly,
    )
    sums, total = torch.zeros(2, LATENT, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    half = rows // 2
    for side in range(2):
        for count in parts(half, k * LATENT):
            x = torch.ones(count, LATENT)
            loss = torch.stack([*model.loss(x).values()]).sum()
            (slope,) = torch.autograd.grad(loss * count, encoder.guess)
            means = slope[:, :LATENT].double()
            sums[side] += means.sum(0)
            total += means.square().sum()
    first, second = sums / half
    signal = (first @ second).clamp(min=0)  # of independent halves: unbiased, where noise is large
    return float((signal / (total / (2 * half) - signal)).sqrt())


# --- (c) softened categories -------------------------------------------------------------------


def objective(z: Tensor) -> Tensor:
    return (z @ z.new_tensor(VALUES) - 0.4).square()


def category_gradient() -> Tensor:
    """The gradient for the logits, by the sum over all categories."""
    a = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    expected = a.softmax(0) @ objective(torch.eye(len(LOGITS), dtype=torch.float64))
    return torch.autograd.grad(expected, a)[0]


def softened(temperature: float, rows: int) -> tuple[float, float, float, float]:
    """Bias and noise of the softened gradient, and of straight-through, as shares of the exact one's size."""

    def slopes(straight: bool) -> Callable[[Tensor], Tensor]:
        def of(a: Tensor) -> Tensor:
            value = objective(relaxed(a, temperature, straight)).sum()
            return torch.autograd.grad(value, a)[0]

        return of

    return *bias_and_noise(slopes(False), rows), *bias_and_noise(slopes(True), rows)


def by_scores(rows: int) -> tuple[float, float]:
    """Those of the gradient by scores, which needs no softening."""

    def slopes(a: Tensor) -> Tensor:
        z = drawn(a.detach())
        return objective(z)[:, None] * (z - a.detach().softmax(1))

    return bias_and_noise(slopes, rows)


def bias_and_noise(slopes: Callable[[Tensor], Tensor], rows: int) -> tuple[float, float]:
    """How far the mean of a gradient is from the exact one, and its deviation, both over the exact one's size."""
    exact = category_gradient()
    a = torch.tensor(LOGITS, dtype=torch.float64).repeat(rows, 1).requires_grad_()
    found = slopes(a)
    size = exact.norm()
    return float((found.mean(0) - exact).norm() / size), float(found.var(0).sum().sqrt() / size)


# --- what they share ---------------------------------------------------------------------------


def parts(rows: int, size: int) -> list[int]:
    """Numbers of rows that are drawn at once, each of so many numbers."""
    most = max(1, AT_ONCE // size)
    return [min(most, rows - begin) for begin in range(0, rows, most)]


def plot(outcome: Outcome) -> "Figure":
    """Variances by the size of z; signal to noise by draws; bias and noise by temperature."""
    arrays = outcome.arrays
    figure = canvas(12, 4.2)
    left, middle, right = figure.subplots(1, 3)
    names = ("path", "score", "score less a baseline")
    for i, name in enumerate(names):
        left.loglog(arrays["sizes"], arrays["closed"][:, i], f"C{i}-", label=f"{name}, closed form")
        left.loglog(arrays["sizes"], arrays["variances"][:, i], f"C{i}o", ms=5)
    left.set(
        xlabel="size of z",
        ylabel="variance of the gradient of a unit",
        title="(a) of a normal z; dots: measured",
    )
    for i, name in enumerate(("plain", "doubly reparameterised")):
        seen = arrays["snr"][:, i] > 0
        middle.loglog(arrays["draws"][seen], arrays["snr"][seen, i], f"C{i}o-", ms=5, label=name)
    guide = arrays["snr"][0, 0] * arrays["draws"] ** -0.5
    middle.loglog(arrays["draws"], guide, "C7:", lw=1.2, label="1 / √k")
    middle.set(
        xlabel="draws k for each x",
        ylabel="signal to noise",
        title="(b) of the encoder's gradient of log 1/k Σ w",
    )
    for i, name in enumerate(("softened", "straight-through")):
        bias, noise = arrays["softened"][:, 2 * i], arrays["softened"][:, 2 * i + 1]
        right.loglog(arrays["temperatures"], bias, f"C{i}o-", ms=5, label=f"{name}: bias")
        right.loglog(arrays["temperatures"], noise, f"C{i}s--", ms=5, label=f"{name}: noise")
    right.axhline(arrays["scores"][1], color="C7", ls=":", lw=1.2, label="by scores: noise")
    right.set(
        xlabel="temperature τ",
        ylabel="share of the exact gradient's size",
        title="(c) of a category, against the sum over all",
    )
    for axes in (left, middle, right):
        axes.grid(True, which="major")
        axes.legend(fontsize=7)
    return figure
