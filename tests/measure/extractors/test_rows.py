"""Features of rows that are no pictures."""

import math

import pytest
import torch

from genus.core import Bits, Pixels, Reals, Tokens
from genus.measure.extractors.rows import (
    FEATURES,
    ColumnValues,
    NGrams,
    Spectrum,
    Waves,
    of_sound,
    sights_of_rows,
)


def test_columns_are_in_units_of_real_rows():
    torch.manual_seed(0)
    real = torch.randn(200, 3) * torch.tensor([1.0, 100, 0]) + 5
    seen = ColumnValues(real).see(real, Reals((3,)))
    torch.testing.assert_close(seen.mean(0), torch.zeros(3).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(seen[:, :2].std(0), torch.ones(2).double())
    assert (seen[:, 2] == 0).all()


def test_many_columns_are_projected_alike():
    torch.manual_seed(0)
    real = torch.randn(50, 20, 20)
    first, again = (ColumnValues(real).see(real, Reals((20, 20))) for _ in range(2))
    assert first.shape == (50, FEATURES)
    assert torch.equal(first, again)


def test_a_spectrum_tells_pitches_and_rhythms():
    time = torch.arange(4000) / 8000

    def tone(pitch):
        return torch.sin(2 * math.pi * pitch * time)[None]

    space = Pixels((4000,), 256)
    low, high = (Spectrum().see(tone(pitch), space) for pitch in (200, 2000))
    bands = FEATURES // 2
    assert low[0, :bands].argmax() < high[0, :bands].argmax()
    pulsed = Spectrum().see(tone(200) * (torch.sin(40 * time) > 0), space)
    assert pulsed[0, bands:].mean() > 2 * low[0, bands:].mean()


def test_n_grams_tell_orders():
    space = Tokens(4, 6)
    rows = torch.tensor([[0, 1, 2, 3, 0, 1], [1, 0, 3, 2, 1, 0]])
    first, second = NGrams().see(rows, space)
    assert first.square().sum() == 6 + 5 + 4  # symbols, pairs, triples
    assert not torch.equal(first, second)
    torch.testing.assert_close(NGrams().see(rows[:1], space)[0], first)


def test_waves_have_no_more_than_one_size():
    torch.manual_seed(0)
    real = 1000 * torch.randn(300, 5)
    seen = Waves(ColumnValues(real), real, Reals((5,))).see(real, Reals((5,)))
    assert seen.shape == (300, FEATURES)
    assert seen.abs().max() <= 2**0.5 + 1e-12
    assert seen.std(0).min() > 0.2


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (Reals((7,)), "columns"),
        (Bits((8, 88)), "columns"),
        (Tokens(5, 9), "n_grams"),
        (Pixels((4800,), 256), "spectrum"),
        (Pixels((1, 4800), 256), "spectrum"),
        (Pixels((64, 75), 256), "columns"),
    ],
)
def test_each_kind_of_rows_has_its_extractor(space, name):
    x = torch.zeros(4, *space.shape)
    first, plain = sights_of_rows(x.long() if isinstance(space, Tokens) else x, space)
    assert (first.name, plain.name) == (name, "random")
    assert of_sound(space) == (name == "spectrum")
    assert first.account()["name"] == name
