"""Gradients through draws: what is measured is what is known of them."""

import math

import numpy as np
import pytest
import torch

from genus.errors import Refused
from genus.laboratory.latents.reparameterise import (
    DRAWS,
    MEAN,
    OFF,
    SIZES,
    WIDE,
    category_gradient,
    closed_variances,
    parts,
    plot,
    reparameterise,
    snr,
)
from genus.media.style import png, style


@pytest.fixture(scope="module")
def outcome():
    torch.set_num_threads(1)
    return reparameterise(rows=4000)


def test_the_closed_form_of_one_unit_is_an_integral():
    """By Gauss-Hermite quadrature, which is exact for polynomials of this degree."""
    e, weight = np.polynomial.hermite_e.hermegauss(20)
    weight = weight / weight.sum()
    f = 0.5 * (MEAN + e) ** 2
    for found, g in zip(closed_variances(1), (MEAN + e, f * e, (f - weight @ f) * e), strict=True):
        assert weight @ g == pytest.approx(MEAN)
        assert weight @ g**2 - (weight @ g) ** 2 == pytest.approx(found)


def test_what_is_measured_is_near_the_closed_form(outcome):
    assert np.allclose(outcome.arrays["variances"], outcome.arrays["closed"], rtol=0.3)
    assert outcome.arrays["variances"][-1, 1] > 5000
    assert SIZES[-1] == 100


def test_signal_to_noise_of_one_draw_is_known():
    """Of x = z + noise: plain is x - 2 z, and doubly x - 2 m + (1 / variance - 2) e, each in the mean -2 OFF."""
    plain = 2 * OFF / (2 * math.sqrt(WIDE))
    doubly = 2 * OFF / abs((1 / WIDE - 2) * math.sqrt(WIDE))
    torch.manual_seed(0)
    assert snr(1, 20_000, False) == pytest.approx(plain, rel=0.05)
    assert snr(1, 20_000, True) == pytest.approx(doubly, rel=0.05)


def test_plain_signals_drown_and_doubly_reparameterised_ones_do_not(outcome):
    plain, doubly = outcome.arrays["snr"].T
    few = [DRAWS.index(k) for k in (1, 10, 100)]
    assert plain[few[0]] > 2 * plain[few[1]] > 3 * plain[few[2]]
    assert doubly[few[2]] > 2 * doubly[few[0]]
    assert doubly[-1] > doubly[few[2]]


def test_softened_categories_trade_bias_for_noise(outcome):
    for bias, noise in outcome.arrays["softened"].reshape(-1, 2, 2).transpose(1, 2, 0):
        assert bias[0] > bias[2] > bias[4] > 5 * 1 / math.sqrt(4000)
        assert (np.diff(noise) > 0).all()
    bias, noise = outcome.arrays["scores"]
    assert bias < 5 * noise / math.sqrt(4000)


def test_the_gradient_of_a_category_is_a_difference_quotient():
    from genus.laboratory.latents import reparameterise as lab

    def expected(a):
        return sum(p * (v - 0.4) ** 2 for p, v in zip(a.softmax(0), lab.VALUES, strict=True))

    a = torch.tensor(lab.LOGITS, dtype=torch.float64)
    for i, slope in enumerate(category_gradient()):
        step = torch.zeros(4, dtype=torch.float64)
        step[i] = 1e-5
        quotient = (expected(a + step) - expected(a - step)) / 2e-5
        assert slope.item() == pytest.approx(quotient.item(), rel=1e-6)


def test_it_is_pure_drawn_and_checked(outcome):
    torch.manual_seed(5)
    again = reparameterise(rows=4000)
    after = torch.rand(())
    torch.manual_seed(5)
    assert torch.rand(()) == after  # no chance was taken from outside
    assert again.to_json() == outcome.to_json()
    with style():
        assert 10_000 < len(png(plot(outcome))) < 150_000
    assert sum(parts(10_000, 3000)) == 10_000
    with pytest.raises(Refused, match="reparameterise: rows is 5; a number from 200"):
        reparameterise(rows=5)
