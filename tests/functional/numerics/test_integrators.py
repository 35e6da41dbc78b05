"""Integrators: linear equations have closed forms, and each method the order that it claims."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from genus.functional.numerics.integrators import (
    ERRORS,
    FIFTH,
    PAIR,
    RK4,
    Counted,
    DormandPrince,
    Euler,
    HeunIntegrator,
    Midpoint,
    Tableau,
    advance,
    weigh,
)

ORDERS = {Euler: 1, Midpoint: 2, HeunIntegrator: 2, RK4: 4}


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def bent(t, y):
    """dy/dt = -2 t y^2 + cos t y: nothing of it is linear, and its time counts."""
    return -2 * t[:, None] * y.square() + t[:, None].cos() * y


def measured_order(solver_of_steps, steps):
    """By how much the error falls, per halving of the steps."""
    y = torch.tensor([[0.5], [1.0]])
    truth = DormandPrince(1e-13, 1e-13)(bent, y, 0.0, 1.5)
    errors = [
        (solver_of_steps(n)(bent, y, 0.0, 1.5) - truth).abs().max() for n in (steps, 2 * steps)
    ]
    return torch.log2(errors[0] / errors[1]).item()


def order_is_the_claimed(kind, order):
    assert measured_order(kind, 64) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("kind", ORDERS)
def test_measured_order(kind):
    order_is_the_claimed(kind, ORDERS[kind])


@dataclass(frozen=True)
class Liar(RK4):
    """RK4 with two weights exchanged: consistent, but of order one."""

    tableau: ClassVar[Tableau] = Tableau(
        RK4.tableau.nodes, RK4.tableau.slopes, (1 / 3, 1 / 6, 1 / 3, 1 / 6)
    )


def test_the_order_law_bites():
    with pytest.raises(AssertionError):
        order_is_the_claimed(Liar, 4)


def test_dormand_prince_is_of_order_five_with_four_inside():
    """One step of h and h / 2: the local errors fall by 2^6, those of the difference by 2^5."""

    def faults(h):
        y, t = (torch.ones(1, 1),), torch.tensor([1.0])
        ks = PAIR.stages(lambda t, s: (bent(t, s[0]),), t, torch.tensor([h]), y)
        (new,) = advance(y, torch.tensor([h]), ks, FIFTH)
        truth = RK4(1000)(bent, y[0], 1.0, 1.0 + h)
        return (new - truth).abs().item(), h * weigh([k[0] for k in ks], ERRORS).abs().item()

    (far, apart), (near, close) = faults(0.05), faults(0.025)
    assert math.log2(far / near) == pytest.approx(6, abs=0.6)
    assert math.log2(apart / close) == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize(
    "solver", [RK4(200), DormandPrince(1e-10, 1e-10), DormandPrince(1e-10, 1e-10, True)]
)
def test_linear_equations_there_and_back(solver):
    matrix = torch.randn(3, 3)

    def field(t, y):
        return y @ matrix.T

    y = torch.randn(5, 3)
    there = solver(field, y, 0.2, 1.7)
    torch.testing.assert_close(there, y @ torch.matrix_exp(1.5 * matrix).T, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(solver(field, there, 1.7, 0.2), y, rtol=1e-6, atol=1e-6)
    assert torch.equal(solver(field, y, 0.4, 0.4), y)


@pytest.mark.parametrize(
    "solver", [HeunIntegrator(300), DormandPrince(1e-9, 1e-9), DormandPrince(1e-9, 1e-9, True)]
)
def test_states_of_several_tensors(solver):
    """dx/dt = t x, da/dt = |x|^2, of different shapes; both have closed forms."""
    x, a = torch.randn(4, 2, 3), torch.zeros(4)
    end, area = solver(
        lambda t, s: (t[:, None, None] * s[0], s[0].square().flatten(1).sum(1)), (x, a), 0.0, 1.0
    )
    torch.testing.assert_close(end, x * math.exp(0.5), rtol=1e-5, atol=1e-5)
    grown = torch.linspace(0, 1, 2001).square().exp()
    integral = torch.trapezoid(grown, dx=1 / 2000)
    torch.testing.assert_close(area, x.square().flatten(1).sum(1) * integral, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-7, 1e-10])
def test_tolerance_is_kept_and_is_what_costs(tolerance):
    y = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    counted = Counted(lambda t, y: 6 * y @ turn)
    end = DormandPrince(tolerance, tolerance)(counted, y, 0.0, 1.0)
    error = (end - y @ torch.matrix_exp(6 * turn)).abs().max().item()
    assert error < 30 * tolerance  # errors of some ten steps add up
    loose = Counted(counted.f)
    DormandPrince(100 * tolerance, 100 * tolerance)(loose, y, 0.0, 1.0)
    assert counted.evaluations > loose.evaluations >= 8


def test_steps_follow_what_happens():
    """A short push in a long rest: most evaluations are spent where it is."""
    times = []

    def push(t, y):
        times.append(t.item())
        return (1 / (1 + ((t - 5) / 0.05).square()))[:, None].expand_as(y)

    end = DormandPrince(1e-8, 1e-8)(push, torch.zeros(1, 1), 4.0, 8.0)
    assert end.item() == pytest.approx(0.05 * (math.atan(60) + math.atan(20)), abs=1e-7)
    near = sum(4.7 < t < 5.3 for t in times)
    assert near > 0.5 * len(times)  # in a seventh of the time


def test_alone_rows_do_not_meet():
    """Bit for bit what a row gets by itself; with shared steps they meet, within the tolerance."""
    y = torch.tensor([[0.01], [1.0], [30.0]])
    for alone in (None, True, False):
        solver = DormandPrince(1e-5, 1e-5, alone=alone)
        together = solver(bent, y, 0.0, 1.0)
        apart = torch.cat([solver(bent, row[None], 0.0, 1.0) for row in y])
        assert torch.equal(together, apart) == (alone is not False)
        assert solver.together().alone is bool(alone)
        torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)


def test_the_last_digits_seldom_decide_a_step():
    """As rounding changes them in products of more rows; with steps of any length half of rows move."""
    torch.set_default_dtype(torch.float32)
    y, slope = torch.linspace(0.1, 3.0, 50)[:, None], torch.linspace(0.5, 2.0, 50)[:, None]

    def end(off):
        seen = torch.Generator().manual_seed(0)
        solver = DormandPrince(1e-3, 1e-3)

        def rates(t, y):
            noise = torch.rand(y.shape, generator=seen) - 0.5
            return (8 * t * slope).sin()[:, :1] * y.sin() * (1 + off * noise)

        return solver(rates, y, 0.0, 4.0)

    same = torch.isclose(end(0.0), end(1e-6), rtol=1e-5, atol=1e-5).double().mean()
    assert same > 0.9


def test_only_what_is_judged_decides_the_steps():
    def field(t, s):
        return -s[0], 1e3 * (50 * t).sin().expand_as(s[1])

    y = (torch.ones(1, 1), torch.zeros(1, 1))
    both, first = Counted(field), Counted(field)
    DormandPrince()(both, y, 0.0, 1.0)
    DormandPrince(judged=1)(first, y, 0.0, 1.0)
    assert first.evaluations < both.evaluations / 3


def test_gradients_are_those_of_the_closed_form():
    for solver in (RK4(50), DormandPrince(1e-9, 1e-9), DormandPrince(1e-9, 1e-9, True)):
        y = torch.tensor([[0.3], [2.0]], requires_grad=True)
        rate = torch.tensor(0.7, requires_grad=True)
        end = solver(lambda t, y, rate=rate: rate * y, y, 0.0, 2.0)
        dy, drate = torch.autograd.grad(end.sum(), (y, rate))
        torch.testing.assert_close(dy, torch.full_like(y, math.exp(1.4)), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(drate, 2 * 2.3 * rate.mul(2).exp(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("alone", [True, False])
def test_a_singular_field_is_told_with_its_time(alone):
    """dy/dt = y^2 from 1 is at infinity at t = 1."""
    with pytest.raises(FloatingPointError, match=r"t = (1|1\.0|0\.99)"):
        DormandPrince(alone=alone)(lambda t, y: y.square(), torch.ones(1, 1), 0.0, 2.0)
    with pytest.raises(FloatingPointError, match=r"t = 0\.5"):
        DormandPrince(alone=alone)(
            lambda t, y: torch.where(t[:, None] > 0.5, torch.nan, y), torch.ones(1, 1), 0.0, 1.0
        )


@pytest.mark.parametrize("ends", [(0.0, 1e-3), (1.0, 0.999)])
def test_no_field_is_asked_outside_the_span(ends):
    times = []

    def slow(t, y):
        times.append(t)
        return 1e-6 * y

    DormandPrince()(slow, torch.ones(1, 1), *ends)
    t = torch.cat([one.reshape(-1) for one in times])
    assert min(ends) - 1e-12 <= t.min()
    assert t.max() <= max(ends) + 1e-12


def test_bad_arguments():
    with pytest.raises(ValueError, match="HeunIntegrator: steps is 0"):
        HeunIntegrator(0)
    with pytest.raises(ValueError, match="atol above 0"):
        DormandPrince(atol=0)
