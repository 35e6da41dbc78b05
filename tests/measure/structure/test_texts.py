"""Figures on texts: by hand from the conditionals."""

import math

import pytest
import torch

from genus.autoregressive import CharRNN, KneserNey
from genus.core import Tokens
from genus.data.text.text import characters
from genus.density import Table
from genus.measure.structure.texts import nats_per_symbol, read

CONTENT = "".join(f"{i} bottles of beer;\n" for i in range(100, 0, -1))


def test_nats_per_symbol_are_the_mean_of_the_conditionals():
    held = len(CONTENT) - 9 * len(CONTENT) // 10
    split = characters(CONTENT, "bottles", window=held).validation
    model = CharRNN(split.space, 8, 1).eval()
    (whole,) = split.everything()
    by_hand = -model.log_prob(whole).item() / held
    found = read(split)(model)
    assert found["nats_per_symbol"] == pytest.approx(by_hand, rel=1e-5)
    assert found["bits_per_symbol"] == pytest.approx(by_hand / math.log(2), rel=1e-5)


def test_a_model_that_knows_nothing_has_the_logarithm_of_the_vocabulary():
    model = KneserNey(Tokens(7, 4), 2)
    assert nats_per_symbol(model, torch.arange(7)) == pytest.approx(math.log(7))


def test_what_is_no_text_is_scored_as_rows_are():
    split = characters("abba" * 100, "abba", window=3).validation
    table = Table(Tokens(2, 3))
    list(table.fit(*split.everything()))
    assert "nats" in read(split)(table)
