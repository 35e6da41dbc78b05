"""The multi-layer perceptron."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ..errors import Refused
from .constraints import constrain

ACTIVATIONS = {
    "silu": nn.SiLU,
    "relu": partial(nn.ReLU, inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
}


class MLP(nn.Sequential):
    """Linear layers with a nonlinearity between them: (..., d_in) -> (..., d_out).

    Args:
        d_in, d_out: the sizes of what comes in and of what goes out.
        hidden: widths of the hidden layers.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        activation: silu, which is smooth; relu, whose kinks can bring far things close; or
            leaky_relu, which lets a fifth of what is negative through.
        constraint: one of `genus.nn.constraints` on the weights: spectral, weight, equalised or None.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        activation: str = "silu",
        constraint: str | None = None,
    ):
        if activation not in ACTIVATIONS:
            wanted = ", ".join(ACTIVATIONS)
            raise Refused(f"MLP: activation is {activation!r}; one of {wanted} is wanted")
        widths = [d_in, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
            layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.Linear(widths[-1], d_out))
        self.d_in, self.d_out, self.hidden = d_in, d_out, tuple(hidden)
        self.dropout, self.activation, self.constraint = dropout, activation, constraint
        constrain(self, constraint)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer is given, (..., d): the last hidden layer."""
        for layer in [*self][:-1]:
            x = layer(x)
        return x
