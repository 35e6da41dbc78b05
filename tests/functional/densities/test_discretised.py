import pytest
import torch
from scipy.stats import norm

from genus.core import Pixels
from genus.functional.densities.densities import log_discretised_normal


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("std", [0.003, 0.1, 3.0])
def test_masses_of_all_levels_sum_to_one(levels, std):
    space = Pixels((1,), levels)
    x = space.values(torch.arange(levels), torch.float64)[:, None]
    for mean in (-1.7, -0.02, 0.6):
        masses = log_discretised_normal(x, x.new_tensor(mean), torch.tensor(std).log(), levels)
        torch.testing.assert_close(masses.logsumexp(0), x.new_zeros(()), atol=1e-9, rtol=0)


def test_it_is_scipys():
    space = Pixels((1,), 5)
    for k in range(5):
        x = space.values(torch.tensor([[k]]), torch.float64)
        upper = float("inf") if k == 4 else x.item() + 0.25
        lower = -float("inf") if k == 0 else x.item() - 0.25
        truth = norm.cdf(upper, 0.1, 0.3) - norm.cdf(lower, 0.1, 0.3)
        found = log_discretised_normal(x, x.new_tensor(0.1), x.new_tensor(0.3).log(), 5)
        assert found.exp().item() == pytest.approx(truth, rel=1e-9)


def test_far_tails_keep_their_logarithm_and_gradient():
    """In single precision, a thousand standard deviations away on either side."""
    x = torch.tensor([[-1.0], [0.0], [1.0]])
    mean = torch.tensor([[1.0], [1.0], [-1.0]], requires_grad=True)
    masses = log_discretised_normal(x, mean, torch.tensor(0.001).log(), 3)
    torch.testing.assert_close(
        masses, torch.tensor([-1.125e6, -1.25e5, -1.125e6]), rtol=1e-3, atol=0
    )
    masses.sum().backward()
    assert mean.grad.isfinite().all()
