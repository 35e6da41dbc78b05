"""One Gaussian for two bumps: the minimisers, against moments and another optimiser."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm

from genus.functional.densities.divergences import DIVERGENCES
from genus.laboratory.kl import NAMES, Bumps, divergence, fit, kl

P = Bumps(3.0, 0.7, 0.8)
FITS = {}


def fitted(name):
    if name not in FITS:
        torch.set_num_threads(1)
        FITS[name] = fit(DIVERGENCES[name], P)
    return FITS[name]


def density(x):
    return 0.8 * norm.pdf(x, -1.5, 0.7) + 0.2 * norm.pdf(x, 1.5, 0.7)


INTEGRANDS = {
    "kl": lambda p, q: p * math.log(p / q),
    "reverse_kl": lambda p, q: q * math.log(q / p),
    "hellinger": lambda p, q: (math.sqrt(p) - math.sqrt(q)) ** 2,
    "pearson": lambda p, q: (p - q) ** 2 / q,
    "neyman": lambda p, q: (p - q) ** 2 / p,
    "jensen_shannon": lambda p, q: p * math.log(2 * p / (p + q)) + q * math.log(2 * q / (p + q)),
}


def test_all_that_the_library_offers_is_here():
    assert {*NAMES} == {*DIVERGENCES} - {"f_gan"}  # f_gan is Jensen-Shannon and a constant


@pytest.mark.parametrize("name", NAMES)
def test_values_by_another_quadrature(name):
    mean, std, value = fitted(name)
    direct = quad(lambda x: INTEGRANDS[name](density(x), norm.pdf(x, mean, std)), -8, 8, limit=400)
    assert value == pytest.approx(direct[0], abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_no_other_normal_is_better(name):
    found, x = fitted(name), P.lattice(2001)

    def value(w):
        std = torch.tensor(max(w[1], 0.1), dtype=torch.float64)
        return float(divergence(DIVERGENCES[name], P, x, torch.tensor(w[0]), std))

    for start in ((-1.5, 0.7), (-0.9, 1.4), (1.5, 0.7)):
        other = minimize(
            value, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10}
        )
        assert found.value <= other.fun + 1e-6
        if other.fun < found.value + 1e-6:
            assert np.allclose(other.x, found[:2], atol=2e-4)


def test_forward_covers_and_reverse_picks():
    forward, reverse = fitted("kl"), fitted("reverse_kl")
    assert forward.mean == pytest.approx(-0.9, abs=1e-7)  # the data's own moments
    assert forward.std == pytest.approx(math.sqrt(0.49 + 0.16 * 9), abs=1e-7)
    assert abs(reverse.mean + 1.5) < 0.1
    assert abs(reverse.std - 0.7) < 0.1
    far = fit(DIVERGENCES["reverse_kl"], Bumps(6.0, 0.6, 0.7))
    assert far.value == pytest.approx(-math.log(0.7), abs=1e-4)  # one bump, exactly


def test_bumps_far_apart_are_still_covered():
    far = fit(DIVERGENCES["kl"], Bumps(20.0, 0.5, 0.8))  # one bump is e^-800 under the other
    assert far.mean == pytest.approx(-6, abs=1e-6)
    assert far.std == pytest.approx(math.sqrt(0.25 + 0.16 * 400), abs=1e-6)
    picked = fit(DIVERGENCES["reverse_kl"], Bumps(20.0, 0.5, 0.8))
    assert picked == pytest.approx((-10, 0.5, -math.log(0.8)), abs=1e-6)


def test_a_mirrored_mixture_has_a_mirrored_fit():
    ours, theirs = fitted("reverse_kl"), fit(DIVERGENCES["reverse_kl"], Bumps(3.0, 0.7, 0.2))
    assert theirs.mean == pytest.approx(-ours.mean, abs=1e-7)
    assert theirs.std == pytest.approx(ours.std, abs=1e-7)


def test_the_sentence_is_computed():
    said = kl().sentence
    assert "Pearson χ², forward KL, Jensen-Shannon and Hellinger cover both bumps" in said
    assert "reverse KL and Neyman χ² pick one" in said
    near = kl(gap=1.0, std=0.7, share=0.5)  # hardly two bumps: one normal will do for all
    assert "none picks one" in near.sentence


def test_options_are_checked():
    with pytest.raises(
        ValueError, match=r"kl: std is 0.01; at least a fortieth of the gap, 0.075,"
    ):
        kl(std=0.01)
    with pytest.raises(ValueError, match="kl: share is 1; a number between 0 and 1 is wanted"):
        kl(share=1)
    with pytest.raises(ValueError, match="kl: gap is 0; a number above 0 is wanted"):
        kl(gap=0)
