"""Tokens that stand for characters or words, and back."""

import pytest
import torch

from genus.core import Tokens
from genus.data.sets import Data
from genus.data.splits import Rows


def data(space: Tokens, symbols: tuple[str, ...], separator: str = "") -> Data:
    rows = Rows(torch.zeros(2, space.length, dtype=torch.int64), space)
    return Data("fables", rows, rows, rows, symbols=symbols, separator=separator)


def test_characters():
    fables = data(Tokens(3, 4), ("a", "b", "\n"))
    assert fables.text(torch.tensor([[0, 1, 2, 0], [1, 1, 1, 1]])) == ["ab\na", "bbbb"]
    assert fables.tokens("ba\n").tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match="fables: the text has 'x', 'y', which never occurs"):
        fables.tokens("axby")


def test_words_end_where_the_sequence_ends():
    fables = data(Tokens(3, 4, end=0), (".", "the", "fox"), " ")
    assert fables.text(torch.tensor([[1, 2, 0, 0], [1, 2, 1, 2]])) == ["the fox", "the fox the fox"]
    assert fables.tokens("fox the").tolist() == [2, 1]
