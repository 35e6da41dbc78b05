"""DCGAN: its layers, its sizes, and what its samples depend on."""

import pytest
import torch
from torch import nn

from genus.adversarial import DCGAN
from genus.core import Pixels, Reals
from genus.train.game import Average, play


def tiny(**arguments):
    return DCGAN(**{"space": Pixels((1, 8, 8), 17), "latent": 4, "width": 8} | arguments)


def test_the_papers_generator():
    """Figure 1: 100 -> 1024 x 4 x 4 -> 512 x 8 x 8 -> 256 x 16 x 16 -> 128 x 32 x 32 -> 3 x 64 x 64."""
    model, shapes = DCGAN(Pixels((3, 64, 64)), latent=100, width=128), []
    for layer in model.generator.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda layer, x, y: shapes.append(tuple(y.shape[1:])))
    model.decode(torch.randn(2, 100))
    assert shapes == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    first, *hidden, last = [m for m in model.critic.modules() if isinstance(m, nn.Conv2d)]
    assert [m.stride[0] for m in (first, *hidden)] == [2, 2, 2, 2]
    assert (first.in_channels, last.in_channels, last.out_channels) == (3, 1024, 1)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (50, 50), (16, 40), (9, 13)])
@pytest.mark.parametrize("coarsest", [2, 4])
def test_any_size(size, coarsest):
    model = tiny(space=Pixels((2, *size)), coarsest=coarsest)
    x = model.sample(3)
    assert x.shape == (3, 2, *size)
    assert model.critic(x).shape == (3,)
    assert coarsest <= min(model.generator.grid) <= 2 * coarsest


def test_padding_adds_nothing_to_an_image_that_fits():
    for size in (8, 28, 32, 48, 64):
        assert tiny(space=Pixels((1, size, size))).generator.margins == [0, 0, 0, 0]
    assert tiny(space=Pixels((1, 50, 50))).critic.margins == [3, 3, 3, 3]


def test_a_sample_is_its_own():
    """In evaluation x depends on z and the weights, not on the other rows."""
    model, z = tiny().eval(), torch.randn(6, 4)
    together = model.decode(z)
    alone = torch.cat([model.decode(row[None]) for row in z])
    torch.testing.assert_close(together, alone)


def test_an_average_has_statistics_of_its_own():
    """Averaged weights are normalised by what these weights make, not by what the last ones made."""
    torch.manual_seed(1)
    model = tiny(width=16)
    average = Average(model, 0.9)
    with torch.no_grad():
        for p in model.generator.parameters():
            p.add_(torch.randn_like(p))
    average.update(1000)
    means, model = [], average.model.eval()
    model.generator.layers[1].register_forward_hook(
        lambda _, x, y: means.append((x[0][128:], y[128:]))
    )
    model.decode(torch.randn(4000, 4))
    before, after = means[0]
    assert before.std((0, 2, 3)).max() < 0.5  # far from 1, so that nothing is right by chance
    affine = model.generator.layers[1]
    standard = (after - affine.bias[:, None, None]) / affine.weight[:, None, None]
    assert standard.mean((0, 2, 3)).abs().max() < 0.35
    assert (standard.std((0, 2, 3)) - 1).abs().max() < 0.2


def test_sampling_leaves_no_trace():
    """The state is a function of the moves alone: looking at samples changes nothing."""
    model, looked_at = tiny(), tiny()
    looked_at.load_state_dict(model.state_dict())
    for twin, look in ((model, False), (looked_at, True)):
        optimizers = {
            name: torch.optim.SGD(player.parameters(), lr=0.1)
            for name, player in twin.players().items()
        }
        for number in range(3):
            if look:
                twin.sample(5)
                twin.eval().sample(5)
                twin.train()
            torch.manual_seed(number)
            x = Pixels((1, 8, 8), 17).quantise(torch.rand(4, 1, 8, 8))
            next(iter(play(twin, [(x,)], optimizers)))
    for name, value in model.state_dict().items():
        assert torch.equal(value, looked_at.state_dict()[name]), name


@pytest.mark.parametrize(
    "space", [Reals((1, 8, 8)), Pixels((64,)), Pixels((1, 4, 4)), Pixels((1, 32, 7))]
)
def test_refusals(space):
    with pytest.raises(ValueError, match=r"DCGAN: space is .*; it must be Pixels"):
        DCGAN(space)
