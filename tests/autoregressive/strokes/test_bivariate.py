"""Mixtures of bivariate normals, against torch.distributions."""

import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from genus.autoregressive.strokes.bivariate import bivariate, log_bivariate_mixture, sharpened


def some(*shape, k=4):
    torch.manual_seed(1)

    def draw(*more):
        return torch.randn(*shape, *more, dtype=torch.float64)

    return draw(2), draw(k), draw(k, 2), 0.5 * draw(k, 2), draw(k)


def covariance(log_std, tilt):
    rho, (a, b) = tilt.tanh(), log_std.exp().unbind(-1)
    rows = [torch.stack([a * a, rho * a * b], -1), torch.stack([rho * a * b, b * b], -1)]
    return torch.stack(rows, -2)


def test_density_is_torchs():
    x, logits, mean, log_std, tilt = some(5, 3)
    normals = MultivariateNormal(mean, covariance(log_std, tilt))
    truth = MixtureSameFamily(Categorical(logits=logits), normals).log_prob(x)
    torch.testing.assert_close(log_bivariate_mixture(x, logits, mean, log_std, tilt), truth)


def test_an_extreme_tilt_has_a_density_and_a_gradient():
    tilt = torch.tensor([[30.0], [-30.0]], requires_grad=True)
    x, zeros = torch.tensor([[1.0, 1.0], [1.0, -1.0]]), torch.zeros(2, 1, 2)
    score = log_bivariate_mixture(x, torch.zeros(2, 1), zeros, zeros, tilt)
    score.sum().backward()
    assert score.isfinite().all()
    assert (score > 20).all()
    assert tilt.grad is not None
    torch.testing.assert_close(tilt.grad, torch.tensor([[1.0], [-1.0]]))  # d log cosh


def test_points_have_the_covariance():
    _, _, mean, log_std, tilt = (part[0] if part.dim() > 1 else part for part in some(1, k=1))
    z = torch.randn(200_000, 2, dtype=torch.float64)
    x = bivariate(z, mean[0], log_std[0], tilt[0])
    wanted = covariance(log_std, tilt)[0]
    spread = 5 * (wanted.diagonal().outer(wanted.diagonal()) * 2 / len(x)).sqrt()
    assert ((x.T.cov() - wanted).abs() < spread).all()
    assert ((x.mean(0) - mean[0]).abs() < 5 * x.std(0) / len(x) ** 0.5).all()


def test_bias_and_temperature():
    logits, log_std = torch.tensor([1.0, 2.0]), torch.tensor([[0.0, 1.0]])
    torch.testing.assert_close(sharpened(logits, log_std), (logits, log_std))
    torch.testing.assert_close(sharpened(logits, log_std, bias=0.5), (1.5 * logits, log_std - 0.5))
    weights, narrow = sharpened(logits, log_std, temperature=0.25)
    torch.testing.assert_close(weights, 4 * logits)
    torch.testing.assert_close(narrow.exp(), 0.5 * log_std.exp())
