"""Scales and fields of records."""

import pytest
import torch

from genus.core import Category, Grid, Real, Records, Scale, There

SCALES = [
    Scale(3.0, 2.0),
    Scale(0.5, 1.5, "log", 1.0, 2.0),
    Scale(-0.2, 0.7, "logit", -1.0, 4.0),
    Scale(0.3, 1.1, "asinh", 5.0, 0.2),
    Scale(0.1, -0.8, "log", 3.0, -1.0),
]


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_is_undone_and_knows_its_slope(scale):
    z = torch.linspace(-3, 3, 41, dtype=torch.float64)
    v = scale.undo(z).requires_grad_()
    again = scale.apply(v)
    torch.testing.assert_close(again, z)
    (slope,) = torch.autograd.grad(again.sum(), v)
    torch.testing.assert_close(slope.log(), scale.log_slope(z))
    assert (v.diff() > 0).all()


def test_seconds_since_1970_keep_their_differences():
    scale = Scale(1.7e9, 3.0e7)
    grid = Grid(1.0, scale)
    seconds = torch.arange(1_700_000_000, 1_700_000_050, dtype=torch.float64)
    assert torch.equal(grid.values(scale.apply(seconds)), seconds)


def test_bins_meet_and_their_ends_are_open():
    grid = Grid(0.5, Scale(1.0, 2.0, "asinh", 0.0, 1.0), 0.0, 3.0)
    v = torch.arange(0, 3.5, 0.5, dtype=torch.float64)
    centre, half, first, last = grid.edges(grid.scale.apply(v))
    torch.testing.assert_close((centre + half)[:-1], (centre - half)[1:])
    assert first.tolist() == [True] + [False] * 6
    assert last.tolist() == [False] * 6 + [True]


def test_faults():
    space = Records((Category(2), Real(There(0, 1)), Grid(1.0, Scale())))
    good = torch.tensor([[0.0, 0.0, 2.0], [1.0, 0.3, -1.0]])
    assert space.fault(good) is None
    assert "not finite" in space.fault(torch.tensor([[0.0, 0.0, torch.inf]]))
    assert "categories outside 0 .. 1 in field 0" in space.fault(torch.tensor([[2.0, 0.0, 0.0]]))
    assert "where it is not there" in space.fault(torch.tensor([[0.0, 0.5, 0.0]]))
    assert space.fault(space.quantise(torch.randn(50, 3) * 3)) is None
    assert space.features(good).shape == (2, 4)
    with pytest.raises(ValueError, match="is there by field 0, which is no earlier category"):
        Records((Real(), Real(There(0, 1))))
    with pytest.raises(ValueError, match="fields is 0"):
        Records(())
