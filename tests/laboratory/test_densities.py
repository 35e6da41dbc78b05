"""The experiments with simple densities: what they find is what is known."""

import math

import numpy as np
import pytest
import torch

from genus.errors import Refused
from genus.laboratory.densities.density import Histogram, density
from genus.laboratory.densities.discriminative import discriminative
from genus.laboratory.densities.nonanswers import SIZES, nonanswers
from genus.laboratory.densities.theis import theis


def test_naive_bayes_is_ahead_where_it_is_true_and_behind_where_it_is_not():
    found = discriminative(rows=(60, 960), repeats=3).arrays
    error = {key: each.mean(1) for key, each in found.items() if key.endswith("/error")}
    assert (error["planted/naive/error"] < error["planted/logistic/error"]).all()
    assert error["digits/held_back/error"][-1] < error["digits/naive/error"][-1]


def test_altered_pictures_are_copies_and_listed_ones_are_noise():
    found = nonanswers(rows=200)
    held, moved, noisy, mixture, everything = found.arrays["nearness"]
    assert held == 1
    assert moved == 0
    assert noisy < 0.5
    assert 1 < mixture < everything
    assert found.arrays["covered"][-1] == 0
    powers = dict(zip(SIZES, found.arrays["powers"], strict=True))
    assert powers["100 x 100, colour"] == pytest.approx(30_000 * math.log10(256))
    assert "10^72,247 colour pictures" in found.sentence
    assert np.array_equal(found.arrays["nearness"], nonanswers(rows=200).arrays["nearness"])


def test_what_has_no_form_ends_nearer_than_what_has_a_wrong_one():
    found = density(rows=(50, 1500), rounds=20).arrays
    error = {key.partition("/")[0]: e for key, e in found.items() if key.endswith("/error")}
    assert error["gaussian"][0] - error["gaussian"][-1] < 0.2  # it has learnt what it can
    assert error["kernel"][-1] < error["histogram"][-1] < error["gaussian"][-1]
    assert all(e[-1] > 0 for e in error.values())


def test_a_histogram_is_a_density():
    torch.manual_seed(0)
    rows = torch.rand(500, 2)
    histogram = Histogram(rows)
    assert float((histogram.logs.exp() * histogram.width.prod()).sum()) == pytest.approx(1)
    x = torch.tensor([[0.31, 0.72]])
    inside = histogram.cell(rows) == histogram.cell(x)
    share = (inside.sum() + 0.5) / (500 + 0.5 * len(histogram.logs))
    wanted = float((share / histogram.width.prod()).log())
    assert float(histogram.log_prob(x)) == pytest.approx(wanted, rel=1e-5)


def test_each_judge_is_misled_by_its_own_model():
    arrays = theis(samples=500).arrays
    _, good, memory, diluted, _ = arrays["nats"]
    assert 0 < good - diluted < math.log(100)
    assert memory < -1000
    _, good, memory, diluted, _ = arrays["fidelity"]
    assert diluted < 0.1 < good < memory
    _, good, *_, centres = arrays["parzen"]
    assert centres > good


@pytest.mark.parametrize(
    ("run", "how", "said"),
    [
        (discriminative, {"rows": (5,)}, "rows is .5,.; numbers from 20 to 1,257 is wanted"),
        (discriminative, {"repeats": 1}, "repeats is 1; at least 2 is wanted"),
        (density, {"rows": (500, 50)}, "numbers from 20 to 10,000, the smallest first, is wanted"),
        (nonanswers, {"rows": 3}, "rows is 3; a number from 50 to 500 is wanted"),
    ],
)
def test_options_that_it_cannot_take(run, how, said):
    with pytest.raises(Refused, match=said):
        run(**how)
