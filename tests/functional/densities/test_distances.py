"""Distances of distributions against closed forms, scipy, and torchmetrics on the same features."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from genus.functional.densities.distances import (
    PAIRS,
    energy_distance,
    frechet,
    kl_histograms,
    mean_over_pairs,
    mmd,
    mmd_in_blocks,
    moments,
    polynomial_kernel,
    unbiased_energy_distance,
)


class Flat(nn.Module):
    """Stands in for torchmetrics' network: features are the pixels."""

    num_features = 12

    def forward(self, x):
        return x.flatten(1).double()


def kernel_distance(a, b):
    return mmd(polynomial_kernel(a, a), polynomial_kernel(b, b), polynomial_kernel(a, b))


@pytest.fixture
def rows():
    torch.set_default_dtype(torch.float64)
    return torch.rand(60, 3, 2, 2), torch.rand(90, 3, 2, 2) ** 2


def test_frechet_of_equal_rows_is_zero(rows):
    a = rows[0].flatten(1)
    assert frechet(*moments(a), *moments(a)).abs() < 1e-12


def test_frechet_of_independent_features_is_a_sum_over_them():
    torch.set_default_dtype(torch.float64)
    mean_a, mean_b, std_a, std_b = torch.rand(4, 7)
    truth = ((mean_a - mean_b) ** 2 + (std_a - std_b) ** 2).sum()
    found = frechet(mean_a, (std_a**2).diag(), mean_b, (std_b**2).diag())
    torch.testing.assert_close(found, truth)


def test_frechet_of_gaussians_agrees_with_the_matrix_root_of_scipy():
    torch.set_default_dtype(torch.float64)
    mean_a, mean_b = torch.randn(2, 6)
    a, b = (m @ m.T for m in torch.randn(2, 6, 8))
    root = scipy.linalg.sqrtm((a @ b).numpy()).real
    truth = ((mean_a - mean_b) ** 2).sum() + (a + b).trace() - 2 * np.trace(root)
    torch.testing.assert_close(frechet(mean_a, a, mean_b, b), truth)


def test_frechet_of_fewer_rows_than_features_is_finite():
    torch.set_default_dtype(torch.float64)
    a, b = torch.randn(2, 5, 40)
    found = frechet(*moments(a), *moments(b))
    assert found.isfinite()
    torch.testing.assert_close(found, frechet(*moments(b), *moments(a)))


def test_frechet_agrees_with_torchmetrics(rows):
    peer = FrechetInceptionDistance(feature=Flat(), input_img_size=(3, 2, 2), normalize=True)
    peer.set_dtype(torch.float64)
    peer.inception.to(torch.float64)
    for x, real in zip(rows, (True, False), strict=True):
        peer.update(x, real=real)
    a, b = (x.flatten(1) for x in rows)
    torch.testing.assert_close(frechet(*moments(a), *moments(b)), peer.compute().double())


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_kernel_distance_agrees_with_torchmetrics(rows):
    a, b = rows[0], rows[1][:60]
    peer = KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=60, normalize=True)
    peer.update(a, real=True)
    peer.update(b, real=False)
    a, b = a.flatten(1), b.flatten(1)
    torch.testing.assert_close(kernel_distance(a, b)[0], peer.compute()[0].double())


def test_kernel_distance_is_unbiased_and_knows_its_error():
    torch.set_default_dtype(torch.float64)
    found = [kernel_distance(torch.randn(40, 3), torch.randn(30, 3)) for _ in range(300)]
    values, errors = (torch.stack(column) for column in zip(*found, strict=True))
    assert values.mean().abs() <= 5 * values.std() / 300**0.5
    assert 0.7 < errors.mean() / values.std() < 2
    far = [kernel_distance(torch.randn(40, 3), torch.randn(30, 3) + 1) for _ in range(200)]
    values, errors = (torch.stack(column) for column in zip(*far, strict=True))
    assert 0.8 < errors.mean() / values.std() < 1.25


def test_jackknife_of_the_kernel_distance_is_leaving_rows_out():
    torch.set_default_dtype(torch.float64)
    a, b = torch.randn(6, 2), torch.randn(9, 2)
    total = 0.0
    for x, swap in ((a, False), (b, True)):
        left = []
        for i in range(len(x)):
            rest = torch.cat([x[:i], x[i + 1 :]])
            left.append(kernel_distance(a, rest)[0] if swap else kernel_distance(rest, b)[0])
        left = torch.stack(left)
        total += (len(x) - 1) * left.var(correction=0)
    torch.testing.assert_close(kernel_distance(a, b)[1], total.sqrt())


def test_kl_of_histograms():
    p, q = torch.tensor([2.0, 2.0, 0.0]), torch.tensor([1.0, 2.0, 1.0])
    truth = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.5)
    assert kl_histograms(p, q).item() == pytest.approx(truth, rel=1e-6)
    assert kl_histograms(q, q) == 0
    assert kl_histograms(q, p).isinf()


def test_energy_distances_count_pairs():
    torch.set_default_dtype(torch.float64)
    a, b = torch.randn(5, 3), torch.randn(7, 3)

    def mean(x, y, itself):
        pairs = [
            (u - v).norm() for i, u in enumerate(x) for j, v in enumerate(y) if itself or i != j
        ]
        return torch.stack(pairs).mean()

    between = 2 * mean(a, b, True)
    biased = between - mean(a, a, True) - mean(b, b, True)
    torch.testing.assert_close(energy_distance(a, b), biased)
    unbiased = between - mean(a, a, False) - mean(b, b, False)
    torch.testing.assert_close(unbiased_energy_distance(a, b)[0], unbiased)


@pytest.mark.parametrize("away", [0.0, 0.7])
def test_the_energy_distance_of_normals_is_known(away):
    """E|x - y| of x - y ~ N(m, 2) is 2 phi(m / sqrt 2) sqrt 2 + m erf(m / 2); and its error is right."""
    torch.set_default_dtype(torch.float64)
    at = away / 2**0.5
    normal = torch.distributions.Normal(0.0, 1.0)
    phi, cdf = normal.log_prob(torch.tensor(at)).exp(), normal.cdf(torch.tensor(at))
    truth = 2 * (2**0.5 * 2 * phi + away * (2 * cdf - 1)) - 2 * 2 / torch.pi**0.5
    found = [
        unbiased_energy_distance(torch.randn(40, 1), away + torch.randn(60, 1)) for _ in range(400)
    ]
    values, errors = (torch.stack(column) for column in zip(*found, strict=True))
    assert (values.mean() - truth).abs() < 5 * values.std() / 20
    assert 0.8 < errors.square().mean().sqrt() / values.std() < 1.5


@pytest.mark.parametrize("pairs", [1, 100, 10**6])
def test_a_discrepancy_in_blocks_is_the_same(pairs):
    torch.manual_seed(0)
    a, b = torch.randn(30, 4, dtype=torch.float64), torch.randn(47, 4, dtype=torch.float64) + 0.3
    whole = mmd(polynomial_kernel(a, a), polynomial_kernel(b, b), polynomial_kernel(a, b))
    torch.testing.assert_close(mmd_in_blocks(polynomial_kernel, a, b, pairs), whole)


@pytest.mark.parametrize("pairs", [1, 100, 10**6])
def test_a_mean_over_pairs_in_blocks_is_the_same(pairs):
    a, b = torch.randn(30, 4, dtype=torch.float64), torch.randn(47, 4, dtype=torch.float64)
    truth = polynomial_kernel(a, b).mean()
    torch.testing.assert_close(mean_over_pairs(polynomial_kernel, a, b, pairs), truth)


def test_energy_distances_of_more_pairs_than_are_held_at_once_are_those_of_whole_tables():
    torch.manual_seed(0)
    a, b = torch.randn(3000, 2, dtype=torch.float64), 1.2 * torch.randn(2900, 2).double()
    assert len(a) * len(b) > PAIRS
    tables = [torch.cdist(x, y) for x, y in ((a, a), (b, b), (a, b))]
    own_a, own_b, between = (table.mean() for table in tables)
    biased = 2 * between - own_a - own_b
    torch.testing.assert_close(energy_distance(a, b), biased, rtol=1e-11, atol=0)
    unbiased = mmd(*(-table for table in tables))
    torch.testing.assert_close(unbiased_energy_distance(a, b), unbiased, rtol=1e-11, atol=0)
