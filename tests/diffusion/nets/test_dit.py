import pytest
import torch

from genus.diffusion import DiT
from genus.diffusion.nets.dit import DiTBlock, places
from genus.train import artifact


def noisy(net):
    """The net with all weights away from their start, where gates are closed."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return net.double().eval()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (2, 7, 5), (1, 1, 1), (1, 9, 4)])
@pytest.mark.parametrize("patch", [1, 2, 4])
def test_it_takes_any_size(shape, patch):
    net = noisy(DiT(shape, 8, 1, 2, patch))
    x, t = torch.randn(2, *shape).double(), torch.rand(2).double()
    assert net(x, t).shape == x.shape


def test_cutting_is_undone():
    net = DiT((3, 7, 5), 8, 1, 2, 2)
    x = torch.randn(4, 3, 7, 5)
    tokens = net._cut(x)
    assert tokens.shape == (4, 4 * 3, 3 * 4)
    assert torch.equal(net._joined(tokens), x)
    assert torch.equal(tokens[0, 0], x[0, :, :2, :2].flatten())  # a token is a square


def test_it_begins_with_nothing():
    net = DiT((1, 4, 4), 8, 2, 2)
    assert (net(torch.randn(2, 1, 4, 4), torch.rand(2)) == 0).all()
    block, x = DiTBlock(8, 2), torch.randn(2, 5, 8)
    assert torch.equal(block(x, torch.randn(2, 8)), x)


def test_every_output_depends_on_every_input_the_time_and_the_context():
    net = noisy(DiT((1, 5, 6), 16, 2, 4, context=3))
    x, t = torch.randn(1, 1, 5, 6).double(), torch.rand(1).double()
    told = torch.randn(1, 3).double()
    for given in (x, t, told):
        given.requires_grad_()
    for corner in (0, -1):
        out = net(x, t, told).flatten()[corner]
        for slope in torch.autograd.grad(out, (x, t, told)):
            assert (slope != 0).all()


def test_rows_do_not_meet():
    net = noisy(DiT((1, 4, 4), 8, 2, 2))
    x, t = torch.randn(3, 1, 4, 4).double(), torch.rand(3).double()
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(net(x, t), alone)


def test_places_are_all_different():
    table = places(7, 5, 16)
    assert table.shape == (35, 16)
    assert torch.cdist(table, table).add(torch.eye(35)).min() > 0.1
    assert torch.equal(table[0, :8], table[4, :8])  # the same row
    assert torch.equal(table[0, 8:], table[5, 8:])  # the same column


def test_attention_is_attention():
    """One head, by its definition."""
    block, x = DiTBlock(4, 1).double(), torch.randn(1, 3, 4).double()
    q, k, v = block.look(x).chunk(3, dim=2)
    weights = (q @ k.transpose(1, 2) / 2).softmax(2)
    torch.testing.assert_close(block._attend(x), block.output(weights @ v))


def test_it_is_rebuilt():
    net = DiT((2, 6, 7), 8, 2, 2, 3, 0.1, 4)
    assert artifact.encode(artifact.decode(artifact.encode(net), allow=[])) == artifact.encode(net)


@pytest.mark.parametrize("arguments", [{"width": 6}, {"width": 8, "heads": 3}, {"depth": 0}])
def test_it_says_what_it_wants(arguments):
    with pytest.raises(ValueError, match="DiT: width is"):
        DiT((1, 4, 4), **arguments)
