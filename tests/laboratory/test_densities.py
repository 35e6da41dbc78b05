"""The experiments with simple densities: what they find is what is known."""

import math

import numpy as np
import pytest
import torch

from genus.errors import Refused
from genus.laboratory.densities.density import Histogram, density
from genus.laboratory.densities.discriminative import discriminative
from genus.laboratory.densities.features import features
from genus.laboratory.densities.hmm import hmm
from genus.laboratory.densities.nonanswers import SIZES, nonanswers
from genus.laboratory.densities.theis import theis
from genus.laboratory.densities.topics import topics


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


def test_a_small_machine_has_a_constant_that_annealing_finds():
    arrays = features(hidden=8, rounds=300).arrays
    error = np.abs(arrays["log_z"] - arrays["log_z/exact"])
    assert error[-1] < 4 * arrays["log_z/error"][-1] + 1e-3
    assert arrays["log_z/error"][0] > arrays["log_z/error"][-1]
    assert arrays["chains"].shape[1:] == (4, 8, 8)


def test_the_dice_of_a_casino_are_told_and_learnt():
    arrays = hmm(steps=300, rows=20).arrays
    right = {k: ((arrays[k] > 0.5) == arrays["dice"]).mean() for k in ("posterior", "viterbi")}
    sixes = ((arrays["throws"] == 6) == arrays["dice"]).mean()
    assert min(right.values()) > sixes
    assert arrays["learnt/dice"][1, 5] == pytest.approx(0.5, abs=0.08)
    assert arrays["learnt/moves"].diagonal() == pytest.approx([0.95, 0.95], abs=0.03)


def test_planted_topics_are_found_and_too_few_are_worse():
    arrays = topics(others=(2,)).arrays
    assert arrays["apart"].max() < 0.15
    few, enough = arrays["perplexity"]
    assert enough < 0.7 * few


@pytest.mark.parametrize(
    ("run", "how", "said"),
    [
        (discriminative, {"rows": (5,)}, "rows is .5,.; numbers from 20 to 1,257 is wanted"),
        (discriminative, {"repeats": 1}, "repeats is 1; at least 2 is wanted"),
        (density, {"rows": (500, 50)}, "numbers from 20 to 10,000, the smallest first, is wanted"),
        (features, {"hidden": 30}, "hidden is 30; a number from 4 to 20 is wanted"),
        (hmm, {"stays": 0.2}, "stays is 0.2; a number from 0.6 to 0.995 is wanted"),
        (topics, {"data": "moons"}, "moons is of Reals.*; documents, which are Tokens, are wanted"),
        (nonanswers, {"rows": 3}, "rows is 3; a number from 50 to 500 is wanted"),
    ],
)
def test_options_that_it_cannot_take(run, how, said):
    with pytest.raises(Refused, match=said):
        run(**how)
