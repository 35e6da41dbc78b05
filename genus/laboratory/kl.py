"""One Gaussian for two bumps: what each divergence makes of it.

The data's density p has two bumps; the model q = N(m, s^2) has one. Every f-divergence

    D_f(p, q) = E_q f(p / q)

is 0 only at q = p, which cannot be had, so each chooses its own evil. KL(p, q) punishes q for being
small where p is not, and covers both bumps (its minimiser has the data's mean and variance); KL(q, p)
punishes q for being where p is small, and picks one.

Source: Minka, "Divergence measures and message passing", 2005, Microsoft Research MSR-TR-2005-173,
    figure 1; Nowozin, Cseke, Tomioka, "f-GAN", 2016, arXiv:1606.00709, whose example is a
    mixture on a line.
"""

# ruff: noqa: RUF001  (minus signs and Greek letters are meant)

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..functional.densities.divergences import DIVERGENCES, FDivergence
from ..media.style import DASHES, canvas
from .outcome import Outcome, listed, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {  # from those that cover to those that pick
    "pearson": "Pearson χ²",
    "kl": "forward KL",
    "jensen_shannon": "Jensen-Shannon",
    "hellinger": "Hellinger",
    "reverse_kl": "reverse KL",
    "neyman": "Neyman χ²",
}
FARTHEST = 300.0  # of log p/q: beyond, the square of a ratio is no float64
WHY = (
    "No single bump can be two, so each divergence chooses its own evil. To punish q for "
    "missing data makes it cover both bumps, and the void between them; to punish it for "
    "inventing data makes it pick one, and forget the other."
)
FORMULA = """\
p: two normals; q = N(m, s²)
D_f(p, q) = E_q f(p/q), minimised over m and s
forward KL  f(u) = u log u    D = E_p log p/q: q must be large where p is, it covers
reverse KL  f(u) = −log u     D = E_q log q/p: q must be small where p is, it picks
forward KL has m = E_p x, s² = Var_p x"""


class Fit(NamedTuple):
    """The best normal for a divergence: its mean, standard deviation and divergence."""

    mean: float
    std: float
    value: float


class Bumps(NamedTuple):
    """Two normals on a line.

    Args:
        gap: distance of their means, which lie at -gap/2 and gap/2.
        std: standard deviation of each.
        share: weight of the left one.
    """

    gap: float
    std: float
    share: float

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x)."""
        left, right = (_log_normal(x, s * self.gap / 2, self.std) for s in (-1, 1))
        return torch.logaddexp(left + math.log(self.share), right + math.log(1 - self.share))

    def lattice(self, points: int) -> Tensor:
        """Evenly spaced points that cover p and every normal that might fit it."""
        reach = self.gap / 2 + 8 * self.std + self.gap
        return torch.linspace(-reach, reach, points, dtype=torch.float64)


def _log_normal(x: Tensor, mean: Tensor | float, std: Tensor | float) -> Tensor:
    std = torch.as_tensor(std, dtype=x.dtype)
    return -0.5 * ((x - mean) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)


def divergence(kind: FDivergence, p: Bumps, x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """D_f(p, N(mean, std^2)) as a sum over the lattice x, in nats for the logarithmic ones."""
    log_p, log_q = p.log_prob(x), _log_normal(x, mean, std)
    log_p, log_q = torch.maximum(log_p, log_q - FARTHEST), torch.maximum(log_q, log_p - FARTHEST)
    return (log_q.exp() * kind.f((log_p - log_q).exp())).sum(-1) * (x[1] - x[0])


def fit(kind: FDivergence, p: Bumps) -> Fit:
    """The normal of least divergence: the best of a coarse grid, then Newton's method."""
    coarse = p.lattice(401)
    reach = 0.75 * p.gap
    means = torch.linspace(-reach, reach, 41, dtype=torch.float64)
    stds = torch.logspace(
        math.log10(p.std / 2), math.log10(2 * p.std + p.gap), 33, dtype=torch.float64
    )
    each = divergence(kind, p, coarse, means[:, None, None], stds[:, None])
    best = int(each.nan_to_num(torch.inf).argmin())
    w = torch.stack([means[best // len(stds)], stds[best % len(stds)].log()])
    x = p.lattice(4001)

    def value(w: Tensor) -> Tensor:
        return divergence(kind, p, x, w[0], w[1].exp())

    for _ in range(50):
        gradient = torch.func.grad(value)(w)
        bend = torch.func.hessian(value)(w)
        bend = bend + max(0.0, 1e-3 - float(torch.linalg.eigvalsh(bend)[0])) * torch.eye(2)
        move = torch.linalg.solve(bend, gradient)
        share, now = 1.0, value(w)
        while share > 1e-6 and not value(w - share * move) <= now:
            share /= 2
        w = w - share * move
        if float((share * move).abs().max()) < 1e-10:
            break
    return Fit(float(w[0]), float(w[1].exp()), float(value(w)))


def kl(gap: float = 3.0, std: float = 0.7, share: float = 0.8) -> Outcome:
    """Fits one Gaussian to two, by six divergences.

    Args:
        gap: distance of the two bumps, above 0.
        std: standard deviation of each bump, above 0 and at least a fortieth of the gap.
        share: weight of the left bump, between 0 and 1.
    """
    wanted(gap > 0, "kl", "gap", gap, "a number above 0")
    wanted(std >= gap / 40, "kl", "std", std, f"at least a fortieth of the gap, {gap / 40:g},")
    wanted(0 < share < 1, "kl", "share", share, "a number between 0 and 1")
    p = Bumps(gap, std, share)
    fits = {name: fit(DIVERGENCES[name], p) for name in NAMES}
    x = torch.linspace(-1.3 * gap, 1.3 * gap, 401, dtype=torch.float64)
    arrays = {"x": x.numpy(), "p": p.log_prob(x).exp().numpy()}
    for name, found in fits.items():
        arrays[f"{name}/fit"] = np.array(found)
        arrays[f"{name}/q"] = _log_normal(x, found.mean, found.std).exp().numpy()
    mean = (1 - 2 * share) * gap / 2
    whole = math.sqrt(std**2 + share * (1 - share) * gap**2)
    forward, reverse = fits["kl"], fits["reverse_kl"]
    middle = (std * whole) ** 0.5  # between one bump and both
    covers = [NAMES[name] for name, found in fits.items() if found.std > middle]
    picks = [NAMES[name] for name, found in fits.items() if found.std <= middle]
    sentence = (
        f"Forward KL takes the data's own mean and width, m = {short(forward.mean)} and "
        f"s = {short(forward.std)} (exactly {short(mean)} and {short(whole)}); reverse KL gives "
        f"m = {short(reverse.mean)}, s = {short(reverse.std)}, where the bumps have "
        f"{short(-gap / 2)} or {short(gap / 2)}, and {short(std)}. "
        f"{listed(covers) or 'None'} cover{'s' * (len(covers) < 2)} both bumps, "
        f"{listed(picks) or 'none'} pick{'s' * (len(picks) < 2)} one."
    )
    return Outcome(
        "kl",
        "One Gaussian for two bumps: to cover, or to pick?",
        sentence,
        WHY,
        FORMULA,
        "Minka 2005, MSR-TR-2005-173; Nowozin, Cseke, Tomioka 2016, arXiv:1606.00709",
        ("divergence", "mean m", "standard deviation s", "what is left"),
        [(NAMES[name], *map(short, found)) for name, found in fits.items()],
        arrays,
        {"gap": gap, "std": std, "share": share},
    )


def plot(outcome: Outcome) -> "Figure":
    """The data's density, filled, and all the fits over it."""
    arrays = outcome.arrays
    figure = canvas(8.6, 4.8)
    axes = figure.subplots()
    axes.fill_between(arrays["x"], arrays["p"], color="C7", alpha=0.3, lw=0, label="the data")
    for i, (name, label) in enumerate(NAMES.items()):
        mean, std, _ = arrays[f"{name}/fit"]
        axes.plot(
            arrays["x"],
            arrays[f"{name}/q"],
            color=f"C{i}",
            ls=DASHES[i],
            label=f"{label}: {short(mean)} ± {short(std)}",
        )
    axes.set(xlabel="x", ylabel="density", xlim=(arrays["x"][0], arrays["x"][-1]), ylim=(0, None))
    axes.legend(loc="upper right", title="divergence: m ± s", title_fontsize=8, alignment="left")
    return figure
