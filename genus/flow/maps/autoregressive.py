"""Autoregressive maps: each feature is moved as those before it decide.

    z_i = f(x_i; net(x_<i))

One masked network gives all of the parameters in one pass. There are two ways back. Feature by
feature: a unit of the network is done as soon as the last feature that it sees is there, so that all
of them together cost one pass, in many small steps. Or all at once,

    x_i <- f^-1(z_i; net(x_<i))    for all i, again and again

where a pass makes at least one more feature right for good, and mostly many: after as many passes as
features, and often after some ten, nothing moves. The first costs less work, the second fewer steps;
where there are few rows steps are what takes the time. The gradient of either is that of the
equation which they solve.

Source: Papamakarios, Pavlakou, Murray, "Masked autoregressive flow for density estimation", 2017,
    arXiv:1705.07057, equations 2 to 5; Kingma and others, "Improving variational inference with
    inverse autoregressive flow", 2016, arXiv:1606.04934; all at once: Song, Meng, Liao, Ermon,
    "Accelerating feedforward computation via parallel nonlinear equation solving", 2021,
    arXiv:2002.03629 (its Jacobi iteration).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...errors import Refused
from ...functional.numerics.fixed_points import attached, fixed_point
from ...nn import MaskedMLP
from ..bijection import Bijection
from ..elementwise import Affine, Elementwise

# All features at once are faster than one after the other from so many features, up to so many rows:
# measured, 2 to 7 times with some five passes; with 20 passes of a wide network they lose a third.
MANY, FEW = 16, 32


class Autoregressive(Bijection):
    """One masked network decides the maps of all features.

    Args:
        features: features of x, at least 1.
        transform: what is done to each number.
        hidden: widths of the network's hidden layers.
        flip: the last feature comes first.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        context: features of the context that the network also sees; 0 for none.
        shortcut: numbers that decide a map also see the features before it without a layer between.
    """

    def __init__(
        self,
        features: int,
        transform: Elementwise = Affine(),  # noqa: B008  (it is frozen)
        hidden: Sequence[int] = (64, 64),
        flip: bool = False,
        dropout: float = 0.0,
        context: int = 0,
        shortcut: bool = False,
    ):
        super().__init__()
        self.features, self.transform, self.hidden = features, transform, tuple(hidden)
        self.flip, self.dropout = flip, dropout
        self.context, self.shortcut = context, shortcut
        self.net = MaskedMLP(
            features,
            1,
            transform.count,
            hidden,
            dropout=dropout,
            context=context,
            shortcut=shortcut,
            backwards=flip,
        )
        for parameter in self.net.last.parameters():
            nn.init.zeros_(parameter)  # it begins as the identity

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,): one pass."""
        z, log_slope = self._encode(x, context)
        return z, log_slope.sum(1)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features), in the way that is faster for so many rows."""
        at_once = self.features >= MANY and len(z) <= FEW
        x = (self.decode_at_once if at_once else self.decode_in_turn)(z, context)
        if not torch.is_grad_enabled():
            return x
        if self.training and self.dropout:
            raise Refused(
                f"Autoregressive: dropout is {self.dropout}; it must be 0 to train through the inverse"
            )
        with torch.no_grad():
            slope = self._encode(x, context)[1].exp()
        return attached(x, z, lambda x: self._encode(x, context)[0], slope, self.features)

    @torch.no_grad()
    def decode_in_turn(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features), without gradients: feature by feature, each unit once."""
        columns = z.T.contiguous()
        solved = torch.empty_like(columns)

        steps = self.net.unroll(len(z), context=context)
        raw = next(steps)
        *features, last = self.net.plan(0).order
        for feature in features:
            solved[feature] = self.transform.decode(columns[feature], raw)
            raw = steps.send(solved[feature, :, None])
        solved[last] = self.transform.decode(columns[last], raw)
        return solved.T.contiguous()

    @torch.no_grad()
    def decode_at_once(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features), without gradients: all features, until none moves."""
        most = torch.finfo(z.dtype).max ** 0.25  # what comes too early must not overflow

        def step(x: Tensor) -> Tensor:
            raw = self.net(x, context=context)
            return self.transform.decode(z, raw).clamp(-most, most)

        return fixed_point(step, z, self.features)[0]

    def _encode(self, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """z and log dz/dx of each feature by itself."""
        return self.transform.encode(x, self.net(x, context=context))
