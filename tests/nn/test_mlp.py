"""The multi-layer perceptron: what stands between its layers."""

import pytest
import torch
from torch import nn

from genus import artifact
from genus.nn import MLP


@pytest.mark.parametrize(("name", "kind"), [("silu", nn.SiLU), ("relu", nn.ReLU)])
def test_activations(name, kind):
    net = MLP(3, 2, (4, 5), activation=name)
    assert [type(layer) for layer in net] == [nn.Linear, kind, nn.Linear, kind, nn.Linear]
    twin = artifact.decode(artifact.encode(net))
    twin.load_state_dict(net.state_dict())
    x = torch.randn(6, 3)
    assert torch.equal(net(x), twin(x))


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="MLP: activation is 'tanh'; silu or relu is wanted"):
        MLP(3, 2, activation="tanh")
