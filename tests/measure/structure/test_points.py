"""Distances of clouds against brute force, and what the three measures see and do not see."""

import itertools
import math
import time

import pytest
import torch
from scipy.spatial import cKDTree
from scipy.stats import wasserstein_distance

from genus.measure.structure.points import chamfer, cloud_values, earth_mover, point_figures, values


def by_hand(a, b, power):
    """Chamfer distance of two clouds, point by point."""
    table = [[math.dist(x, y) ** power for y in b.tolist()] for x in a.tolist()]
    return sum(map(min, table)) / len(a) + sum(map(min, zip(*table, strict=True))) / len(b)


def spheres(n, points, seed, least=0.3):
    """Clouds on spheres of radii between `least` and 1, float64."""
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn(n, points, 3, generator=noise, dtype=torch.float64)
    radii = least + (1 - least) * torch.rand(n, 1, 1, generator=noise, dtype=torch.float64)
    return radii * x / x.norm(dim=2, keepdim=True)


@pytest.mark.parametrize(("squared", "power"), [(True, 2), (False, 1)])
def test_chamfer_is_that_of_each_pair(squared, power):
    a, b = torch.randn(3, 5, 3) + 4, torch.randn(4, 7, 3) + 4
    truth = [[by_hand(x.double(), y.double(), power) for y in b] for x in a]
    torch.testing.assert_close(chamfer(a, b, squared), torch.tensor(truth, dtype=torch.float64))
    table = chamfer(a, a, squared)
    torch.testing.assert_close(table, chamfer(a, a.clone(), squared), rtol=0, atol=1e-7)


def test_chamfer_is_the_trees():
    a, b = spheres(3, 512, 0).float() + 100, spheres(3, 512, 1).float() + 100  # far from 0
    trees = [[cKDTree(x.double().numpy()) for x in clouds] for clouds in (a, b)]
    for i, j in itertools.product(range(3), range(3)):
        there = trees[1][j].query(a[i].double().numpy())[0]
        back = trees[0][i].query(b[j].double().numpy())[0]
        truth = (there**2).mean() + (back**2).mean()
        assert chamfer(a[i : i + 1], b[j : j + 1]).item() == pytest.approx(truth, rel=1e-9)


def test_earth_mover_is_the_best_of_all_pairings():
    a, b = torch.randn(2, 6, 3).double(), torch.randn(3, 6, 3).double()
    table = earth_mover(a, b)
    for i, j in itertools.product(range(2), range(3)):
        costs = torch.cdist(a[i], b[j])
        orders = torch.tensor([*itertools.permutations(range(6))])
        best = costs[torch.arange(6), orders].mean(1).min()
        torch.testing.assert_close(table[i, j], best)
    torch.testing.assert_close(earth_mover(a, a), earth_mover(a, a.clone()))


def test_earth_mover_on_a_line_is_the_distance_of_the_sorted():
    """Also where the way to a pairing is hard: far points, equal points, all of them in one place."""
    a = torch.cat([torch.randn(1, 200, 1), torch.full((1, 200, 1), 3.0)]).double()
    a[0, :3] = torch.tensor([[1e6], [-1e6], [1e3]])
    a[0, 100:150] = a[0, 100]
    b = torch.cat([torch.randn(1, 200, 1), torch.full((1, 200, 1), 3.0)]).double()
    table = earth_mover(a, b)
    for i, j in itertools.product(range(2), range(2)):
        truth = wasserstein_distance(a[i, :, 0], b[j, :, 0])
        assert table[i, j].item() == pytest.approx(truth, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("table", [chamfer, earth_mover])
def test_the_real_clouds_themselves(table):
    """mmd 0, coverage 1; and one_nn 0, for each cloud's nearest is its copy in the other set."""
    real = spheres(12, 40, 0)
    again = cloud_values(real.clone(), real, table)
    assert again.mmd == pytest.approx(0, abs=1e-12)
    assert again.coverage == 1
    assert again.one_nn == 0


def test_one_distribution_has_one_nn_of_a_half():
    draws = torch.tensor(
        [cloud_values(spheres(12, 10, 2 * s), spheres(12, 10, 2 * s + 1)).one_nn for s in range(60)]
    )
    assert abs(draws.mean() - 0.5) < 5 * draws.std() / 60**0.5
    assert draws.std() < 0.2


def test_a_collapsed_set_is_found_out():
    """The liar: one good cloud, made again and again, has a fair mmd only."""
    real, fresh = spheres(30, 60, 0, least=0.8), spheres(30, 60, 1, least=0.8)
    good = cloud_values(fresh, real)
    collapsed = cloud_values(fresh[:1].repeat(30, 1, 1), real)
    assert collapsed.mmd < 2 * good.mmd
    assert collapsed.coverage == pytest.approx(1 / 30)
    assert good.coverage > 0.4
    assert collapsed.one_nn > 0.95
    assert abs(good.one_nn - 0.5) < 0.2


def test_noise_is_found_out_by_mmd_and_one_nn():
    real, fresh = spheres(30, 60, 0), spheres(30, 60, 1)
    noisy = cloud_values(fresh + 0.4 * torch.randn_like(fresh), real)
    assert noisy.mmd > 1.5 * cloud_values(fresh, real).mmd
    assert noisy.one_nn > 0.9


def test_the_measures_by_hand():
    """Two made clouds at 0 and 10, real ones at 1 and 2, on a line."""
    made_real = torch.tensor([[1.0, 2.0], [9.0, 8.0]])
    made_made = torch.tensor([[0.0, 10.0], [10.0, 0.0]])
    real_real = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    found = values(made_real, made_made, real_real)
    assert found.mmd == 1.5  # (1 + 2) / 2
    assert found.coverage == 1  # 0 is nearest to 1, 10 to 2
    assert found.one_nn == 1.5 / 4  # 0: no, 10: no; 1: equally far, a half; 2: yes


def test_a_hundred_clouds_of_512_points_take_seconds():
    a, b = spheres(20, 512, 0).float(), spheres(20, 512, 1).float()
    begun = time.process_time()
    chamfer(a, b)
    assert 25 * (time.process_time() - begun) < 20  # measured: 2 to 3


def test_figures_have_the_floor_of_learning_clouds():
    train, test = spheres(20, 30, 0), spheres(20, 30, 1)
    figures = {f.name: f for f in point_figures(train, train, test, {"data": "spheres"})}
    assert set(figures) == {"mmd", "coverage", "one_nn"}
    assert all(f.value == f.floor for f in figures.values())
    assert figures["mmd"].protocol["samples"] == 20


def test_refusals():
    x = torch.randn(3, 5, 3)
    with pytest.raises(ValueError, match=r"finite \(n, points, d\) are wanted"):
        chamfer(x[0], x)
    with pytest.raises(ValueError, match=r"finite \(n, points, d\) are wanted"):
        earth_mover(x, x * torch.nan)
    with pytest.raises(ValueError, match="points have 3 and 2 coordinates"):
        chamfer(x, x[..., :2])
    with pytest.raises(ValueError, match="clouds have 5 and 4 points; as many are wanted"):
        earth_mover(x, x[:, :4])
    with pytest.raises(ValueError, match="as many fake clouds as real ones are wanted"):
        cloud_values(x, x[:2])
