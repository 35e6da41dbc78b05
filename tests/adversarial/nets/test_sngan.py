"""SNGAN's networks: the fused changes of size, the paper's sizes, and what a sample depends on."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from genus.adversarial.nets.sngan import ResNetCritic, ResNetGenerator, doubled, halved
from genus.train import artifact


@pytest.mark.parametrize("side", [2, 3, 7])
def test_a_change_of_size_is_one_with_its_convolution(side):
    conv = nn.Conv2d(3, 5, 3, padding=1).double()
    x = torch.randn(2, 3, 2 * side, 4).double().requires_grad_()
    for fused, plain in (
        (halved(conv, x), avg_pool2d(conv(x), 2)),
        (doubled(conv, x), conv(interpolate(x, scale_factor=2))),
    ):
        torch.testing.assert_close(fused, plain)
        seed = torch.randn_like(plain)
        for ours, theirs in zip(
            torch.autograd.grad(fused, (x, *conv.parameters()), seed),
            torch.autograd.grad(plain, (x, *conv.parameters()), seed),
            strict=True,
        ):
            torch.testing.assert_close(ours, theirs)


def test_table_3():
    """Parameters by hand: 128 -> 4 x 4 x 256, three blocks up; two blocks down, two that keep."""
    generator, critic = ResNetGenerator(128, (3, 32, 32)), ResNetCritic((3, 32, 32))

    def conv(d_in, d_out, side):
        return d_in * d_out * side**2 + d_out

    up = 2 * conv(256, 256, 3) + conv(256, 256, 1) + 2 * 512
    wanted = 129 * 4096 + 3 * up + 512 + conv(256, 3, 3)
    assert sum(p.numel() for p in generator.parameters()) == wanted
    keep = 2 * conv(128, 128, 3)
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    wanted = first + keep + conv(128, 128, 1) + 2 * keep + 129
    assert sum(p.numel() for p in critic.parameters()) == wanted
    maps = []
    for block in (*generator.blocks, *critic.blocks):
        block.register_forward_hook(lambda _, x, y: maps.append(tuple(y.shape[1:])))
    critic(generator(torch.randn(2, 128)))
    assert maps == [
        *((256, side, side) for side in (8, 16, 32)),
        *((128, side, side) for side in (16, 8, 8, 8)),
    ]


def test_xaviers_gains():
    """Uniform of variance 2 gain^2 / (fan in + fan out)."""
    critic = ResNetCritic((3, 16, 16), 64, constraint=None)
    for conv, gain in ((critic.blocks[0].after, 2), (critic.blocks[0].shortcut, 1)):
        fans = (conv.weight.shape[0] + conv.weight.shape[1]) * conv.weight[0, 0].numel()
        ratio = conv.weight.var() / (2 * gain / fans)
        assert abs(ratio - 1) < 5 * (0.8 / conv.weight.numel()) ** 0.5
        assert not conv.bias.any()


@pytest.mark.parametrize(
    ("shape", "grid", "last"),
    [((1, 8, 8), (4, 4), 4), ((1, 28, 28), (7, 7), 7), ((2, 12, 20), (6, 10), 6)],
)
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_sizes(shape, grid, last, norm):
    generator, critic = ResNetGenerator(5, shape, 8, norm=norm).eval(), ResNetCritic(shape, 8)
    sides = []
    critic.blocks[-1].register_forward_hook(lambda _, x, y: sides.append(y.shape[2]))
    z = torch.randn(3, 5)
    x = generator(z)
    assert (x.shape, generator.grid) == ((3, *shape), grid)
    torch.testing.assert_close(x[1:2], generator(z[1:2]), atol=1e-5, rtol=1e-5)
    assert critic(x).shape == (3,)
    assert sides == [last]
    features = critic.eval().features(x)
    torch.testing.assert_close(critic.head(features).flatten(), critic(x))


def test_it_is_rebuilt():
    for net, x in (
        (ResNetGenerator(5, (1, 8, 8), 6, 2, "layer", "spectral"), torch.randn(3, 5)),
        (ResNetCritic((1, 8, 8), 6), torch.randn(3, 1, 8, 8)),
    ):
        twin = artifact.decode(artifact.encode(net))
        twin.load_state_dict(net.state_dict())
        assert torch.equal(net.eval()(x), twin.eval()(x))


def test_sizes_that_do_not_halve_are_refused():
    with pytest.raises(ValueError, match=r"SNGAN: shape is \(1, 9, 8\); height and width must be"):
        ResNetGenerator(5, (1, 9, 8))
