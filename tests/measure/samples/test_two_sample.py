"""The classifier that tells samples from real rows."""

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from genus.measure.samples.two_sample import MOST, told_apart, told_apart_by_trees


def test_real_against_real_is_calibrated():
    """The share is half, with the error that it states: of 200 draws, their mean and spread."""
    torch.manual_seed(0)
    scores = []
    for _ in range(200):
        share, error = told_apart(torch.randn(200, 6), torch.randn(200, 6))
        scores.append((share - 0.5) / error)
    z = torch.tensor(scores)
    assert abs(z.mean().item()) < 5 / len(z) ** 0.5
    assert abs(z.var().item() - 1) < 5 * (2 / len(z)) ** 0.5


@pytest.mark.parametrize(
    ("change", "most"),
    [(lambda x: x + 1.0, 0.7), (lambda x: 2 * x, 0.7), (lambda x: x.abs(), 0.7)],
)
def test_means_and_widths_are_noticed(change, most):
    torch.manual_seed(1)
    share, error = told_apart(torch.randn(400, 3), change(torch.randn(400, 3)))
    assert share - 5 * error > 0.5
    assert share > most


def test_shifted_normals_are_told_apart_as_often_as_they_can_be():
    """The best there is: Phi(shift / 2) of one shifted dimension."""
    torch.manual_seed(2)
    share, error = told_apart(torch.randn(4000, 2), torch.randn(4000, 2) + torch.tensor([1.0, 0]))
    best = 0.5 * (1 + math.erf(0.5 / 2**0.5))
    assert abs(share - best) < 5 * error


def test_it_is_a_logistic_regression():
    """Against scikit-learn's, on the same features and halves."""
    torch.manual_seed(3)
    real, fake = torch.randn(300, 4), 1.5 * torch.randn(300, 4) + 0.3
    x, y = torch.cat([real, fake]).double(), torch.arange(600) >= 300
    learn = torch.arange(300).repeat(2) % 2 == 0
    x = ((x - x[learn].mean(0)) / x[learn].std(0)).clamp(-5, 5)
    inputs = torch.cat([x, (x**2 - 1) / 2**0.5], 1).numpy()
    peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000)
    peer.fit(inputs[learn.numpy()], y[learn].numpy())
    right = (peer.predict(inputs[~learn.numpy()]) == y[~learn].numpy()).mean()
    assert told_apart(real, fake)[0] == pytest.approx(right, abs=1e-9)


def test_copies_cannot_be_told_apart():
    torch.manual_seed(4)
    real = torch.randn(100, 5)
    assert told_apart(real, real)[0] == 0.5


def test_no_more_rows_are_taken_than_it_says():
    torch.manual_seed(5)
    _, error = told_apart(torch.randn(MOST + 500, 1), torch.randn(MOST + 500, 1))
    assert error == pytest.approx(0.5 / MOST**0.5, rel=0.01)


def test_a_forest_sees_dependence_where_a_regression_is_blind():
    torch.manual_seed(5)
    real = torch.randn(500, 2)
    real[:, 1] = real[:, 0].abs() * real[:, 1].sign()
    fake = torch.stack([real[:, 0], real[torch.randperm(500), 1]], 1)
    for told, least, most in ((told_apart, 0.4, 0.6), (told_apart_by_trees, 0.7, 1.0)):
        assert least < told(real[torch.randperm(500)], fake)[0] < most
