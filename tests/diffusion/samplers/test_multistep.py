"""Integrals by quadrature, and polynomials that must come out exactly."""

import math

import pytest
import torch

from genus.diffusion.samplers.multistep import FEW, bh1, bh2, psi, shares

U = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000


def weights(h):
    return h * (-h * (1 - U)).exp()


@pytest.mark.parametrize("h", [1e-3, 0.3, FEW - 1e-9, FEW, 1.7, 6.0])
def test_psi_is_the_integral(h):
    wanted = [(weights(h) * U**k).mean().item() for k in range(4)]
    assert psi(h, 3) == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("h", [0.01, 0.4, 2.5])
@pytest.mark.parametrize("places", [(-1.3,), (-0.7, 1.0), (-2.1, -0.9, 1.0)])
def test_polynomials_are_integrated_exactly(h, places):
    """Of the degree that so many places allow, and of no higher one."""
    for degree in range(len(places) + 2):

        def guess(u, degree=degree):
            return (0.4 + u) ** degree

        found = guess(0.0)
        for share, r in zip(shares(h, places), places, strict=True):
            found += share * (guess(r) - guess(0.0))
        truth = ((weights(h) * guess(U)).mean() / psi(h, 0)[0]).item()
        if degree <= len(places):
            assert found == pytest.approx(truth, rel=1e-7)
        else:
            assert abs(found - truth) > 1e-3


def test_a_growth_stands_for_the_integral_to_first_order():
    for growth in (bh1, bh2):
        for h in (0.1, 0.05):
            found, exact = shares(h, (-1.0,), growth)[0], shares(h, (-1.0,))[0]
            assert abs(found - exact) < h / 2
    assert shares(0.2, (-1.0,), bh2)[0] == pytest.approx(-0.5)
    assert shares(0.2, (-1.0,), bh1)[0] == pytest.approx(-0.1 / -math.expm1(-0.2))
    assert shares(0.2, ()) == []
