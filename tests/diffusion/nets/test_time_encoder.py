"""The encoder that is told the time: any size, each row on its own."""

import pytest
import torch

from genus.diffusion import TimeEncoder


def made(**named):
    torch.manual_seed(0)
    net = TimeEncoder(2, 3, 4, (1, 2, 2), **named).double().eval()
    for p in net.parameters():
        p.data.add_(0.2 * torch.randn_like(p))
    return net


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 8), (28, 28)])
def test_any_size(size):
    assert made()(torch.randn(2, 2, *size).double(), torch.rand(2).double()).shape == (2, 3)


def test_rows_do_not_meet_and_time_is_heard():
    net, x, t = made(), torch.randn(4, 2, 6, 5).double(), torch.rand(4).double()
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(net(x, t), alone)
    assert ((net(x, t) - net(x, 1 - t)).abs() > 1e-6).all()


def test_attention_and_dropout_are_where_asked():
    assert sum(stage.attends for stage in made(attending=2).down) == 2
    net, x, t = made(dropout=0.5), torch.randn(1, 2, 8, 8).double(), torch.rand(1).double()
    assert torch.equal(net(x, t), net(x, t))
    net.train()
    assert not torch.equal(net(x, t), net(x, t))


def test_no_level_is_refused():
    with pytest.raises(ValueError, match=r"multipliers is \(\), width 4"):
        TimeEncoder(1, 2, 4, ())
