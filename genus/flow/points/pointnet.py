"""A network of sets: each point through the same perceptron, and the largest of each feature."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...nn.mlp import MLP


class PointNet(nn.Module):
    """Points in no order, and as many as there are, (n, points, d_in), as a vector, (n, d_out).

    The largest of each feature over all points stays the same in whatever order they come.

    Source: Qi, Su, Mo, Guibas, "PointNet: deep learning on point sets for 3D classification and
        segmentation", 2017, arXiv:1612.00593, equation 1.
    Departs: no transform of the input is learnt, and there is no batch normalisation, by which rows
        would meet.

    Args:
        d_in, d_out: coordinates of a point, and numbers of the vector.
        width: features of a point over which the largest is taken.
        hidden: widths of the layers before them, for each point.
        head: widths of the layers after them.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        width: int = 128,
        hidden: Sequence[int] = (64,),
        head: Sequence[int] = (128,),
    ):
        super().__init__()
        self.d_in, self.d_out, self.width = d_in, d_out, width
        self.hidden, self.head = tuple(hidden), tuple(head)
        self.each = MLP(d_in, width, hidden)
        self.all = MLP(width, d_out, head)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.shape[1] > self.width:
            with torch.no_grad():  # only points that are largest in some feature have a gradient
                largest = self.each(x).argmax(1)  # (n, width)
            x = x.gather(1, largest[..., None].expand(-1, -1, x.shape[2]))
        return self.all(self.each(x).amax(1))
