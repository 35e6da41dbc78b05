"""The noisy perceptron: its layers by hand, and noise where it belongs."""

import pytest
import torch
from laws import within
from torch.nn.functional import normalize

from genus.adversarial import NoisyMLP, UnitLinear
from genus.adversarial.nets.minibatch import MinibatchDiscrimination


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def test_a_layer_knows_directions_alone_unless_lengths_are_learned():
    x = torch.randn(5, 4)
    fixed, learned = UnitLinear(4, 3, 1.5), UnitLinear(4, 3, 1.5, learned=True)
    for layer in (fixed, learned):
        before = layer(x)
        torch.testing.assert_close(before, 1.5 * x @ normalize(layer.direction, dim=1).T)
        with torch.no_grad():
            layer.direction.mul_(7)
        torch.testing.assert_close(layer(x), before)
    with torch.no_grad():
        learned.lengths.mul_(2)
    torch.testing.assert_close(learned(x), 2 * before)
    assert [name for name, _ in fixed.named_parameters()] == ["direction", "bias"]


def test_in_evaluation_it_is_a_perceptron_by_hand():
    net = NoisyMLP(4, 3, (6, 5)).eval()
    x = torch.randn(7, 2, 2)
    h = x.flatten(1)
    for layer in net.layers:
        h = (2**0.5 * h @ normalize(layer.direction, dim=1).T + layer.bias).clamp(min=0)
    torch.testing.assert_close(net.features(x), h)
    torch.testing.assert_close(net(x), h @ normalize(net.last.direction, dim=1).T)


def test_noise_comes_before_every_layer_in_training_alone():
    """With layers that do nothing, its variance adds up: 0.3^2 and twice 0.5^2 where nothing is cut."""
    net = NoisyMLP(1, 1, (1, 1))
    with torch.no_grad():
        for layer in [*net.layers, net.last]:
            layer.direction.fill_(1.0)
        for layer in net.layers:
            layer.length = 1.0
    x = torch.full((20_000, 1), 50.0)
    y = net(x)[:, 0] - 50
    within(y, 0.0)
    within(y.square(), 0.3**2 + 2 * 0.5**2)
    within((net.features(x)[:, 0] - 50).square(), 0.3**2 + 0.5**2)
    assert torch.equal(net.eval()(x), x)


def test_numbers_keep_their_size_through_the_layers():
    net = NoisyMLP(64, 10, (300,) * 5, 0.0, 0.0)
    size = net.features(torch.randn(200, 64)).square().mean()
    assert 0.3 < size < 3


def test_rows_are_compared_beside_the_last_hidden_layer():
    net = NoisyMLP(4, 3, (6,), kernels=5).eval()
    x = torch.randn(7, 4)
    assert isinstance(net.compared, MinibatchDiscrimination)
    torch.testing.assert_close(net(x), net.last(net.compared(net.features(x))))
    assert not torch.allclose(net(x)[:3], net(x[:3]))
    with pytest.raises(ValueError, match="NoisyMLP: noise is -1; at least 0"):
        NoisyMLP(2, 2, noise=-1)
