"""Gaussian: against scipy, and against what a floor must do."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from genus.core import Pixels, Reals
from genus.density import Gaussian


def correlated(n: int = 200) -> torch.Tensor:
    mix = torch.tensor([[1.0, 0.0, 0.0], [0.7, 0.4, 0.0], [-0.3, 0.2, 2.0]], dtype=torch.float64)
    return torch.randn(n, 3, dtype=torch.float64) @ mix.T + 1.0


def fitted(x, **options) -> Gaussian:
    model = Gaussian(Reals(tuple(x.shape[1:])), **options).to(x)
    (terms,) = model.fit(x)
    assert terms["nll"].item() == pytest.approx(-model.log_prob(x).mean().item())
    return model


def test_it_takes_over_mean_and_covariance():
    x = correlated()
    model = fitted(x)
    covariance = np.cov(x.numpy().T, ddof=0)
    torch.testing.assert_close(model.mean.data, x.mean(0))
    factor = model.scale.detach().tril()
    np.testing.assert_allclose((factor @ factor.T).numpy(), covariance)
    truth = multivariate_normal(x.numpy().mean(0), covariance).logpdf(x.numpy())
    np.testing.assert_allclose(model.log_prob(x).detach().numpy(), truth)


@pytest.mark.parametrize("covariance", ["full", "diagonal", "spherical"])
def test_nothing_near_is_likelier(covariance):
    x = correlated()
    model = fitted(x, covariance=covariance)
    best = model.loss(x)["nll"].item()
    for _ in range(50):
        with torch.no_grad():
            other = fitted(x, covariance=covariance)
            for p in other.parameters():
                p.add_(0.05 * torch.randn_like(p))
            assert other.loss(x)["nll"].item() >= best


@pytest.mark.parametrize("covariance", ["full", "diagonal", "spherical"])
def test_a_feature_that_never_varies_gets_the_floor(covariance):
    x = correlated()
    x[:, 1] = 3.0
    if covariance == "spherical":
        x[:] = 3.0
    model = fitted(x, covariance=covariance, floor=0.01)
    assert model.log_prob(x).isfinite().all()
    drawn = model.sample(5000)[:, 1]
    assert drawn.std().item() == pytest.approx(0.1, rel=0.06)


def test_samples_are_spread_as_the_data():
    x = correlated(500)
    model = fitted(x)
    drawn = model.sample(50_000)
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), x.T.cov(correction=0), atol=0.15, rtol=0)


def test_an_image_is_read_as_a_vector():
    x = correlated(60).reshape(30, 1, 2, 3)
    assert fitted(x).sample(4).shape == (4, 1, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": Pixels((3,))}, "wrap the model in Dequantised"),
        ({"space": Reals((3,)), "covariance": "ful"}, "full, diagonal, spherical"),
        ({"space": Reals((3,)), "floor": 0.0}, "must be positive"),
    ],
)
def test_it_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Gaussian(**arguments)
