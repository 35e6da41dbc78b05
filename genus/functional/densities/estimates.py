"""Estimates with their standard errors."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def mean_error(draws: Tensor) -> tuple[float, float]:
    """The mean of independent draws, (n,), and its standard error; nan for a single draw."""
    return draws.mean().item(), draws.std().item() / math.sqrt(len(draws))


def log_mean_exp(log_weights: Tensor) -> tuple[float, float]:
    """log mean exp of independent draws, (n,), and its standard error by the delta method.

    If exp(log_weights) has the mean Z, the estimate of log Z is too low in expectation (Jensen).
    """
    n = len(log_weights)
    share = log_weights.softmax(0) * n  # weights over their own mean
    return (log_weights.logsumexp(0) - math.log(n)).item(), share.std().item() / math.sqrt(n)


def jackknife(statistic: Callable[[Tensor], Tensor], x: Tensor, groups: int = 10) -> float:
    """The standard error of a statistic of rows: each of `groups` parts is left out once.

    Rows must come in no order. The part of row i is i modulo `groups`.
    """
    part = torch.arange(len(x), device=x.device) % groups
    left_out = torch.stack([statistic(x[part != group]) for group in range(groups)])
    return ((groups - 1) * left_out.var(correction=0)).sqrt().item()
