"""A classifier that tries to tell samples from real rows, on rows that it has not learnt from.

It is a logistic regression on the features and their squares, so it sees means as well as widths. It learns
from half of the rows and judges the other half. The figure is the share that is told right, of as many
samples as real rows: 0.5 if they cannot be told apart, 1 if they always can. Rows that are judged are
independent of the regression, so the error is that of a share, exactly. (If each half judged the other, the
two shares would nearly repeat each other: real rows against real rows then differ by 1.3 such errors.)

Of the rows of tables a random forest is asked as well, which sees how columns depend on each other.

Source: Lopez-Paz, Oquab, "Revisiting classifier two-sample tests", 2017, arXiv:1610.06545, section 3.
"""

import numpy as np
import torch
from torch import Tensor

TREES, LEAF = 200, 3  # of the forest, and the rows of a leaf, at least
PENALTY = 1.0  # of a squared weight, in units of one row, where features have unit deviation
STEPS = 8  # of Newton's method
MOST = 5000  # rows of each side


def told_apart(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """The share of rows that are told right, and its standard error.

    Args:
        real: features of real rows, (n, d), at least 10, in no order.
        fake: features of samples, (m, d).
    """
    x, y, learn = _halves(real, fake)
    return _share(_scores(x[learn], y[learn].double(), x[~learn]), y[~learn])


def told_apart_by_trees(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """The share of rows that a random forest tells right, and its standard error, as `told_apart`."""
    from sklearn.ensemble import RandomForestClassifier  # takes half a second

    x, y, learn = _halves(real, fake)
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=0)
    forest.fit(x[learn].numpy(), y[learn].numpy())
    chance = np.asarray(forest.predict_proba(x[~learn].numpy()))[:, 1]
    return _share(torch.from_numpy(chance) - 0.5, y[~learn])


def _halves(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As many rows of both, which are fake, and which are to be learnt from."""
    n = min(len(real), len(fake), MOST)
    x = torch.cat([real[:n], fake[:n]]).double()
    return x, torch.arange(2 * n) >= n, torch.arange(n).repeat(2) % 2 == 0


def _share(score: Tensor, y: Tensor) -> tuple[float, float]:
    """The share of rows whose score says right that they are fake, and its error."""
    right = torch.where(score == 0, 0.5, ((score > 0) == y).double())
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
