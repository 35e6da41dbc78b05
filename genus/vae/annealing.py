"""log p(x) of a model with a latent by annealed importance sampling: a check of weights by guesses.

Guesses miss what the encoder never learnt. Annealing needs no encoder: chains begin at the prior and are led to the
posterior, by steps of Hamiltonian dynamics, while the likelihood grows from nothing to all of itself.

    f_b(z) = p(z) p(x | z)^b,  0 = b_0 < ... < b_T = 1,     log w = sum_t (b_t - b_(t-1)) log p(x | z_(t-1))
    z_t by a move that leaves f_(b_t) alone,     E w = p(x)

Source: Wu, Burda, Salakhutdinov, Grosse, "On the quantitative analysis of decoder-based generative models", 2017,
    arXiv:1611.04273; Neal, "Annealed importance sampling", 2001.
Departs: temperatures are even in b^(1/4), since f changes fastest near b = 0; the step is adapted to the acceptance of
    all chains together, from one temperature to the next, which costs E w = p(x) as much as one chain sways it.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import at_least
from .amortised import Amortised

LEAPS = 8  # of the dynamics in one move
WANTED = 0.65  # share of moves that are accepted
SLOWER, FASTER = 0.97, 1.02  # of the step, where fewer or more are
Potential = Callable[[Tensor], Tensor]


def annealed_log_prob(
    model: Amortised, x: Tensor, betas: int = 1000, chains: int = 16, adapt: bool = True
) -> Tensor:
    """log of the mean of w over chains, (n,) nats: in expectation it never falls as chains grow.

    Args:
        model: whose prior and decoder are asked; its encoder is not.
        x: rows, (n, *space.shape).
        betas: number of temperatures, at least 1; each costs a move of 8 passes through the decoder and back.
        chains: of each row.
        adapt: whether steps follow the acceptance; False keeps them, and E w = p(x) to the last digit.
    """
    at_least(1, "annealed_log_prob", betas=betas, chains=chains)
    rows = x.repeat(chains, *[1] * (x.dim() - 1))
    z = model.draw_prior(len(rows)).to(x.dtype)
    ladder = torch.linspace(0, 1, betas + 1, dtype=torch.float64).pow(4).tolist()
    log_w, step = z.new_zeros(len(rows), dtype=torch.float64), 0.1

    def likelihood(z: Tensor) -> Tensor:
        return model.likelihood.log_prob(rows, model.numbers(z))

    for before, beta in pairwise(ladder):
        with torch.no_grad():
            log_w += (beta - before) * likelihood(z).double()
        if beta == 1:
            break

        def log_f(z: Tensor, beta: float = beta) -> Tensor:
            return model.log_prior(z) + beta * likelihood(z)

        z, accepted = moved(z, log_f, step)
        if adapt:
            step *= FASTER if accepted > WANTED else SLOWER
    return log_w.unflatten(0, (chains, -1)).logsumexp(0) - math.log(chains)


def moved(z: Tensor, log_f: Potential, step: float) -> tuple[Tensor, float]:
    """One move of Hamiltonian dynamics, accepted or not row by row, and the share that was accepted."""
    speed = torch.randn_like(z)
    at, slope = _with_slope(z, log_f)
    place, push, begun = z, slope, at - 0.5 * speed.square().sum(1)
    end = at
    for _ in range(LEAPS):
        speed = speed + 0.5 * step * push
        place = place + step * speed
        end, push = _with_slope(place, log_f)
        speed = speed + 0.5 * step * push
    gain = end - 0.5 * speed.square().sum(1) - begun
    taken = torch.rand_like(gain).log() < gain.nan_to_num(nan=-math.inf)
    return torch.where(taken[:, None], place, z), taken.double().mean().item()


@torch.enable_grad()
def _with_slope(z: Tensor, log_f: Potential) -> tuple[Tensor, Tensor]:
    """log f and its gradient, both without a graph."""
    z = z.detach().requires_grad_()
    value = log_f(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope
