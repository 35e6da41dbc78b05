"""Normalisation by name: on whom an output depends, and whether averaged weights are right."""

import copy

import pytest
import torch
from torch import nn

from genus.adversarial.nets.dcgan import DCGANCritic, DCGANGenerator
from genus.adversarial.nets.normalisation import NORMS, normalisation, standing
from genus.train import artifact


def generator(norm: str) -> DCGANGenerator:
    torch.manual_seed(0)
    net = DCGANGenerator(4, (2, 9, 8), width=4, coarsest=2, norm=norm).double()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return net


@pytest.mark.parametrize("norm", NORMS)
def test_a_row_of_a_generator_is_its_own(norm):
    net, z = generator(norm).eval(), torch.randn(5, 4).double()
    together = net(z)
    assert together.shape == (5, 2, 9, 8)
    torch.testing.assert_close(together, torch.cat([net(row[None]) for row in z]))


@pytest.mark.parametrize("norm", ["batch", "running"])
def test_in_training_rows_meet(norm):
    """So that the test above can fail."""
    net, z = generator(norm).train(), torch.randn(5, 4).double()
    assert (net(z)[:3] - net(z[:3])).abs().max() > 1e-3


@pytest.mark.parametrize("norm", NORMS)
def test_the_statistics(norm):
    x = 3 * torch.randn(6, 4, 5, 5).double() + 2
    y = normalisation(norm, 4).double()(x)
    axes = {"batch": (0, 2, 3), "running": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3)}
    if norm == "none":
        assert y is x
        return
    assert y.mean(axes[norm]).abs().max() < 1e-6
    assert (y.std(axes[norm], correction=0) - 1).abs().max() < 1e-4


@pytest.mark.parametrize("norm", NORMS)
def test_networks_rebuild(norm):
    critic = DCGANCritic((2, 9, 8), 4, 2, norm, "spectral")
    for net, x in ((generator(norm).float(), torch.randn(3, 4)), (critic, torch.randn(3, 2, 9, 8))):
        net(x)
        twin = artifact.decode(artifact.encode(net))
        twin.load_state_dict(net.state_dict())
        assert torch.equal(net.eval()(x), twin.eval()(x))


def test_critics_show_their_last_hidden_layer():
    critic, x = DCGANCritic((2, 9, 8), 4, 2, "none"), torch.randn(3, 2, 9, 8)
    features = critic.features(x)
    assert features.shape == (3, 8 * 3 * 2)
    weight = critic.head.weight.flatten(1)
    torch.testing.assert_close(critic(x), (features @ weight.T + critic.head.bias).flatten())


def test_standing_statistics_are_those_of_the_weights_at_hand():
    """One pass over the reference latents: the same generator as one with reference rows."""
    kept = generator("batch").eval()
    net = DCGANGenerator(4, (2, 9, 8), width=4, coarsest=2, norm="running").double()
    net.load_state_dict(kept.state_dict() | {"reference": net.reference}, strict=False)
    z = torch.randn(5, 4).double()
    wrong = net.eval()(z)
    standing(net, [kept.reference])
    torch.testing.assert_close(net(z), kept(z), rtol=0, atol=0.02)  # n / (n - 1) in the variance
    assert (wrong - kept(z)).abs().max() > 0.1


def test_standing_is_a_mean_over_batches_and_touches_nothing_else():
    net = generator("running").train()
    before = copy.deepcopy(net.state_dict())
    batches = [torch.randn(8, 4).double() for _ in range(3)]
    means = []
    net.layers[1].register_forward_hook(lambda _, x, y: means.append(x[0].mean((0, 2, 3))))
    standing(net, batches)
    torch.testing.assert_close(net.layers[1].running_mean, torch.stack(means).mean(0))
    assert all(m.training for m in net.modules())
    assert net.layers[1].momentum == 0.1
    after = net.state_dict()
    assert {k for k in before if not torch.equal(before[k], after[k])} <= {
        k for k in before if "running" in k or "tracked" in k
    }
    standing(net, batches)
    assert all(torch.equal(v, after[k]) for k, v in net.state_dict().items())


def test_refusals():
    with pytest.raises(ValueError, match="norm is 'group'; one of batch, running, layer"):
        normalisation("group", 4)
    with pytest.raises(ValueError, match="standing: Sequential has no running statistics"):
        standing(nn.Sequential(), [])
    with pytest.raises(ValueError, match=r"DCGAN: shape is \(1, 4, 9\); height and width"):
        DCGANCritic((1, 4, 9))
