"""Numbers as vectors that a network can tell apart."""

import math

import torch
from torch import Tensor, nn


class Sinusoidal(nn.Module):
    """Sines and cosines of a time in [0, 1], (n,) -> (n, width).

    The frequencies fall geometrically from 1000 to 0.1 radians: two times that differ by a
    thousandth, and two that differ by one, are both told apart.

    Source: Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762, section 3.5, of
        1000 t.

    Args:
        width: how many numbers; even.
    """

    frequencies: Tensor  # (width / 2,)

    def __init__(self, width: int):
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"Sinusoidal: width is {width}; it must be even, at least 2")
        self.width = width
        exponents = torch.arange(width // 2, dtype=torch.float64) / (width // 2)
        frequencies = 1000 * torch.exp(-math.log(10_000) * exponents)
        self.register_buffer(
            "frequencies", frequencies.to(torch.get_default_dtype()), persistent=False
        )

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)


def time_embedding(width: int, d_out: int) -> nn.Sequential:
    """A time in [0, 1] as features, (n,) -> (n, d_out), learned on top of the waves."""
    return nn.Sequential(
        Sinusoidal(width), nn.Linear(width, d_out), nn.SiLU(), nn.Linear(d_out, d_out)
    )
