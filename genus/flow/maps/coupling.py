"""Couplings: one half of the features decides what happens to the other."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...errors import at_least
from ...nn import MLP
from ..bijection import Bijection, wanted
from ..elementwise import Affine, Elementwise


class Coupling(Bijection):
    """The kept half of a vector goes through a network that decides a map of the other half.

    The Jacobian is triangular, and the inverse costs as much as the map, whatever the network is.

    Args:
        features: features of x, at least 2: the first half, rounded down, is kept.
        transform: what is done to each number of the moved half.
        hidden: widths of the network's hidden layers.
        flip: the second half is kept.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        context: features of the context that the network also sees; 0 for none.
        activation: a name that MLP takes, for hidden units: silu is smooth, and so is the density
            then; relu is faster.
    """

    def __init__(
        self,
        features: int,
        transform: Elementwise = Affine(),  # noqa: B008  (it is frozen)
        hidden: Sequence[int] = (64, 64),
        flip: bool = False,
        dropout: float = 0.0,
        context: int = 0,
        activation: str = "silu",
    ):
        super().__init__()
        at_least(2, "Coupling", features=features)
        self.features, self.transform, self.hidden = features, transform, tuple(hidden)
        self.flip, self.dropout = flip, dropout
        self.context, self.activation = context, activation
        half = features // 2
        self.sizes = [features - half, half] if flip else [half, features - half]
        kept, moved = reversed(self.sizes) if flip else self.sizes
        self.net = MLP(kept + context, moved * transform.count, hidden, dropout, activation)
        for parameter in self.net[-1].parameters():
            nn.init.zeros_(parameter)  # it begins as the identity

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,)."""
        kept, moved = self._halves(x)
        moved, log_slope = self.transform.encode(moved, self._raw(kept, context))
        return self._joined(kept, moved), log_slope.sum(1)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features)."""
        kept, moved = self._halves(z)
        return self._joined(kept, self.transform.decode(moved, self._raw(kept, context)))

    def _raw(self, kept: Tensor, context: Tensor | None) -> Tensor:
        if self.context:
            kept = torch.cat([kept, wanted(context, self.context, "Coupling")], 1)
        return self.net(kept).unflatten(1, (-1, self.transform.count))

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split(self.sizes, 1)
        return (second, first) if self.flip else (first, second)

    def _joined(self, kept: Tensor, moved: Tensor) -> Tensor:
        return torch.cat([moved, kept] if self.flip else [kept, moved], 1)
