"""Divergences: against autograd's whole Jacobian, on vectors and on images."""

import pytest
import torch
from torch import nn

from genus.functional.numerics.traces import divergence, hutchinson


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def fields():
    conv = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 3, padding=1))
    dense = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3))
    return {"vectors": (dense, torch.randn(4, 3)), "images": (conv, torch.randn(3, 2, 3, 4))}


def jacobian(f, row):
    d = row.numel()
    full = torch.autograd.functional.jacobian(lambda x: f(x[None])[0].flatten(), row)
    return full.reshape(d, d)


@pytest.mark.parametrize("kind", ["vectors", "images"])
def test_divergence_is_the_trace(kind):
    f, x = fields()[kind]
    truth = torch.stack([jacobian(f, row).trace() for row in x])
    for context in (torch.no_grad(), torch.enable_grad()):
        with context:
            value, found = divergence(f, x)
        torch.testing.assert_close(value, f(x))
        torch.testing.assert_close(found, truth)


def test_graphs_are_kept_only_where_gradients_are_on():
    f, x = fields()["vectors"]
    with torch.no_grad():
        for result in (*divergence(f, x), *hutchinson(f, x, torch.randn(2, 4, 3))):
            assert not result.requires_grad
    x.requires_grad_()
    for find in (divergence, lambda f, x: hutchinson(f, x, torch.ones(1, 4, 3))):
        _, found = find(f, x)
        first = f[0].weight
        dx, dweight = torch.autograd.grad(found.sum(), (x, first))
        step = 1e-5

        def total(find=find):
            with torch.no_grad():
                return find(f, x)[1].sum()

        for where, slope in ((x, dx), (first, dweight)):
            place = where.data[0, 1].item()
            where.data[0, 1] = place + step
            up = total()
            where.data[0, 1] = place - step
            down = total()
            where.data[0, 1] = place
            torch.testing.assert_close((up - down) / (2 * step), slope[0, 1], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", ["vectors", "images"])
def test_probes_that_are_a_basis_give_the_trace(kind):
    f, x = fields()[kind]
    d = x[0].numel()
    basis = torch.eye(d).reshape(d, 1, *x.shape[1:]).expand(d, *x.shape) * d**0.5
    torch.testing.assert_close(hutchinson(f, x, basis)[1], divergence(f, x)[1])


def test_mean_and_variance_of_probes():
    """Signs: variance 4 sum_{i<j} S_ij^2; normal numbers: 2 sum_i J_ii^2 more."""
    matrix = torch.randn(3, 3)
    x, n = torch.zeros(200_000, 3), 200_000
    half = (matrix + matrix.T) / 2
    off = 4 * half.triu(1).square().sum()
    normal = torch.randn(1, n, 3)
    for probes, variance in (
        (normal.sign(), off),
        (normal, off + 2 * matrix.diagonal().square().sum()),
    ):
        found = hutchinson(lambda x: x @ matrix.T, x, probes)[1]
        assert (found.mean() - matrix.trace()).abs() < 5 * (variance / n) ** 0.5
        spread = (found - found.mean()).square()
        assert (spread.mean() - variance).abs() < 5 * spread.std() / n**0.5


def test_fields_that_do_not_depend_on_x():
    x = torch.randn(4, 3)
    for f in (torch.ones_like, lambda x: torch.ones(4, 3)):
        value, found = divergence(f, x)
        assert torch.equal(value, torch.ones(4, 3))
        assert torch.equal(found, torch.zeros(4))


def test_shapes_are_told():
    with pytest.raises(ValueError, match="the shapes must be the same"):
        divergence(lambda x: x[:, :1], torch.randn(4, 3))
    with pytest.raises(ValueError, match="probes have shape"):
        hutchinson(lambda x: x, torch.randn(4, 3), torch.randn(4, 3))
