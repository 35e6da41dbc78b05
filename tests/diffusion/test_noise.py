import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from genus.diffusion.noise import (
    CosineSchedule,
    LinearSchedule,
    SigmoidSchedule,
    alpha_bars,
    back_variance,
    posterior,
)

SCHEDULES = [
    LinearSchedule(),
    CosineSchedule(),
    CosineSchedule(0.15),
    SigmoidSchedule(),
    SigmoidSchedule(-3.0, 3.0, 0.7),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("steps", [1, 5, 50, 1000])
def test_betas_are_small_steps_of_float64(schedule, steps):
    betas = schedule(steps)
    assert betas.shape == (steps,)
    assert betas.dtype == torch.float64
    assert (betas > 0).all()
    assert (betas <= 0.999).all()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("steps", [50, 1000])
def test_noise_only_grows_until_little_is_left(schedule, steps):
    abar = alpha_bars(schedule(steps))
    assert abar[0] == 1
    assert (abar.diff() < 0).all()
    assert 0 < abar[-1] < 1e-4


def test_linear_is_the_papers():
    betas = LinearSchedule()(1000)
    assert betas[0] == pytest.approx(1e-4)
    assert betas[-1] == pytest.approx(0.02)
    assert betas.sum() == pytest.approx(1000 * (1e-4 + 0.02) / 2)


def test_linear_keeps_the_whole_noise_over_any_number_of_steps():
    assert LinearSchedule()(100).sum() == pytest.approx(LinearSchedule()(1000).sum())


def test_cosine_is_the_papers_away_from_its_end():
    abar = alpha_bars(CosineSchedule()(1000))
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(1000)]
    torch.testing.assert_close(abar[:-1], torch.tensor(f, dtype=torch.float64) / f[0])


def test_a_schedule_wants_steps():
    with pytest.raises(ValueError, match="steps is 0"):
        CosineSchedule()(0)


@pytest.mark.parametrize(("s", "t"), [(4, 5), (1, 5), (0, 3), (2, 9)])
def test_posterior_by_conditioning_the_whole_chain(s, t):
    """x_0 .. x_9 given x_0 is one normal vector: its covariance is a product of matrices."""
    betas = torch.linspace(0.05, 0.4, 9, dtype=torch.float64)
    abar = alpha_bars(betas)
    # x = A noise with x_0 = noise_0: row k is sqrt(1 - beta_k) row (k - 1), and sqrt(beta_k) new
    rows = torch.zeros(10, 10, dtype=torch.float64)
    rows[0, 0] = 1
    for k in range(1, 10):
        rows[k] = (1 - betas[k - 1]).sqrt() * rows[k - 1]
        rows[k, k] = betas[k - 1].sqrt()
    joint = rows @ rows.T  # of x_0 .. x_9 with x_0 ~ N(0, 1)
    given = [0, t]
    gain = joint[s, given] @ joint[given][:, given].inverse()
    variance = joint[s, s] - gain @ joint[given, s]
    claimed = posterior(abar[s], abar[t])
    assert claimed.variance.item() == pytest.approx(variance.item(), abs=1e-12)
    assert claimed.on_start.item() == pytest.approx(gain[0].item(), abs=1e-12)
    assert claimed.on_noisy.item() == pytest.approx(gain[1].item(), abs=1e-12)


def test_posterior_by_bayes():
    """q(x_s | x_t, x_0) q(x_t | x_0) = q(x_t | x_s) q(x_s | x_0)."""
    a, b = torch.tensor([0.8, 0.3], dtype=torch.float64)  # abar at s and at t
    start, xs, xt = torch.randn(3, 1, dtype=torch.float64)
    q = posterior(a, b)

    def log_normal(x, mean, variance):
        return MultivariateNormal(mean, torch.eye(1, dtype=x.dtype) * variance).log_prob(x)

    left = log_normal(xs, q.on_start * start + q.on_noisy * xt, q.variance)
    left = left + log_normal(xt, b**0.5 * start, 1 - b)
    right = log_normal(xt, (b / a) ** 0.5 * xs, 1 - b / a) + log_normal(xs, a**0.5 * start, 1 - a)
    torch.testing.assert_close(left, right)


def test_back_variances_lie_between_their_bounds():
    betas = CosineSchedule()(50)
    abar = alpha_bars(betas)
    lower, middle, upper = (back_variance(abar[1:-1], abar[2:], share) for share in (0.0, 0.5, 1.0))
    torch.testing.assert_close(lower, posterior(abar[1:-1], abar[2:]).variance)
    torch.testing.assert_close(upper, betas[1:])
    torch.testing.assert_close(middle, (lower * upper).sqrt())
