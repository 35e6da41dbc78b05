"""The best critic of a known pair, and what a trained one has learnt of it.

Of all functions the logistic critic's loss E_p sp(-D) + E_q sp(D) is least at

    D*(x) = log p(x) - log q(x),    the probability of data being p / (p + q),

and on a line the Wasserstein critic's gap E_p D - E_q D, over slopes of at most 1, is largest at

    D*'(x) = sign(F_q(x) - F_p(x)),    where it is W1 = int |F_p - F_q| dx,

F being the cumulative functions. Here p and q are mixtures of normals, so all of it is known.

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661, proposition 1;
    Vallender, "Calculation of the Wasserstein distance between probability distributions on the
    line", 1974, Theory of Probability and its Applications 18.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..data.toys.toys import Normals
from ..functional.adversarial.objectives import minimax, wasserstein
from ..functional.adversarial.penalties import one_sided_gradient_penalty
from ..media.style import DASHES, canvas
from ..nn import MLP
from .judging import learn, seeded
from .outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGE, SIDE = 3.5, 61  # of what is drawn of the line; points a side of the plane
ROWS, FRESH, BINS = 256, 20_000, 10
TABLED = {0, 20, 50, 100, 200, 400, 800, 1600, 3200}  # rounds whose errors are in the table
LOOKS = {1, 2, 3, 5, 7, 10, 14, 30, 70, 140, 280, 560, 1120, 2240}  # further ones, for the picture
LR, WEIGHT = 5e-3, 10.0  # Adam's learning rate; of the penalty
RING = tuple((math.cos(k * math.pi / 3), math.sin(k * math.pi / 3)) for k in range(6))
WHY = (
    "In theory a GAN's critic is the best there is at every moment. Here the best one is "
    "known, and shows what a trained critic has of it: much where rows are many, little in "
    "the tails, where hardly any row has ever told it anything."
)
FORMULA = """\
logistic:    D*(x) = log p(x) − log q(x),  p/(p + q) = 1 / (1 + e^(−D*))
Wasserstein: D*′(x) = sign(F_q(x) − F_p(x)),  E_p D* − E_q D* = W₁ = ∫ |F_p − F_q| dx
error = √ E (D − D*)², x from either side alike"""


class Pair(NamedTuple):
    """Real and fake rows, both of known density."""

    p: Normals
    q: Normals

    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """n fresh rows of each, from torch's random stream."""
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        return self.p.sample(n, noise)[0], self.q.sample(n, noise)[0]

    def logit(self, x: Tensor) -> Tensor:
        """log p - log q, (n,)."""
        return self.p.log_prob(x.double()) - self.q.log_prob(x.double())


LINE = Pair(Normals(((-1.5,), (1.0,)), (0.5, 0.7), (0.5, 0.5)), Normals(((0.0,),), (1.2,), (1.0,)))
PLANE = Pair(Normals(RING, (0.3,) * 6, (1 / 6,) * 6), Normals(((0.0, 0.0),), (0.9,), (1.0,)))


class Learnt(NamedTuple):
    """A critic, and its distance from D* as it learns.

    Its rows: rounds, root mean square on rows of both sides, on real rows, on fake rows.
    """

    critic: nn.Module
    errors: np.ndarray
    snapshots: dict[int, np.ndarray]  # its logits on the lattice


def cumulative(toy: Normals, x: Tensor) -> Tensor:
    """F(x) of a mixture on a line."""
    centres = torch.tensor(toy.centres, dtype=torch.float64)[:, 0]
    stds, shares = (torch.tensor(v, dtype=torch.float64) for v in (toy.stds, toy.shares))
    z = (x.double()[:, None] - centres) / (stds * math.sqrt(2))
    return (shares * 0.5 * (1 + torch.erf(z))).sum(1)


def potential(pair: Pair, x: Tensor) -> tuple[Tensor, float]:
    """The Wasserstein critic on an even lattice, of mean 0 there, and W1."""
    gap = cumulative(pair.q, x) - cumulative(pair.p, x)
    step = float(x[1] - x[0])
    value = gap.sign().cumsum(0) * step
    return value - value.mean(), float(gap.abs().sum() * step)


def learnt(pair: Pair, rounds: int, lattice: Tensor, shown: set[int]) -> Learnt:
    """Trains a logistic critic on fresh rows, and compares it with the best as it goes."""
    critic = MLP(lattice.shape[1], 1, (64, 64), activation="relu")
    x = torch.cat(pair.draw(FRESH // 8))
    best = pair.logit(x)
    looks = {*TABLED, *LOOKS, rounds}
    errors, snapshots = [], {}
    for number in learn(critic, minimax, lambda: pair.draw(ROWS), rounds, LR):
        if number in looks or number in shown:
            with torch.no_grad():
                square = (critic(x)[:, 0] - best).square()
                sides = (square, *square.chunk(2))
                errors.append([number, *(float(side.mean().sqrt()) for side in sides)])
                if number in shown:
                    snapshots[number] = critic(lattice)[:, 0].double().numpy()
    return Learnt(critic, np.array(errors), snapshots)


@torch.no_grad()
def calibration(pair: Pair, critic: nn.Module) -> np.ndarray:
    """Rows of [mean probability that the critic gives, share that is data], one for each bin."""
    real, fake = pair.draw(FRESH)
    probability = torch.sigmoid(critic(torch.cat([real, fake]))[:, 0]).double()
    truth = torch.arange(2 * FRESH) < FRESH
    bins = (probability * BINS).long().clamp(max=BINS - 1)
    rows = []
    for k in range(BINS):
        inside = bins == k
        if inside.sum() >= 50:
            rows.append([float(probability[inside].mean()), float(truth[inside].double().mean())])
    return np.array(rows).reshape(-1, 2)


def steepest(rounds: int, x: Tensor) -> tuple[Tensor, float]:
    """A trained Wasserstein critic's heights on an even lattice, and its exact E_p D - E_q D."""
    steep = MLP(1, 1, (64, 64), activation="relu")
    penalty = one_sided_gradient_penalty
    for _ in learn(steep, wasserstein, lambda: LINE.draw(ROWS), rounds, 2e-3, penalty, WEIGHT):
        pass
    with torch.no_grad():
        height = steep(x[:, None].float())[:, 0].double()
    p, q = (toy.log_prob(x[:, None]).exp() for toy in LINE)
    return height, float(((p - q) * height).sum() * (x[1] - x[0]))


def critic(rounds: int = 800, seed: int = 0) -> Outcome:
    """Trains critics on pairs of known densities, and compares them with the best.

    Args:
        rounds: number of training rounds of each critic, at least 10.
        seed: random seed of the critics' weights and of the rows.
    """
    wanted(rounds >= 10, "critic", "rounds", rounds, "at least 10")
    x = torch.linspace(-EDGE, EDGE, 281)[:, None]
    fine = torch.linspace(-8, 8, 6401, dtype=torch.float64)
    side = torch.linspace(-2, 2, SIDE)
    plane = torch.cartesian_prod(side, side)
    with seeded(seed):
        on_line = learnt(LINE, rounds, x, {rounds // 40 or 1, rounds // 8, rounds})
        in_plane = learnt(PLANE, rounds, plane, {rounds})
        height, gap = steepest(rounds, fine)
        calibrated = {
            "line": calibration(LINE, on_line.critic),
            "plane": calibration(PLANE, in_plane.critic),
        }
    best, w1 = potential(LINE, fine)
    best, height = (values[fine.abs() <= EDGE][::10].numpy() for values in (best, height))
    density = np.stack([toy.log_prob(x.double()).exp().numpy() for toy in LINE])
    weight = density.sum(0) / density.sum()
    arrays = {
        "x": x[:, 0].double().numpy(),
        "density": density,
        "line/best": LINE.logit(x).numpy(),
        "line/errors": on_line.errors,
        "side": side.double().numpy(),
        "plane/best": PLANE.logit(plane).reshape(SIDE, SIDE).numpy(),
        "plane/learnt": in_plane.snapshots[rounds].reshape(SIDE, SIDE),
        "plane/errors": in_plane.errors,
        "wasserstein/best": best - weight @ best,
        "wasserstein/learnt": height - weight @ height,
        "wasserstein/gap": np.array([gap, w1]),
    }
    arrays |= {f"line/learnt/{k}": logits for k, logits in on_line.snapshots.items()}
    arrays |= {f"{name}/calibration": table for name, table in calibrated.items()}
    return Outcome(
        "critic",
        "What does a trained critic know of the best one?",
        sentence(arrays),
        WHY,
        FORMULA,
        "Goodfellow and others 2014, arXiv:1406.2661, proposition 1; Vallender 1974",
        (
            "rounds",
            "error on the line, nats",
            "in the plane, on data",
            "in the plane, on made rows",
        ),
        [
            (str(int(a[0])), short(a[1]), short(b[2]), short(b[3]))
            for a in on_line.errors
            for b in in_plane.errors
            if a[0] == b[0] and a[0] in {*TABLED, rounds}
        ],
        arrays,
        {"rounds": rounds, "seed": seed},
    )


def sentence(arrays: Mapping[str, np.ndarray]) -> str:
    """The sentence of the outcome."""
    line, plane = arrays["line/errors"], arrays["plane/errors"]
    gap, w1 = arrays["wasserstein/gap"]
    tables = [arrays[f"{name}/calibration"] for name in ("line", "plane")]
    worst = max(float(np.abs(table[:, 0] - table[:, 1]).max()) for table in tables)
    return (
        f"In {line[-1, 0]:.0f} rounds the critic's logit comes from {short(line[0, 1])} to "
        f"{short(line[-1, 1])} nats of the best on the line. In the plane it is {short(plane[-1, 2])} "
        f"nats off where data are, and {short(plane[-1, 3])} where made rows are, some far from all "
        f"data; its probabilities are off by at most {short(worst)}. The Wasserstein critic's gap of "
        f"{gap:.3f} is {100 * gap / w1:.0f} % of the exact {w1:.3f}."
    )


def plot(outcome: Outcome) -> "Figure":
    """Above, the line: logits, error, potential; below, the plane, and calibration."""
    figure = canvas(11.5, 7.2)
    (logits, errors, potentials), (best, learnt, bins) = figure.subplots(2, 3)
    _draw_logits(logits, outcome.arrays)
    _draw_errors(errors, bins, outcome.arrays)
    x, side = outcome.arrays["x"], outcome.arrays["side"]
    exact, found = (outcome.arrays[f"wasserstein/{name}"] for name in ("best", "learnt"))
    potentials.plot(x, exact, "C6-", lw=3, alpha=0.35, label="exact potential")
    potentials.plot(x, found, "C2-", label="critic of slope 1")
    potentials.set(xlabel="x", ylabel="D(x), of mean 0", title="On a line: the Wasserstein critic")
    potentials.legend()
    levels = np.linspace(-6, 3, 13)
    for axes, name, title in (
        (best, "best", "In the plane: best logit"),
        (learnt, "learnt", "In the plane: learnt"),
    ):
        values = outcome.arrays[f"plane/{name}"].T.clip(-6, 3)
        shade = axes.contourf(side, side, values, levels, cmap="cividis")
        axes.set(aspect="equal", title=title, xlabel="x₁", ylabel="x₂")
    figure.colorbar(shade, ax=[best, learnt], label="logit, nats", shrink=0.9, pad=0.01)
    return figure


def _draw_logits(axes: "Axes", arrays: Mapping[str, np.ndarray]) -> None:
    """The best logit, the learnt ones, and below them both densities."""
    x = arrays["x"]
    axes.plot(x, arrays["line/best"], "C6-", lw=3, alpha=0.35, label="best: log p − log q")
    names = [name for name in arrays if name.startswith("line/learnt/")]
    for i, name in enumerate(names):
        label, dash = f"after {name.rpartition('/')[2]} rounds", DASHES[-1 - i] if i < 2 else "-"
        axes.plot(x, arrays[name], color=f"C{i}", ls=dash, label=label)
    axes.set(
        xlabel="x", ylabel="logit, nats", ylim=(-8, 4.5), title="On a line: the critic's logit"
    )
    axes.legend(loc="upper center", fontsize=7.5, ncols=2)
    below = axes.twinx()
    for values, label in zip(arrays["density"], "pq", strict=True):
        below.fill_between(x, values, color="C7", alpha=0.18, lw=0)
        below.annotate(label, (x[values.argmax()], values.max() + 0.01), fontsize=8, color="C7")
    below.set(ylim=(0, 1.6), yticks=[])


def _draw_errors(errors: "Axes", bins: "Axes", arrays: Mapping[str, np.ndarray]) -> None:
    """The error over the rounds, and the calibration at their end."""
    curves = (("line", 1, "on the line"), ("plane", 2, "in the plane, on data"))
    for i, (name, column, label) in enumerate(
        (*curves, ("plane", 3, "in the plane, on made rows"))
    ):
        table = arrays[f"{name}/errors"]
        errors.loglog(table[1:, 0], table[1:, column], color=f"C{i}", ls=DASHES[i], label=label)
    errors.set(xlabel="rounds", ylabel="error of the logit, nats", title="How far from the best")
    errors.grid(True)
    errors.legend(loc="lower left", fontsize=7.5)
    for i, (name, label) in enumerate((("line", "on the line"), ("plane", "in the plane"))):
        rows = arrays[f"{name}/calibration"]
        bins.plot(*rows.T, color=f"C{i}", marker="os"[i], ls=DASHES[i], label=label)
    bins.plot([0, 1], [0, 1], "C6-", lw=0.8)
    bins.set(xlabel="probability of data, as the critic says", ylabel="share that is data")
    bins.set(title="Calibration", aspect="equal")
    bins.legend()
