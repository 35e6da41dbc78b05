"""What a network predicts, and x0hat from its output, are one another's inverses."""

from dataclasses import dataclass

import pytest
import torch

from genus.functional.diffusion.parametrisations import (
    Epsilon,
    Preconditioned,
    Score,
    Slope,
    Start,
    Velocity,
)
from genus.functional.diffusion.paths import VP, Cosine, LinearVE, Straight, SubVP

ALL = [Epsilon(), Start(), Velocity(), Slope(), Score(), Preconditioned(), Preconditioned(1.3)]
PATHS = [VP(), SubVP(), Cosine(), LinearVE(), Straight()]


def a_right_answer_gives_the_data_back(kind, path):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    t = path.first + (0.95 - path.first) * torch.rand(7)
    x, eps = torch.randn(7, 2, 3), torch.randn(7, 2, 3)
    alpha, sigma = (f(t).view(-1, 1, 1) for f in (path.alpha, path.sigma))
    noisy = alpha * x + sigma * eps
    start = kind.start(kind.target(x, eps, alpha, sigma), noisy, alpha, sigma)
    torch.testing.assert_close(start, x)


@pytest.mark.parametrize("kind", ALL, ids=str)
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_right_answer_gives_the_data_back(kind, path):
    a_right_answer_gives_the_data_back(kind, path)


def test_edms_coefficients():
    """Of the paper's table 1, at sigma 2 with data of deviation 0.5, where alpha is 1."""
    kind, d, s = Preconditioned(0.5), 0.5, 2.0
    x, out = torch.tensor([[0.7]]), torch.tensor([[-0.3]])
    one, sigma = torch.ones(1, 1), torch.tensor([[s]])
    skip, c_out = d**2 / (s**2 + d**2), s * d / (s**2 + d**2) ** 0.5
    c_in = 1 / (s**2 + d**2) ** 0.5
    torch.testing.assert_close(kind.start(out, x, one, sigma), skip * x + c_out * out)
    shown = kind.network_input(x, torch.zeros(1), one, sigma)
    torch.testing.assert_close(shown.x, c_in * x)
    torch.testing.assert_close(shown.t, torch.tensor([s]).log() / 4)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_what_edm_shows_and_wants_has_variance_one(path):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    kind = Preconditioned(0.7)
    x, eps = 0.7 * torch.randn(200_000, 1), torch.randn(200_000, 1)
    t = torch.tensor([0.3])
    alpha, sigma = path.alpha(t)[:, None], path.sigma(t)[:, None]
    shown = kind.network_input(alpha * x + sigma * eps, t, alpha, sigma).x
    for values in (shown, kind.target(x, eps, alpha, sigma)):
        assert (values.var() - 1).abs() < 5 * (2 / len(x)) ** 0.5


def test_v_is_the_slope_on_a_circle():
    """dx_t / d angle = alpha eps - sigma x_0, where alpha and sigma are a cosine and a sine."""
    x, eps = torch.tensor(0.3), torch.tensor(-1.2)
    angle = torch.tensor(0.8, requires_grad=True)
    (slope,) = torch.autograd.grad(angle.cos() * x + angle.sin() * eps, angle)
    torch.testing.assert_close(Velocity().target(x, eps, angle.cos(), angle.sin()), slope)


def test_the_score_is_a_gradient():
    x, eps = torch.tensor([0.3]), torch.tensor([-1.2])
    alpha, sigma = torch.tensor([0.6]), torch.tensor([0.9])
    noisy = (alpha * x + sigma * eps).requires_grad_()
    q = torch.distributions.Normal(alpha * x, sigma)
    (score,) = torch.autograd.grad(q.log_prob(noisy).sum(), noisy)
    torch.testing.assert_close(Score().target(x, eps, alpha, sigma) / sigma, score)


def test_deviations_are_above_zero():
    with pytest.raises(ValueError, match="Preconditioned: deviation is 0"):
        Preconditioned(0.0)


# --- a liar -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SwapsItsSigns(Velocity):
    def start(self, out, x, alpha, sigma):
        return super().start(-out, x, alpha, sigma)


def test_the_law_bites():
    with pytest.raises(AssertionError):
        a_right_answer_gives_the_data_back(SwapsItsSigns(), VP())
