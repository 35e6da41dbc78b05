import pytest
import torch

from genus.diffusion import TimeMLP, UNet
from genus.diffusion.nets.unet import group_norm
from genus.nn import Sinusoidal
from genus.train import artifact


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (7, 5), (9, 8), (2, 3), (1, 1)])
@pytest.mark.parametrize("multipliers", [(1,), (1, 2), (1, 2, 2, 3)])
def test_unet_takes_any_size(size, multipliers):
    net = UNet(3, width=6, multipliers=multipliers)
    assert net(torch.randn(2, 3, *size), torch.rand(2)).shape == (2, 3, *size)


@pytest.mark.parametrize("width", [2, 3, 7, 12, 33])
def test_unet_takes_any_width(width):
    net = UNet(1, width=width, blocks=2, attending=2)
    assert net(torch.randn(2, 1, 8, 8), torch.rand(2)).shape == (2, 1, 8, 8)


def test_unet_wants_levels():
    with pytest.raises(ValueError, match="multipliers is \\(\\)"):
        UNet(1, multipliers=())


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 7, 12, 30, 64, 96, 320])
def test_groups_are_equal_and_not_too_small(channels):
    norm = group_norm(channels)
    assert channels % norm.num_groups == 0
    assert norm.num_groups == 1 or channels // norm.num_groups >= 4
    assert norm.num_groups <= 32


def noisy(net):
    """The net with all weights away from their start, where residual branches are 0."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return net.double()


NETS = [
    lambda: UNet(1, width=8, multipliers=(1, 2)),
    lambda: UNet(1, width=8, multipliers=(1, 2), attending=0, blocks=2),
    lambda: TimeMLP(64, width=16),
    lambda: TimeMLP(64, width=16, waves=3),
]


@pytest.mark.parametrize("make", NETS)
def test_every_output_depends_on_every_input_and_on_time(make):
    net = noisy(make())
    x, t = torch.randn(1, 1, 8, 8).double().requires_grad_(), torch.rand(1).double()
    t.requires_grad_()
    for corner in (0, -1):
        by_x, by_t = torch.autograd.grad(net(x, t).flatten()[corner], (x, t), retain_graph=True)
        assert (by_x != 0).all()
        assert (by_t != 0).all()


@pytest.mark.parametrize("make", NETS)
def test_rows_do_not_meet_in_a_net(make):
    net = noisy(make()).eval()
    x, t = torch.randn(4, 1, 8, 8).double(), torch.rand(4).double()
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(net(x, t), alone)


@pytest.mark.parametrize("make", NETS)
def test_every_weight_of_a_net_is_used(make):
    net = noisy(make())
    net(torch.randn(2, 1, 8, 8).double(), torch.rand(2).double()).square().sum().backward()
    assert not [k for k, p in net.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("make", NETS)
def test_a_net_is_rebuilt_from_its_arguments(make):
    net = make()
    twin = artifact.decode(artifact.encode(net))
    twin.load_state_dict(net.state_dict())
    x, t = torch.randn(2, 1, 8, 8), torch.rand(2)
    torch.testing.assert_close(twin(x, t), net(x, t))


def test_attention_is_where_it_is_asked():
    def count(attending):
        net = UNet(1, width=8, multipliers=(1, 2, 2), attending=attending)
        return sum("look.weight" in name for name, _ in net.named_parameters())

    assert [count(i) for i in range(4)] == [0, 4, 7, 10]  # the middle, and 1 down and 2 up a level


def test_parts_stand_one_after_another():
    t = torch.rand(3)
    assert UNet(2, 4, (1, 2), parts=2)(torch.randn(3, 2, 5, 4), t).shape == (3, 4, 5, 4)
    assert TimeMLP(3, 8, 1, parts=2)(torch.randn(3, 3), t).shape == (3, 6)
    assert TimeMLP(6, 8, 1, parts=3)(torch.randn(3, 2, 3), t).shape == (3, 6, 3)


def test_times_are_told_apart():
    """Near times look alike, and no two times look the same."""
    wave = Sinusoidal(32)
    t = torch.linspace(0, 1, 1001)
    h = wave(t)
    assert h.shape == (1001, 32)
    gaps = torch.cdist(h, h) + 10 * torch.eye(1001)
    assert gaps.min() > 0.1
    torch.testing.assert_close(h.square().sum(1), torch.full((1001,), 16.0))


def test_an_odd_embedding_is_refused():
    with pytest.raises(ValueError, match="width is 5"):
        Sinusoidal(5)


@pytest.mark.parametrize("make", NETS)
def test_no_rows_give_no_rows(make):
    x = torch.zeros(0, 1, 8, 8, dtype=torch.float64)
    assert make().double()(x, torch.zeros(0, dtype=torch.float64)).shape == x.shape
