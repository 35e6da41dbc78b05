"""Numbers as vectors that a network can tell apart."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import Refused, at_least


class Sinusoidal(nn.Module):
    """Sines and cosines of a time in [0, 1], (n,) -> (n, width).

    The frequencies fall geometrically from 1000 to 0.1 radians: two times that differ by a
    thousandth, and two that differ by one, are both told apart.

    Source: Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762, section 3.5, of
        1000 t.

    Args:
        width: dimension of the embedding, even.
    """

    frequencies: Tensor  # (width / 2,)

    def __init__(self, width: int):
        super().__init__()
        if width < 2 or width % 2:
            raise Refused(f"Sinusoidal: width is {width}; it must be even, at least 2")
        self.width = width
        exponents = torch.arange(width // 2, dtype=torch.float64) / (width // 2)
        frequencies = 1000 * torch.exp(-math.log(10_000) * exponents)
        self.register_buffer(
            "frequencies", frequencies.to(torch.get_default_dtype()), persistent=False
        )

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class Labels(nn.Module):
    """Labels in 0 .. count - 1 as vectors, (n,) int64 -> (n, width).

    Args:
        count: number of labels.
        width: size of the vectors, which are then learned; None takes one 1 among `count` numbers.
    """

    rows: Tensor  # (count, width)

    def __init__(self, count: int, width: int | None = None):
        super().__init__()
        at_least(1, "Labels", count=count, width=width)
        self.count, self.width = count, width
        if width is None:
            self.register_buffer("rows", torch.eye(count), persistent=False)
        else:
            self.rows = nn.Parameter(torch.randn(count, width))

    def forward(self, labels: Tensor) -> Tensor:
        return self.rows[labels]


class SeveralLabels(nn.Module):
    """Several labels at once as one vector, (n, k) int64 -> (n, sum of counts): one 1 for each label.

    Args:
        counts: number of values of each label.
    """

    rows: Tensor
    firsts: Tensor  # (k,): where the numbers of each label begin

    def __init__(self, counts: Sequence[int]):
        super().__init__()
        if not counts or min(counts) < 1:
            raise Refused(
                f"SeveralLabels: counts is {tuple(counts)}; numbers of 1 or more are wanted"
            )
        self.counts = tuple(counts)
        self.register_buffer("rows", torch.eye(sum(counts)), persistent=False)
        firsts = torch.tensor((0, *counts[:-1])).cumsum(0)
        self.register_buffer("firsts", firsts, persistent=False)

    def forward(self, labels: Tensor) -> Tensor:
        return self.rows[labels + self.firsts].sum(1)


class Flat(nn.Module):
    """Rows of any shape as vectors: (n, ...) -> (n, d)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def time_embedding(width: int, d_out: int) -> nn.Sequential:
    """A time in [0, 1] as features, (n,) -> (n, d_out), learned on top of the waves."""
    return nn.Sequential(
        Sinusoidal(width), nn.Linear(width, d_out), nn.SiLU(), nn.Linear(d_out, d_out)
    )


def with_context(time: Tensor, conditioning: nn.Linear | None, context: Tensor | None) -> Tensor:
    """An embedded time, (n, d), and context features, (n, k), as one, (n, d).

    Raises Refused if a context comes where none is wanted, or none where one is.
    """
    if (conditioning is None) != (context is None):
        raise Refused(
            "a network of x and time: "
            + (
                "it was built without a context, and got one: give it context=..."
                if conditioning is None
                else "it was built for a context, and got none"
            )
        )
    return time if conditioning is None or context is None else time + conditioning(context)
