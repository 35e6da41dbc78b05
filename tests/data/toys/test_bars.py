"""Bars and stripes: every image is counted."""

from itertools import product

import pytest
import torch

from genus.core import Bits
from genus.data import load
from genus.data.splits import stream
from genus.data.toys.bars import Bars


@pytest.mark.parametrize("side", [2, 3])
def test_probabilities_and_entropy_by_counting(side):
    toy = Bars(side)
    every = torch.tensor(list(product([0.0, 1.0], repeat=side**2))).double()
    log_p = toy.log_prob(every.reshape(-1, 1, side, side))
    p = log_p.exp()
    assert p.sum().item() == pytest.approx(1.0)
    assert (p > 0).sum() == 2 * (2**side - 1)
    assert toy.entropy == pytest.approx(-(p[p > 0] * log_p[p > 0]).sum().item())


def test_draws_have_their_probability():
    toy = Bars(2)
    x, part = toy.sample(20_000, stream("bars"))
    truth = toy.log_prob(x).exp()
    for image in x.unique(dim=0):
        same = (x == image).flatten(1).all(1)
        assert same.float().mean().item() == pytest.approx(truth[same][0].item(), abs=0.02)
    rows = x[part == 0]
    assert torch.equal(rows[..., :1].expand_as(rows), rows)


def test_it_is_a_data_set_of_bits():
    data = load("bars")
    assert data.space == Bits((1, 4, 4))
    (x,) = data.train.batch(3, 50, 0)
    data.space.check(x, "batch")
    assert data.entropy == pytest.approx(3.379, abs=1e-3)
    assert len(data.test.everything()[0].unique(dim=0)) == 30
    assert -data.log_prob(data.test.everything()[0]).mean().item() == pytest.approx(3.379, abs=0.02)
