"""Two lines: exact distances by counting atoms, and what critics see."""

import math

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from genus.laboratory.distances import distances, exact, seen


def by_counting(theta, n=40):
    """JS, TV and W1 of two lines of n atoms each."""
    left = [(0.0, k / n) for k in range(n)]
    right = [(theta, k / n) for k in range(n)]
    p = dict.fromkeys(left, 1 / n)
    q = dict.fromkeys(right, 1 / n)
    js = tv = 0.0
    for atom in {*left, *right}:
        a, b = p.get(atom, 0), q.get(atom, 0)
        js += sum(0.5 * c * math.log(2 * c / (a + b)) for c in (a, b) if c)
        tv += abs(a - b) / 2
    cost = np.linalg.norm(np.array(left)[:, None] - np.array(right), axis=-1)
    return js, tv, cost[linear_sum_assignment(cost)].mean()


@pytest.mark.parametrize("theta", [-0.7, 0.0, 0.3])
def test_exact_distances_by_counting(theta):
    told = {name: values[0] for name, values in exact(np.array([theta])).items()}
    js, tv, w1 = by_counting(theta)
    assert told["js"] == pytest.approx(js)
    assert told["tv"] == pytest.approx(tv)
    assert told["w1"] == pytest.approx(w1)
    assert told["kl"] == (math.inf if theta else 0)


@pytest.mark.parametrize("theta", [-0.5, 1.0])
def test_critics_see_what_they_should(theta):
    found = seen(theta, 200, 0)
    js, slope = found["js"]
    assert 0.95 * math.log(2) < js <= math.log(2)  # a critic's loss is a bound
    assert abs(slope) < 0.1
    w1, slope = found["w1"]
    assert w1 == pytest.approx(abs(theta), rel=0.1)
    assert slope == pytest.approx(math.copysign(1, theta), abs=0.1)


def test_critics_see_nothing_where_the_lines_meet():
    found = seen(0.0, 50, 0)
    assert found["js"][0] == pytest.approx(0, abs=0.02)
    assert found["w1"][0] == pytest.approx(0, abs=0.02)


def test_the_outcome():
    outcome = distances(rounds=5, points=3, reach=0.5)
    assert [row[0] for row in outcome.rows] == ["−0.5", "0", "0.5"]  # noqa: RUF001
    assert outcome.arrays["w1/critic"].shape == (3, 2)
    assert "kl" in outcome.arrays
    assert '"kl": [null' in outcome.to_json()  # infinity is no JSON


def test_options_are_checked():
    with pytest.raises(
        ValueError, match="distances: points is 4; an odd number from 3 on is wanted"
    ):
        distances(points=4)
    with pytest.raises(ValueError, match="distances: reach is 0; a number above 0 is wanted"):
        distances(reach=0)
    with pytest.raises(ValueError, match="distances: rounds is 0; at least 1 is wanted"):
        distances(rounds=0)
