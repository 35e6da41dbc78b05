"""How boosting weighs rows, that a new component of a mixture makes what the mixture lacks."""

import torch
from torch import Tensor

from ...errors import in_range


def boosting_weights(d: Tensor, beta: float) -> Tensor:
    """Weights of the rows that the next component should learn from, (n,), which sum to one.

        w_i = (lambda* - (1 - beta) d_i)+ / (beta n),   lambda* such that sum_i w_i = 1

    With the k smallest d alone, the sum is one at lambda_k = (beta n + (1 - beta) sum of them) / k.
    No other set of rows has a larger sum at the same lambda, so lambda* is the smallest lambda_k.

    Source: Tolstikhin and others, "AdaGAN: boosting generative models", 2017, arXiv:1701.02386,
        section 3.1 and algorithm 1.

    Args:
        d: p_mix / p_data, mixture over data, at each row, (n,).
        beta: the share of the next component in the new mixture, in (0, 1].
    """
    in_range("boosting_weights", "(0, 1]", beta=beta)
    known = (1 - beta) * d
    n = len(known)
    k = torch.arange(1, n + 1, dtype=d.dtype, device=d.device)
    level = ((beta * n + known.sort().values.cumsum(0)) / k).min()
    return (level - known).clamp_min(0) / (beta * n)
