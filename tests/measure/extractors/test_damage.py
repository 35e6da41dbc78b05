"""What may be wrong with a picture."""

import pytest
import torch

from genus.measure.extractors.damage import (
    blocky,
    blurred,
    damaged,
    noisy,
    recoloured,
    reduced,
)


@pytest.fixture
def x():
    torch.manual_seed(0)
    return (torch.rand(3, 3, 16, 16) * 2 - 1).double()


def test_a_blur_keeps_a_plain_picture_and_the_mean_of_a_dot(x):
    plain = torch.full((2, 1, 16, 16), 0.5)
    torch.testing.assert_close(blurred(plain, torch.tensor([0.5, 2.0])), plain)
    dot = torch.zeros(1, 1, 33, 33)
    dot[0, 0, 16, 16] = 1
    wide = blurred(dot, torch.tensor([2.0]))
    assert wide.sum().item() == pytest.approx(1, abs=1e-5)
    place = torch.arange(33.0) - 16
    assert (wide[0, 0].sum(0) * place**2).sum().item() == pytest.approx(4, rel=0.05)
    torch.testing.assert_close(blurred(x, torch.full((3,), 1e-3).double()), x)


def test_noise_has_its_deviation():
    torch.manual_seed(0)
    noise = noisy(torch.zeros(1, 1, 64, 64), torch.tensor([0.1]))
    assert noise.std().item() == pytest.approx(0.1, rel=0.05)


def test_colours_stay_where_the_strength_is_zero(x):
    torch.testing.assert_close(recoloured(x, torch.zeros(3)), x)
    assert (recoloured(x, torch.full((3,), 0.3)) - x).abs().mean() > 0.05


def test_blocks_are_kept_by_small_steps_and_flat_by_large_ones(x):
    torch.testing.assert_close(blocky(x, torch.full((3,), 1e-6).double()), x, atol=1e-4, rtol=0)
    coarse = blocky(x, torch.full((3,), 100.0).double())
    assert coarse.std() < 0.1 * x.std()


def test_a_reduced_picture_has_lost_its_detail(x):
    assert reduced(x, 4).std() < 0.5 * x.std()
    assert reduced(x, 4).shape == x.shape


def test_every_row_is_damaged(x):
    torch.manual_seed(0)
    x = x.float().repeat(4, 1, 1, 1)
    found = damaged(x)
    assert found.shape == x.shape
    assert ((found - x).flatten(1).abs().amax(1) > 1e-3).all()
    assert found.abs().max() <= 1 + 1e-6
