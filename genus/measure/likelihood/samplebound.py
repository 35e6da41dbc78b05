"""A lower bound of log p(x) from samples of the latents alone: the conservative sampling-based bound (CSL).

Of a model that is only a chain, no density is known. But if x is drawn given a latent state h, whose
P(x | h) is known, then p(x) is the mean of P(x | h), and some draws of h give an estimate of it.

    log p^(x) = log (1 / draws) sum_s P(x | h_s)            E[log p^(x)] <= log E[P(x | h)] = log p(x)

By Jensen's inequality it is too low in expectation, however the draws depend on each other, and it rises
with their number to log p(x). For any draws p^ is a mixture, and sums to one. All rows are scored with the
same draws, which have not seen them: chains begun at the rows themselves would find a large P(x | h) near
by, and read above the truth.

p(x) is the distribution of the model's samples, wherever its chain has come by then. If P(x | h) is narrow,
or the chain stays in one place, the bound is far below it.

Source: Bengio, Yao, Cho, "Bounding the test log-likelihood of generative models", 2014, arXiv:1311.6184.
Departs: draws come from chains of their own where the model gives such, and not from one after another.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...core import Bits, HasConditionals, at_least, require

ROWS, DRAWS = 1000, 1000  # rows, and draws, whose chances are held at once


@torch.no_grad()
def sample_bound(model: HasConditionals, x: Tensor, draws: int = 10_000) -> Tensor:
    """The bound of log p(x), nats, (n,) float64, with the same draws for all rows.

    Args:
        model: model of bits with `conditionals`.
        x: rows, (n, *space.shape).
        draws: number of latent states, at least 1.

    Raises:
        Refused: the model is not of bits, the rows are not of its space, or there are no draws.
    """
    require("sample_bound", model.space, Bits).check(x, "sample_bound")
    at_least(1, "sample_bound", draws=draws)
    rows = x.flatten(1).cpu().double()
    total = rows.new_full((len(rows),), -math.inf)
    for begin in range(0, draws, DRAWS):
        logits = model.conditionals(min(DRAWS, draws - begin)).flatten(1).cpu().double()
        off = softplus(logits).sum(1)
        found = [torch.logsumexp(part @ logits.T - off, 1) for part in rows.split(ROWS)]
        total = torch.logaddexp(total, torch.cat(found)) if found else total
    return total - math.log(draws)
