"""Nearest neighbours against loops over all pairs, and against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from genus.functional.densities import neighbours
from genus.functional.densities.neighbours import distances, manifolds, nearest, radii


@pytest.fixture(autouse=True)
def small_tables(monkeypatch):
    """So few rows at a time that the samples fall into several parts."""
    torch.set_default_dtype(torch.float64)
    monkeypatch.setattr(neighbours, "ROWS", 7)


def test_nearest_rows():
    a, b = torch.randn(20, 3), torch.randn(33, 3)
    distance, index = NearestNeighbors(n_neighbors=1).fit(b).kneighbors(a)
    found = nearest(a, b)
    torch.testing.assert_close(found[0], torch.from_numpy(distance[:, 0]))
    assert torch.equal(found[1], torch.from_numpy(index[:, 0]))


@pytest.mark.parametrize("middle", [0.0, 1e6])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
def test_nearest_of_wide_rows(middle, kind):
    """As exact as one by one, also far from the origin, and zero for rows that are copied."""
    a, b = ((middle + torch.randn(n, 24)).to(kind) for n in (60, 400))
    a[:5] = b[100:105]
    table = distances(a, b)
    found = nearest(a, b)
    assert torch.equal(found[1], table.min(1).indices)
    torch.testing.assert_close(found[0], table.min(1).values)
    assert torch.equal(found[0][:5], torch.zeros(5, dtype=kind))


def test_equal_rows_have_no_distance():
    x = 1e4 + torch.randn(40, 5)
    assert torch.equal(distances(x, x).diagonal(), torch.zeros(40))


@pytest.mark.parametrize("k", [1, 4])
def test_radii(k):
    x = torch.randn(30, 2)
    truth = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1]
    torch.testing.assert_close(radii(x, k), torch.from_numpy(truth))


@pytest.mark.parametrize("middle", [0.0, 1000.0])
def test_radii_of_rows_of_many_numbers(middle):
    """Products of matrices find the same neighbours, also far from the origin and among many copies."""
    x = middle + torch.randn(400, 24, dtype=torch.float64)
    x[10:30] = x[10]
    found = radii(x, 5)
    torch.testing.assert_close(found, distances(x, x).sort(1).values[:, 5])  # the first is itself
    assert torch.equal(found[10:30], torch.zeros(20))


def test_manifolds_by_brute_force():
    real, fake, k = torch.randn(25, 2), 0.7 * torch.randn(18, 2) + 0.5, 3
    a, b = real.numpy(), fake.numpy()

    def reach(x, i):
        return sorted(np.linalg.norm(x - x[i], axis=1))[k]

    inside = np.array([[np.linalg.norm(x - y) <= reach(a, i) for y in b] for i, x in enumerate(a)])
    other = np.array([[np.linalg.norm(x - y) <= reach(b, j) for j, y in enumerate(b)] for x in a])
    found = {name: rows.numpy() for name, rows in manifolds(real, fake, k)._asdict().items()}
    np.testing.assert_array_equal(found["precision"], inside.any(0))
    np.testing.assert_array_equal(found["recall"], other.any(1))
    np.testing.assert_allclose(found["density"], inside.sum(0) / k)
    np.testing.assert_array_equal(found["coverage"], inside.any(1))


def test_equal_samples_cover_each_other():
    x = torch.randn(40, 3)
    found = manifolds(x, x, 3)
    assert all(getattr(found, name).mean() == 1 for name in ("precision", "recall", "coverage"))


def test_samples_far_away_cover_nothing():
    x = torch.randn(40, 3)
    assert all(rows.sum() == 0 for rows in manifolds(x, x + 100, 3))


def test_a_collapsed_sample_is_precise_but_covers_little():
    x = torch.randn(200, 2)
    one = x[:1] + 1e-3 * torch.randn(200, 2)
    found = manifolds(x, one, 5)
    assert found.precision.mean() == 1
    assert found.recall.mean() < 0.05
    assert found.coverage.mean() < 0.1
