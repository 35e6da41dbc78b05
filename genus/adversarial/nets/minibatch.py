"""Layers in which the rows of a batch meet: a critic that sees many rows can see that they are alike.

Put into a critic, they let it tell a collapsed generator from the data though each single sample is
good. A critic with one of them has no slope at a single row: leave penalties on slopes out.
"""

import torch
from torch import Tensor, nn

from ...errors import at_least


class MinibatchDiscrimination(nn.Module):
    """Appends how close a row is to all others of its batch: (n, d) -> (n, d + kernels).

        M_i = f(x_i) T, of `kernels` rows M_i,b of `size` numbers
        o(x_i)_b = sum over j != i of exp(-|M_i,b - M_j,b|_1)

    Source: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, "Improved techniques for training
        GANs", 2016, arXiv:1606.03498, section 3.2.
    Departs: the row itself, which would add 1 to each, is left out. T starts with standard deviation
        1 / sqrt(d size), so that distances of rows of unit scale start near 1, and their exponentials
        away from 0.

    Args:
        d_in: number of inputs.
        kernels: number of features that are added, B in the paper.
        size: numbers that each is compared by, C in the paper.
    """

    def __init__(self, d_in: int, kernels: int = 16, size: int = 4):
        super().__init__()
        at_least(1, "MinibatchDiscrimination", d_in=d_in, kernels=kernels, size=size)
        self.d_in, self.kernels, self.size = d_in, kernels, size
        self.T = nn.Parameter(torch.randn(d_in, kernels * size) / (d_in * size) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        M = (x @ self.T).reshape(-1, self.kernels, self.size)
        gaps = (M[:, None] - M[None]).abs().sum(3)  # (n, n, kernels)
        others = 1 - torch.eye(len(x), dtype=x.dtype, device=x.device)[:, :, None]
        return torch.cat([x, (others * (-gaps).exp()).sum(1)], 1)


class MinibatchStddev(nn.Module):
    """Appends one channel: how much rows differ within a group, (n, c, ...) -> (n, c + 1, ...).

    The standard deviation of each value over the group, averaged over all values: one number for a
    group, repeated everywhere. Row i is in a group with i + n/g, i + 2 n/g, ..., where g is the
    largest divisor of n that is at most `group`: a batch of any size is taken, and all groups of a
    batch are of one size; a prime number of rows above `group` makes groups of one, without spread.

    Source: Karras, Aila, Laine, Lehtinen, "Progressive growing of GANs for improved quality,
        stability, and variation", 2018, arXiv:1710.10196, section 3.

    Args:
        group: rows in a group, at least 2.
    """

    def __init__(self, group: int = 4):
        super().__init__()
        at_least(2, "MinibatchStddev", group=group)
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        size = max(g for g in range(1, min(self.group, n) + 1) if n % g == 0)
        groups = x.reshape(size, n // size, -1)
        variance = groups.var(0, correction=0)
        spread = (variance + 1e-8).sqrt().mean(1)  # (n / size,); the root has a slope at 0 too
        channel = spread.repeat(size).reshape(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, channel.expand(-1, 1, *x.shape[2:])], 1)
