"""Attention: against its formula, step against whole, and without what comes later."""

import math

import pytest
import torch
from torch.autograd.functional import jacobian

from genus.nn import CausalAttention, CausalTransformer, CrossAttention
from genus.nn.attention import KeysValues, rotary, sinusoids, turned


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def by_formula(layer, x):
    """One place and one head after another."""
    _, length, width = x.shape
    d = width // layer.heads
    q, k, v = layer.look(x).chunk(3, -1)
    seen = torch.zeros_like(x)
    for head in range(layer.heads):
        mine = slice(head * d, (head + 1) * d)
        for i in range(length):
            scores = torch.stack([(q[:, i, mine] * k[:, j, mine]).sum(1) for j in range(i + 1)], 1)
            seen[:, i, mine] = (
                (scores / math.sqrt(d)).softmax(1)[..., None] * v[:, : i + 1, mine]
            ).sum(1)
    return layer.output(seen)


def test_attention_is_its_formula():
    layer, x = CausalAttention(12, 3, rotary=False), torch.randn(2, 5, 12)
    torch.testing.assert_close(layer(x), by_formula(layer, x))
    cross, source = CrossAttention(12, 3, 4), torch.randn(2, 6, 4)
    values = cross.show(source)[..., 12:].unflatten(2, (3, 4)).transpose(1, 2)
    seen = (cross.weights(x, source) @ values).transpose(1, 2).flatten(2)
    torch.testing.assert_close(cross(x, source), cross.output(seen))


def test_rotary_scores_depend_on_the_distance_alone():
    """Turned as complex numbers; the same pair three places on has the same score."""
    q, k = torch.randn(2, 1, 1, 1, 8)
    turns = rotary(9, 8, q)
    a, b = turned(q.expand(1, 1, 9, 8), turns)[0, 0], turned(k.expand(1, 1, 9, 8), turns)[0, 0]
    scores = a @ b.T
    torch.testing.assert_close(scores[:6, :6], scores[3:, 3:])
    assert (scores[0, 0] - scores[0, 1]).abs() > 1e-3
    pairs = torch.complex(q[..., :4], q[..., 4:])[0, 0, 0]
    speeds = 10_000 ** -(torch.arange(4) / 4)
    by_hand = pairs * torch.exp(1j * 5 * speeds)
    torch.testing.assert_close(a[5], torch.cat([by_hand.real, by_hand.imag]))


def test_sinusoids_are_those_of_the_paper():
    found = sinusoids(7, 6, torch.zeros(1))
    assert found.shape == (7, 6)
    for place, pair in ((0, 0), (3, 1), (6, 2)):
        angle = place / 10_000 ** (2 * pair / 6)
        assert abs(found[place, pair] - math.sin(angle)) < 1e-12
        assert abs(found[place, 3 + pair] - math.cos(angle)) < 1e-12


@pytest.mark.parametrize("rotary", [True, False])
def test_steps_and_fills_are_the_whole(rotary):
    net = CausalTransformer(16, 2, 2, rotary=rotary).eval()
    x = torch.randn(3, 9, 16)
    memory = net.begin(3, 9)
    parts = [net.fill(x[:, :1], memory), net.fill(x[:, 1:4], memory), net.fill(x[:, 4:6], memory)]
    parts += [net.step(x[:, i], memory)[:, None] for i in range(6, 9)]
    torch.testing.assert_close(torch.cat(parts, 1), net(x), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="10 places came; there is room for 9"):
        net.step(x[:, 0], memory)


def test_steps_with_a_source_are_the_whole():
    net = CausalTransformer(16, 2, 2, source=5).eval()
    x, source = torch.randn(3, 4, 16), torch.randn(3, 6, 5)
    there = torch.arange(6) < torch.tensor([[6], [2], [4]])
    memory = net.begin(3, 4, source, there)
    parts = torch.stack([net.step(x[:, i], memory) for i in range(4)], 1)
    torch.testing.assert_close(parts, net(x, source, there), rtol=0, atol=1e-12)
    other = torch.where(there[..., None], source, torch.randn(3, 6, 5))
    assert torch.equal(net(x, other, there), net(x, source, there))  # what is not there is not seen
    assert not torch.equal(net(x, other), net(x, source))
    weights = CrossAttention(16, 2, 5).weights(x, source, there)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 4))
    assert (weights[1, :, :, 2:] == 0).all()


def test_no_place_sees_a_later_one():
    net = CausalTransformer(8, 2, 2)
    slope = jacobian(lambda x: net(x[None])[0] @ torch.arange(8.0), torch.randn(5, 8)).abs().sum(2)
    later = torch.ones(5, 5).triu(1).bool()
    assert (slope[later] == 0).all()
    assert (slope[~later] > 0).all()


def test_a_mask_off_by_one_would_be_seen():
    """The test above can fail: a network that is shown the next place is found out."""
    net = CausalTransformer(8, 1, 2)
    slope = (
        jacobian(lambda x: net(x[None].roll(-1, 1))[0] @ torch.arange(8.0), torch.randn(5, 8))
        .abs()
        .sum(2)
    )
    assert (slope.triu(1) > 0).any()


def test_a_cache_that_forgets_a_place_would_be_seen():
    class Forgetful(KeysValues):
        def add(self, keys, values):
            keys, values = super().add(keys, values)
            return keys[:, :, -3:], values[:, :, -3:]

    layer, x = CausalAttention(8, 2), torch.randn(2, 5, 8)
    memory = Forgetful(2, 2, 5, 4, x, turning=True)
    steps = torch.stack([layer.step(x[:, i], memory) for i in range(5)], 1)
    torch.testing.assert_close(steps[:, :3], layer(x)[:, :3])
    assert (steps[:, 3:] - layer(x)[:, 3:]).abs().max() > 1e-3


def test_half_precision_is_the_same_to_its_digits():
    torch.set_default_dtype(torch.float32)
    net, x = CausalTransformer(16, 2, 2, source=16), torch.randn(3, 9, 16, requires_grad=True)
    (slope,) = torch.autograd.grad((net(x, x) * x).sum(), x)
    with torch.autocast("cpu", torch.bfloat16):
        half = net(x, x)
        memory = net.begin(3, 9, x)
        steps = torch.stack([net.step(place, memory) for place in x.unbind(1)], 1)
    (same,) = torch.autograd.grad((half * x).sum(), x)
    for other in (half, steps):
        assert 0 < (other - net(x, x)).abs().max() < 0.05
    assert 0 < (slope - same).abs().max() < 0.05 * slope.abs().max()


def test_dropout_is_of_training_alone():
    net, x = CausalTransformer(16, 1, 2, dropout=0.5), torch.randn(2, 4, 16)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="multiple of heads"):
        CausalAttention(10, 3)
    with pytest.raises(ValueError, match="even number"):
        CausalAttention(9, 3)
    with pytest.raises(ValueError, match="multiple of heads"):
        CrossAttention(10, 3)
