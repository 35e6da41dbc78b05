"""Causal convolutions along time, dilated or not, over a whole sequence or step by step.

    y_t = b + sum_j W_j x_{t - dilation j}            j = 0 .. kernel - 1,  x = 0 before the start

Step by step, a layer keeps its last (kernel - 1) dilation inputs in a ring, where each new one takes the
place of the oldest: nothing is computed again, moved, or allocated.

Source: Le Paine, Khorrami, Chang, Zhang, Ramachandran, Hasegawa-Johnson, Huang, "Fast Wavenet generation
    algorithm", 2016, arXiv:1611.09482 (what is kept).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ...errors import at_least


@dataclass
class Ring:
    """The last inputs of a causal convolution; the one of time t at t modulo their number."""

    inputs: Tensor  # (n, (kernel - 1) dilation, d_in), or fewer where sequences are shorter
    time: int = 0  # of the next input


class CausalConv(nn.Module):
    """(n, length, d_in) -> (n, length, d_out), no output sees later inputs.

    Args:
        d_in: numbers at each time.
        d_out: numbers at each time that come out.
        kernel: number of times that an output sees, the present one among them.
        dilation: distance between these.
    """

    def __init__(self, d_in: int, d_out: int, kernel: int = 2, dilation: int = 1):
        super().__init__()
        at_least(1, "CausalConv", d_in=d_in, d_out=d_out, kernel=kernel, dilation=dilation)
        self.d_in, self.d_out, self.kernel, self.dilation = d_in, d_out, kernel, dilation
        bound = 1 / math.sqrt(kernel * d_in)
        self.weight = nn.Parameter(torch.empty(d_out, kernel * d_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(d_out).uniform_(-bound, bound))

    @property
    def span(self) -> int:
        """How many inputs before the present one are kept."""
        return (self.kernel - 1) * self.dilation

    def taps(self) -> Tensor:
        """The W_j, (kernel, d_out, d_in), of the present first."""
        return self.weight.unflatten(1, (self.kernel, self.d_in)).transpose(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        seen = [x]
        for j in range(1, self.kernel):
            late = min(j * self.dilation, length)
            seen.append(pad(x[:, : length - late], (0, 0, late, 0)))
        return linear(torch.cat(seen, 2), self.weight, self.bias)

    def begin(self, n: int, length: int) -> Ring:
        """What `step` keeps, for n sequences of at most `length`."""
        return Ring(self.weight.new_zeros(n, min(self.span, length), self.d_in))

    def step(self, x: Tensor, memory: Ring) -> Tensor:
        """The next y_t, (n, d_out), of the next x_t, (n, d_in)."""
        inputs, t = memory.inputs, memory.time
        seen = [x]
        for j in range(1, self.kernel):
            then = t - j * self.dilation
            seen.append(torch.zeros_like(x) if then < 0 else inputs[:, then % inputs.shape[1]])
        y = linear(torch.cat(seen, 1), self.weight, self.bias)
        if inputs.shape[1]:
            inputs[:, t % inputs.shape[1]] = x
        memory.time += 1
        return y
