"""Choosing one of several values: frequencies, what is left out, and the ends of the running sum."""

import pytest
import torch

from genus.functional.sequences.choices import DRAWN, Decoding, pick

LOGITS = torch.tensor([[0.5, -1.0, 2.0, 0.0, 1.0]], dtype=torch.float64)
N = 20_000


def frequencies(decoding: Decoding, logits: torch.Tensor = LOGITS) -> torch.Tensor:
    u = (torch.arange(N, dtype=torch.float64) + 0.5) / N  # evenly spread: counts are exact to one
    chosen = decoding(logits.expand(N, -1), u)
    return chosen.bincount(minlength=max(2, logits.shape[1])).double() / N


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_frequencies_are_those_of_the_softmax(temperature):
    wanted = (LOGITS[0] / temperature).softmax(0)
    torch.testing.assert_close(frequencies(Decoding(temperature)), wanted, atol=2 / N, rtol=0)


def test_bits_are_drawn_by_their_logit():
    logit = torch.tensor([[0.7]], dtype=torch.float64)
    for temperature in (1.0, 0.5):
        p = (logit[0, 0] / temperature).sigmoid()
        wanted = torch.stack([1 - p, p])
        torch.testing.assert_close(
            frequencies(Decoding(temperature), logit), wanted, atol=2 / N, rtol=0
        )


def test_top_k_leaves_the_k_likeliest():
    wanted = LOGITS[0].softmax(0) * torch.tensor([0, 0, 1, 0, 1])
    torch.testing.assert_close(
        frequencies(Decoding(top_k=2)), wanted / wanted.sum(), atol=2 / N, rtol=0
    )


def test_top_p_leaves_as_few_as_hold_the_mass():
    p = LOGITS[0].softmax(0)  # 0.13, 0.03, 0.56, 0.08, 0.21
    for top_p, left in ((0.5, [2]), (0.57, [2, 4]), (0.78, [2, 4, 0]), (1.0, [0, 1, 2, 3, 4])):
        wanted = torch.zeros(5, dtype=torch.float64)
        wanted[left] = p[left]
        torch.testing.assert_close(
            frequencies(Decoding(top_p=top_p)), wanted / wanted.sum(), atol=2 / N, rtol=0
        )


def test_top_p_counts_after_the_temperature():
    assert (frequencies(Decoding(temperature=0.2, top_p=0.9)) > 0).tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    "decoding", [Decoding(temperature=0), Decoding(top_k=1), Decoding(top_p=1e-9)]
)
def test_the_likeliest(decoding):
    assert frequencies(decoding)[2] == 1
    assert frequencies(decoding, torch.tensor([[-0.3]], dtype=torch.float64))[0] == 1


def test_nothing_without_a_chance_is_chosen():
    """Also where the running sum ends below one: u is less than its end."""
    logits = torch.tensor([[-torch.inf, 0.0, 1.0, -torch.inf]]).expand(1000, -1) * 1.0
    u = torch.full((1000,), 1 - 2**-24)
    assert (pick(logits, u) == 2).all()
    assert (pick(logits, torch.zeros(1000)) == 1).all()
    wide = torch.randn(1000, 3000)
    assert pick(wide, u).max() < 3000


def test_what_came_is_said():
    with pytest.raises(ValueError, match="temperature is -1"):
        Decoding(temperature=-1)
    with pytest.raises(ValueError, match="top_k is 0"):
        Decoding(top_k=0)
    with pytest.raises(ValueError, match="top_p is"):
        Decoding(top_p=1.5)


def test_the_default_is_the_model_as_it_is():
    assert Decoding() == DRAWN
