"""Adversarial objectives: what the critic wants small, and what the generator wants small.

Both are functions of both sides, r = D(x) for rows of the data p and f = D(G(z)) for rows of the
generator q, of any shape: there are games in which a side is judged by the other. With
sp(a) = log(1 + e^a) and (a)+ = max(a, 0),

                      critic minimises         generator     the critic's value at its best
    minimax           E sp(-r) + E sp(f)       -E sp(f)      2 log 2 - 2 JS(p, q)
    non_saturating    E sp(-r) + E sp(f)       E sp(-f)      2 log 2 - 2 JS(p, q)
    least_squares     E (r-1)^2/2 + E f^2/2    E (f-1)^2/2   1/4 - chi^2(p, (p + q)/2) / 4
    wasserstein       E f - E r                -E f          -W1(p, q), over 1-Lipschitz critics
    hinge             E (1-r)+ + E (1+f)+      -E f          2 - 2 TV(p, q)
    relativistic      E sp(f - r)              E sp(r - f)   a divergence, zero at log 2

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661 (the first two);
    Mao and others, "Least squares generative adversarial networks", 2017, arXiv:1611.04076,
    equation 9; Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, arXiv:1701.07875;
    Lim, Ye, "Geometric GAN", 2017, arXiv:1705.02894; Jolicoeur-Martineau, "The relativistic
    discriminator", 2018, arXiv:1807.00734.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

Loss = Callable[[Tensor, Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Objective:
    """What the two sides of a game want small, as named terms.

    Args:
        name: the key in `OBJECTIVES`.
        critic: the critic's loss, from its scores of real and of made rows.
        generator: the generator's loss, from the same.
        relative: whether the generator's loss looks at the scores of real rows. If it does not, it
            may be handed none (a tensor without rows), and the critic's pass over them is spared.
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


def least_squares_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Regression on 1 for real and 0 for made."""
    return {"real": (real - 1).square().mean() / 2, "fake": fake.square().mean() / 2}


def least_squares_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Regression of the made on 1."""
    return {"fool": (fake - 1).square().mean() / 2}


def wasserstein_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """A gap of means, to be bounded by a penalty on the critic's slope."""
    return {"real": -real.mean(), "fake": fake.mean()}


def hinge_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Only rows inside the margin, or on the wrong side of it, push."""
    return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}


def linear_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """A high score, without end."""
    return {"fool": -fake.mean()}


def relativistic_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Each real row above its made partner."""
    return {"order": softplus(fake - real).mean()}


def relativistic_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Each made row above its real partner."""
    return {"fool": softplus(real - fake).mean()}


minimax = Objective("minimax", logistic_critic, minimax_generator)
non_saturating = Objective("non_saturating", logistic_critic, non_saturating_generator)
least_squares = Objective("least_squares", least_squares_critic, least_squares_generator)
wasserstein = Objective("wasserstein", wasserstein_critic, linear_generator)
hinge = Objective("hinge", hinge_critic, linear_generator)
relativistic = Objective("relativistic", relativistic_critic, relativistic_generator, relative=True)

OBJECTIVES = {
    objective.name: objective
    for objective in (minimax, non_saturating, least_squares, wasserstein, hinge, relativistic)
}
