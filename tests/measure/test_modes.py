"""Modes of toys, counted by hand."""

import math

import pytest
import torch

from genus.measure.toys import mode_figures, mode_values

MODES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_modes_are_counted_from_samples_of_high_quality():
    near = MODES[0] + 0.1 * torch.randn(60, 2).clamp(-2, 2)
    few = MODES[1].expand(19, 2)
    stray = torch.tensor([[9.0, 9.0]]).expand(21, 2)  # nearest to the last mode, but not near it
    found = mode_values(torch.cat([near, few, stray]), MODES, std=0.1)
    assert found["modes"][0] == 2
    assert found["modes_firmly"][0] == 1
    assert found["high_quality"][0] == pytest.approx(0.79)
    shares = [0.6, 0.19, 0.21]
    truth = sum(p * math.log(4 * p) for p in shares)
    assert found["mode_kl"][0] == pytest.approx(truth)


def test_three_standard_deviations_are_near_and_more_are_not():
    x = torch.tensor([[0.2999, 0.0], [0.3001, 0.0]])
    assert mode_values(x, MODES, std=0.1)["high_quality"][0] == 0.5


def test_the_floor_is_what_as_many_real_rows_score():
    real = MODES.repeat(50, 1) + 0.1 * torch.randn(200, 2)
    found = {f.name: f for f in mode_figures(MODES[:1].expand(40, 2), real, MODES, 0.1, {})}
    assert found["modes"].value == 1
    assert found["modes"].floor == 4
    assert found["modes_firmly"].floor == 0  # 40 rows hold no mode firmly
    assert found["mode_kl"].value == pytest.approx(math.log(4))
    assert found["mode_kl"].floor < 0.2
    assert found["high_quality"].error == 0
    assert found["modes"].protocol == {"samples": 40, "floor_rows": 40}
