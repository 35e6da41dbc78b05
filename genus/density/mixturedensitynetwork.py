"""MixtureDensityNetwork: a mixture of normal distributions whose parameters a network finds from a context.

    p(x | c) = sum_k pi_k(c) N(x; m_k(c), (A_k(c)' A_k(c))^-1)
    log N    = log det A_k - 1/2 |A_k (x - m_k)|^2 - d/2 log 2 pi

A_k is lower triangular with a positive diagonal, so that the features of x may lean on each other within
a component, and nothing has to be inverted for a score. Where one context has several answers, as an
inverse problem has, each component can be one of them; a least squares fit would be their mean.

Source: Bishop, "Mixture density networks", technical report NCRG/94/004, Aston University, 1994.
Departs: full covariances, by the triangular factor of their inverse, where Bishop's are spherical;
    x is standardised by rows of the data (`prepare`), and a linear map from the context to all
    parameters goes beside the hidden layers.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Reals, Space, at_least, in_range, require
from ..nn import MLP

FLAT = 1e-6  # least deviation of a feature that is standardised, in units of the data


class MixtureDensityNetwork(GenerativeModel):
    """p(x | context) of vectors, given vectors.

    Args:
        space: Reals((d,)).
        context_space: Reals((k,)).
        components: number of normal distributions, at least 1.
        hidden: widths of the network's hidden layers.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    mean: Tensor  # of the rows that `prepare` saw, (d,)
    std: Tensor
    context_mean: Tensor  # (k,)
    context_std: Tensor

    def __init__(
        self,
        space: Space,
        context_space: Space,
        components: int = 5,
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.0,
    ):
        super().__init__()
        require("MixtureDensityNetwork", space, Reals, axes="d")
        require("MixtureDensityNetwork: context", context_space, Reals, axes="k")
        at_least(1, "MixtureDensityNetwork", components=components)
        in_range("MixtureDensityNetwork", "[0, 1)", dropout=dropout)
        self.space, self.context_space = space, context_space
        self.components, self.hidden, self.dropout = components, tuple(hidden), dropout
        d, k = space.dims, context_space.dims
        self.parts = (1, d, d * (d + 1) // 2)  # a weight, a mean and the numbers of A
        count = components * sum(self.parts)
        self.net = MLP(k, count, hidden, dropout)
        self.direct = nn.Linear(k, count, bias=False)
        nn.init.zeros_(self.direct.weight)
        last = cast(nn.Linear, self.net[-1])
        nn.init.zeros_(last.weight)
        with torch.no_grad():  # components begin apart, as wide as what all of them should cover
            bias = last.bias.zero_().view(components, -1)
            bias[:, 1 : 1 + d] = torch.randn(components, d)
        for name, width in {"": d, "context_": k}.items():
            self.register_buffer(f"{name}mean", torch.zeros(width))
            self.register_buffer(f"{name}std", torch.ones(width))

    @torch.no_grad()
    def prepare(self, x: Tensor, context: Tensor) -> None:
        """Standardises x, (n, d), and contexts, (n, k), by these rows; what hardly varies is only centred."""
        for name, rows in {"": x, "context_": context}.items():
            std, mean = torch.std_mean(rows, 0)
            self.get_buffer(f"{name}mean").copy_(mean)
            self.get_buffer(f"{name}std").copy_(torch.where(std > FLAT, std, 1.0))

    def mixture(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """log pi, (n, K), m, (n, K, d), and A, (n, K, d, d), of standardised x."""
        self.check_context(context)
        assert context is not None
        c = (context.to(self.context_mean.dtype) - self.context_mean) / self.context_std
        raw = (self.net(c) + self.direct(c)).unflatten(1, (self.components, -1))
        logits, means, entries = raw.split(self.parts, 2)
        d = self.space.dims
        row, column = torch.tril_indices(d, d, device=raw.device)
        factor = raw.new_zeros(*raw.shape[:2], d, d)
        factor[:, :, row, column] = torch.where(row == column, entries.exp(), entries)
        return logits[..., 0].log_softmax(1), means, factor

    def log_joint(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log of pi_k N(x; m_k, C_k), (n, K), in nats."""
        log_weight, means, factor = self.mixture(context)
        away = ((x - self.mean) / self.std)[:, None] - means
        white = (factor @ away[..., None])[..., 0]
        log_det = factor.diagonal(dim1=2, dim2=3).log().sum(2) - self.std.log().sum()
        constant = 0.5 * self.space.dims * math.log(2 * math.pi)
        return log_weight + log_det - 0.5 * white.square().sum(2) - constant

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.log_joint(x, context).logsumexp(1)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        log_weight, means, factor = self.mixture(context)
        noise = self.noise(n, self.space.dims)
        if not n:
            return noise
        which = log_weight.exp().multinomial(1)[:, 0]
        rows = torch.arange(n, device=noise.device)
        away = torch.linalg.solve_triangular(factor[rows, which], noise[..., None], upper=False)
        return self.mean + self.std * (means[rows, which] + away[..., 0])
