"""The multi-layer perceptron: what stands between its layers."""

import pytest
import torch
from torch import nn

from genus.nn import MLP
from genus.train import artifact


@pytest.mark.parametrize(
    ("name", "kind"), [("silu", nn.SiLU), ("relu", nn.ReLU), ("leaky_relu", nn.LeakyReLU)]
)
def test_activations(name, kind):
    net = MLP(3, 2, (4, 5), activation=name)
    assert [type(layer) for layer in net] == [nn.Linear, kind, nn.Linear, kind, nn.Linear]
    twin = artifact.decode(artifact.encode(net))
    twin.load_state_dict(net.state_dict())
    x = torch.randn(6, 3)
    assert torch.equal(net(x), twin(x))


def test_an_unknown_activation_is_refused():
    with pytest.raises(
        ValueError, match="MLP: activation is 'tanh'; one of silu, relu, leaky_relu is"
    ):
        MLP(3, 2, activation="tanh")


def test_features_are_what_the_last_layer_is_given():
    net, x = MLP(3, 2, (4, 5), activation="leaky_relu"), torch.randn(6, 3)
    assert net.features(x).shape == (6, 5)
    assert torch.equal(net[-1](net.features(x)), net(x))


def test_a_constraint_binds_every_layer_and_is_rebuilt():
    net, x = MLP(3, 2, (4,), constraint="spectral"), torch.randn(6, 3)
    assert net.state_dict().keys() > {"0.parametrizations.weight.original"}
    twin = artifact.decode(artifact.encode(net))
    twin.load_state_dict(net.state_dict())
    assert torch.equal(net.eval()(x), twin.eval()(x))
