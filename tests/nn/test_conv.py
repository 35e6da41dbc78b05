"""ConvEncoder: its features are what its last layer sees."""

import pytest
import torch

from genus.nn import ConvEncoder


@pytest.mark.parametrize("hidden", [(), (8,), (8, 6)])
def test_the_last_layer_of_the_features_is_the_whole(hidden):
    torch.manual_seed(0)
    net = ConvEncoder((2, 9, 6), 3, 4, hidden).eval()
    x = torch.randn(5, 2, 9, 6)
    found = net.features(x)
    assert found.shape == (5, hidden[-1] if hidden else net[-1][0].in_features)
    torch.testing.assert_close(net[-1][-1](found), net(x))
