"""Steps that remember: a smooth guess under an integral that is known exactly.

On its way from lambda_t to lambda_s = lambda_t + h, a diffusion needs of its guess D only

    int_0^1 h e^(-h (1 - u)) D(u) du,      psi_k = int_0^1 h e^(-h (1 - u)) u^k du

With D known at u = 0 and at other places r_m, before or after, the integral is psi_0 times a mean

    D_0 + sum_m c_m (D_m - D_0),           sum_m c_m r_m^k psi_0 = psi_k     k = 1 .. q

exact for polynomials of degree q, the number of other places. With one other place half of a function
B(h) = h + O(h^2) may stand for psi_1, without loss of order: B(h) / 2 = psi_1 + O(h^2).

Source: Zhao, Bai, Rao, Zhou, Lu, "UniPC: a unified predictor-corrector framework for fast sampling of
    diffusion models", 2023, arXiv:2302.04867, equations 3 to 8 with data prediction (appendix): with
    q > 1 they too solve for the coefficients, and then B(h) falls out of them.
"""

import math
from collections.abc import Callable, Sequence

import torch

Growth = Callable[[float], float]
FEW = 0.5  # a step below which psi is summed as a series
TERMS = 20


def bh1(h: float) -> float:
    """B(h) = h."""
    return h


def bh2(h: float) -> float:
    """B(h) = 1 - e^(-h) = psi_0."""
    return -math.expm1(-h)


def psi(h: float, count: int) -> list[float]:
    """psi_0 .. psi_count, for h above 0."""
    if h < FEW:
        return [
            h * sum((-h) ** j * math.factorial(k) / math.factorial(j + k + 1) for j in range(TERMS))
            for k in range(count + 1)
        ]
    found = [-math.expm1(-h)]
    for k in range(1, count + 1):
        found.append(1 - k / h * found[-1])
    return found


def shares(h: float, places: Sequence[float], growth: Growth | None = None) -> list[float]:
    """c_m of each other place r_m.

    Args:
        h: the length of the step in lambda, above 0.
        places: r_m, none of them 0.
        growth: B(h), for one place; without, psi_1 itself is taken.
    """
    if not places:
        return []
    first, *others = psi(h, len(places))
    if len(places) == 1 and growth is not None:
        return [growth(h) / 2 / places[0] / first]
    powers = torch.tensor(
        [[r ** (k + 1) for r in places] for k in range(len(places))], dtype=torch.float64
    )
    wanted = torch.tensor(others, dtype=torch.float64) / first
    return torch.linalg.solve(powers, wanted).tolist()
