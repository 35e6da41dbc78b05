"""Where rows stand among validation rows, and how a run keeps that."""

import math

import pytest
import torch
from PIL import Image

from genus.core import Bits, Pixels, Reals
from genus.data import Rows
from genus.data.meaning import Meaning
from genus.density import Gaussian
from genus.errors import Refused
from genus.measure.anomalies.complexity import complexity, has_complexity
from genus.measure.anomalies.reference import FILE, Reference, keep, kept, quantiles, referred
from genus.measure.anomalies.scorer import Scorer


@pytest.mark.parametrize("n", [50, 1000, 7777])
def test_the_share_of_rows_that_are_odder_is_exact_to_a_thousandth(n):
    scores = torch.randn(n, dtype=torch.float64)
    found = Reference(n, scores.mean().item(), scores.std().item(), quantiles(scores))
    assert len(found.scores) == min(n, 1000)
    at = torch.linspace(-4, 4, 101, dtype=torch.float64)
    below = (scores < at[:, None]).double().mean(1)
    assert (found.odder_by_score(at) - below).abs().max() < 1.01e-3
    t = (at - found.mean).abs() / found.std
    farther = ((scores - found.mean).abs() / found.std > t[:, None]).double().mean(1)
    assert torch.allclose(found.typicality(at), t)
    assert (found.odder_by_typicality(at) - farther).abs().max() < 3e-3


def test_of_equal_scores_half_are_odder():
    found = Reference(4, 0.5, 0.5, (0.0, 0.0, 1.0, 1.0))
    assert found.odder_by_score(torch.tensor([0.0, 0.5, 1.0]).double()).tolist() == [
        0.25,
        0.5,
        0.75,
    ]


@pytest.fixture
def scorer():
    model = Gaussian(Reals((2,)))
    return Scorer(model, Meaning("x", model.space))


def test_a_reference_keeps_to_its_time_and_to_its_rows(scorer):
    split = Rows(torch.randn(3000, 2), Reals((2,)))
    assert referred(scorer, split, 60.0).rows == 3000
    assert referred(scorer, split, 60.0, most=100).rows == 100
    assert referred(scorer, split, 0.0).rows == 256
    assert referred(scorer, Rows(torch.randn(19, 2), Reals((2,))), 60.0) is None
    assert referred(scorer, Rows(torch.zeros(50, 2), Reals((2,))), 60.0) is None


def test_references_lie_under_weights_and_settings(scorer, tmp_path):
    one, two = (Reference(20, mean, 1.0, (-1.0, -math.inf), (3.0,)) for mean in (1.0, 2.0))
    assert kept(tmp_path, "abc", scorer) is None
    keep(tmp_path, "abc", scorer, one)
    keep(tmp_path, "def", scorer, two)
    assert kept(tmp_path, "abc", scorer) == one
    assert kept(tmp_path, "def", scorer) == two
    assert kept(tmp_path, "ghi", scorer) is None
    for i in range(20):
        keep(tmp_path, f"more{i}", scorer, one)
    assert kept(tmp_path, "abc", scorer) is None
    (tmp_path / FILE).write_text("[1")
    with pytest.raises(Refused, match="is damaged; remove it, and it is made again"):
        kept(tmp_path, "abc", scorer)


def test_complexity_is_the_length_of_the_png(tmp_path):
    x = torch.randint(256, (2, 3, 9, 7), dtype=torch.uint8)
    x[1] = 5
    space = Pixels((3, 9, 7))
    found = complexity(space.values(x), space)
    for one, nats in zip(x, found, strict=True):
        Image.fromarray(one.permute(1, 2, 0).numpy()).save(tmp_path / "x.png", optimize=True)
        assert math.isclose(nats, 8 * math.log(2) * (tmp_path / "x.png").stat().st_size)
    assert found[0] > 2 * found[1]
    bits = torch.rand(4, 1, 28, 28).round()
    per_pixel = complexity(bits, Bits((1, 28, 28))) / math.log(2) / 784
    assert ((per_pixel > 1) & (per_pixel < 2.5)).all()  # one bit each, and the head of the file


def test_rows_that_are_no_pictures_have_none():
    assert not has_complexity(Pixels((2, 8, 8)))
    assert not has_complexity(Pixels((1, 8, 8), 65536))
    with pytest.raises(Refused, match="is of pictures of 1 or 3 channels"):
        complexity(torch.zeros(1, 2), Reals((2,)))
