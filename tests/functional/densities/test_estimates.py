"""Estimates with errors, against closed forms and repetition."""

import math

import pytest
import torch

from genus.functional.densities.estimates import jackknife, log_mean_exp, mean_error


def test_the_mean_and_its_error():
    mean, error = mean_error(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert mean == 2.5
    assert error == pytest.approx(math.sqrt(5 / 3 / 4))


def test_log_mean_exp_of_log_normal_weights():
    """E exp(w) = exp(m + s^2 / 2)."""
    weights = 700 + 0.5 * torch.randn(400, 1000, dtype=torch.float64)  # exp would overflow
    found = torch.tensor([log_mean_exp(row) for row in weights], dtype=torch.float64)
    values, errors = found.T
    assert (values.mean() - 700.125).abs() < 5 * values.std() / 20 + 0.0003  # the bias is -s^2/2n
    assert errors.mean().item() == pytest.approx(values.std().item(), rel=0.15)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    x = torch.randn(30, dtype=torch.float64)
    assert jackknife(torch.mean, x, groups=30) == pytest.approx(mean_error(x)[1])


def test_the_jackknife_by_groups():
    x = torch.randn(300, 200, dtype=torch.float64)
    errors = torch.tensor([jackknife(lambda r: r.var(), row) for row in x])
    truth = x.var(1).std().item()
    assert errors.mean().item() == pytest.approx(truth, rel=0.15)
