"""NADE: bits one after another, each from a hidden layer that all bits before it have added to.

    p(x_i = 1 | x_<i) = sigmoid(b_i + V_i h_i)      h_i = sigmoid(a_i)
    a_1 = c                                         a_(i+1) = a_i + x_i W_i

Each bit has a hidden layer of its own, but they share their weights: the next one is the last one and one
row of W, so that all conditionals of a vector cost O(d h) instead of O(d^2 h). It began as a mean-field
step of a restricted Boltzmann machine, whose constant nobody can compute; this one needs none. To sample,
a is the whole memory: one step a bit.

Source: Larochelle, Murray, "The neural autoregressive distribution estimator", 2011, AISTATS; Uria,
    Cote, Gregor, Murray, Larochelle, "Neural autoregressive distribution estimation", 2016,
    arXiv:1605.02226.
Departs: nothing.
"""

import torch
from torch import Tensor, nn

from ..core import Bits, Space, at_least, require
from ..functional.sequences.nade import nade_logits
from .stepwise import Steps, Stepwise


class NADE(Stepwise):
    """A distribution on bits.

    Args:
        space: the bits.
        hidden: h, units of each hidden layer.
        shuffled: bits come in an order that is drawn; otherwise in their own.
        seed: seed of that order.
    """

    sequence: Tensor  # the numbers of the bits as they come, (d,)

    def __init__(self, space: Space, hidden: int = 500, shuffled: bool = False, seed: int = 0):
        super().__init__()
        require("NADE", space, Bits)
        at_least(1, "NADE", hidden=hidden)
        self.space, self.hidden, self.shuffled, self.seed = space, hidden, shuffled, seed
        d = space.dims
        self.W = nn.Parameter(torch.randn(d, hidden) / d**0.5)  # rows in the order of the bits
        self.V = nn.Parameter(torch.randn(d, hidden) / hidden**0.5)
        self.b = nn.Parameter(torch.zeros(d))
        self.c = nn.Parameter(torch.zeros(hidden))
        draw = torch.Generator().manual_seed(seed)
        sequence = torch.randperm(d, generator=draw) if shuffled else torch.arange(d)
        self.register_buffer("sequence", sequence)

    @property
    def order(self) -> Tensor:
        return self.sequence

    def logits(self, x: Tensor) -> Tensor:
        """log p(x_i = 1 | x_<i) / p(x_i = 0 | x_<i), (n, *shape): one pass, whatever the order."""
        rows = x.flatten(1)
        s = nade_logits(rows[:, self.order], self.W, self.V, self.c.expand(len(rows), -1)) + self.b
        return s[:, self.order.argsort()].reshape(x.shape)

    def unroll(self, n: int) -> Steps:
        a = self.c.detach().repeat(n, 1)
        for w_i, v_i, b_i in zip(self.W, self.V, self.b, strict=True):
            came = yield (torch.mv(a.sigmoid(), v_i) + b_i)[:, None]
            a.addr_(came.to(a.dtype), w_i)
