"""The best critic: optimal, and what a trained one has of it."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from genus.functional.adversarial.objectives import OBJECTIVES
from genus.laboratory.critic import LINE, PLANE, calibration, critic, cumulative, potential

X = torch.linspace(-8, 8, 6401, dtype=torch.float64)


def densities(x):
    return [toy.log_prob(x[:, None]).exp() for toy in LINE]


def loss(logit):
    """The logistic critic's loss on the line, by the library's own objective, as a sum."""
    p, q = densities(X)
    game = OBJECTIVES["minimax"]
    terms = torch.vmap(lambda f: game.critic(f, f))(logit[:, None])
    real, fake = terms["real"], terms["fake"]
    return float((p * real + q * fake).sum() * (X[1] - X[0]))


def test_the_logit_is_the_best():
    best = LINE.logit(X[:, None])
    p, q = densities(X)
    inside = (p > 1e-12) & (q > 1e-12)
    assert torch.allclose(torch.sigmoid(best)[inside], (p / (p + q))[inside], rtol=1e-9)
    least = loss(best)
    for change in (X.sin(), 0.1 * X, torch.ones_like(X), -best.clamp(-5, 5)):
        assert loss(best + 0.05 * change) > least
        assert loss(best - 0.05 * change) > least


def test_cumulative_functions_are_integrals():
    for toy in LINE:
        told = cumulative(toy, torch.tensor([-1.0, 0.4, 2.0]))
        for x, value in zip((-1.0, 0.4, 2.0), told, strict=True):
            area = quad(
                lambda t, toy=toy: float(toy.log_prob(torch.tensor([[t]]).double()).exp()), -9, x
            )
            assert float(value) == pytest.approx(area[0], abs=1e-6)


def test_the_potential_reaches_w1_with_slope_one():
    value, w1 = potential(LINE, X)
    p, q = densities(X)
    step = X[1] - X[0]
    assert float(((p - q) * value).sum() * step) == pytest.approx(w1, abs=1e-3)
    assert float((value.diff() / step).abs().max()) <= 1 + 1e-9
    # and W1 is the mean gap of sorted rows
    real, fake = (rows[:, 0].double().sort().values for rows in LINE.draw(100_000))
    error = (real.std() ** 2 + fake.std() ** 2) ** 0.5 / 100_000**0.5
    assert abs(float((real - fake).abs().mean()) - w1) < 5 * float(error)


def test_fresh_rows_are_of_their_densities():
    for pair in (LINE, PLANE):
        for toy, rows in zip(pair, pair.draw(20_000), strict=True):
            surprise = -toy.log_prob(rows.double())
            assert (
                abs(float(surprise.mean()) - toy.entropy) < 5 * float(surprise.std()) / 20_000**0.5
            )


def test_the_best_critic_is_calibrated_and_a_bold_one_is_not():
    class Exact(torch.nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def forward(self, x):
            return self.scale * LINE.logit(x)[:, None]

    honest, bold = (calibration(LINE, Exact(scale)) for scale in (1.0, 3.0))
    assert np.abs(honest[:, 0] - honest[:, 1]).max() < 0.03
    assert np.abs(bold[:, 0] - bold[:, 1]).max() > 0.1


def test_a_trained_critic_comes_near():
    outcome = critic(rounds=300)
    errors = outcome.arrays["line/errors"]
    assert errors[0, 1] > 0.6
    assert errors[-1, 1] < 0.25
    gap = np.abs(outcome.arrays["line/calibration"] @ [1, -1]).max()
    assert gap < 0.12
    learnt, best = (outcome.arrays[f"wasserstein/{name}"] for name in ("learnt", "best"))
    assert np.corrcoef(learnt, best)[0, 1] > 0.9


def test_options_are_checked():
    with pytest.raises(ValueError, match="critic: rounds is 9; at least 10 is wanted"):
        critic(rounds=9)
