"""Learning-rate schedules."""

import math
from itertools import pairwise

import pytest

from genus.train.schedules import constant, cosine, linear, warmed


@pytest.mark.parametrize("schedule", [constant, linear, cosine])
def test_a_schedule_starts_at_one_and_never_rises(schedule):
    factors = [schedule(i / 100) for i in range(101)]
    assert factors[0] == 1
    assert all(0 <= after <= before for before, after in pairwise(factors))


def test_linear_and_cosine_end_at_zero_and_cross_half_in_the_middle():
    for schedule in (linear, cosine):
        assert schedule(0.5) == pytest.approx(0.5)
        assert schedule(1.0) == pytest.approx(0.0, abs=1e-12)
    assert cosine(0.25) == pytest.approx(math.cos(math.pi / 8) ** 2)


def test_warm_up_rises_straight_and_then_leaves_the_schedule_alone():
    schedule = warmed(cosine, share=0.1)
    assert schedule(0.0) == 0
    assert schedule(0.05) == pytest.approx(0.5 * cosine(0.05))
    assert [schedule(p) for p in (0.1, 0.4, 1.0)] == [cosine(p) for p in (0.1, 0.4, 1.0)]


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_outside_the_run_is_refused(share):
    with pytest.raises(ValueError, match="share is"):
        warmed(cosine, share=share)
