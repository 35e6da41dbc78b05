"""R3GAN's networks: the filter, how they begin, and their sizes."""

import math

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from genus.adversarial.nets.r3gan import GAIN, R3GANCritic, R3GANGenerator, enlarge, shrink
from genus.functional.adversarial.penalties import r1
from genus.train import artifact


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 1, 8, 2)])
def test_resampling_is_a_convolution(shape):
    x = torch.randn(shape).double()
    line = torch.tensor([1.0, 3, 3, 1]).double() / 8
    kernel = (line[:, None] * line)[None, None].expand(shape[1], 1, 4, 4)
    down = conv2d(x, kernel, stride=2, padding=1, groups=shape[1])
    torch.testing.assert_close(shrink(x), down)
    up = conv_transpose2d(x, 4 * kernel, stride=2, padding=1, groups=shape[1])
    torch.testing.assert_close(enlarge(x), up)


def test_a_constant_stays_one_inside():
    x = torch.ones(1, 1, 8, 8)
    torch.testing.assert_close(shrink(x)[..., 1:-1, 1:-1], torch.ones(1, 1, 2, 2))
    torch.testing.assert_close(enlarge(x)[..., 1:-1, 1:-1], torch.ones(1, 1, 14, 14))


def test_branches_begin_as_nothing():
    """Fix-up: at first a network is its linear skeleton, and c1, c2 have the paper's variance."""
    critic = R3GANCritic((1, 8, 8), width=64, blocks=2)
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(critic.stages[0](critic.first(x)), critic.first(x))
    torch.testing.assert_close(critic(2 * x), 2 * critic(x))
    block, count = critic.stages[1][0], 4
    assert (block.widen.out_channels, block.mix.groups) == (128, 8)
    for conv in (block.widen, block.mix):
        wanted = GAIN / count**0.25 / math.sqrt(conv.weight[0].numel())
        assert abs(conv.weight.std() / wanted - 1) < 5 / math.sqrt(2 * conv.weight.numel())


@pytest.mark.parametrize(("shape", "maps"), [((1, 8, 8), 2), ((2, 28, 20), 3), ((3, 32, 32), 4)])
def test_sizes(shape, maps):
    generator, critic = R3GANGenerator(5, shape, 8, 1), R3GANCritic(shape, 8, 1)
    z = torch.randn(3, 5)
    x = generator.eval()(z)
    assert x.shape == (3, *shape)
    assert len(generator.stages) == len(critic.stages) == maps
    torch.testing.assert_close(x[1:2], generator(z[1:2]), atol=1e-6, rtol=1e-5)
    assert critic(x).shape == (3,)
    torch.testing.assert_close(critic.head(critic.features(x)).flatten(), critic(x))


def test_every_weight_feels_the_penalty():
    critic = R3GANCritic((1, 8, 8), 8, 1).double()
    with torch.no_grad():
        for p in critic.parameters():
            p.add_(0.1 * torch.randn_like(p))
    x = torch.randn(3, 1, 8, 8).double()
    gradients = torch.autograd.grad(r1(critic, x, x), list(critic.parameters()), allow_unused=True)
    for weight, g in zip(critic.parameters(), gradients, strict=True):
        assert weight.dim() == 1 or g.abs().max() > 0  # the biases bend it between rows alone


def test_they_are_rebuilt():
    for net, x in (
        (R3GANGenerator(5, (1, 8, 8), 8, 1, 2, 4, 8), torch.randn(3, 5)),
        (R3GANCritic((1, 8, 8), 8, 1, 2, 4, 8), torch.randn(3, 1, 8, 8)),
    ):
        twin = artifact.decode(artifact.encode(net))
        twin.load_state_dict(net.state_dict())
        assert torch.equal(net(x), twin(x))


def test_groups_must_divide():
    with pytest.raises(ValueError, match="R3GAN: width times expansion is 20; group is 16, and"):
        R3GANCritic((1, 8, 8), 10)
