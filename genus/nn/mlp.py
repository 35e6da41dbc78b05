"""The multi-layer perceptron."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU}


class MLP(nn.Sequential):
    """Linear layers with SiLU, or ReLU, between them: (..., d_in) -> (..., d_out).

    Args:
        d_in, d_out: the sizes of what comes in and of what goes out.
        hidden: widths of the hidden layers.
        dropout: share of the hidden units that is silent in a round of training, in [0, 1).
        activation: silu, which is smooth, or relu, whose kinks can bring far things close.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        activation: str = "silu",
    ):
        if activation not in ACTIVATIONS:
            wanted = " or ".join(ACTIVATIONS)
            raise ValueError(f"MLP: activation is {activation!r}; {wanted} is wanted")
        widths = [d_in, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
            layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.Linear(widths[-1], d_out))
        self.d_in, self.d_out, self.hidden = d_in, d_out, tuple(hidden)
        self.dropout, self.activation = dropout, activation
