"""Splines: against autograd, a published implementation's knots by hand, and their own inverse."""

import pytest
import torch

from genus.flow.splines import Knots, knots, spline, spline_inverse


def raw(rows, features, bins, scale=1.0, circular=False):
    return scale * torch.randn(rows, features, 3 * bins - (0 if circular else 1))


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def test_zeros_are_the_identity():
    x = torch.linspace(-5, 5, 101)[:, None]
    y, log_slope = spline(x, knots(torch.zeros(101, 1, 23), 3.0))
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("circular", [False, True])
def test_slope_is_the_derivative(circular):
    at = knots(raw(200, 3, 5, 2.0, circular), 2.0, circular)
    x = (6 * torch.rand(200, 3) - 3).requires_grad_()
    y, log_slope = spline(x, at)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope.exp(), slope)
    assert (slope > 0).all()


def test_knots_are_met_and_joined_smoothly():
    at = knots(raw(1, 1, 4), 3.0)
    middle = Knots(*(column.expand(5, 1, 5) for column in at))
    y, log_slope = spline(at.x[0, 0][:, None], middle)
    torch.testing.assert_close(y[:, 0], at.y[0, 0])
    torch.testing.assert_close(log_slope[:, 0].exp(), at.slope[0, 0])
    for side in (-1e-9, 1e-9):
        near = spline(at.x[0, 0][:, None] + side, middle)
        torch.testing.assert_close(near[0], y, rtol=0, atol=1e-7)
        torch.testing.assert_close(near[1], log_slope, rtol=0, atol=1e-5)


def test_between_two_knots_it_is_the_formula():
    """One bin from (0, 0), slope 2, to (2, 1), slope 1/2, at u = 1/4, worked out by hand."""
    at = Knots(torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 0.5]]))
    y, log_slope = spline(torch.tensor([0.5]), at)
    below = 0.5 + 1.5 * 3 / 16
    assert y.item() == pytest.approx((0.5 / 16 + 2 * 3 / 16) / below)
    assert log_slope.exp().item() == pytest.approx(
        0.25 * (0.5 / 16 + 3 / 16 + 2 * 9 / 16) / below**2
    )


@pytest.mark.parametrize("circular", [False, True])
def test_inverse(circular):
    at = knots(raw(500, 2, 8, 3.0, circular), 4.0, circular)
    x = 12 * torch.rand(500, 2) - 6
    y, up = spline(x, at)
    back, same = spline_inverse(y, at)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-7)
    torch.testing.assert_close(same, up, rtol=0, atol=1e-5)


def test_the_ends_of_a_circle_have_one_slope():
    at = knots(raw(7, 2, 5, circular=True), 3.0, circular=True)
    assert torch.equal(at.slope[..., 0], at.slope[..., -1])
    assert at.x.shape == at.y.shape == at.slope.shape == (7, 2, 6)


@pytest.mark.parametrize(("scale", "worst"), [(1.0, 1e-4), (10.0, 1e-2), (30.0, 1e-2)])
def test_strong_splines_stay_finite_in_single_precision(scale, worst):
    """What peers fail on: negative discriminants, inputs at and beyond the ends, unused branches."""
    at = knots(raw(20000, 1, 16, scale).float(), 3.0)
    y = torch.cat([7 * torch.rand(19998, 1) - 3.5, torch.tensor([[-3.0], [3.0]])]).float()
    y = y.requires_grad_()
    x, log_slope = spline_inverse(y, at)
    (x.sum() + log_slope.sum()).backward()
    assert x.isfinite().all()
    assert log_slope.isfinite().all()
    assert y.grad.isfinite().all()
    assert (spline(x.detach(), at)[0] - y).abs().max() < worst


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_inverse_in_single_precision_is_that_of_a_neighbour(scale):
    """x lies between the exact inverses of y, moved by its own rounding to either side."""
    at = knots(raw(20000, 1, 16, scale).float(), 3.0)
    exact = Knots(*(column.double() for column in at))
    y = (6 * torch.rand(20000, 1) - 3).float()
    x = spline_inverse(y, at)[0]
    assert x.dtype == torch.float32
    low = spline_inverse(y.double() - 1e-6, exact)[0] - 1e-6
    high = spline_inverse(y.double() + 1e-6, exact)[0] + 1e-6
    assert ((x >= low) & (x <= high)).all()


def test_gradients_of_parameters_are_finite_far_outside():
    free = raw(4, 1, 5).requires_grad_()
    y, log_slope = spline(torch.tensor([[-1e30], [1e30], [3.0], [-3.0]]), knots(free, 3.0))
    (y.sum() + log_slope.sum()).backward()
    assert free.grad.isfinite().all()


def test_refusals():
    with pytest.raises(ValueError, match="raw has 13 numbers; 3 bins - 1 are wanted"):
        knots(torch.zeros(1, 13), 1.0)
    with pytest.raises(ValueError, match="raw has 14 numbers; 3 bins are wanted"):
        knots(torch.zeros(1, 14), 1.0, circular=True)
