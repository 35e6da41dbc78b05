"""The linear mixture: planes, sizes and scales."""

import torch

from genus.data import load
from genus.data.toys.linear_mixture import linear_mixture


def test_rows_are_standardised_and_lie_in_ten_planes():
    data = load("linear_mixture")
    (x,) = data.train.everything()
    assert x.shape == (10_000, 100)
    torch.testing.assert_close(x.mean(0), torch.zeros(100), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.std(0), torch.ones(100), rtol=0, atol=1e-3)
    assert data.train.labels.bincount().tolist() == [1000] * 10
    for cloud in range(10):
        rows = x[data.train.labels == cloud].double()
        spread = torch.linalg.svdvals(rows - rows.mean(0))
        assert (spread[:2] > 1).all()
        assert (spread[2:] < 1e-3).all()


def test_splits_are_further_draws_of_the_same_planes():
    data = linear_mixture(dims=20, clouds=3)
    (train,), (test,) = data.train.everything(), data.test.everything()
    assert not torch.equal(train[:100], test[:100])
    for cloud in range(3):
        rows = train[data.train.labels == cloud].double()
        centre = rows.mean(0)
        plane = torch.linalg.svd(rows - centre, full_matrices=False).Vh[:2]
        others = test[data.test.labels == cloud].double() - centre
        torch.testing.assert_close(others @ plane.T @ plane, others, rtol=0, atol=1e-5)


def test_it_is_the_same_for_ever():
    assert linear_mixture().fingerprint == linear_mixture().fingerprint
