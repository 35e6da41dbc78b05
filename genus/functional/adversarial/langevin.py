"""Stochastic-gradient Hamiltonian Monte Carlo, as an optimiser: weights that are drawn, not found.

A particle rolls over U(theta) = -log p(theta | data), is slowed by friction, and is kicked by as
much noise as the friction takes away. In the long run it is distributed as p, not at the bottom.

    v      <- (1 - a) v + eta grad log p(theta | data) + N(0, 2 a eta)
    theta  <- theta + v

A loss is a mean over rows, so U = N loss for N rows of data. With eta = lr / N this reads

    v      <- (1 - a) v - lr grad loss + N(0, 2 a lr T / N),   T = 1

and a log prior enters the loss divided by N. For loss = k theta^2 / 2 the recursion is linear, and
its stationary variance is exactly

    var theta = T / (N k) / (1 - lr k / (4 - 2 a))

the posterior's own as lr goes to 0. It is stable for lr k < 4 - 2 a.

Source: Chen, Fox, Guestrin, "Stochastic gradient Hamiltonian Monte Carlo", 2014, arXiv:1402.4102,
    section 3.5 (its tie to momentum); Saatchi, Wilson, "Bayesian GAN", 2017, arXiv:1705.09558,
    algorithm 1.
Departs: the noise of the gradient itself is not estimated (beta = 0 in Chen's equation): batches
    make the distribution wider. The variance at a finite step is ours.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...errors import at_least, in_range, positive


class SGHMC(Optimizer):
    """Draws weights from exp(-rows loss / temperature), by moves of an underdamped walk.

    Its noise comes from torch's global stream. The learning rate may be changed between two moves,
    and the noise follows.

    Args:
        params: weights, or groups of them.
        lr: the step on the mean loss: eta N of the equations, above 0.
        rows: rows of the whole data set, over which the loss is a mean: N, above 0.
        friction: the share of the speed that is lost in a move: a, in (0, 1].
        temperature: factor on the variance of the noise: 1 draws from the posterior, 0 is descent
            with momentum.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        rows: int,
        friction: float = 0.1,
        temperature: float = 1.0,
    ):
        positive("SGHMC", lr=lr, rows=rows)
        in_range("SGHMC", "(0, 1]", friction=friction)
        at_least(0, "SGHMC", temperature=temperature)
        defaults = {"lr": lr, "rows": rows, "friction": friction, "temperature": temperature}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One move of every weight that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            kick = 2 * group["friction"] * group["lr"] * group["temperature"] / group["rows"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                v: Tensor = self.state[p].setdefault("speed", torch.zeros_like(p))
                v.mul_(1 - group["friction"]).add_(p.grad, alpha=-group["lr"])
                if kick:
                    v.add_(torch.randn_like(p), alpha=kick**0.5)
                p.add_(v)
        return loss


def normal_prior(weights: Iterable[Tensor], std: float, rows: int) -> Tensor:
    """-log N(weights; 0, std^2 I) / rows, without its constant: the share of the prior in a mean loss, ().

    Args:
        weights: tensors of any shapes.
        std: standard deviation of the prior, above 0.
        rows: rows of the data set.
    """
    return torch.stack([w.square().sum() for w in weights]).sum() / (2 * std**2 * rows)
