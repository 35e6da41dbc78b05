"""MADE: one masked network that gives every conditional of a vector at once.

    p(x) = prod_i p(x_i | x_<i)              logits = net(x),  logits_i a function of x_<i alone
    M^l_kj = [m^l(k) >= m^(l-1)(j)]          M^V_ik = [place(i) > m^L(k)]

A place is given to every feature and a degree m to every hidden unit, and a weight lives only where
the degree does not fall, at the outputs only where it rises: no path leads from x_j to the logits
of an x_i in the same or an earlier place. One pass scores all features. To sample, features come
one after another, but a unit is done as soon as the last feature that it sees is there: all steps
together cost one pass.

Other places and degrees make another model of the same weights. Several of them, drawn from in
learning, keep the weights from learning one by heart; to score and to sample, they are a mixture:

    p(x) = 1/K sum_k p_k(x)

Given its first values, a row continues with p_k in proportion to p_k of these. That is exact where all
masks put the same features first, as they do unless orders are shuffled; where they do not, a prefix is
refused, and `one(k)`, one of the models, still completes rows in its own order.

Source: Germain, Gregor, Murray, Larochelle, "MADE: masked autoencoder for distribution
    estimation", 2015, arXiv:1502.03509, equations 2-13 and sections 4.2-4.3.
Departs: degrees are spread evenly over the units, and shuffled where there are several masks,
    instead of drawn. Values other than bits have a softmax over their levels; with `rank` its
    logits are B z_i + c_i, with a basis B, (levels, rank), that all features share.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..core import Bits, Losses, Refused, Space, Tokens
from ..nn import MaskedMLP
from .mixed import Mixed
from .stepwise import Steps, level_count, log_chances


class MADE(Mixed):
    """A distribution on bits, pixels or tokens.

    Args:
        space: what x is; at least 1 number.
        hidden: widths of the hidden layers.
        masks: K, number of sets of places and degrees that share the weights.
        shuffled: places are drawn, for each mask anew; otherwise features come in their own order.
        rank: numbers that weigh a feature's levels, by a basis that the features
            share: fewer than levels keeps a small data set from being learnt by heart; without
            one, each level has a logit of its own.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        seed: seed of places and degrees.
    """

    def __init__(
        self,
        space: Space,
        hidden: Sequence[int] = (500,),
        masks: int = 1,
        shuffled: bool = False,
        rank: int | None = None,
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        levels = level_count(space, "MADE")
        if rank is not None and (levels == 2 or rank < 1):
            raise Refused(
                f"MADE: rank is {rank} and a feature has {levels} levels; rank must be at least 1, "
                f"and left out where there are just two levels"
            )
        if shuffled and isinstance(space, Tokens) and space.end is not None:
            raise Refused(
                f"MADE: shuffled is True and sequences end with token {space.end}: what follows an "
                f"end is known only where tokens come in their own order; leave shuffled out"
            )
        self.space, self.hidden, self.masks, self.shuffled = space, tuple(hidden), masks, shuffled
        self.rank, self.dropout, self.seed = rank, dropout, seed
        self.levels = levels
        d_in = levels if isinstance(space, Tokens) else 1
        d_out = 1 if isinstance(space, Bits) else rank or levels
        self.net = MaskedMLP(space.dims, d_in, d_out, hidden, masks, shuffled, dropout, seed)
        if rank is not None:
            self.basis = nn.Parameter(torch.randn(levels, rank) / math.sqrt(rank))
            self.bias = nn.Parameter(torch.zeros(space.dims, levels))

    @property
    def orders(self) -> Tensor:
        """The numbers of the features as they come, under each mask, (masks, d)."""
        return self.net.places.argsort(1)

    def logits(self, x: Tensor, which: int | Tensor = 0) -> Tensor:
        """Under a mask: (n, *shape, levels), or of bits (n, *shape)."""
        out = self._logits(self.net(self._seen(x.flatten(1)), which))
        return out.reshape(x.shape if isinstance(self.space, Bits) else (*x.shape, self.levels))

    def unroll(self, n: int, which: int = 0) -> Steps:
        steps = self.net.unroll(n, which)
        out = next(steps)
        for feature in self.orders[which].tolist():
            came = yield self._logits(out, feature)
            out = steps.send(self._seen(self.space.values(came, out.dtype)))

    def loss(self, x: Tensor) -> Losses:
        """That of one mask, drawn anew: the mixture's is at most the mean of these."""
        which = torch.randint(self.masks, ()).to(x.device)
        each = log_chances(self.space, x, self.logits(x, which))
        return {"nll": -each.flatten(1).sum(1).mean()}

    # inputs and outputs of the network

    def _seen(self, x: Tensor) -> Tensor:
        """(...) -> (..., d_in)."""
        if isinstance(self.space, Tokens):
            return one_hot(x, self.levels).to(self.net.last.weight)
        return x[..., None]

    def _logits(self, out: Tensor, feature: int | slice = slice(None)) -> Tensor:
        """(..., d_out) -> (..., levels), or of bits (..., 1)."""
        return out if self.rank is None else out @ self.basis.T + self.bias[feature]
