"""Mixtures of logistics on a grid: the mass of a bin, and of all bins at once."""

import pytest
import torch

from genus.core import Pixels
from genus.functional.densities.densities import (
    log_discretised_logistic_mixture,
    log_logistic_mixture_bins,
    log_logistic_mixture_levels,
)


@pytest.fixture
def mixture():
    torch.manual_seed(0)
    weights, mean = torch.randn(3, 4, 2, dtype=torch.float64), torch.randn(3, 4, 2).double()
    return weights, mean, torch.randn(3, 4, 2).double() - 1


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_all_bins_hold_everything(mixture, levels):
    total = log_logistic_mixture_levels(*mixture, levels).logsumexp(-1)
    torch.testing.assert_close(total, torch.zeros_like(total))


def test_a_bin_holds_what_the_distribution_function_gains(mixture):
    weights, mean, log_scale = mixture
    got = log_logistic_mixture_levels(weights, mean, log_scale, 5).exp()
    edges = torch.tensor([-torch.inf, -0.75, -0.25, 0.25, 0.75, torch.inf]).double()
    below = ((edges[:, None] - mean[..., None, :]) / log_scale.exp()[..., None, :]).sigmoid()
    wanted = (below.diff(dim=-2) * weights.softmax(-1)[..., None, :]).sum(-1)
    torch.testing.assert_close(got, wanted)


def test_a_number_has_the_mass_of_its_level(mixture):
    space = Pixels((4,), 7)
    index = torch.randint(7, (3, 4))
    x = space.values(index, torch.float64)
    each = log_logistic_mixture_bins(x, *mixture, 7)
    levels = log_logistic_mixture_levels(*mixture, 7)
    torch.testing.assert_close(each, levels.gather(-1, index[..., None])[..., 0])
    torch.testing.assert_close(log_discretised_logistic_mixture(x, *mixture, 7), each.sum(1))
