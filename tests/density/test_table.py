"""Table: counting, smoothing and the running sum."""

import pytest
import torch

from genus.core import Bits, Classes, Pixels, Reals, Tokens
from genus.density import Table

SPACES = [Bits((2, 2)), Classes(5), Tokens(3, 2), Pixels((2,), levels=3)]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_numbers_and_states_undo_each_other(space):
    table = Table(space)
    every = torch.arange(len(table.logits))
    states = table.state(every)
    space.check(states, "state")
    assert torch.equal(table.number(states), every)


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_probabilities_are_the_smoothed_frequencies(space, smoothing):
    table = Table(space, smoothing).double()
    states = table.state(torch.arange(len(table.logits)))
    x = states[torch.tensor([0, 1, 1, 3])]
    list(table.fit(x))
    total = 4 + smoothing * len(states)
    for i, times in ((0, 1), (1, 2), (2, 0), (3, 1)):
        p = table.log_prob(states[i : i + 1]).exp().item()
        assert p == pytest.approx((times + smoothing) / total)
    assert table.log_prob(states).exp().sum().item() == pytest.approx(1.0)


def test_what_was_never_seen_is_never_drawn():
    table = Table(Classes(6))
    list(table.fit(torch.tensor([1, 4, 4])))
    drawn = table.sample(10_000)
    assert set(drawn.tolist()) == {1, 4}
    assert (drawn == 4).double().mean().item() == pytest.approx(2 / 3, abs=0.025)


def test_seen_only_once_in_a_million_is_drawn_once_in_a_million():
    """The running sum is kept in double precision: no state is lost to rounding."""
    table = Table(Tokens(1000, 2), smoothing=1.0)
    list(table.fit(torch.zeros(0, 2, dtype=torch.int64)))
    drawn = table.number(table.sample(200_000))
    assert drawn.double().mean().item() == pytest.approx(499_999.5, rel=0.01)
    assert drawn.unique().numel() > 180_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table(Reals((2,))), "Bits, Tokens, Classes or Pixels"),
        (lambda: Table(Bits((40,))), r"2\*\*40 states"),
        (lambda: Table(Bits((2,)), smoothing=-1), "cannot be negative"),
    ],
)
def test_it_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()
