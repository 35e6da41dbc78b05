"""Refusals of numbers: the ends of each range, NaN, and None, which is no number."""

import math

import pytest

from genus.core import Refused, at_least, in_range, positive


@pytest.mark.parametrize("value", [1, 1.0, 7, math.inf, None])
def test_at_least_takes(value):
    at_least(1, "Mine", width=value)


@pytest.mark.parametrize(
    ("value", "least", "verb"), [(0, 1, "is"), (1, 2, "are"), (math.nan, 1, "is")]
)
def test_at_least_refuses(value, least, verb):
    with pytest.raises(Refused, match=f"^Mine: width is {value}; at least {least} {verb} wanted$"):
        at_least(least, "Mine", depth=least, width=value)


@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_positive_refuses(value):
    positive("Mine", rate=1e-300, other=None)
    with pytest.raises(Refused, match=f"^Mine: rate is {value}; it must be above 0$"):
        positive("Mine", rate=value)


@pytest.mark.parametrize("interval", ["[0, 1)", "(0, 1]", "[0, 1]", "(0, 1)"])
@pytest.mark.parametrize("value", [-0.1, 0, 0.5, 1, 1.1, math.nan])
def test_in_range_knows_its_ends(interval, value):
    inside = 0 < value < 1 or (value == 0 and "[0" in interval) or (value == 1 and "1]" in interval)
    in_range("Mine", interval, share=None)
    if inside:
        in_range("Mine", interval, share=value)
    else:
        with pytest.raises(Refused, match=r"^Mine: share is .*; it must be in"):
            in_range("Mine", interval, share=value)
