"""Clouds of points: on their surfaces, evenly, from shapes that are known; chairs as a whole split."""

import gzip
import math

import numpy as np
import pytest
import torch
from scipy.integrate import dblquad

from genus.core import Reals
from genus.data import load
from genus.data.points.points import Clouds, Family, chairs
from genus.data.splits import stream

AXES = (0.35, 0.6, 1.0)


def unturned(x, parameters):
    """Clouds before they are turned around the third axis, float64."""
    angle = -parameters[:, 3, None].double()
    a, b, c = x.double().unbind(2)
    return torch.stack([angle.cos() * a - angle.sin() * b, angle.sin() * a + angle.cos() * b, c], 2)


def level(x, parameters, kind):
    """1 on the surface of each shape, below 1 inside."""
    each = (unturned(x, parameters) / parameters[:, None, :3].double()).abs()
    return torch.where(kind[:, None] == 0, each.square().sum(2), each.amax(2))


def test_points_lie_on_the_surface_of_the_shape_that_is_told():
    split = load("shapes").test
    (x,) = split.everything()
    on = level(x, split.parameters, split.labels)
    assert (on - 1).abs().max() < 1e-5
    wrong = level(x, split.parameters.flip(0), split.labels)
    assert (wrong - 1).abs().mean() > 0.1
    assert set(split.labels.tolist()) == {0, 1}
    assert 0.3 <= split.parameters[:, :3].min() < 0.32
    assert 0.98 < split.parameters[:, :3].max() <= 1
    assert 0 <= split.parameters[:, 3].min() < 0.04
    assert 1.53 < split.parameters[:, 3].max() < math.pi / 2


def squares_on_an_ellipsoid(a, b, c):
    """E of x^2, y^2 and z^2 for points uniform on its surface, by quadrature."""

    def area(phi, theta):  # of the patch at (a sin t cos p, b sin t sin p, c cos t)
        s, t = math.sin(theta), math.cos(theta)
        u, v = math.cos(phi), math.sin(phi)
        return s * math.sqrt((b * c * s * u) ** 2 + (a * c * s * v) ** 2 + (a * b * t) ** 2)

    def integral(f):
        return dblquad(lambda p, t: f(p, t) * area(p, t), 0, math.pi, 0, 2 * math.pi)[0]

    places = (
        lambda p, t: (a * math.sin(t) * math.cos(p)) ** 2,
        lambda p, t: (b * math.sin(t) * math.sin(p)) ** 2,
        lambda p, t: (c * math.cos(t)) ** 2,
    )
    whole = integral(lambda p, t: 1.0)
    return [integral(f) / whole for f in places]


def cloud(kind, points):
    return (
        Family((kind,), points)
        .clouds(
            torch.tensor([[*AXES, 0.0]]), torch.zeros(1, dtype=torch.int64), stream("cloud", kind)
        )[0]
        .double()
    )


def test_points_are_uniform_on_an_ellipsoid():
    x = cloud("ellipsoid", 40_000)
    for column, truth in zip(x.T, squares_on_an_ellipsoid(*AXES), strict=True):
        squares = column.square()
        assert abs(squares.mean() - truth) < 5 * squares.std() / len(x) ** 0.5
    squares = x[:, 2].square()  # a sphere's points that are merely stretched are told apart
    assert abs(squares.mean() - AXES[2] ** 2 / 3) > 10 * squares.std() / len(x) ** 0.5


def test_points_are_uniform_on_a_box():
    x, (a, b, c) = cloud("box", 40_000), AXES
    whole = a * b + b * c + a * c
    for i, share in enumerate((b * c / whole, a * c / whole, a * b / whole)):
        for end in (-1, 1):
            found = (x[:, i] - end * AXES[i]).abs() < 1e-6
            spread = (share / 2 * (1 - share / 2) / len(x)) ** 0.5
            assert abs(found.double().mean() - share / 2) < 5 * spread
            on = x[found] / torch.tensor(AXES)
            for j in {0, 1, 2} - {i}:  # uniform on the face: mean 0, second moment 1/3
                assert abs(on[:, j].mean()) < 5 * (1 / 3 / len(on)) ** 0.5
                assert abs(on[:, j].square().mean() - 1 / 3) < 5 * (4 / 45 / len(on)) ** 0.5


def test_batches_are_functions_of_their_number_and_never_the_fixed_draw():
    split = load("ellipsoids").train
    assert torch.equal(split.batch(3, 4, 0)[0], split.batch(3, 4, 0)[0])
    others = [split.batch(4, 4, 0), split.batch(3, 4, 1), load("ellipsoids").test.batch(3, 4, 0)]
    for other in (*others, (split.everything()[0][:4],)):
        assert not torch.equal(split.batch(3, 4, 0)[0], other[0])
    assert split.space == Reals((512, 3))
    assert split.fingerprint != load("boxes").train.fingerprint
    with pytest.raises(ValueError, match="has no labels"):
        split.labelled()


def test_labels_are_the_kinds():
    x, kind = Clouds(Family(points=64), "clouds").labelled().batch(0, 40, 0)
    extent = x.abs().amax(1)  # a box, turned, reaches as far up as it is high, at many points
    on_top = (x[..., 2].abs() > 0.999 * extent[:, 2:]).sum(1)
    assert torch.equal(on_top > 6, kind == 1)


@pytest.mark.parametrize("wrong", [{"kinds": ("cone",)}, {"points": 0}, {"kinds": ()}])
def test_families_refuse(wrong):
    with pytest.raises(ValueError, match="Family: kinds are"):
        Family(**wrong)


@pytest.fixture
def folder(tmp_path):
    """22 chairs: one is empty, one is there twice, 20 are of a few voxels in their own corner."""
    full = np.zeros((22, 1, 8, 8, 8))
    for i in range(20):
        full[i, 0, i % 8, i // 8, : 1 + i % 3] = 1
    full[21] = full[5]
    place = tmp_path / "modelnet10_voxels"
    place.mkdir()
    with gzip.open(place / "chair.npy.gz", "wb") as file:
        np.save(file, full)
    return place


def test_chairs_are_distinct_divided_and_in_their_voxels(folder, monkeypatch):
    monkeypatch.setenv("GENUS_DATA", str(folder.parent))
    data = load("chairs")
    assert [len(split) for split in data.splits.values()] == [16, 2, 2]
    held = set()
    for split in data.splits.values():
        (x,) = split.everything()
        voxel = (x * split.std + split.mean).floor().long()
        for i, rows in enumerate(voxel):
            found = {tuple(row) for row in rows.tolist()}
            start, count = split.starts[i], split.counts[i]
            assert found == {tuple(row) for row in split.corners[start : start + count].tolist()}
            held.add(frozenset(found))
    assert len(held) == 20


def test_chairs_that_are_learnt_from_have_mean_0_and_deviation_1(folder):
    split = chairs(folder, points=20_000).train
    (x,) = split.everything()
    assert x.mean((0, 1)).abs().max() < 0.01
    assert x.square().mean().sqrt() == pytest.approx(1, abs=0.005)


def test_an_epoch_of_chairs_sees_each_once_with_fresh_points(folder):
    split = chairs(folder, points=6).train
    rows = torch.cat([split.batch(k, 6, 0)[0] for k in range(8)])  # three epochs of 16
    shape = {tuple(split.corners[s].tolist()): i for i, s in enumerate(split.starts)}
    first = (rows * split.std + split.mean).floor().long()
    corner = [min(map(tuple, points)) for points in first.tolist()]
    columns = {key[:2]: number for key, number in shape.items()}
    seen = [columns[c[:2]] for c in corner]
    for epoch in range(3):
        assert sorted(seen[16 * epoch : 16 * (epoch + 1)]) == list(range(16))
    assert len(rows.flatten(1).unique(dim=0)) == 48
    assert torch.equal(split.batch(3, 6, 0)[0], rows[18:24])


def test_files_of_chairs_that_are_not_whole_are_refused(folder):
    path = folder / "chair.npy.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match="is damaged"):
        chairs(folder)
    with gzip.open(path, "wb") as file:
        np.save(file, np.ones((3, 4, 4, 4)))
    with pytest.raises(ValueError, match=r"\(n, 1, size, size, size\) is wanted"):
        chairs(folder)
    with gzip.open(path, "wb") as file:
        np.save(file, np.ones((30, 1, 2, 2, 2)))
    with pytest.raises(ValueError, match="holds 1 distinct chairs; at least 10 are wanted"):
        chairs(folder)
