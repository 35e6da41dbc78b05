"""Boosting weights against a root that is found by halving, and in cases that are known."""

import pytest
import torch

from genus.adversarial.games.boosting import boosting_weights


def by_halving(d, beta):
    """sum (lambda - (1 - beta) d)+ = beta n, by brute force."""
    low, high = 0.0, 2 * (beta * len(d) + (1 - beta) * d.max().item())
    for _ in range(200):
        level = (low + high) / 2
        if (level - (1 - beta) * d).clamp_min(0).sum() > beta * len(d):
            high = level
        else:
            low = level
    return (level - (1 - beta) * d).clamp_min(0) / (beta * len(d))


@pytest.mark.parametrize("beta", [0.02, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_weights_are_those_of_the_root(n, beta):
    torch.manual_seed(n)
    for scale in (0.1, 1.0, 4.0):
        d = (scale * torch.randn(n, dtype=torch.float64)).exp()
        w = boosting_weights(d, beta)
        torch.testing.assert_close(w, by_halving(d, beta), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(w.sum(), torch.ones((), dtype=torch.float64))


def test_a_mixture_that_is_right_leaves_all_rows_alike():
    torch.testing.assert_close(boosting_weights(torch.ones(8), 0.3), torch.full((8,), 1 / 8))


def test_a_first_component_sees_all_rows_alike():
    torch.testing.assert_close(boosting_weights(torch.rand(8), 1.0), torch.full((8,), 1 / 8))


def test_rows_that_are_missed_get_everything():
    """Half of the rows are made twice too often, half never: a share of 1/2 mends it at one stroke."""
    d = torch.tensor([2.0, 2.0, 0.0, 0.0])
    torch.testing.assert_close(boosting_weights(d, 0.5), torch.tensor([0.0, 0.0, 0.5, 0.5]))


def test_the_new_mixture_is_the_data_where_that_can_be():
    """(1 - beta) d + beta n w = 1 at every row, if no row is made too often already."""
    torch.manual_seed(0)
    d = torch.rand(50, dtype=torch.float64)
    d = d / d.mean()
    beta = 1 - 1 / d.max().item()
    mended = (1 - beta) * d + beta * 50 * boosting_weights(d, beta)
    torch.testing.assert_close(mended, torch.ones(50, dtype=torch.float64))


def test_rows_that_are_made_without_end_weigh_nothing():
    w = boosting_weights(torch.tensor([1.0, torch.inf, 1.0]), 0.5)
    torch.testing.assert_close(w, torch.tensor([0.5, 0.0, 0.5]))


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="beta is 0"):
        boosting_weights(torch.ones(2), 0.0)
