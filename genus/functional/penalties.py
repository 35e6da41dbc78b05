"""Penalties on a critic's slope: terms of its loss, from the critic itself and rows of both sides."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A weighted term of a critic's loss.

    Args:
        function: from the critic, real rows and made rows to one number.
        weight: how much of it is added.
    """

    function: Callable[[Critic, Tensor, Tensor], Tensor]
    weight: float

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"Penalty: weight is {self.weight}; it cannot be negative")


def slope(critic: Critic, x: Tensor) -> Tensor:
    """|d D(x) / dx| of each row, (n,), itself differentiable by the critic's weights.

    It may be 0: the norm's derivative is taken to be 0 there. The critic's rows must not meet, so
    it has no batch normalisation; a map of scores is summed.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return torch.linalg.vector_norm(gradient.flatten(1), dim=1)


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, share: Tensor | None = None
) -> Tensor:
    """E (|grad D(m)| - 1)^2 at m = real + share (fake - real): the slope between the sides is 1.

    Source: Gulrajani and others, "Improved training of Wasserstein GANs", 2017, arXiv:1704.00028,
        equation 3 and algorithm 1.

    Args:
        critic: what is penalised.
        real: rows of the data.
        fake: as many made rows.
        share: one number in [0, 1] for each row, (n,); drawn uniformly if not given.
    """
    if share is None:
        share = torch.rand(len(real), dtype=real.dtype, device=real.device)
    share = share.view(-1, *[1] * (real.dim() - 1))
    mixture = real + share * (fake - real)
    return (slope(critic, mixture) - 1).square().mean()


def r1(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E |grad D(x)|^2 / 2 over real rows: the critic is flat where the data are.

    Source: Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?",
        2018, arXiv:1801.04406, equation 9 (the weight is the paper's gamma).
    """
    return slope(critic, real).square().mean() / 2


PENALTIES = {"r1": r1, "gradient_penalty": gradient_penalty}
