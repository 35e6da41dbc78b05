"""How much the error of x0hat weighs at each amount of noise, snr = alpha^2 / sigma^2.

    loss = E_t w |x_0 - x0hat|^2

All parametrisations learn x_0 in units of their own; in these weights none of them is left, so that
a weight means the same for each.

Source: Hang and others, "Efficient diffusion training via min-SNR weighting strategy", 2023,
    arXiv:2303.09556 (Min-SNR-gamma); Kingma, Salimans, Poole, Ho, "Variational diffusion models", 2021,
    arXiv:2107.00630, equations 11 to 19 (the likelihood's).
"""

from dataclasses import dataclass

from torch import Tensor

from ...errors import positive


@dataclass(frozen=True)
class MinSNR:
    """snr, but no more than gamma: times with little noise do not drown the others.

    Args:
        gamma: the bound, above 0.
    """

    gamma: float = 5.0

    def __post_init__(self) -> None:
        positive("MinSNR", gamma=self.gamma)

    def __call__(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (alpha / sigma).square().clamp(max=self.gamma)


@dataclass(frozen=True)
class LikelihoodWeight:
    """snr: with times that are even in log_snr, the bound of log p(x), up to a factor."""

    def __call__(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (alpha / sigma).square()
