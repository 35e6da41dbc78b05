"""Modes of toys, counted by hand."""

import math

import pytest
import torch

from genus.measure.samples.toys import mode_figures, mode_values

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


def test_width_is_that_of_the_bumps_and_not_of_their_places():
    torch.set_default_dtype(torch.float64)
    spots = MODES.repeat(5000, 1).double()
    noise = torch.randn(len(spots), 2)
    half, error = mode_values(spots + 0.05 * noise, MODES, std=0.1)["width"]
    assert abs(half - 0.5) < 5 * error
    moved, _ = mode_values(spots + 0.05 * noise + 0.03, MODES, std=0.1)["width"]
    assert moved == pytest.approx(half, rel=1e-9)
    true, error = mode_values(spots + 0.1 * noise, MODES, std=0.1)["width"]
    tail = math.exp(-4.5)  # of |x|^2 / 2, exponential, beyond 3 standard deviations
    cut = math.sqrt((1 - tail * (1 + 4.5)) / (1 - tail))
    assert abs(true - cut) < 5 * error
    hand = torch.tensor([[0.1, 0.0], [-0.1, 0.0], [10.0, 0.0]])  # the third is alone in its bump
    assert mode_values(hand, MODES, std=1.0)["width"][0] == pytest.approx(0.1)
    assert "width" not in mode_values(MODES, MODES, std=1.0)
    figure = next(
        f
        for f in mode_figures(spots + 0.05 * noise, spots + 0.1 * noise, MODES, 0.1, {})
        if f.name == "width"
    )
    assert (figure.better, figure.floor) == ("floor", pytest.approx(true))


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
