"""What a critic is shown instead of the rows themselves: random, the same law for both sides.

A view is put in front of a critic in training, of data and of samples alike. If the law of T(x)
determines that of x, then equal views mean equal distributions, and the generator is still drawn
to the data; a map that is put in front of the data alone would be learnt by the generator.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import at_least


class View(nn.Module):
    """A random map of rows, (n, *shape) to the same shape, differentiable by its argument.

    Its noise is drawn anew in each call, row by row, and does not depend on the values of the rows.
    What it remembers is a buffer, and changes in `adapt` alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Rows as the critic is to see them, (n, *shape)."""
        return x

    def adapt(self, scores: Tensor) -> None:
        """Takes, after each move of the critic, its scores of that round's real rows."""


class InstanceNoise(View):
    """Normal noise on every value, whose standard deviation falls linearly to zero.

    Two distributions that do not overlap are told apart by a critic without error or slope; blurred
    by the same noise they overlap, and the critic has a slope everywhere.

    Source: Sonderby and others, "Amortised MAP inference for image super-resolution", 2017,
        arXiv:1610.04490; Arjovsky, Bottou, "Towards principled methods for training
        generative adversarial networks", 2017, arXiv:1701.04862.

    Args:
        std: deviation of the noise in the first round, in the units of x, at least 0.
        rounds: the critic's moves until there is none left, at least 1.
    """

    moves: Tensor

    def __init__(self, std: float, rounds: int):
        super().__init__()
        at_least(0, "InstanceNoise", std=std)
        at_least(1, "InstanceNoise", rounds=rounds)
        self.std, self.rounds = std, rounds
        self.register_buffer("moves", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        left = (1 - self.moves / self.rounds).clamp(min=0).to(x.dtype)
        return x + self.std * left * torch.randn_like(x)

    def adapt(self, scores: Tensor) -> None:
        self.moves += 1


class Views(View):
    """Several views, one after another.

    Args:
        views: the first is applied first.
    """

    def __init__(self, views: Sequence[View]):
        super().__init__()
        self.views = tuple(views)
        self.stages = nn.ModuleList(views)

    def forward(self, x: Tensor) -> Tensor:
        for view in self.views:
            x = view(x)
        return x

    def adapt(self, scores: Tensor) -> None:
        for view in self.views:
            view.adapt(scores)
