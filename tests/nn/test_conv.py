"""ConvEncoder and ConvDecoder: features, and residual blocks."""

import pytest
import torch

from genus.nn import ConvDecoder, ConvEncoder, ConvResidual


@pytest.mark.parametrize("hidden", [(), (8,), (8, 6)])
def test_the_last_layer_of_the_features_is_the_whole(hidden):
    torch.manual_seed(0)
    net = ConvEncoder((2, 9, 6), 3, 4, hidden).eval()
    x = torch.randn(5, 2, 9, 6)
    found = net.features(x)
    assert found.shape == (5, hidden[-1] if hidden else net[-1][0].in_features)
    torch.testing.assert_close(net[-1][-1](found), net(x))


def test_residual_blocks_are_at_each_size():
    net, back = ConvEncoder((2, 9, 6), 3, 4, blocks=2), ConvDecoder(3, (2, 9, 6), 4, blocks=2)
    x = torch.randn(5, 2, 9, 6)
    assert back(net(x)).shape == x.shape
    for one in (net, back):
        assert sum(isinstance(layer, ConvResidual) for layer in one) == 2 * 3  # 9 x 6, 5 x 3, 3 x 2
