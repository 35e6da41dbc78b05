"""Maxout: convex units by hand, and what a unit may not be."""

import pytest
import torch

from genus.adversarial import MaxoutMLP


def test_a_unit_is_the_largest_of_its_lines():
    torch.manual_seed(0)
    net = MaxoutMLP(3, 2, (4,), pieces=5).double()
    x = torch.randn(7, 3, dtype=torch.float64)
    weight, bias = net.layers[0].weight, net.layers[0].bias
    units = []
    for k in range(4):
        lines = [x @ weight[j * 4 + k] + bias[j * 4 + k] for j in range(5)]
        units.append(torch.stack(lines).max(0).values)
    torch.testing.assert_close(net(x), torch.stack(units, 1) @ net.last.weight.T + net.last.bias)


def test_two_pieces_make_the_absolute_value():
    net = MaxoutMLP(1, 1, (1,), pieces=2)
    with torch.no_grad():
        net.layers[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        net.layers[0].bias.zero_()
        net.last.weight.fill_(1)
        net.last.bias.zero_()
    x = torch.linspace(-2, 2, 9)[:, None]
    torch.testing.assert_close(net(x), x.abs())


def test_a_unit_of_one_piece_is_refused():
    with pytest.raises(ValueError, match="pieces is 1; at least 2"):
        MaxoutMLP(1, 1, pieces=1)
