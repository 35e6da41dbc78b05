"""Sequences that end."""

import torch

from genus.functional.sequences.sequences import present, shifted


def test_places_up_to_the_first_end():
    x = torch.tensor([[1, 0, 0], [0, 2, 0], [1, 2, 3]])
    true, false = True, False
    expected = [[true, true, false], [true, false, false], [true, true, true]]
    assert present(x, 0).tolist() == expected
    assert present(x, None).all()


def test_what_comes_before():
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert shifted(x, 9).tolist() == [[9, 1, 2], [9, 4, 5]]
    assert x[0, 0] == 1
