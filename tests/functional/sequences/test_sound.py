"""Companding and mel spectra, against values that are known."""

import math

import pytest
import torch

from genus.functional.sequences.sound import (
    companded,
    expanded,
    log_mel,
    mel_bands,
    mu_law,
    mu_law_undone,
)


def test_companding_has_known_values():
    x = torch.tensor([-1.0, -0.5, 0.0, 0.01, 1.0], dtype=torch.float64)
    want = [-1.0, -math.log(128.5) / math.log(256), 0.0, math.log(3.55) / math.log(256), 1.0]
    torch.testing.assert_close(companded(x), torch.tensor(want, dtype=torch.float64))
    torch.testing.assert_close(expanded(companded(x)), x)


def test_levels_come_back_and_are_the_nearest():
    levels = torch.arange(256)
    assert torch.equal(mu_law(mu_law_undone(levels)), levels)
    assert mu_law(torch.tensor([-1.0, 0.0, 1.0])).tolist() == [0, 128, 255]
    x = torch.linspace(-1, 1, 10_001)
    gap = (companded(x) - (2 * mu_law(x) / 255 - 1)).abs()
    assert gap.max() <= 1 / 255 + 1e-6


def test_mel_bands_are_evenly_spaced_triangles():
    bands = mel_bands(40, 1024, 8000)
    assert bands.shape == (40, 513)
    assert (bands >= 0).all()
    peaks = bands.argmax(1) * 8000 / 1024
    mel = 2595 * torch.log10(1 + peaks / 700)
    torch.testing.assert_close(mel.diff(), torch.full((39,), mel[-1] / 40), rtol=0.3, atol=0)
    inside = bands[:, (torch.arange(513) * 8000 / 1024 > 40)].sum(0)
    assert inside.max() < 1 + 1e-5  # neighbours share a frequency


@pytest.mark.parametrize("tone", [500.0, 2000.0])
def test_a_tone_is_loudest_in_its_band(tone):
    x = 0.5 * torch.sin(2 * math.pi * tone * torch.arange(1600) / 8000)[None]
    found = log_mel(x)
    assert found.shape == (1, 20, 40)
    edges = 2595 * math.log10(1 + 4000 / 700) / 41
    where = 2595 * math.log10(1 + tone / 700) / edges - 1
    assert (found[0, 5:15].argmax(1) - where).abs().max() <= 1
    louder = log_mel(2 * x)
    torch.testing.assert_close(
        (louder - found)[0, 5:15].max(1).values, torch.full((10,), math.log(4))
    )


def test_silence_is_the_floor():
    assert torch.equal(log_mel(torch.zeros(2, 800)), torch.full((2, 10, 40), math.log(1e-8)))


def test_a_frame_hears_its_own_samples():
    x = torch.zeros(1, 800)
    x[0, 400] = 1.0  # a click in frame 5: it is in the middle of it
    found = log_mel(x).amax(2)[0]
    assert found.argmax() == 5
