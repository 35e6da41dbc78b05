"""The perceptron of maxout units: each is the largest of several linear functions.

    h_k(x) = max_j (x W_jk + b_jk)

The units learn their own convex activation, and are linear almost everywhere, so that a critic's
slope does not fade.

Source: Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", 2013,
    arXiv:1302.4389.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ...errors import at_least


class MaxoutMLP(nn.Module):
    """Maxout layers, and a linear one at the end: (n, d_in) -> (n, d_out).

    Args:
        d_in, d_out: the sizes of what comes in and of what goes out.
        hidden: widths of the hidden layers, in units.
        pieces: linear functions in a unit, at least 2.
    """

    def __init__(
        self, d_in: int, d_out: int, hidden: Sequence[int] = (200, 200, 200), pieces: int = 5
    ):
        super().__init__()
        at_least(2, "MaxoutMLP", pieces=pieces)
        self.d_in, self.d_out, self.hidden, self.pieces = d_in, d_out, tuple(hidden), pieces
        widths = [d_in, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, pieces * b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], d_out)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).unflatten(1, (self.pieces, -1)).amax(1)
        return self.last(x)
