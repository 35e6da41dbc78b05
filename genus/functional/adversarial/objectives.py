"""Adversarial objectives: what the critic wants small, and what the generator wants small.

Both are functions of both sides, r = D(x) for rows of the data p and f = D(G(z)) for rows of the
generator q, of any shape: there are games in which a side is judged by the other. With
sp(a) = log(1 + e^a) and (a)+ = max(a, 0),

                      critic minimises          generator     the critic's value at its best
    minimax           E sp(-r) + E sp(f)        -E sp(f)      2 log 2 - 2 JS(p, q)
    non_saturating    E sp(-r) + E sp(f)        E sp(-f)      2 log 2 - 2 JS(p, q)
    smoothed          E [s sp(-r) + (1-s) sp(r)]              twice the entropy of the label, a real
                      + E sp(f)                 E sp(-f)      row's being flipped at 1 - s
    least_squares     E (r-b)^2/2 + E (f-a)^2/2 E (f-c)^2/2   (b-a)^2 (1 - chi^2(p, (p + q)/2)) / 4
    wasserstein       E f - E r                 -E f          -W1(p, q), over 1-Lipschitz critics
    hinge             E (1-r)+ + E (1+f)+       -E f          2 - 2 TV(p, q)
    margin_ranking    E (m + f - r)+            -E f          0 if and only if it can rank all pairs
    energy_margin     E r + E (m-f)+            E f           m (1 - TV(p, q)), over r, f >= 0
    boundary_seeking  E sp(-r) + E sp(f)        E f^2/2       2 log 2 - 2 JS(p, q)
    ratio_matching    E u(f)^2/2 - E u(r)       E (u(f)-1)^2/2   -E_q (p/q)^2/2, if p/q < its bound
    ..._follow        the same                  -E u(f)^2/2   the same
    softmax           log sum e^s - E r         log sum e^s - E s   log 2n - KL(p, (p + q)/2)

where s are the scores of both sides together, n rows of each. The f-divergences and the ratio u are in
`divergences`, the games of differences in `relativistic`. Scores are high for
data; energies (energy_margin) are low for it.

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661 (the first two);
    Salimans and others, "Improved techniques for training GANs", 2016, arXiv:1606.03498, section 3.4
    (smoothed); Mao and others, "Least squares generative adversarial networks", 2017,
    arXiv:1611.04076, equations 2, 8 and 9; Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017,
    arXiv:1701.07875; Lim, Ye, "Geometric GAN", 2017, arXiv:1705.02894; Juefei-Xu, Boddeti, Savvides,
    "Gang of GANs", 2017, arXiv:1704.04865 (margin_ranking); Zhao, Mathieu, LeCun, "Energy-based
    generative adversarial network", 2017, arXiv:1609.03126, equations 1 and 2; Hjelm and others,
    "Boundary-seeking generative adversarial networks", 2018, arXiv:1702.08431 (its continuous form);
    Lin, "Softmax GAN", 2017, arXiv:1704.06191.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ...errors import Refused, at_least, in_range, positive
from ..densities.divergences import DIVERGENCES, RatioMatching
from .relativistic import RELATIVISTIC

Loss = Callable[[Tensor, Tensor], dict[str, Tensor]]


class TwoPlayerObjective(Protocol):
    """What every objective has, be it a pair of functions or a record with numbers."""

    @property
    def name(self) -> str:
        """The key in `OBJECTIVES`."""
        ...

    @property
    def relative(self) -> bool:
        """Whether the generator's loss looks at the scores of real rows.

        If it does not, it may be handed none (a tensor without rows), and the critic's pass over
        them is spared.
        """
        ...

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """The critic's loss as named terms, from its scores of real and of fake rows."""
        ...

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """The generator's loss as named terms, from the same."""
        ...


@dataclass(frozen=True)
class Objective:
    """A game without numbers: a pair of functions.

    Args:
        name: the key in `OBJECTIVES`.
        critic: the critic's loss, from its scores of real and of fake rows.
        generator: the generator's loss, from the same.
        relative: True if the generator's loss looks at the scores of real rows. If not, it may
            be handed none (a tensor without rows), and the critic's pass over them is spared.
    """

    name: str
    critic: Loss
    generator: Loss
    relative: bool = False


def logistic_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Twice the cross-entropy of telling the sides apart, the scores being logits."""
    return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}


def minimax_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """What the critic wants large: its gradient fades as the critic gets sure."""
    return {"fool": -softplus(fake).mean()}


def non_saturating_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The cross-entropy of the wrong label: its gradient grows as the critic gets sure."""
    return {"fool": softplus(-fake).mean()}


def boundary_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The logit log D - log(1 - D) of fake rows at 0: where the critic is undecided.

    It is small wherever that is, so a critic that trails behind leads the generator to any such place.
    """
    return {"fool": fake.square().mean() / 2}


def wasserstein_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """A gap of means, to be bounded by a penalty on the critic's slope."""
    return {"real": -real.mean(), "fake": fake.mean()}


def hinge_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Only rows inside the margin, or on the wrong side of it, push."""
    return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}


def linear_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """A high score, without end."""
    return {"fool": -fake.mean()}


def softmax_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Cross-entropy of a draw among all rows of the batch that should be any of the real ones."""
    return {"real": torch.cat([real.flatten(), fake.flatten()]).logsumexp(0) - real.mean()}


def softmax_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Cross-entropy of the same draw, that should be any row at all."""
    scores = torch.cat([real.flatten(), fake.flatten()])
    return {"fool": scores.logsumexp(0) - scores.mean()}


@dataclass(frozen=True)
class Smoothed:
    """non_saturating with labels of real rows that are not quite 1: the critic is not too sure.

    Args:
        keep: the label of real rows, in (1/2, 1]; fake rows keep 0 (one-sided).
    """

    keep: float = 0.9
    name: str = "smoothed"
    relative: bool = False

    def __post_init__(self) -> None:
        if not 0.5 < self.keep <= 1:
            raise Refused(f"Smoothed: keep is {self.keep}; it must be in (1/2, 1]")

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Its best logit is log(s p / ((1 - s) p + q))."""
        sure, unsure = softplus(-real).mean(), softplus(real).mean()
        return {"real": self.keep * sure + (1 - self.keep) * unsure, "fake": softplus(fake).mean()}

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """As in non_saturating."""
        return non_saturating_generator(real, fake)


@dataclass(frozen=True)
class LeastSquares:
    """Regression. With b - c = 1 and b - a = 2 the two together are half chi^2(p + q, 2 q).

    Args:
        a: the critic's target of fake rows.
        b: its target of real rows, another number.
        c: the generator's target.
    """

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0
    name: str = "least_squares"
    relative: bool = False

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise Refused(f"LeastSquares: a and b are both {self.a}; they must differ")

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Its best score is (b p + a q) / (p + q)."""
        return {
            "real": (real - self.b).square().mean() / 2,
            "fake": (fake - self.a).square().mean() / 2,
        }

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Regression of fake scores on c."""
        return {"fool": (fake - self.c).square().mean() / 2}


@dataclass(frozen=True)
class MarginRanking:
    """Each real row above its fake partner by a margin; beyond it, nothing pushes.

    Args:
        margin: above 0.
    """

    margin: float = 1.0
    name: str = "margin_ranking"
    relative: bool = False

    def __post_init__(self) -> None:
        positive("MarginRanking", margin=self.margin)

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """How far pairs are from being ranked."""
        if real.shape != fake.shape:
            came = f"{tuple(real.shape)} and {tuple(fake.shape)}"
            raise Refused(f"{self.name}: scores are {came}; as many of each side are wanted")
        return {"order": relu(self.margin + fake - real).mean()}

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """A high score."""
        return linear_generator(real, fake)


@dataclass(frozen=True)
class EnergyMargin:
    """Energies, low for data: fake rows are pushed up as far as a margin.

    Energies must not be negative (a reconstruction error, or a score through softplus): below 0 the
    critic's loss has no end.

    Args:
        margin: above 0; the larger, the wider around the data the generator is shown its way.
    """

    margin: float = 1.0
    name: str = "energy_margin"
    relative: bool = False

    def __post_init__(self) -> None:
        positive("EnergyMargin", margin=self.margin)

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Its best energy is 0 where p > q, and the margin where p < q."""
        return {"real": real.mean(), "fake": relu(self.margin - fake).mean()}

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """A low energy."""
        return {"fool": fake.mean()}


@dataclass(frozen=True)
class TopK:
    """The generator learns from the fake rows that score highest.

    Their share falls by a constant factor a round, from 1 to `share`. The others would be
    moved by a slope far from the data, and often away from it. For scores that are high for data.

    Source: Sinha, Zhao, Goyal, Raffel, Odena, "Top-k training of GANs: improving GAN performance by
        throwing away bad samples", 2020, arXiv:2002.06224.

    Args:
        share: what is kept in the end, in (0, 1].
        rounds: in how many rounds it falls there, at least 1.
    """

    share: float = 0.5
    rounds: int = 1000

    def __post_init__(self) -> None:
        in_range("TopK", "(0, 1]", share=self.share)
        at_least(1, "TopK", rounds=self.rounds)

    def keep(self, scores: Tensor, round: int) -> Tensor:
        """The scores of the best rows in this round, (k, ...) of (n, ...); a map counts by its mean."""
        share = self.share ** min(1.0, round / self.rounds)
        k = max(1, math.ceil(share * len(scores) - 1e-9))
        best = scores.detach().flatten(1).mean(1) if scores.dim() > 1 else scores.detach()
        return scores[best.topk(k).indices]


minimax = Objective("minimax", logistic_critic, minimax_generator)
non_saturating = Objective("non_saturating", logistic_critic, non_saturating_generator)
smoothed = Smoothed()
least_squares = LeastSquares()
least_squares_centred = LeastSquares(-1.0, 1.0, 0.0, "least_squares_centred")
wasserstein = Objective("wasserstein", wasserstein_critic, linear_generator)
hinge = Objective("hinge", hinge_critic, linear_generator)
margin_ranking = MarginRanking()
energy_margin = EnergyMargin()
boundary_seeking = Objective("boundary_seeking", logistic_critic, boundary_generator)
ratio_matching = RatioMatching()
ratio_matching_follow = RatioMatching(follow=True, name="ratio_matching_follow")
softmax = Objective("softmax", softmax_critic, softmax_generator, relative=True)

_OTHERS: tuple[TwoPlayerObjective, ...] = (
    minimax,
    non_saturating,
    smoothed,
    least_squares,
    least_squares_centred,
    wasserstein,
    hinge,
    margin_ranking,
    energy_margin,
    boundary_seeking,
    ratio_matching,
    ratio_matching_follow,
    softmax,
)
OBJECTIVES: dict[str, TwoPlayerObjective] = {
    **{game.name: game for game in _OTHERS},
    **DIVERGENCES,
    **RELATIVISTIC,
}
