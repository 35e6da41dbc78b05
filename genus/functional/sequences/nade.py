"""The conditionals of NADE: a hidden layer that grows by one feature at a time.

    a_1 = c        a_(i+1) = a_i + x_i W_i        s_i = V_i sigmoid(a_i)

All d hidden layers together are d h numbers a row: too many to be kept. But x_i is 0 or 1, and where it is
0 the next layer is the same one. So a layer is made anew only in the rows whose feature is 1, and what it
replaces is all that a gradient has to remember: as many layers as a row has ones.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

NEAR = 65_536  # numbers of one hidden layer, of all rows, that are worked on at once: half a cache


def nade_logits(x: Tensor, w: Tensor, v: Tensor, c: Tensor) -> Tensor:
    """s, (n, d), from bits x, (n, d), and c, (n, h); it has gradients for all but x.

    Args:
        x: the features, 0 or 1, in the order in which they come.
        w: (d, h), what a feature that is 1 adds to the hidden layer of those after it.
        v: (d, h), how a feature's hidden layer is read.
        c: (n, h), the first hidden layer before its sigmoid.
    """
    size = max(1, NEAR // c.shape[1])
    parts = zip(x.split(size), c.split(size), strict=True)
    return torch.cat([_rows(some, w, v, start) for some, start in parts])


def _rows(x: Tensor, w: Tensor, v: Tensor, c: Tensor) -> Tensor:
    return _Conditionals.apply(x, w, v, c)  # pyright: ignore[reportReturnType]


class _Conditionals(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, v: Tensor, c: Tensor) -> Tensor:
        feature, row = x.T.nonzero(as_tuple=True)
        counts = feature.bincount(minlength=x.shape[1]).tolist()
        s, a, h = x.new_empty(x.shape[1], len(x)), c.clone(), c.sigmoid()
        replaced = h.new_empty(len(row), h.shape[1])
        steps = zip(row.split(counts), replaced.split(counts), w, v, s, strict=True)
        for rows, before, w_i, v_i, s_i in steps:
            torch.mv(h, v_i, out=s_i)
            if len(rows):
                torch.index_select(h, 0, rows, out=before)
                new = a.index_select(0, rows).add_(w_i)
                a.index_copy_(0, rows, new)
                h.index_copy_(0, rows, new.sigmoid_())
        ctx.save_for_backward(row, w, v, h, replaced)
        ctx.counts = counts
        return s.T

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        row, w, v, h, replaced = ctx.saved_tensors
        d_w, d_v, h = torch.zeros_like(w), torch.empty_like(v), h.clone()
        d_h, d_a = torch.zeros_like(h), torch.zeros_like(h)
        slope = torch.ops.aten.sigmoid_backward
        of_features = (row.split(ctx.counts), replaced.split(ctx.counts), grads[0].T.contiguous())
        steps = list(zip(*of_features, v, d_w, d_v, strict=True))
        for rows, before, d_s_i, v_i, d_w_i, d_v_i in reversed(steps):
            if len(rows):  # what is known of d_h is of the layer that came after this feature
                gained = slope(d_h.index_select(0, rows), h.index_select(0, rows))
                gained.add_(d_a.index_select(0, rows))
                d_a.index_copy_(0, rows, gained)
                torch.sum(gained, 0, out=d_w_i)
                h.index_copy_(0, rows, before)
                d_h.index_fill_(0, rows, 0)
            torch.mv(h.T, d_s_i, out=d_v_i)
            d_h.addr_(d_s_i, v_i)
        return None, d_w, d_v, d_a + slope(d_h, h)
