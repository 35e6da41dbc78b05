"""Annealed importance sampling: the constant of an energy model, from a path of distributions.

    w = prod_k f_(beta_k)(x_(k-1)) / f_(beta_(k-1))(x_(k-1)),     0 = beta_0 < ... < beta_K = 1

x_0 is drawn from f_0, and x_k from x_(k-1) by a move that leaves f_(beta_k) alone. Then E[w] = Z_1 / Z_0,
so log mean w is too low in expectation, and mostly too low. Going down the same path from exact
samples of the model, E[w] = Z_0 / Z_1, and the estimate of log Z_1 is too high. If both agree they
are right.

Where exact samples are out of reach, the path itself is a model: p_ann(x), the distribution of the ends
x_K of its chains (RAISE). Chains that go down from a row x, by the same moves, weigh its log p_ann(x),

    w = f_0(x_0) / Z_0 prod_k f_(beta_k)(x_k) / f_(beta_k)(x_(k-1)),     E[w] = p_ann(x)

so that log mean w is a lower bound of it in expectation. Moves must be reversible, as they are here.

Source: Neal, "Annealed importance sampling", 1998, arXiv:physics/9803008, sections 2-3.
    Salakhutdinov, Murray, "On the quantitative analysis of deep belief networks", 2008, ICML.
    Going down, and RAISE: Burda, Grosse, Salakhutdinov, "Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing", 2015, arXiv:1412.8566.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import AnnealingPath, at_least
from ...functional.densities.estimates import log_mean_exp


class LogZ(NamedTuple):
    """An estimate of log Z, nats."""

    value: float
    error: float  # standard error, by the delta method
    spread: (
        float  # standard deviation of the chains' log weights; well above 1, the error is too small
    )


def path(betas: int) -> list[float]:
    """0 = beta_0 < ... < beta_betas = 1, dense where it is hard: 1/29 of them below 0.5, 8/29 to 0.9.

    Source: the proportions of Salakhutdinov and Murray: 500, 4,000 and 10,000.
    """
    at_least(3, "path", betas=betas)
    low = max(1, round(betas / 29))
    middle = max(1, round(betas * 8 / 29))
    high = betas - low - middle
    pieces = [(0.0, 0.5, low), (0.5, 0.9, middle), (0.9, 1.0, high)]
    return [a + (b - a) * i / n for a, b, n in pieces for i in range(n)] + [1.0]


@torch.no_grad()
def log_z(annealing: AnnealingPath, betas: int = 10_000, chains: int = 100) -> LogZ:
    """log Z at beta = 1, from below.

    Args:
        betas: number of steps along the path.
        chains: number of independent weights.
    """
    value, error, spread = _weigh(annealing, annealing.start(chains), path(betas))
    return LogZ(annealing.log_z.item() + value, error, spread)


@torch.no_grad()
def log_z_from_above(annealing: AnnealingPath, x: Tensor, betas: int = 10_000) -> LogZ:
    """log Z at beta = 1, from samples of the model: a check on `log_z`.

    Args:
        x: samples of the model, (chains, *shape). A chain that has not mixed gives a wrong value.
        betas: number of steps along the path.
    """
    value, error, spread = _weigh(annealing, x, path(betas)[::-1])
    return LogZ(annealing.log_z.item() - value, error, spread)


@torch.no_grad()
def log_prob_annealed(
    annealing: AnnealingPath, x: Tensor, log_f: Tensor, betas: int = 10_000, chains: int = 1
) -> Tensor:
    """A lower bound, in expectation, of log p_ann(x): of the annealed model, not of the model itself, (n,).

    Args:
        x: rows, of the space of the path.
        log_f: log f_1(x), which is -energy, (n,).
        betas: number of steps along the path.
        chains: number of chains that go down from each row.
    """
    at_least(1, "log_prob_annealed", chains=chains)
    weights = log_f.detach().cpu().double().repeat_interleave(chains)
    state, _ = annealing.climb(x.repeat_interleave(chains, 0), 1.0, 1.0)
    weights += _weights(annealing, state, path(betas)[::-1])
    weights = weights.unflatten(0, (len(x), chains)).logsumexp(1) - math.log(chains)
    return weights - annealing.log_z.item()


def _weigh(annealing: AnnealingPath, x: Tensor, betas: list[float]) -> tuple[float, float, float]:
    total = _weights(annealing, x, betas)
    return *log_mean_exp(total), total.std().item()


def _weights(annealing: AnnealingPath, x: Tensor, betas: list[float]) -> Tensor:
    """The logarithms of the weights of chains that begin at x, (n,), float64."""
    total = torch.zeros(len(x), dtype=torch.float64)
    for beta, to in pairwise(betas):
        x, log_weight = annealing.climb(x, beta, to)
        total += log_weight.cpu()
    return total
