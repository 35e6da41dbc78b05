"""Paths against autograd and against the equations of the processes that they come from."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch.distributions import Normal

from genus.diffusion import noise
from genus.diffusion.noise import ChainPath
from genus.functional.diffusion.paths import VE, VP, Cosine, LinearVE, Sigmoid, Straight, SubVP

PATHS = [
    VP(),
    VP(1.0, 5.0),
    SubVP(),
    Cosine(),
    Sigmoid(),
    Sigmoid(-2.0, 4.0, 0.7),
    VE(),
    LinearVE(),
    Straight(),
    ChainPath(noise.LinearSchedule()(50)),
    ChainPath(noise.CosineSchedule()(100)),
]
named = pytest.mark.parametrize("path", PATHS, ids=lambda p: type(p).__name__)


def times(path, count=40):
    """Between the ends, and between the knots of a chain."""
    torch.set_default_dtype(torch.float64)
    share = (torch.arange(count) + 0.37) / count
    return path.first + (path.last - path.first) * share


def slope(f, t):
    """df/dt, one number for each t."""
    t = t.clone().requires_grad_()
    y = f(t)
    if not y.requires_grad:
        return torch.zeros_like(t)
    return torch.autograd.grad(y.sum(), t)[0]


def rates_are_slopes(path):
    t = times(path)
    alpha, sigma = path.rates(t)
    torch.testing.assert_close(alpha, slope(path.alpha, t))
    torch.testing.assert_close(sigma, slope(path.sigma, t))


def time_undoes_log_snr(path):
    t = times(path)
    torch.testing.assert_close(path.time(path.log_snr(t)), t)
    exact = path.alpha(t).log() - path.sigma(t).log()
    torch.testing.assert_close(path.log_snr(t), exact)


def noise_grows(path):
    t = times(path)
    assert (path.log_snr(t).diff() < 0).all()
    ends = torch.tensor([path.first, path.last])
    alpha, sigma = path.alpha(ends), path.sigma(ends)
    assert alpha[0] > 0.98
    assert sigma[0] < 0.15
    assert sigma[1] > 4 * alpha[1]
    assert path.spread == pytest.approx(math.hypot(alpha[1], sigma[1]))


@named
def test_rates_are_slopes(path):
    rates_are_slopes(path)


@named
def test_time_undoes_log_snr(path):
    time_undoes_log_snr(path)


@named
def test_noise_grows(path):
    times(path)
    noise_grows(path)


@pytest.mark.parametrize(
    ("path", "rate"),
    [
        (VP(), lambda p, t: p.beta(t)),
        (SubVP(), lambda p, t: p.beta(t) * -torch.expm1(-2 * p.total(t))),
        (VE(), lambda p, t: slope(lambda u: p.sigma(u) ** 2, t)),
    ],
    ids=lambda p: type(p).__name__,
)
def test_a_path_is_the_solution_of_its_equation(path, rate):
    """dx = f x dt + g dw has alpha' = f alpha and (sigma^2)' = 2 f sigma^2 + g^2: Song et al., 30-32."""
    t = times(path)
    alpha, sigma = path.rates(t)
    drift = alpha / path.alpha(t)
    if not isinstance(path, VE):
        torch.testing.assert_close(drift, -path.beta(t) / 2)
    squared = 2 * path.sigma(t) * sigma - 2 * drift * path.sigma(t) ** 2
    torch.testing.assert_close(squared, rate(path, t))


def test_a_chain_is_itself_at_its_times():
    betas = noise.LinearSchedule()(20)
    path, abar = ChainPath(betas), noise.alpha_bars(betas)
    t = torch.arange(1, 21, dtype=torch.float64) / 20
    torch.testing.assert_close(path.alpha(t), abar[1:].sqrt())
    torch.testing.assert_close(path.sigma(t), (1 - abar[1:]).sqrt())
    assert path.falling(torch.tensor([1.0, 0.96, 0.9, 0.51, 0.0])) == [1.0, 0.95, 0.9, 0.5, 0.05]


def test_straight_ends_in_noise_alone():
    end = torch.ones(1, dtype=torch.float64)
    assert Straight().alpha(end) == 0
    assert Straight().spread == 1


def test_edms_noise_in_its_own_units():
    path = LinearVE(0.002, 80.0)
    sigma = torch.tensor([0.002, 0.5, 80.0], dtype=torch.float64)
    torch.testing.assert_close(path.sigma(path.time(-sigma.log())), sigma)
    assert path.first == pytest.approx(0.002 / 80)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VP(first=0.0), "VP: first is 0.0"),
        (lambda: Straight(1.5), "Straight: first is 1.5"),
        (lambda: VP(2.0, 1.0), "VP: least is 2.0, most 1.0"),
        (lambda: VE(3.0, 2.0), "VE: least is 3.0"),
        (lambda: LinearVE(0.0), "LinearVE: least is 0.0"),
        (lambda: Sigmoid(1.0, 0.0), "Sigmoid: start is 1.0"),
    ],
)
def test_a_path_says_what_it_wants(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# --- liars ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ForgetsTheHalf(VP):
    def rates(self, t):
        alpha, sigma = super().rates(t)
        return 2 * alpha, sigma


@dataclass(frozen=True)
class TurnsTimeRound(Straight):
    def time(self, log_snr):
        return 1 - super().time(log_snr)


@pytest.mark.parametrize(
    ("path", "law"), [(ForgetsTheHalf(), rates_are_slopes), (TurnsTimeRound(), time_undoes_log_snr)]
)
def test_laws_of_paths_bite(path, law):
    with pytest.raises(AssertionError):
        law(path)


def test_noise_of_a_path_is_what_it_says():
    """Drawn, not computed: x_t of one x_0 has mean alpha x_0 and deviation sigma."""
    torch.manual_seed(0)
    path, t = SubVP(), torch.tensor(0.4, dtype=torch.float64)
    steps = 4000  # of the equation itself, forwards
    x, dt = torch.full((5000,), 1.3, dtype=torch.float64), 0.4 / steps
    for k in range(steps):
        now = torch.tensor((k + 0.5) * dt, dtype=torch.float64)
        beta = path.beta(now)
        g = (beta * -torch.expm1(-2 * path.total(now))).sqrt()
        x = x - beta / 2 * x * dt + g * math.sqrt(dt) * torch.randn_like(x)
    truth = Normal(1.3 * path.alpha(t), path.sigma(t))
    assert (x.mean() - truth.mean).abs() < 5 * truth.stddev / len(x) ** 0.5 + 1e-3
    assert (x.std() / truth.stddev - 1).abs() < 5 / (2 * len(x)) ** 0.5 + 1e-3
