"""Probes of a code: on codes whose classes are known to be easy, hard or not there."""

import pytest
import torch

from genus.errors import Refused
from genus.measure.latents.probes import probes


def planted(n=600, apart=6.0, classes=3, units=4, seed=0):
    """Normal clouds around as many points, `apart` from each other; three parts."""
    noise = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    x = torch.randn(n, units, generator=noise)
    x[:, :classes] += apart * torch.nn.functional.one_hot(y, classes)
    return [(x[i::3], y[i::3]) for i in range(3)] if classes % 3 else split(x, y)


def split(x, y):
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    return [(x[rows], y[rows]) for rows in order.chunk(3)]


def test_clouds_that_are_apart_are_read_by_all():
    found = probes(*planted(), few=(1, 5))
    assert min(found.linear, found.neighbours, found.clusters) > 0.98
    assert found.few[1][0] > 0.9
    assert found.few[5][0] > 0.98
    assert found.units == 4


def test_noise_is_read_by_none():
    found = probes(*planted(n=3000, apart=0.0))
    assert abs(found.linear - 1 / 3) < 0.05
    assert abs(found.neighbours - 1 / 3) < 0.05
    assert found.clusters < 0.01


def test_two_clouds_are_read_as_well_as_they_can_be():
    """Two normal clouds at a distance d in one unit: Phi(d / 2) of the rows are on their own side."""
    parts = planted(n=30_000, apart=2.0, classes=2, units=2)
    best = torch.distributions.Normal(0, 1).cdf(torch.tensor(2.0**0.5)).item()
    assert probes(*parts, few=(50,)).linear == pytest.approx(best, abs=0.01)


def test_more_labels_help_and_their_spread_falls():
    found = probes(*planted(n=3000, apart=2.5), few=(1, 10, 50)).few
    means = [mean for mean, _ in found.values()]
    assert means == sorted(means)
    assert found[50][1] < found[1][1]


def test_a_ring_has_neighbours_and_no_line():
    torch.manual_seed(0)
    angle, y = 6.28 * torch.rand(1500), torch.arange(1500) % 2
    ring = (1 + 2 * y)[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    found = probes(*split(ring + 0.1 * torch.randn(1500, 2), y))
    assert found.neighbours > 0.99
    assert found.linear < 0.65


def test_scale_and_dead_units_do_not_matter():
    parts = planted(n=900, apart=2.0)
    plain = probes(*parts, few=(5,))
    dead = [torch.cat([x * 1000 - 7, torch.full((len(x), 1), 3.0)], 1) for x, _ in parts]
    other = probes(*((d, y) for d, (_, y) in zip(dead, parts, strict=True)), few=(5,))
    assert other.linear == plain.linear
    assert other.neighbours == plain.neighbours
    assert other.units == 4


def test_too_many_labels_are_left_out():
    assert [*probes(*planted(n=90), few=(5, 500)).few] == [5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x * float("nan"), y), "all finite"),
        (lambda x, y: (x, y[:-1]), "as many of both"),
        (lambda x, y: (x * 0, y), "all codes are the same"),
        (lambda x, y: (x, y * 0), "1 class; 2 or more"),
    ],
)
def test_what_cannot_be_read_is_refused(change, words):
    parts = [change(*part) for part in planted(n=90)]
    with pytest.raises(Refused, match=words):
        probes(*parts)


def test_unseen_classes_are_refused():
    first, second, third = planted(n=90)
    with pytest.raises(Refused, match="test rows have classes"):
        probes(first, second, (third[0], third[1] + 5))
