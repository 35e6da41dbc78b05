"""The experiments with simple densities: what they find is what is known."""

import math

import numpy as np
import pytest

from genus.errors import Refused
from genus.laboratory.densities.discriminative import discriminative
from genus.laboratory.densities.nonanswers import SIZES, nonanswers


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


@pytest.mark.parametrize(
    ("run", "how", "said"),
    [
        (discriminative, {"rows": (5,)}, "rows is .5,.; numbers from 20 to 1,257 is wanted"),
        (discriminative, {"repeats": 1}, "repeats is 1; at least 2 is wanted"),
        (nonanswers, {"rows": 3}, "rows is 3; a number from 50 to 500 is wanted"),
    ],
)
def test_options_that_it_cannot_take(run, how, said):
    with pytest.raises(Refused, match=said):
        run(**how)
