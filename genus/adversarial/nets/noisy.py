"""A perceptron that sees everything through noise: a critic that has few labels does not learn them by heart.

    a_i = sqrt(2) (h_i-1 + sigma_i e_i) W_i' + b_i,    W_i with rows of length 1,    e_i ~ N(0, I)
    h_i = max(a_i, 0),       sigma_1 = 0.3, the others 0.5

The lengths of weights are not learned, or the network would make its numbers large, and the noise small beside
them. The last layer has lengths of its own, that are.

Source: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, "Improved techniques for training GANs", 2016,
    arXiv:1606.03498, section 5.1, and the authors' code (github.com/openai/improved-gan, train_mnist_feature_matching).
Departs: the code sets lengths and biases once, so that the numbers of a first batch have mean 0 and variance 1; here
    the lengths are sqrt(2), for which numbers of the size of h keep it.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from ...errors import at_least
from .minibatch import MinibatchDiscrimination


class UnitLinear(nn.Module):
    """A dense layer whose weights have a length of their own for each output: (n, d_in) -> (n, d_out).

    Args:
        d_in, d_out: the sizes of what comes in and of what goes out.
        length: length of the weights of each output, above 0.
        learned: whether it is learned, from there on.
    """

    def __init__(self, d_in: int, d_out: int, length: float = 1.0, learned: bool = False):
        super().__init__()
        self.d_in, self.d_out, self.length, self.learned = d_in, d_out, length, learned
        self.direction = nn.Parameter(torch.randn(d_out, d_in) / math.sqrt(d_in))
        self.bias = nn.Parameter(torch.zeros(d_out))
        self.lengths = nn.Parameter(torch.full((d_out,), length)) if learned else None

    def forward(self, x: Tensor) -> Tensor:
        unit = normalize(self.direction, dim=1)
        length = self.length if self.lengths is None else self.lengths[:, None]
        return linear(x, length * unit, self.bias)


class NoisyMLP(nn.Module):
    """Dense layers of fixed length with normal noise before each, in training alone: (n, ...) -> (n, d_out).

    Args:
        d_in, d_out: the sizes of what comes in, all axes of a row together, and of what goes out.
        hidden: widths of the hidden layers.
        noise: standard deviation of the noise on what comes in, at least 0.
        hidden_noise: standard deviation of the noise on each hidden layer, at least 0.
        kernels: features by which rows of a batch are compared (`MinibatchDiscrimination`), beside the last
            hidden layer; 0 leaves rows alone.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        hidden: Sequence[int] = (1000, 500, 250, 250, 250),
        noise: float = 0.3,
        hidden_noise: float = 0.5,
        kernels: int = 0,
    ):
        super().__init__()
        at_least(0, "NoisyMLP", noise=noise, hidden_noise=hidden_noise, kernels=kernels)
        self.d_in, self.d_out, self.hidden = d_in, d_out, tuple(hidden)
        self.noise, self.hidden_noise, self.kernels = noise, hidden_noise, kernels
        widths = [d_in, *hidden]
        self.layers = nn.ModuleList(UnitLinear(a, b, math.sqrt(2)) for a, b in pairwise(widths))
        self.compared = MinibatchDiscrimination(widths[-1], kernels) if kernels else None
        self.last = UnitLinear(widths[-1] + kernels, d_out, learned=True)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, without the noise that comes after it, (n, d)."""
        h = x.flatten(1)
        for i, layer in enumerate(self.layers):
            h = layer(self.disturbed(h, self.hidden_noise if i else self.noise)).relu()
        return h

    def forward(self, x: Tensor) -> Tensor:
        h = self.disturbed(self.features(x), self.hidden_noise if self.hidden else self.noise)
        return self.last(h if self.compared is None else self.compared(h))

    def disturbed(self, h: Tensor, noise: float) -> Tensor:
        """h with normal noise of this deviation, in training; h as it is in evaluation."""
        return h + noise * torch.randn_like(h) if self.training and noise else h
