"""log p(x) of a model with a latent: four ways to estimate it, and how many samples each of them takes.

Its likelihood is an integral over all latents, which nobody can write down. Draws of the prior hardly ever hit the
few z that made an x: very inaccurate, or very expensive. Draws of a guess hit them, and weights make up for what the
guess has too often; without the weights there is a bound, which no number of draws brings nearer. With two units of z
the integral can be added up on a grid, and that is the truth here.

Source: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", 2016; Wu, Burda, Salakhutdinov, Grosse, "On the
    quantitative analysis of decoder-based generative models", 2017.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...data import load
from ...media.style import canvas
from ...train import Run, fit
from ...train.schedules import cosine
from ...vae import VAE
from ...vae.annealing import annealed_log_prob
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
ANNEALED, CHAINS = (3, 10, 30, 100), 30  # temperatures, and chains of each row
REACH, POINTS = 6.0, 241  # of the grid: from -6 to 6, a side
WHY = (
    "All but the bound are right in the mean of p(x), and so too small in the mean of its logarithm: a mean of few "
    "weights misses what is rare and large. The posterior is a small part of the prior, the smaller the more units z "
    "has, and the share of draws that fall into it is what the prior wastes. A guess that is nearly the posterior wastes "
    "little. Annealing needs no guess, and tells whether the guess has missed something."
)
FORMULA = """\
log p(x) = log ∫ p(z) p(x | z) dz
prior: log 1/S Σ p(x | z_s), z_s ~ p(z)          weights: log 1/S Σ p(x, z_s) / q(z_s | x), z_s ~ q(z | x)
bound: 1/S Σ log p(x, z_s) / q(z_s | x) ≤ log p(x)
annealing: z follows p(z) p(x | z)^β while β grows from 0 to 1"""


def estimate(rounds: int = 1500, rows: int = 40, seed: int = 0) -> Outcome:
    """Trains a model with two units of z on digits as bits, and estimates its likelihood in four ways.

    Args:
        rounds: number of training rounds, at least 10.
        rows: held-out digits that are scored, from 2 to 300.
        seed: random seed.
    """
    wanted(rounds >= 10, "estimate", "rounds", rounds, "at least 10")
    wanted(2 <= rows <= 300, "estimate", "rows", rows, "a number from 2 to 300")
    torch.default_generator.manual_seed(seed)
    data = load("digits").binarised()
    model = VAE(data.space, 2)
    fit(model, data.train, Run(rounds, lr=2e-3, seed=seed, device="cpu"), schedule=cosine)
    x = data.test.first(rows)[0]
    torch.default_generator.manual_seed(seed)
    with torch.no_grad():
        truth = on_a_grid(model, x)
        most = DRAWS[-1]
        weights = torch.cat([model.log_weights(x, k=500) for _ in range(most // 500)]).double()
        chances = torch.cat([from_prior(model, x, 500) for _ in range(most // 500)]).double()
    found = {
        "prior": errors(chances, truth),
        "weights": errors(weights, truth),
        "bound": np.array([float((weights.mean(0) - truth).mean())] * len(DRAWS)),
    }
    annealed = [
        float((annealed_log_prob(model, x, betas, chains=CHAINS) - truth).mean())
        for betas in ANNEALED
    ]
    near = {
        name: next((k for k, e in zip(DRAWS, found[name], strict=True) if e > -0.1), None)
        for name in ("prior", "weights")
    }

    def enough(name: str) -> str:
        return f"{near[name]:,}" if near[name] else f"more than {most:,}"

    sentence = (
        f"To be within a tenth of a nat, the mean over {rows} digits takes {enough('prior')} draws of the prior, and "
        f"{enough('weights')} of the guess; one draw of the prior is off by {short(found['prior'][0])} nats. The bound "
        f"stays {short(-found['bound'][0])} nats below at any number. Annealing by {ANNEALED[-1]} temperatures, "
        f"without the encoder, is off by {short(annealed[-1])}."
    )
    table = [
        (f"{k:,}", *(short(float(found[name][i])) for name in ("prior", "weights", "bound")))
        for i, k in enumerate(DRAWS)
    ]
    return Outcome(
        "estimate",
        "How likely is a picture, if its latent is not known?",
        sentence,
        WHY,
        FORMULA,
        "Burda, Grosse, Salakhutdinov 2016; Wu and others 2017",
        ("draws", "prior, off by nats", "weights, off by nats", "bound, off by nats"),
        table,
        {
            "draws": np.array(DRAWS),
            **found,
            "temperatures": np.array(ANNEALED),
            "annealed": np.array(annealed),
            "truth": truth.numpy(),
            "posterior": posterior(model, x[:1]),
            "guess": torch.stack([p[0] for p in model.posterior(x[:1])]).detach().numpy(),
        },
        {"rounds": rounds, "rows": rows, "seed": seed},
    )


def grid() -> Tensor:
    """Points of the plane of z, (POINTS^2, 2), row by row from below."""
    side = torch.linspace(-REACH, REACH, POINTS)
    return torch.cartesian_prod(side, side).flip(1)


def joint(model: VAE, x: Tensor) -> Tensor:
    """log p(x, z) at all points of the grid, (points, n)."""
    z, flat = grid(), x.flatten(1)
    logits = torch.cat([model.numbers(part).flatten(1) for part in z.split(4096)])
    # sum_i x_i a_i - log(1 + e^a_i), for all pairs of points and rows at once
    scores = logits @ flat.T - torch.nn.functional.softplus(logits).sum(1, keepdim=True)
    return (scores + model.log_prior(z)[:, None]).double()


def on_a_grid(model: VAE, x: Tensor) -> Tensor:
    """log p(x), (n,), as a sum over the grid."""
    cell = (2 * REACH / (POINTS - 1)) ** 2
    return joint(model, x).logsumexp(0) + math.log(cell)


@torch.no_grad()
def posterior(model: VAE, x: Tensor) -> np.ndarray:
    """The true posterior of one x on the grid, (POINTS, POINTS), its highest value 1."""
    log_p = joint(model, x)[:, 0]
    return (log_p - log_p.max()).exp().view(POINTS, POINTS).numpy()


def from_prior(model: VAE, x: Tensor, k: int) -> Tensor:
    """log p(x | z) at k draws of the prior, (k, n)."""
    logits, flat = model.numbers(model.draw_prior(k)).flatten(1), x.flatten(1)
    return logits @ flat.T - torch.nn.functional.softplus(logits).sum(1, keepdim=True)


def errors(log_w: Tensor, truth: Tensor) -> np.ndarray:
    """By how many nats the logarithm of a mean of k of them is off, for each k, the mean over groups and rows."""
    off = []
    for k in DRAWS:
        groups = torch.stack([part.logsumexp(0) for part in log_w.split(k) if len(part) == k])
        off.append(float((groups - math.log(k) - truth).mean()))
    return np.array(off)


def plot(outcome: Outcome) -> "Figure":
    """The errors by the number of draws, and a posterior with its guess."""
    arrays = outcome.arrays
    figure = canvas(9.6, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    names = {"prior": "draws of the prior", "weights": "weights of a guess", "bound": "the bound"}
    for color, (name, label) in enumerate(names.items()):
        left.plot(arrays["draws"], arrays[name], "o-", color=f"C{color}", ms=3, label=label)
    left.plot(
        arrays["temperatures"],
        arrays["annealed"],
        "s--",
        color="C3",
        ms=3,
        label="annealing, 30 chains, by temperatures",
    )
    left.axhline(0, color="C7", lw=0.8)
    left.set(xscale="log", xlabel="draws, or temperatures", ylabel="off by, nats")
    left.set_yscale("symlog", linthresh=0.1)
    left.legend(loc="lower right", fontsize=7)
    reach = (-REACH, REACH, -REACH, REACH)
    right.imshow(arrays["posterior"], origin="lower", extent=reach, cmap="Greys", vmin=0, vmax=1)
    mean, log_std = arrays["guess"]
    turn = np.linspace(0, 2 * np.pi, 200)
    for width in (1, 2):
        ring = mean[:, None] + width * np.exp(log_std)[:, None] * np.stack(
            [np.cos(turn), np.sin(turn)]
        )
        right.plot(*ring, color="C1", lw=1, label="guess, 1 and 2 deviations" if width == 1 else "")
    right.plot(np.cos(turn), np.sin(turn), color="C0", lw=1, ls=":", label="prior, 1 deviation")
    middle, span = mean, 1.5
    right.set(
        xlim=(min(-1.1, middle[0] - span), max(1.1, middle[0] + span)),
        ylim=(min(-1.1, middle[1] - span), max(1.1, middle[1] + span)),
        title="the posterior of one digit (grey)",
        xlabel="z₁",
        ylabel="z₂",
    )
    right.legend(loc="lower left", fontsize=7)
    return figure
