"""Layers in which rows meet, against explicit loops."""

import math

import pytest
import torch

from genus.adversarial.nets.minibatch import MinibatchDiscrimination, MinibatchStddev


def test_minibatch_discrimination_by_loops():
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(5, kernels=3, size=2).double()
    x = torch.randn(4, 5, dtype=torch.float64)
    y = layer(x)
    assert torch.equal(y[:, :5], x)
    M = torch.stack([x[i] @ layer.T for i in range(4)]).reshape(4, 3, 2)
    for i in range(4):
        for b in range(3):
            wanted = sum(
                math.exp(-sum(abs(M[i, b, c] - M[j, b, c]).item() for c in range(2)))
                for j in range(4)
                if j != i
            )
            assert y[i, 5 + b].item() == pytest.approx(wanted, rel=1e-12)


def test_rows_that_are_alike_are_seen_to_be():
    layer = MinibatchDiscrimination(2, kernels=4)
    alike, alone = layer(torch.ones(6, 2))[:, 2:], layer(torch.ones(1, 2))[:, 2:]
    torch.testing.assert_close(alike, torch.full((6, 4), 5.0))
    assert (alone == 0).all()  # a row is not its own neighbour


def test_its_slope_is_finite_where_rows_coincide():
    layer = MinibatchDiscrimination(2)
    x = torch.ones(3, 2, requires_grad=True)
    for slope in torch.autograd.grad(layer(x).sum(), [x, layer.T]):
        assert slope.isfinite().all()


@pytest.mark.parametrize(("n", "group", "size"), [(8, 4, 4), (6, 4, 3), (6, 9, 6), (7, 4, 1)])
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_minibatch_stddev_by_loops(n, group, size, shape):
    torch.manual_seed(0)
    x = torch.randn(n, *shape, dtype=torch.float64)
    y = MinibatchStddev(group)(x)
    assert y.shape == (n, shape[0] + 1, *shape[1:])
    assert torch.equal(y[:, : shape[0]], x)
    stride = n // size
    for i in range(n):
        members = [x[j].flatten() for j in range(n) if j % stride == i % stride]
        assert len(members) == size
        spreads = []
        for values in zip(*(m.tolist() for m in members), strict=True):
            mean = sum(values) / size
            spreads.append(math.sqrt(sum((v - mean) ** 2 for v in values) / size + 1e-8))
        wanted = torch.full(shape[1:], sum(spreads) / len(spreads), dtype=torch.float64)
        torch.testing.assert_close(y[i, -1], wanted)


@pytest.mark.parametrize(
    "make", [lambda: MinibatchDiscrimination(3, 0), lambda: MinibatchStddev(1)]
)
def test_refuses(make):
    with pytest.raises(ValueError, match=r"Minibatch.*at least"):
        make()
