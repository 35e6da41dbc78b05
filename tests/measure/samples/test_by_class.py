"""Figures of each class: against sums by hand, and on samples that are known to fail."""

import pytest
import torch

from genus.errors import Refused
from genus.measure.oracles import OracleOutput
from genus.measure.samples.by_class import by_class

PLACES = torch.tensor([[0.0, 0.0, 0.0], [20.0, 0.0, 0.0]], dtype=torch.float64)


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def rows(n=200, width=1.0, shift=0):
    labels = torch.arange(n) % 2
    x = PLACES[(labels + shift) % 2] + width * torch.randn(n, 3)
    return OracleOutput(x, (x[:, 0] > 10).long()), labels


def figures(fake, wanted):
    return by_class(fake, wanted, *rows(), *rows())


def test_good_samples_are_where_training_rows_are():
    found = figures(*rows(400))
    assert torch.equal(found.right, torch.ones(2))
    for value, floor in (
        (found.recall, found.floor_recall),
        (found.spread, found.floor_spread),
        (found.frechet, found.floor_frechet),
    ):
        assert torch.allclose(value, floor, atol=0.2)


def test_one_picture_a_class_has_no_spread_and_no_recall():
    fake, wanted = rows(width=1e-3)
    found = figures(fake, wanted)
    assert torch.equal(found.right, torch.ones(2))
    assert (found.spread < 0.01).all()
    assert (found.recall < 0.1).all()
    assert (found.frechet > 5 * found.floor_frechet).all()


def test_samples_of_the_other_class_are_wrong():
    fake, wanted = rows(shift=1)
    found = figures(fake, wanted)
    assert torch.equal(found.right, torch.zeros(2))
    assert (found.recall == 0).all()
    assert (found.frechet > 100).all()


def test_figures_are_their_sums():
    fake, wanted = rows(60, width=1.7)
    test, labels = rows(60)
    found = by_class(fake, wanted, test, labels, *rows(60), k=3)
    a, b = fake.features[wanted == 1], test.features[labels == 1]
    between = torch.cdist(b, a)
    reach = torch.cdist(a, a).kthvalue(4, 1).values  # the first is the row itself
    assert found.recall[1] == pytest.approx((between <= reach).any(1).double().mean())
    wide = [torch.cdist(x, x).sum() / (30 * 29) for x in (a, b)]
    assert found.spread[1] == pytest.approx(wide[0] / wide[1])


def test_too_few_rows_are_refused():
    fake, wanted = rows(8)
    with pytest.raises(Refused, match="class 0 has 4 samples; more than 5 are wanted"):
        figures(fake, wanted)
