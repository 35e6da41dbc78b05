"""Noise on categories: a value stays what it is, or is replaced by a draw from a fixed distribution.

    q(x_t | x_0) = a_t [x_t = x_0] + (1 - a_t) pi(x_t)        a falls from 1 at t = 0 to 0 at t = 1
    q(x_t | x_s) = r [x_t = x_s] + (1 - r) pi(x_t)            r = a_t / a_s, for s < t
    q(x_s | x_t, x_0) = q(x_t | x_s) q(x_s | x_0) / q(x_t | x_0)

    Absorbing   pi is a state of its own, the mask, which x_0 never has
    Multinomial     pi is uniform over all values

A network gives p(x_0 | x_t), place by place; a step back is then sum_x0 q(x_s | x_t, x0) p(x0 | x_t).
At the end, a = 0, nothing of x_0 is left.

Source: Austin, Johnson, Ho, Tarlow, van den Berg, "Structured denoising diffusion models in discrete
    state-spaces", 2021, arXiv:2107.03006, section 3; Hoogeboom, Nielsen, Jaini, Forre, Welling, "Argmax
    flows and multinomial diffusion", 2021, arXiv:2102.05379, section 4; Sahoo and others, "Simple and
    effective masked diffusion language models", 2024, arXiv:2406.07524, section 3.
Departs: a step back averages the posterior q(x_s | x_t, x0) over p(x0 | x_t), as Bayes has it; the first
    two put p in the place of x_0, or average q(x_s, x_t | x0). Under the mask all are the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

Kept = Callable[[Tensor], Tensor]  # from t in [0, 1] to a_t, falling from 1 to 0


def straight(t: Tensor) -> Tensor:
    """a falls by the same amount in equal times: so does what is left of x_0, under the mask."""
    return 1 - t


def quarter_circle(t: Tensor) -> Tensor:
    """a = cos^2(pi t / 2): slow at both ends."""
    return (math.pi / 2 * t).cos().square().where(t < 1, 0.0)


class Kernel(Protocol):
    """Values are int64 in 0 .. values - 1. Amounts a have one number a row, (n, 1)."""

    def states(self, values: int) -> int:
        """How many there are in x_t."""
        ...

    def noisy(self, x: Tensor, a: Tensor, values: int) -> Tensor:
        """A draw of q(x_t | x_0), (n, d)."""
        ...

    def predicted(self, logits: Tensor, x_t: Tensor) -> Tensor:
        """log p(x_0 | x_t), (n, d, values), from a network's logits."""
        ...

    def back(self, log_p: Tensor, x_t: Tensor, a_s: Tensor, a_t: Tensor) -> Tensor:
        """p(x_s | x_t), (n, d, states)."""
        ...

    def cost(self, x: Tensor, log_p: Tensor, x_t: Tensor, a_s: Tensor, a_t: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x_0) || p(x_s | x_t)), (n, d), nats."""
        ...


@dataclass(frozen=True)
class Absorbing:
    """A value that is replaced becomes the mask, the state after the last value, and stays so."""

    def states(self, values: int) -> int:
        return values + 1

    def noisy(self, x: Tensor, a: Tensor, values: int) -> Tensor:
        return torch.where(_uniform(x, a) < a, x, values)

    def predicted(self, logits: Tensor, x_t: Tensor) -> Tensor:
        """What is not masked is known, whatever the network's logits are."""
        values = logits.shape[-1]
        sure = one_hot(x_t.clamp(max=values - 1), values).to(logits.dtype).log()
        return torch.where((x_t == values)[..., None], logits.log_softmax(-1), sure)

    def back(self, log_p: Tensor, x_t: Tensor, a_s: Tensor, a_t: Tensor) -> Tensor:
        masked = (x_t == log_p.shape[-1])[..., None]
        share = torch.where(masked, (a_s - a_t)[..., None] / (1 - a_t)[..., None], 1.0)
        return torch.cat([share * log_p.exp(), (1 - share).expand(*x_t.shape, 1)], -1)

    def cost(self, x: Tensor, log_p: Tensor, x_t: Tensor, a_s: Tensor, a_t: Tensor) -> Tensor:
        """The share of masks that are lifted, times the surprise at what was under them."""
        surprise = -log_p.gather(-1, x[..., None])[..., 0]
        masked = x_t == log_p.shape[-1]
        return torch.where(masked, (a_s - a_t) / (1 - a_t) * surprise, 0.0)


@dataclass(frozen=True)
class Multinomial:
    """A value that is replaced becomes any value, all as likely."""

    def states(self, values: int) -> int:
        return values

    def noisy(self, x: Tensor, a: Tensor, values: int) -> Tensor:
        return torch.where(_uniform(x, a) < a, x, torch.randint_like(x, values))

    def predicted(self, logits: Tensor, x_t: Tensor) -> Tensor:
        return logits.log_softmax(-1)

    def back(self, log_p: Tensor, x_t: Tensor, a_s: Tensor, a_t: Tensor) -> Tensor:
        """sum over x_0 of q(x_s | x_t, x_0) p(x_0 | x_t), in as many steps as there are values."""
        values = log_p.shape[-1]
        a_s, a_t = a_s[..., None], a_t[..., None]
        stays, same = a_t / a_s, one_hot(x_t, values).to(log_p.dtype)
        seen = a_t * same + (1 - a_t) / values  # q(x_t | x_0), for each x_0
        weight = log_p.exp() / seen
        likely = stays * same + (1 - stays) / values  # q(x_t | x_s), for each x_s
        return likely * (a_s * weight + (1 - a_s) / values * weight.sum(-1, keepdim=True))

    def cost(self, x: Tensor, log_p: Tensor, x_t: Tensor, a_s: Tensor, a_t: Tensor) -> Tensor:
        sure = one_hot(x, log_p.shape[-1]).to(log_p.dtype)
        q = self.back(sure.log(), x_t, a_s, a_t)
        p = self.back(log_p, x_t, a_s, a_t)
        least = torch.finfo(p.dtype).tiny
        kl = (torch.xlogy(q, q) - torch.xlogy(q, p.clamp(min=least))).sum(-1)
        surprise = -log_p.gather(-1, x[..., None])[..., 0]
        return torch.where(a_s == 1, surprise, kl)  # x_0 itself: exact, however unlikely


def _uniform(x: Tensor, a: Tensor) -> Tensor:
    return torch.rand(x.shape, dtype=a.dtype, device=x.device)
