"""Autoregressive maps: each feature is moved as those before it decide.

    z_i = f(x_i; net(x_<i))

One masked network gives all of the parameters in one pass. The way back goes feature by feature, but
a unit of the network is done as soon as the last feature that it sees is there: all of them together
cost one pass, where a network that is run anew for each feature costs as many passes as features.

Source: Papamakarios, Pavlakou, Murray, "Masked autoregressive flow for density estimation", 2017,
    arXiv:1705.07057, equations 2 to 5; Kingma and others, "Improving variational inference with
    inverse autoregressive flow", 2016, arXiv:1606.04934.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..nn import MaskedMLP
from .bijection import Bijection
from .elementwise import Affine, Elementwise


class Autoregressive(Bijection):
    """One masked network decides the maps of all features.

    Args:
        features: of x, at least 2.
        transform: what is done to each number.
        hidden: widths of the network's hidden layers.
        flip: the last feature comes first.
        dropout: share of hidden units that is silent in a round of training, in [0, 1).
        context: features of the context that the network also sees; 0 for none.
    """

    def __init__(
        self,
        features: int,
        transform: Elementwise = Affine(),  # noqa: B008  (it is frozen)
        hidden: Sequence[int] = (64, 64),
        flip: bool = False,
        dropout: float = 0.0,
        context: int = 0,
    ):
        super().__init__()
        self.features, self.transform, self.hidden = features, transform, tuple(hidden)
        self.flip, self.dropout, self.context = flip, dropout, context
        self.net = MaskedMLP(features, 1, transform.count, hidden, dropout=dropout, context=context)
        for parameter in self.net.last.parameters():
            nn.init.zeros_(parameter)  # it begins as the identity

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,): one pass."""
        x = self._turned(x)
        z, log_slope = self.transform.encode(x, self.net(x[..., None], context=context))
        return self._turned(z), log_slope.sum(1)

    @torch.no_grad()
    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features), without gradients: feature by feature, each unit once."""
        z = self._turned(z)
        x = torch.empty_like(z)

        def choose(feature: int, raw: Tensor) -> Tensor:
            x[:, feature] = self.transform.decode(z[:, feature], raw)
            return x[:, feature, None]

        self.net.unroll(len(z), choose, context=context)
        return self._turned(x)

    def _turned(self, x: Tensor) -> Tensor:
        return x.flip(1) if self.flip else x
