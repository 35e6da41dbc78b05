"""The multi-layer perceptron."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


class MLP(nn.Sequential):
    """Linear layers with SiLU between them: (..., d_in) -> (..., d_out).

    Args:
        d_in, d_out: the sizes of what comes in and of what goes out.
        hidden: widths of the hidden layers.
    """

    def __init__(self, d_in: int, d_out: int, hidden: Sequence[int] = (64, 64)):
        widths = [d_in, *hidden, d_out]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU()]
        super().__init__(*layers[:-1])
        self.d_in, self.d_out, self.hidden = d_in, d_out, tuple(hidden)
