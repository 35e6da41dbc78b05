"""A classifier that tries to tell samples from real rows, on rows that it has not learnt from.

It is a logistic regression on the features and their squares, so it sees means as well as widths. It learns
from half of the rows and judges the other half. The figure is the share that is told right, of as many
samples as real rows: 0.5 if they cannot be told apart, 1 if they always can. Rows that are judged are
independent of the regression, so the error is that of a share, exactly. (If each half judged the other, the
two shares would nearly repeat each other: real rows against real rows then differ by 1.3 such errors.)

Source: Lopez-Paz, Oquab, "Revisiting classifier two-sample tests", 2017, arXiv:1610.06545, section 3.
"""

import torch
from torch import Tensor

PENALTY = 1.0  # of a squared weight, in units of one row, where features have unit deviation
STEPS = 8  # of Newton's method
MOST = 5000  # rows of each side


def told_apart(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """The share of rows that are told right, and its standard error.

    Args:
        real: features of real rows, (n, d), at least 10, in no order.
        fake: features of samples, (m, d).
    """
    n = min(len(real), len(fake), MOST)
    x = torch.cat([real[:n], fake[:n]]).double()
    y = torch.arange(2 * n) >= n
    learn = torch.arange(n).repeat(2) % 2 == 0
    score = _scores(x[learn], y[learn].double(), x[~learn])
    right = torch.where(score == 0, 0.5, ((score > 0) == y[~learn]).double())
    share = right.mean().item()
    return share, (max(share * (1 - share), 1 / len(right)) / len(right)) ** 0.5


def _scores(x: Tensor, y: Tensor, unseen: Tensor) -> Tensor:
    """log p(fake | x) / p(real | x) of unseen rows, by a regression on others."""
    middle, unit = x.mean(0), x.std(0).clamp(min=1e-9)
    inputs, others = (_squared((rows - middle) / unit) for rows in (x, unseen))
    weights = torch.zeros(inputs.shape[1], dtype=x.dtype)
    penalty = PENALTY * torch.ones_like(weights)
    penalty[-1] = 1e-6  # of the constant
    for _ in range(STEPS):
        p = (inputs @ weights).sigmoid()
        slope = inputs.T @ (p - y) + penalty * weights
        curve = (inputs * (p * (1 - p)).clamp(min=1e-4)[:, None]).T @ inputs + penalty.diag()
        weights = weights - torch.linalg.solve(curve, slope)
    return others @ weights


def _squared(x: Tensor) -> Tensor:
    """Features, their squares and a constant, with far values brought near."""
    near = x.clamp(-5, 5)
    return torch.cat([near, (near**2 - 1) / 2**0.5, torch.ones_like(x[:, :1])], 1)
