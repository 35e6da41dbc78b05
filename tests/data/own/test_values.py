"""What is understood as values of a space, and what is refused with the mend."""

import numpy as np
import pytest
import torch

from genus.core import Bits, Classes, Pixels, Reals, Refused, Tokens
from genus.data.own.values import kept, settled

GREY, COLOUR = Pixels((1, 2, 4)), Pixels((3, 2, 4))
LEVELS = torch.arange(48).reshape(2, 3, 2, 4)


@pytest.mark.parametrize(
    ("x", "space", "wanted"),
    [
        (torch.tensor([[1.0, 2.0]], dtype=torch.float64), Reals((2,)), torch.tensor([[1.0, 2.0]])),
        (np.array([1.5, 2.5]), Reals((1,)), torch.tensor([[1.5], [2.5]])),
        (np.array([[1.0, 2.0]])[:, ::-1], Reals((2,)), torch.tensor([[2.0, 1.0]])),
        (torch.tensor([[True, False]]), Bits((2,)), torch.tensor([[1.0, 0.0]])),
        (torch.tensor([[1, 0]]), Bits((2,)), torch.tensor([[1.0, 0.0]])),
        (LEVELS, COLOUR, 2 * LEVELS / 255 - 1),
        (LEVELS.to(torch.uint8), COLOUR, 2 * LEVELS / 255 - 1),
        (LEVELS.movedim(1, 3).numpy(), COLOUR, 2 * LEVELS / 255 - 1),
        (2 * LEVELS / 255 - 1, COLOUR, 2 * LEVELS / 255 - 1),
        (LEVELS[:, 0].to(torch.uint8), GREY, 2 * LEVELS[:, :1] / 255 - 1),
        (torch.tensor([[0, 299]]), Pixels((2,), 300), torch.tensor([[-1.0, 1.0]])),
        (np.array([[0, 4]], np.int16), Tokens(5, 2), torch.tensor([[0, 4]])),
        (torch.tensor([[3], [0]]), Classes(4), torch.tensor([3, 0])),
    ],
)
def test_it_becomes_values_of_the_space(x, space, wanted):
    found = settled(x, space, "these")
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    space.check(found, "these")


@pytest.mark.parametrize(
    ("x", "space", "words"),
    [
        (LEVELS / 255, COLOUR, r"in \[0, 0.184\]; .*2 \* x - 1, or Normalize"),
        (LEVELS.float(), COLOUR, r"in \[0, 47\]; .*x.round\(\).long\(\)"),
        (LEVELS + 220, COLOUR, r"has levels in 220 .. 267"),
        (LEVELS[:, :2], COLOUR, r"has shape \(2, 2, 2, 4\); \(n, 3, 2, 4\) is wanted"),
        (torch.tensor([[1, 2]]), Reals((2,)), r"x.float\(\)"),
        (torch.tensor([[float("nan"), 2]]), Reals((2,)), "not finite"),
        (torch.tensor([[0.5, 1.0]]), Bits((2,)), "other than 0 and 1"),
        (torch.tensor([[0.0, 1.0]]), Tokens(5, 2), r"x.long\(\)"),
        (torch.tensor([[0, 5]]), Tokens(5, 2), r"outside 0 .. 4"),
        (torch.tensor([4]), Classes(4), r"outside 0 .. 3"),
        (np.array([["a"]]), Reals((1,)), "numbers are wanted"),
        (torch.zeros(0, 2), Reals((2,)), "with n above 0"),
        (torch.zeros(()), Reals((2,)), "with n above 0"),
    ],
)
def test_anything_else_is_refused_with_the_mend(x, space, words):
    with pytest.raises(Refused, match=f"^these: .*{words}"):
        settled(x, space, "these")


def test_all_rows_may_not_be_bright_for_they_may_be_of_another_range_but_a_batch_may():
    bright = Pixels((2,), 5).values(torch.tensor([[2, 4]]))
    with pytest.raises(Refused, match=r"2 \* x - 1"):
        kept(bright, Pixels((2,), 5), "these")
    assert torch.equal(settled(bright, Pixels((2,), 5), "these"), bright)
